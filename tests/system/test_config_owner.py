"""Whose configuration counts: who chooses it decides what is read and sent."""

import os

import pytest

from lib.harness import message
from lib.queue import ALICE, as_root, user

TO = "rcpt@b.example"
NOT_USED = "not used, as the environment names it: "


def sendmail(programs, **options):
    return programs.sendmail("-f", "a@a.example", TO, stdin=message(),
                             **options)


@as_root
def test_of_another_user(programs, smarthost):
    """As a program that became root and kept the environment has it."""
    config = programs.write_config(smarthost)
    os.chown(config, ALICE, ALICE)
    result = sendmail(programs).expect(78)
    assert NOT_USED + f"it belongs to uid {ALICE}, who can send all mail " \
        f"elsewhere; chown 0 {config}" in result.errors
    assert not smarthost.messages
    os.chown(config, 0, 0)
    sendmail(programs).expect(0)
    assert len(smarthost.messages) == 1


@pytest.mark.parametrize("mode", [0o664, 0o646])
@pytest.mark.parametrize("name", ["POSTRIDER_CONFIG", "XDG_CONFIG_HOME",
                                  "HOME"])
def test_others_can_write_it(programs, smarthost, name, mode):
    """Also the group of the user alone: what it is cannot be known."""
    made = programs.write_config(smarthost)
    folder = programs.folder / ".config"
    own = folder / "postrider/postrider.conf"
    if name == "POSTRIDER_CONFIG":
        own, env = made, {}
    else:
        own.parent.mkdir(parents=True)
        made.rename(own)
        env = {"POSTRIDER_CONFIG": None, name: str(
            folder if name.startswith("XDG") else programs.folder)}
    own.chmod(mode)
    result = sendmail(programs, env=env).expect(78)
    assert f"{own}: {NOT_USED}others can write it; chmod go-w {own}" in \
        result.errors
    own.chmod(0o644)
    sendmail(programs, env=env).expect(0)
    assert len(smarthost.messages) == 1


@as_root
def test_of_root_for_any_user(queue):
    queue.write_config()
    result = queue.sendmail("-bv", TO, **user(ALICE))
    assert NOT_USED not in result.errors
    os.chown(queue.config, ALICE + 1, ALICE + 1)
    result = queue.sendmail("-bv", TO, **user(ALICE)).expect(78)
    assert f"{NOT_USED}it belongs to uid {ALICE + 1}" in result.errors
