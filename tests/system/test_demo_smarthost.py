"""The smarthost of the demonstration, seen with msmtp's eyes: smtplib."""

import smtplib
import ssl
import subprocess
import sys

import pytest

from lib.harness import ROOT

USER, PASSWORD = "relay@example.com", "opensesame"


@pytest.fixture
def demo(tmp_path):
    """The process, its port and its authority."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/lib/demo_smarthost.py"),
         "--directory", str(tmp_path), "--refuse", "eve@b.example"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.port = int(process.stdout.readline().split()[1])
    process.ca = process.stdout.readline().split()[1].decode()
    yield process
    process.kill()
    process.communicate()


def send(demo):
    with smtplib.SMTP("127.0.0.1", demo.port, "client.example",
                      timeout=20) as smtp:
        smtp.starttls(context=ssl.create_default_context(cafile=demo.ca))
        smtp.login(USER, PASSWORD)
        return smtp.sendmail("a@a.example", ["b@b.example", "eve@b.example"],
                             "Subject: x\r\n\r\n.\r\n")


def test_stores_messages_and_masks_credentials(demo, tmp_path):
    assert list(send(demo)) == ["eve@b.example"]
    output = demo.communicate(timeout=20)[0].decode()
    assert demo.returncode == 0
    assert (tmp_path / "1.eml").read_bytes() == b"Subject: x\r\n\r\n.\r\n"
    envelope = (tmp_path / "1.envelope").read_text()
    assert "from <a@a.example>\nto <b@b.example>\ntls TLSv1.3" in envelope
    assert "C: AUTH LOGIN ********" in output
    assert "S: 550 5.1.1 no such user here" in output
    assert "b3BlbnNlc2FtZQ" not in output and PASSWORD not in output


def test_hands_out_no_key(demo):
    """A reader of the demonstration copies the file to where all can read
    it."""
    text = open(demo.ca, encoding="ascii").read()
    assert "BEGIN CERTIFICATE" in text and "KEY" not in text


def test_ends_at_sigterm(demo):
    demo.terminate()
    assert demo.wait(20) == 0
