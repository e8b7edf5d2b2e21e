"""A program run by root of a machine that has its own /etc and /run."""

import subprocess

import pytest

from lib.wire import PATIENCE

FOLDERS = """
mount --bind "$1" /etc && mount -t tmpfs none /run &&
mkdir -p /run/systemd/system && shift && exec "$@"
"""


def machine_etc(programs):
    """Its /etc, which outlives the machine."""
    folder = programs.folder / "etc"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    return folder


def run_on_machine(programs, users, *command, stdin="", **environment):
    """The result of a program on a machine that has these users (name: uid)
    besides root, and systemd."""
    if subprocess.run(["unshare", "-m", "true"], check=False,
                      stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("needs a file system of its own: unshare -m")
    etc = machine_etc(programs)
    (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n" + "".join(
        f"{name}:x:{number}:{number}::/:/bin/false\n"
        for name, number in users.items()))
    (etc / "group").write_text("root:x:0:\n" + "".join(
        f"{name}:x:{number}:\n" for name, number in users.items()))
    (etc / "hosts").write_text("127.0.0.1 localhost\n")
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", FOLDERS, "sh", etc, *command],
        env=programs.environment() | environment, cwd=programs.folder,
        input=stdin, text=True, capture_output=True, timeout=PATIENCE,
        check=False)
