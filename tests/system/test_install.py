"""make install puts everything in its place, and make uninstall takes it away."""

import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]

EXPECTED = {
    "usr/sbin/sendmail", "usr/sbin/postrider", "usr/bin/mailq",
    "usr/bin/newaliases", "usr/lib/sendmail",
    "usr/share/man/man8/sendmail.8", "usr/share/man/man8/postrider.8",
    "usr/share/man/man5/postrider.conf.5", "usr/share/man/man1/mailq.1",
    "usr/share/man/man1/newaliases.1", "etc/postrider/postrider.conf",
}


def make(target, root):
    subprocess.run(["make", "-s", target, f"DESTDIR={root}"], cwd=TOP,
                   check=True, capture_output=True, timeout=300)


def found(root):
    return {str(path.relative_to(root)) for path in root.rglob("*")
            if path.is_symlink() or path.is_file()}


def test_install_and_uninstall(tmp_path):
    make("install", tmp_path)
    assert EXPECTED <= found(tmp_path)
    for path in tmp_path.rglob("*"):
        assert path.is_symlink() or not path.stat().st_mode & 0o6000
    for link in ("usr/bin/mailq", "usr/bin/newaliases", "usr/lib/sendmail"):
        assert str((tmp_path / link).readlink()) == "/usr/sbin/sendmail"
    version = subprocess.run([tmp_path / "usr/sbin/postrider", "--version"],
                             capture_output=True, check=True, timeout=20)
    assert version.stdout.startswith(b"postrider ")

    mine = tmp_path / "etc/postrider/postrider.conf"
    mine.write_text("# mine\n")
    make("install", tmp_path)
    assert mine.read_text() == "# mine\n"
    make("uninstall", tmp_path)
    assert found(tmp_path) == {"etc/postrider/postrider.conf"}
