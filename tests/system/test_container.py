"""What a container has: any uid without a name, and an empty volume."""

import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess

import pytest

from lib.harness import ROOT, message
from lib.queue import ALICE, IS_ROOT, as_root, user

TO = "b@b.example"
NOBODY_HERE = 54321             # in no passwd file
CHROOT = shutil.which("chroot", path="/usr/sbin:/sbin:/usr/bin")
REFUSING = pathlib.Path(__file__).parents[1] / "lib" / "refusing.py"


@pytest.fixture
def pod(queue):
    """The queue fixture, with its spool in an empty volume of NOBODY_HERE."""
    volume = queue.folder / "volume"
    volume.mkdir()
    if IS_ROOT:
        os.chown(volume, NOBODY_HERE, NOBODY_HERE)
        os.chown(queue.run_folder, NOBODY_HERE, NOBODY_HERE)
    volume.chmod(0o755)
    queue.spool, queue.drop = volume / "mail", volume / "mail" / "drop"
    return queue


def configure(pod, smarthost, **settings):
    pod.write_config(smarthost, settings={
        "spool": str(pod.spool), "make_spool": "true", **settings})


def fill(pod):
    pod.sendmail("-f", "a@a.example", TO, stdin=message(),
                 **user(ALICE)).expect(0)


def test_a_daemon_without_a_name_makes_its_spool(pod, smarthost):
    configure(pod, smarthost)
    for _ in range(2):                  # the second one finds it
        with pod.daemon(**user(NOBODY_HERE)) as daemon:
            fill(pod)
            daemon.wait_until_removed(1)
    modes = {"": 0o755, "drop": 0o3733, "queue": 0o700, "state": 0o700,
             "failed": 0o700}
    for name, mode in modes.items():
        status = (pod.spool / name).stat()
        assert stat.S_IMODE(status.st_mode) == mode, name
        assert status.st_uid == (NOBODY_HERE if IS_ROOT else os.getuid())


@as_root
def test_a_volume_with_a_group_of_its_own(pod, smarthost):
    """As fsGroup of a pod makes it: mode 2777, the group of all containers."""
    os.chown(pod.spool.parent, 0, ALICE)
    pod.spool.parent.chmod(0o2777)
    configure(pod, smarthost)
    with pod.daemon(**user(NOBODY_HERE)) as daemon:
        fill(pod)
        daemon.wait_until_removed(1)
    assert pod.drop.stat().st_gid == NOBODY_HERE


@as_root
def test_root_makes_the_spool_for_the_user_of_the_daemon(pod, smarthost):
    configure(pod, smarthost)
    os.chown(pod.spool.parent, 0, 0)
    with pod.daemon() as daemon:
        fill(pod)
        daemon.wait_until_removed(1)
    assert pod.spool.stat().st_uid == 0
    assert pod.drop.stat().st_uid != 0


@as_root
def test_what_is_there_stays_as_it_is_and_is_looked_at(pod, smarthost):
    pod.spool.mkdir()
    os.chown(pod.spool, ALICE, ALICE)
    configure(pod, smarthost)
    daemon = pod.start(ready=False, **user(NOBODY_HERE))
    assert daemon.wait_end() == 78
    daemon.wait_for("make_spool: .*Permission denied|belongs to user 4001")


def test_a_volume_that_cannot_be_written_is_named(pod, smarthost):
    configure(pod, smarthost, spool=str(pod.spool / "deeper"))
    daemon = pod.start(ready=False, **user(NOBODY_HERE))
    assert daemon.wait_end() == 78
    assert "make_spool: " in daemon.log and "deeper" in daemon.log


@pytest.mark.parametrize("call, reason", [
    ("fsync", ": files cannot be synced in this file system: mail would be "
     "lost"),
    ("linkat", r": a file cannot have a second name \(hard link\) in this file "
     "system: mail would be lost"),
    ("flock", "/queue: lock it: Operation not permitted"),
])
def test_a_volume_that_loses_mail_is_refused(pod, smarthost, call, reason):
    """The daemon's line is that of check."""
    configure(pod, smarthost)
    refusing = pod.folder / "refusing.py"       # where others may read it
    refusing.write_bytes(REFUSING.read_bytes())
    refusing.chmod(0o644)
    run = subprocess.run(
        ["/usr/bin/python3", refusing, call, pod.build / "postrider", "daemon"],
        env=pod.environment(), capture_output=True, text=True, check=False,
        **user(NOBODY_HERE))
    assert run.returncode == 78
    assert re.search(f"{pod.spool}{reason}; give the spool a local disk",
                     run.stderr)
    assert not list((pod.spool / "queue").iterdir())


