"""Every file in tests/dialogues, played for sendmail in direct delivery."""

import pathlib

import pytest

from lib.dialogue import Script, perform

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "dialogues"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
@pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_dialogue(path, programs, certificates):
    failures = perform(Script(path), programs, certificates)
    assert not failures, "\n".join([path.name, *failures])
