"""A virtual machine with Debian's kernel and the host's files, which it cannot
change, for a few commands."""

import lzma
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
KERNEL = "linux-image-amd64"    # the newest one of this release
MODULES = ("virtio_pci virtio_blk 9pnet_virtio 9p overlay loop dm_mod "
           "dm_log_writes crc32c_generic crc32c_intel ext4 xfs "
           "btrfs").split()
BOOT = 30               # seconds, with KVM, until it is up; else it is emulated
END = 7200              # for all commands
STOPPED = 99            # an exit status that no command here has
MEMORY = "2048"         # MiB


class Missing(Exception):
    """What this host lacks."""


def needed(programs):
    for program in programs:
        if not shutil.which(program):
            raise Missing(f"{program} is missing: "
                          "packaging/install-deps proof brings it")


class Guest:
    """The kernel and the first files of a machine, kept in a folder.

    kernel  a package, or PACKAGE/SUITE of another release
    """

    def __init__(self, folder, kernel=KERNEL):
        needed(["qemu-system-x86_64", "busybox", "apt-get", "dpkg-deb"])
        self._kernel = _fetch(folder, kernel)
        self._initrd = self._kernel / "initrd"
        self._initrd.write_bytes(_initrd(self._kernel))
        self._accelerators, self._has_run = ["kvm", "tcg"], False
        self.version = self._kernel.name

    def run(self, commands, disks):
        """The exit status of the last one; STOPPED if an earlier one failed.
        The files of `disks` are /dev/vda, /dev/vdb..."""
        script = self._kernel / "commands"
        lines = [shlex.join(map(str, command)) for command in commands]
        script.write_text(f" || exit {STOPPED}\n".join(lines) + "\n")
        for accelerator in self._accelerators:
            status = self._boot(accelerator, script, disks)
            if status is not None:
                self._accelerators, self._has_run = [accelerator], True
                return status
        assert not self._has_run, "the guest does not start any more"
        raise Missing("the guest does not start")

    def _boot(self, accelerator, script, disks):
        """None if it did not come up."""
        command = [
            "qemu-system-x86_64", "-machine", f"q35,accel={accelerator}",
            "-cpu", "host" if accelerator == "kvm" else "max",
            "-smp", "2", "-m", MEMORY, "-nodefaults", "-no-reboot",
            "-display", "none", "-serial", "stdio",
            "-kernel", self._kernel / "vmlinuz", "-initrd", self._initrd,
            # On a busy host an emulated timer may miss what the kernel checks.
            "-append", "console=ttyS0 quiet panic=-1 no_timer_check "
                       f"run={script}",
            "-virtfs", "local,path=/,mount_tag=host,security_model=none,"
                       "readonly=on,multidevs=remap"]
        for disk in disks:
            command += ["-drive",
                        f"file={disk},format=raw,if=virtio,cache=unsafe"]
        with subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace") as qemu:
            return _follow(qemu, BOOT if accelerator == "kvm" else END)


def _follow(qemu, patience):
    """Print what the guest says; its command's exit status."""
    status, is_up, said = None, False, []
    timer = threading.Timer(patience, qemu.kill)
    timer.start()
    for line in qemu.stdout:
        line = line.strip()
        if line == "guest: up":
            is_up = True
            timer.cancel()
            timer = threading.Timer(END, qemu.kill)
            timer.start()
        elif match := re.fullmatch(r"guest: exit (\d+)", line):
            status = int(match[1])
        elif is_up:
            print("  " + line, flush=True)
        else:
            said.append(line)
    timer.cancel()
    if not is_up:
        print("  it is not up:", *said[-5:], sep="\n  ", flush=True)
    assert status is not None or not is_up, "the guest has stopped"
    return status


def _apt(folder, suite):
    """The beginning of a command of apt, for this release or another one."""
    if not suite:
        return []
    begin = [TESTS / "lib" / "separate_apt", folder / f"apt-{suite}", suite,
             "amd64"]
    if subprocess.run([*begin, "apt-get", "update"], capture_output=True,
                      check=False).returncode != 0:
        raise Missing(f"the packages of {suite} cannot be fetched")
    return begin


def _fetch(folder, package):
    """The folder with vmlinuz and the modules of the kernel that the package
    has, or that it depends on."""
    package, _, suite = package.partition("/")
    begin = _apt(folder, suite)
    shown = subprocess.run([*begin, "apt-cache", "depends", package],
                           capture_output=True, text=True, check=False)
    if shown.returncode != 0:
        raise Missing(f"apt does not know {package}")
    match = re.search(r"Depends: (linux-image-\S+)", shown.stdout)
    name = match[1] if match else package
    kept = folder / name
    if kept.exists():
        return kept
    with tempfile.TemporaryDirectory(dir=folder) as place:
        try:
            subprocess.run([*begin, "apt-get", "-q", "download", name],
                           check=True, cwd=place, capture_output=True)
        except subprocess.CalledProcessError as failure:
            raise Missing(f"{name} cannot be downloaded") from failure
        package, = pathlib.Path(place).glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", package, place], check=True)
        _keep(pathlib.Path(place), pathlib.Path(place) / "kept")
        (pathlib.Path(place) / "kept").rename(kept)
    return kept


def _keep(unpacked, kept):
    """The kernel, and the modules that are needed, in their order."""
    kept.mkdir()
    kernel, = (unpacked / "boot").glob("vmlinuz-*")
    shutil.copy(kernel, kept / "vmlinuz")
    there = {path.name.partition(".ko")[0].replace("-", "_"): path
             for path in unpacked.rglob("*.ko*")}
    order = {}

    def add(name):
        if name in order or name not in there:          # it is built in
            return
        octets = there[name].read_bytes()
        if there[name].suffix == ".xz":
            octets = lzma.decompress(octets)
        depends = re.search(rb"\0depends=([^\0]*)\0", octets)
        for other in filter(None, depends[1].decode().split(",")):
            add(other.replace("-", "_"))
        order[name] = octets

    for name in MODULES:
        add(name)
    for place, (name, octets) in enumerate(order.items()):
        (kept / f"{place:02}-{name}.ko").write_bytes(octets)


def _initrd(kernel):
    """An archive of cpio(5), "newc", for the kernel."""
    modules = sorted(kernel.glob("*.ko"))
    archive = b"".join(
        [_entry(name, 0o40755) for name in ("bin", "dev", "modules")] +
        [_entry("init", 0o100755, (HERE / "init").read_bytes()),
         _entry("bin/busybox", 0o100755,
                pathlib.Path(shutil.which("busybox")).read_bytes()),
         _entry("modules/order", 0o100644,
                "".join(m.name + "\n" for m in modules).encode())] +
        [_entry(f"modules/{m.name}", 0o100644, m.read_bytes())
         for m in modules])
    return archive + _entry("TRAILER!!!", 0)


def _entry(name, mode, data=b""):
    name = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
    return b"".join(part + bytes(-len(part) % 4) for part in (head, data))
