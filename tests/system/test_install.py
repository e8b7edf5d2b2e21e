"""make install, uninstall and dist: what comes where, and what stays."""

import os
import pathlib
import stat
import subprocess
import tarfile

import pytest

from lib.harness import ROOT

CONFIGURATION = "etc/postrider/postrider.conf"
PROGRAMS = ("usr/sbin/sendmail", "usr/sbin/postrider",
            "usr/sbin/postrider-oauth")
EXAMPLES = ("apparmor", "container", "openrc", "prometheus", "runit", "selinux")
LINKS = {"usr/bin/mailq": "sendmail", "usr/bin/newaliases": "sendmail",
         "usr/lib/sendmail": "sendmail", "usr/bin/postrider": "postrider",
         "usr/bin/postrider-oauth": "postrider-oauth"}
PAGES = [f"man{path.suffix[1:]}/{path.name}"
         for path in (ROOT / "packaging" / "man").iterdir()]


@pytest.fixture
def make(tmp_path):
    """make(TARGET, VARIABLE=...) for a separate root, which it returns."""
    root = tmp_path / "root"

    def run(target, **variables):
        variables.setdefault("DESTDIR", str(root))
        clean = {name: value for name, value in os.environ.items()
                 if not name.startswith(("MAKE", "MFLAGS"))}
        subprocess.run(
            ["make", "--no-print-directory", "-C", str(ROOT), target,
             *(f"{name}={value}" for name, value in variables.items())],
            check=True, capture_output=True, env=clean, timeout=300)
        return root
    return run


def files(root):
    """Everything but folders, relative to root."""
    return {str(path.relative_to(root)) for path in root.rglob("*")
            if path.is_symlink() or not path.is_dir()}


def version():
    line = next(line for line in (ROOT / "Makefile").read_text().splitlines()
                if line.startswith("VERSION :="))
    return line.split()[2]


def named(folder, pattern, target):
    """What files of packaging/ become below the root."""
    found = {f"{target}/{path.name}" for path in (ROOT / folder).glob(pattern)}
    assert found, f"{folder}/{pattern}: none"
    return found


def examples():
    """For those whom no unit or profile serves: shown, not in force."""
    packaging = ROOT / "packaging"
    return {f"usr/share/doc/postrider/{path.relative_to(packaging)}"
            for name in EXAMPLES for path in (packaging / name).rglob("*")
            if path.is_file()}


def completions():
    share = "usr/share"
    for name in ("postrider", "postrider-oauth"):
        yield f"{share}/bash-completion/completions/{name}"
        yield f"{share}/zsh/site-functions/_{name}"
        yield f"{share}/fish/vendor_completions.d/{name}.fish"


def test_everything_is_where_it_belongs(make):
    root = make("install")
    systemd = "packaging/systemd"
    expected = {*PROGRAMS, *LINKS, CONFIGURATION,
                "usr/share/postrider/providers",
                *completions(),
                *named(systemd, "*.service", "usr/lib/systemd/system"),
                *named(systemd, "*.socket", "usr/lib/systemd/system"),
                *named(f"{systemd}/sysusers.d", "*", "usr/lib/sysusers.d"),
                *named(f"{systemd}/tmpfiles.d", "*", "usr/lib/tmpfiles.d"),
                *examples(),
                *(f"usr/share/man/{page}" for page in PAGES),
                *(f"usr/share/doc/postrider/{name}"
                  for name in ("README.md", "LICENSE", "NEWS.md",
                               "postrider.conf"))}
    assert files(root) == expected


def test_nothing_gets_a_set_id_bit(make):
    root = make("install")
    for path in root.rglob("*"):
        mode = path.lstat().st_mode
        assert not mode & (stat.S_ISUID | stat.S_ISGID), path
        assert path.is_symlink() or not mode & stat.S_IWOTH, path
    for program in PROGRAMS:
        assert stat.S_IMODE((root / program).stat().st_mode) == 0o755
    assert stat.S_IMODE((root / CONFIGURATION).stat().st_mode) == 0o644


def test_links_lead_to_programs_of_the_installed_system(make):
    root = make("install")
    for link, program in LINKS.items():
        assert os.readlink(root / link) == f"/usr/sbin/{program}"


def test_without_its_libraries_one_program_is_left_out(make):
    root = make("install", OAUTH="")
    assert {path for path in files(root) if "oauth" in path} == set()


def test_modes_do_not_depend_on_the_umask(make):
    umask = os.umask(0o077)
    try:
        root = make("install")
    finally:
        os.umask(umask)
    for path in root.rglob("*"):
        if not path.is_symlink():
            wanted = 0o055 if path.is_dir() else 0o044
            assert path.stat().st_mode & wanted == wanted, path


def test_installed_programs_run(make):
    root = make("install")
    for program in PROGRAMS:
        result = subprocess.run([root / program, "--version"], check=True,
                                capture_output=True, text=True, timeout=60)
        assert version() in result.stdout.split()


def test_a_configuration_that_exists_is_kept(make, tmp_path):
    root = make("install")
    (root / CONFIGURATION).write_text("# mine\n")
    make("install")
    assert (root / CONFIGURATION).read_text() == "# mine\n"


def test_it_can_be_installed_twice(make):
    root = make("install")
    once = files(root)
    make("install")
    assert files(root) == once


def test_uninstall_leaves_the_configuration_and_what_others_put_there(make):
    root = make("install")
    other = root / "usr/sbin/other"
    other.write_text("")
    make("uninstall")
    assert files(root) == {CONFIGURATION, "usr/sbin/other"}


def test_another_prefix_is_where_the_programs_look(make, tmp_path):
    """prefix and sysconfdir are in the programs, too, so they are built so."""
    home = tmp_path / "opt"
    where = {"DESTDIR": "", "B": str(tmp_path / "build"),
             "prefix": str(home), "sysconfdir": str(home / "etc"),
             "localstatedir": str(home / "var"), "CFLAGS": "-O1"}
    make("install", **where)
    assert (home / "sbin/sendmail").exists()
    assert os.readlink(home / "bin/mailq") == str(home / "sbin/sendmail")
    (home / "etc/postrider/postrider.conf").write_text("delivery = carrier\n")
    result = subprocess.run([home / "sbin/sendmail", "bob@b.example"],
                            input=b"Subject: x\n\nx\n", capture_output=True,
                            env={"PATH": "/usr/bin:/bin"}, timeout=60,
                            check=False)
    assert result.returncode == 78
    assert str(home / "etc/postrider/postrider.conf").encode() in result.stderr
    make("uninstall", **where)
    assert files(home) == {"etc/postrider/postrider.conf"}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no git checkout")
def test_dist_is_what_is_committed(make, tmp_path):
    make("dist", B=str(tmp_path))
    name = f"postrider-{version()}"
    with tarfile.open(tmp_path / f"{name}.tar.gz") as archive:
        members = set(archive.getnames())
    assert {f"{name}/Makefile", f"{name}/README.md", f"{name}/LICENSE",
            f"{name}/packaging/install-deps"} <= members
    assert not any(pathlib.PurePath(member).parts[1:2] == ("build",)
                   for member in members)
