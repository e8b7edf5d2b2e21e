"""The published table of differences: DIFFERENCES.md."""

import fnmatch
import pathlib
import re
from dataclasses import dataclass, field

FILE = pathlib.Path(__file__).with_name("DIFFERENCES.md")
OTHERS = ("sendmail", "postfix", "exim")


@dataclass
class Row:
    """A difference that is known, and why it is right."""
    patterns: tuple             # of differences
    mailers: tuple              # which of the others
    conditions: str             # on the tags of the case, as it is written
    reason: str
    met: int = 0
    alternatives: list = field(default_factory=list)

    def covers(self, case, mailer, difference):
        return mailer in self.mailers and \
            any(fnmatch.fnmatchcase(difference, p) for p in self.patterns) \
            and any(all((word[4:] not in case.tags) if
                        word.startswith("not ") else word in case.tags
                        for word in words) for words in self.alternatives)


def _cells(line):
    return [cell.strip().replace("\\|", "|")
            for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def read(known_tags):
    """The rows; a mistake in one ends the program."""
    rows = []
    for number, line in enumerate(FILE.read_text().splitlines(), 1):
        if not line.startswith("| `"):
            continue
        cells = _cells(line)
        if len(cells) != 4 or not cells[3]:
            raise SystemExit(f"{FILE.name}:{number}: not four cells")
        mailers = OTHERS if cells[1] == "all" else tuple(
            cells[1].replace(",", " ").split())
        row = Row(tuple(re.findall("`([^`]*)`", cells[0])), mailers, cells[2],
                  cells[3])
        row.alternatives = [
            [] if cells[2] == "any" else part.split(" and ")
            for part in cells[2].split(" or ")]
        for word in (w for words in row.alternatives for w in words):
            if word.removeprefix("not ") not in known_tags:
                raise SystemExit(f"{FILE.name}:{number}: no tag {word!r}")
        if not set(mailers) <= set(OTHERS):
            raise SystemExit(f"{FILE.name}:{number}: who is {cells[1]}?")
        rows.append(row)
    return rows


def explain(rows, case, mailer, difference):
    """The first row that has it; None if there is none."""
    for row in rows:
        if row.covers(case, mailer, difference):
            row.met += 1
            return row
    return None
