"""What the documents show works as it is shown."""

import re

import pytest

from lib.harness import ROOT

MANUAL = ROOT / "packaging" / "man"
OTHERS = ("install -o", "podman", "[Service]")     # no configuration


def literal_blocks(page):
    text = (MANUAL / page).read_text()
    blocks = re.findall(r"(?ms)^\.Bd -literal -offset indent\n(.*?)^\.Ed$",
                        text)
    return [block.replace("\\e", "\\") for block in blocks
            if not block.startswith(OTHERS)]


def indented_blocks(text):
    return [block for block in re.findall(r"(?ms)^```\n(.*?)^```$", text)
            if "smarthost" in block]


@pytest.mark.parametrize("text", [
    *literal_blocks("postrider-examples.7"),
    *indented_blocks((ROOT / "README.md").read_text()),
    (ROOT / "etc" / "postrider.conf").read_text()])
def test_configurations_are_right(programs, text):
    programs.config.write_text(text)
    programs.sendmail("-bC").expect(0)


@pytest.mark.parametrize("page", sorted(p.name for p in MANUAL.iterdir()))
def test_lines_that_go_on_are_two_lines(page):
    """roff joins what a single backslash ends."""
    assert not re.search(r"(?m)(?<!\\)\\$", (MANUAL / page).read_text())


def test_helpers_are_listed():
    """tests/README.md names each file of tests/lib, and none that is gone."""
    listed = (ROOT / "tests" / "README.md").read_text() \
        .split("## Helpers\n")[1].split("Of the tests in C:")[0]
    assert set(re.findall(r"`(\w+\.(?:py|c))`", listed)) - {"conftest.py"} == {
        path.name for path in (ROOT / "tests" / "lib").iterdir()
        if path.suffix in (".py", ".c")} - {"__init__.py"}
