"""smarthost.conf: smarthosts in a file beside the machine's own one."""

import os
import subprocess

import pytest

from lib.harness import ROOT

SMARTHOST = 'smarthost "main" {\n    host = "smtp.example.com"\n}\n'


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Where sysconfdir is in a separate build, and the build."""
    home = tmp_path_factory.mktemp("home")
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("MAKE", "MFLAGS"))}
    subprocess.run(
        ["make", "-s", "-C", str(ROOT), f"B={home}/build", "CFLAGS=-O0",
         f"sysconfdir={home}", f"{home}/build/sendmail"],
        check=True, capture_output=True, env=clean, timeout=300)
    (home / "postrider").mkdir()
    return home


@pytest.fixture
def read(programs):
    """read(MAIN, SMARTHOST): what sendmail says to these two files."""
    folder = programs / "postrider"

    def run(main, smarthost, to="bob@b.example", **environment):
        for name, text in (("postrider.conf", main),
                           ("smarthost.conf", smarthost)):
            (folder / name).unlink(missing_ok=True)
            if text is not None:
                (folder / name).write_text(text)
        return subprocess.run(
            [programs / "build/sendmail", "-bv", to],
            capture_output=True, text=True, timeout=60, check=False,
            env={"PATH": "/usr/bin:/bin", **environment})
    return run


@pytest.mark.parametrize("main", ["# nothing\n", None])
def test_it_counts_while_the_main_file_has_no_smarthost(read, programs, main):
    result = read(main, SMARTHOST + "oops = 1\n")
    assert result.returncode == 78
    assert f"{programs}/postrider/smarthost.conf:4: unknown key \"oops\"" in \
        result.stderr


def test_rules_of_the_main_file_know_its_smarthosts(read):
    rule = 'sender "*" {\n    smarthost = "%s"\n}\n'
    assert read(rule % "main", SMARTHOST).returncode == 0
    assert read(rule % "other", SMARTHOST).returncode == 78


def test_a_smarthost_in_the_main_file_overrides_it(read):
    result = read(SMARTHOST, SMARTHOST + "oops = 1\n")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("main, goes_to", [
    ("# nothing\n", "ops@c.example"),
    ('local_recipient = "mine@d.example"\n', "mine@d.example"),
    ('local_recipient = ""\n', "root@"),
])
def test_what_the_main_file_sets_stays(read, main, goes_to):
    """Also where the answers to an installer set it."""
    result = read(main, 'local_recipient = "ops@c.example"\n' + SMARTHOST,
                  to="root")
    assert result.returncode == 0, result.stderr
    assert f"user {goes_to}" in result.stdout


def test_only_the_machines_own_file_has_one_beside_it(read, programs):
    other = programs / "postrider/other.conf"
    other.write_text("# nothing\n")
    result = read("# nothing\n", "oops = 1\n", POSTRIDER_CONFIG=str(other))
    assert "no smarthost" in result.stderr
    named = programs / "postrider/postrider.conf"
    result = read("# nothing\n", "oops = 1\n", POSTRIDER_CONFIG=str(named))
    assert "smarthost.conf:1: unknown key" in result.stderr
