"""What the documents show works as it is shown."""

import os
import re
import shlex

import pytest

from lib.harness import ROOT

MANUAL = ROOT / "packaging" / "man"
OTHERS = ("install -", "cd ", "podman", "postrider ",      # no configuration
          "POSTRIDER_CONFIG=", "[Service]", "[Unit]",
          "New-ServicePrincipal ")


def literal_blocks(page):
    text = (MANUAL / page).read_text()
    blocks = re.findall(r"(?ms)^\.Bd -literal -offset indent\n(.*?)^\.Ed$",
                        text)
    return [block.replace("\\e", "\\") for block in blocks]


def configurations(page):
    return [block for block in literal_blocks(page)
            if not block.startswith(OTHERS)]


def commands(page):
    """The calls of postrider in the blocks of a page, each on a line."""
    text = "".join(literal_blocks(page)).replace("\\\n", "")
    return re.findall(r"(?m)^ *(postrider .*?)(?: \|)?$", text)


def indented_blocks(text):
    return [block for block in re.findall(r"(?ms)^```\n(.*?)^```$", text)
            if "smarthost" in block]


@pytest.mark.parametrize("text", [
    *configurations("postrider-examples.7"),
    *configurations("postrider-import.8"),
    *indented_blocks((ROOT / "README.md").read_text()),
    (ROOT / "etc" / "postrider.conf").read_text()])
def test_configurations_are_right(programs, text):
    programs.config.write_text(text)
    programs.sendmail("-bC").expect(0)


@pytest.mark.parametrize("line", [
    line for page in ("postrider-setup.8", "postrider-examples.7")
    for line in commands(page) if " setup " in line])
def test_setup_takes_its_examples(programs, line):
    _, setup, *options = shlex.split(line)
    if "--print" not in options:
        options.append("--print")
    written = programs.postrider(setup, "--providers",
                                 str(ROOT / "etc" / "providers"), *options)
    written.expect(0)
    programs.config.write_bytes(written.stdout)
    programs.sendmail("-bC").expect(0)


@pytest.mark.parametrize("line", [
    *commands("postrider-queue.8"), *commands("postrider-import.8")])
def test_examples_are_no_wrong_usage(programs, line):
    """There is neither the queue nor the file that they are for."""
    assert programs.postrider(*shlex.split(line)[1:]).status != os.EX_USAGE


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
