"""The RPM, with its scripts, in a root where Debian's rpm and
update-alternatives stand for Fedora's: installing, upgrading and erasing it,
beside other programs that are called sendmail."""

import shutil
import socket
import subprocess

import pytest

from lib.harness import ROOT
from root import SPOOL, Syslog

CONFIGURATION = "etc/postrider/postrider.conf"
LINKS = ("/usr/sbin/sendmail", "/usr/lib/sendmail", "/usr/bin/mailq",
         "/usr/bin/newaliases")


@pytest.fixture(scope="session")
def with_rpm(make_root, tmp_path_factory):
    """The layers of a root in which the RPM is installed."""
    if shutil.which("rpmbuild") is None:
        pytest.skip("no rpmbuild")
    built = tmp_path_factory.mktemp("rpm")
    subprocess.run([ROOT / "packaging/build-rpm", built], check=True,
                   stdout=subprocess.DEVNULL, timeout=600)
    with make_root() as root:
        root.apt("install", "rpm", "libconfuse2", "libssl3", "systemd")
        for folder in ("usr/sbin", "usr/bin"):
            (root / folder / "alternatives").symlink_to(
                "/usr/bin/update-alternatives")
        shutil.copy(next(built.glob("RPMS/postrider-[0-9]*.rpm")),
                    root / "tmp/postrider.rpm")
        # Debian's packages are not in the database of its rpm.
        root.run("rpm", "-i", "--nodeps", "/tmp/postrider.rpm")
    return root.layers


@pytest.fixture
def installed(make_root, with_rpm):
    with make_root(with_rpm) as root:
        yield root


def targets(root):
    return {root.run("readlink", "-f", link).strip() for link in LINKS}


def test_it_queues_for_everybody(installed):
    assert targets(installed) == {"/usr/libexec/postrider/sendmail"}
    assert installed.mode("/" + SPOOL) == "root:root 755"
    assert installed.mode(f"/{SPOOL}/drop") == "postrider:postrider 3733"
    for folder in ("queue", "state", "failed"):
        assert installed.mode(f"/{SPOOL}/{folder}") == \
            "postrider:postrider 700"
    assert installed.mode("/etc/postrider/secrets") == "root:postrider 710"
    installed.send()
    assert installed.listed() == 1
    assert "aliases" in installed.run("newaliases")


def test_upgrading_keeps_what_was_changed(installed):
    (installed / CONFIGURATION).write_text("# mine\n")
    installed.send()
    installed.run("rpm", "-U", "--force", "--nodeps", "/tmp/postrider.rpm")
    assert (installed / CONFIGURATION).read_text() == "# mine\n"
    assert targets(installed) == {"/usr/libexec/postrider/sendmail"}
    assert installed.listed() == 1


def test_erasing_keeps_the_queue_for_the_next_installation(installed):
    installed.send()
    installed.run("rpm", "-e", "postrider")
    for link in LINKS:
        assert not (installed / link).is_symlink()
    assert len(installed.mail()) == 1
    installed.run("rpm", "-i", "--nodeps", "/tmp/postrider.rpm")
    assert installed.listed() == 1


def test_the_daemon_finds_its_own_sendmail_beside_another(installed):
    other = installed / "usr/sbin/sendmail.other"
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)
    installed.run("alternatives", "--install", "/usr/sbin/sendmail", "mta",
                  "/usr/sbin/sendmail.other", "90")
    assert installed.run("readlink", "-f", "/usr/sbin/sendmail").strip() == \
        "/usr/sbin/sendmail.other"

    installed.run("install", "-d", "-o", "postrider", "/run/postrider")
    log = Syslog(installed)
    installed.start("postrider", "daemon")
    log.wait_for("started")
    path = installed / "run/postrider/submit"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        assert b" ESMTP Postrider" in client.recv(1000)
