"""What the others did with some cases, kept in a file for a run without them.

They are those in which something is odd that is in none before them, or with
-i or -t in none. A line is
a case: its name, from which it is made again; a sum of it, so that a change of
what makes cases is told from a change of ours; the facets of Postfix, and how
those of Exim and Sendmail differ from them. Long texts are sums.

In another file is what ours did with them when DIFFERENCES.md was last found to
be right about it: a name and a sum, without words that it says.
"""

import json
import pathlib
import zlib

from differential.cases import Maker
from differential.compare import commands

FILE = pathlib.Path(__file__).with_name("recorded.txt")
OURS = FILE.with_name("ours.txt")
SEED, AMONG = 1, 3000   # cases
SHORT = 24              # octets: longer texts are sums
OTHERS = ("postfix", "exim", "sendmail")      # the first refuses least
WHOLE = ("exit", "why", "replies", "messages", "recipients")


def _sum(text):
    return f"{zlib.crc32(text.encode('utf-8', 'backslashreplace')):08x}"


def brief(facets):
    """The same facets, such that texts may only be compared."""
    return {name: value if name.endswith(WHOLE) or len(value) <= SHORT
            else _sum(value) for name, value in facets.items()}


def choose():
    """The cases that are kept."""
    seen = set()
    for number in range(AMONG):
        maker = Maker(SEED, number)
        case = maker.case()
        found = maker.picked | {
            (tag, "-i" in case.tags, "-t" in case.tags) for tag in case.tags}
        if found - seen:
            seen |= found
            yield case


def _sum_of(case):
    return _sum(repr((case.arguments, case.pieces)))


def write(chosen, found):
    lines = []
    for place, case in enumerate(chosen):
        first, *others = [_as_kept(brief(found[name][place]))
                          for name in OTHERS]
        changes = [{name: other.get(name) for name in sorted({*first, *other})
                    if first.get(name) != other.get(name)}
                   for other in others]
        lines.append(f"{case.name} {_sum_of(case)} " + json.dumps(
            [first, *changes], separators=(",", ":")))
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _as_kept(facets):
    """Replies without what they are to, which the case says."""
    kept = {name: list(value) if isinstance(value, tuple) else value
            for name, value in facets.items()}
    if "replies" in kept:
        kept["replies"] = "\n".join("\t".join(lines)
                                    for _, lines in kept["replies"])
    return kept


def _as_compared(kept, case):
    found = {name: tuple(value) if isinstance(value, list) else value
             for name, value in kept.items() if value is not None}
    if "replies" in found:
        found["replies"] = tuple(
            (command, tuple(filter(None, text.split("\t"))))
            for command, text in zip(commands(case),
                                     found["replies"].split("\n")))
    return found


def read():
    """The cases, and {name: facets} of the others for each."""
    chosen, outcomes = [], []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        name, case_sum, text = line.split(" ", 2)
        seed, number = name.split("/")
        case = Maker(int(seed), int(number)).case()
        if _sum_of(case) != case_sum:
            raise SystemExit(
                f"{FILE.name}: case {name} is another one now: write the file "
                "again with tests/differential/run --record")
        first, *changes = json.loads(text)
        chosen.append(case)
        outcomes.append({other: _as_compared({**first, **change}, case)
                         for other, change in zip(OTHERS, [{}, *changes])})
    return chosen, outcomes


def _sum_of_ours(facets):
    found = {name: value for name, value in facets.items()
             if not name.endswith("why")}
    if "replies" in found:
        found["replies"] = [(command, [line[:3] for line in lines])
                            for command, lines in found["replies"]]
    return _sum(json.dumps(found, sort_keys=True))


def accept(chosen, ours):
    """From now on it is right what ours did."""
    OURS.write_text("".join(f"{case.name} {_sum_of_ours(facets)}\n"
                            for case, facets in zip(chosen, ours)))


def changed(chosen, ours):
    """The names of the cases in which ours did something else than before."""
    known = dict(line.split() for line in OURS.read_text().splitlines())
    return [case.name for case, facets in zip(chosen, ours)
            if known.get(case.name) != _sum_of_ours(facets)]
