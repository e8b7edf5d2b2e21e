"""Every file in tests/dialogues, played for sendmail in direct delivery."""

import pathlib

import pytest

from lib.dialogue import Script, perform

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "dialogues"


def name_of(path):
    """folder/name: what it is about, and what happens."""
    return str(path.relative_to(FOLDER).with_suffix(""))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
@pytest.mark.parametrize(
    "path", sorted(FOLDER.rglob("*.txt")), ids=name_of)
def test_dialogue(path, programs, certificates):
    failures = perform(Script(path), programs, certificates)
    assert not failures, "\n".join([name_of(path), *failures])
