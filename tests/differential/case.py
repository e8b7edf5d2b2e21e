"""A case, and what there is about it."""

import getopt
import re
from dataclasses import dataclass
from functools import cached_property

from differential.tags import TAGS

# As Sendmail 8 has them: a colon is for a value.
OPTIONS = "A:B:b:C:cdD:e:F:f:Gh:IiL:M:mN:nO:o:p:QqR:r:sTtUV:vX:xEJ"


@dataclass(frozen=True)
class Case:
    name: str
    arguments: tuple            # without the program's name
    pieces: tuple               # of the input: the next one is sent when the
                                # one before is read

    @cached_property
    def input(self):
        return b"".join(self.pieces)

    @cached_property
    def is_smtp(self):
        return b"-bs" in self.arguments

    @cached_property
    def _split(self):
        """Options with their values, and recipients; what cannot be told
        apart is taken for options."""
        arguments = [a.decode("latin1") for a in self.arguments]
        try:
            options, words = getopt.getopt(arguments, OPTIONS)
        except getopt.GetoptError:
            options, words = [(a, "") for a in arguments], []
        return options, words

    def part(self, name):
        """A part of it that tags are about."""
        options, words = self._split
        if name == "words":
            return _lines(words)
        if name == "options":
            return _lines(o + v for o, v in options)
        if name == "senders":
            return _lines(v for o, v in options if o in ("-f", "-r"))
        if name == "smtp":
            return self.input if self.is_smtp else b""
        content = self.input
        if self.is_smtp:
            content = re.split(rb"(?im)^(?:DATA|BDAT \d+ ?\w*) *\r?\n",
                               self.input, maxsplit=1)[-1]
        header, *rest = re.split(rb"(?:\A|\n)\r*\n", content, maxsplit=1)
        return {"content": content, "header": header,
                "body": b"".join(rest),
                "fields": re.sub(rb"\r*\n[ \t]", b" ", header)}[name]

    @cached_property
    def tags(self):
        tags = {name for name, (part, pattern) in TAGS.items()
                if re.search(pattern, self.part(part))}
        tags.add("smtp" if self.is_smtp else "message")
        if self.is_smtp and len(self.pieces) == 1:
            tags.add("at-once")
        return frozenset(tags)


def _lines(words):
    return "".join(word + "\n" for word in words).encode("latin1")


KNOWN_TAGS = frozenset(TAGS) | {"smtp", "message", "at-once"}