def test_a_stop_sends_what_is_ready(pod, smarthost):
    """Mail that was committed before, also that which waits for a
    connection; no connection is begun after."""
    configure(pod, smarthost, drain="1h")
    gate = smarthost.hold("BDAT")
    with pod.daemon(**user(NOBODY_HERE)) as daemon:
        for _ in range(30):
            fill(pod)
        smarthost.wait_for_command("BDAT")
        daemon.signal(signal.SIGTERM)
        daemon.wait_for("stopping: what is ready is sent first, for at most 60 min")
        fill(pod)
        gate.set()
        daemon.wait_for("stopping: 0 left in the queue")
    assert len(smarthost.messages) >= 30


def test_a_stop_does_not_wait_for_a_smarthost_that_is_down(pod):
    configure(pod, 1, drain="1h", retry_first="1h", retry_longest="1h")
    with pod.daemon(**user(NOBODY_HERE)) as daemon:
        fill(pod)
        daemon.wait_for("host0 is down")
        daemon.signal(signal.SIGTERM)
        daemon.wait_for("stopping: 1 left in the queue")


def test_a_second_stop_ends_the_drain(pod, smarthost):
    configure(pod, smarthost, drain="1h")
    gate = smarthost.hold("BDAT")
    with pod.daemon(**user(NOBODY_HERE)) as daemon:
        fill(pod)
        smarthost.wait_for_command("BDAT")
        daemon.signal(signal.SIGTERM)
        daemon.wait_for("stopping: what is ready")
        daemon.signal(signal.SIGTERM)
        daemon.wait_for("stopping$")
        gate.set()


def test_probes(pod, smarthost):
    configure(pod, smarthost)
    for option in ("--alive", "--ready"):
        down = pod.postrider("status", option).expect(69)
        assert b"no daemon listens" in down.stderr
    with pod.daemon(**user(NOBODY_HERE)):
        assert pod.postrider("status", "--alive").expect(0).stdout == b"alive\n"
        assert pod.postrider("status", "--ready").expect(0).stdout == b"ready\n"
    configure(pod, None)
    with pod.daemon(**user(NOBODY_HERE)):
        pod.postrider("status", "--alive").expect(0)
        none = pod.postrider("status", "--ready").expect(69)
        assert b"no smarthost is configured" in none.stderr


@pytest.mark.parametrize("name", ["direct", "host", "relay"])
def test_configurations_of_containers_are_right(pod, name):
    text = (ROOT / "packaging" / "container" / f"{name}.conf").read_text()
    password = pod.secret("password", "opensesame")
    pod.config.write_text(text.replace("/run/secrets/smtp-password",
                                       str(password)))
    pod.postrider("daemon", "--check").expect(0)


def test_a_copy_of_sendmail_runs_without_libraries(pod, smarthost, tmp_path):
    """In a root that has nothing else but the spool and the configuration."""
    result = pod.postrider("copy", tmp_path)
    if b"needs libraries" in result.stderr:
        assert result.status == 69 and not list(tmp_path.iterdir())
        pytest.skip("this build of sendmail is not static")
    assert result.expect(0).stdout == f"{tmp_path}/sendmail\n".encode()
    assert stat.S_IMODE((tmp_path / "sendmail").stat().st_mode) == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["sendmail"]
    pod.postrider("copy", tmp_path).expect(0)   # over the one that is there
    pod.postrider("copy", tmp_path / "missing").expect(75)
    pod.postrider("copy").expect(64)
    if not IS_ROOT:
        return
    configure(pod, smarthost)
    with pod.daemon(**user(NOBODY_HERE)) as daemon:
        root = pathlib.Path(pod.folder)
        (root / "sendmail").write_bytes((tmp_path / "sendmail").read_bytes())
        (root / "sendmail").chmod(0o755)
        config = pod.config.read_text().replace(str(root), "")
        (root / "inside.conf").write_text(config)
        (root / "inside.conf").chmod(0o644)
        subprocess.run([CHROOT, "--userspec", f"{ALICE}:{ALICE}",
                        "--groups=", root, "/sendmail", "-f", "a@a.example",
                        TO], input=message(), check=True,
                       env={"POSTRIDER_CONFIG": "/inside.conf"})
        daemon.wait_until_removed(1)
