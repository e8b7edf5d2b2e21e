"""Cases: a command line and an input, made by chance from a seed.

A case is plain but for a few oddities: most have one, so that a difference is
that oddity's. Case N of seed S is always the same one, whatever is made before
it.
"""

import random
import re

from differential.case import Case
from differential.oddities import (BEGINNINGS, MODES, ODD_ADDRESSES,
                                   ODD_BODIES, ODD_FIELDS, ODD_OPTIONS,
                                   OTHER_NAMES, PEOPLE, TRUNCATED)


class Maker:
    """Makes one case; `odd` is how many oddities are still to be had."""

    def __init__(self, seed, number):
        self.chance = random.Random(f"{seed}/{number}")
        self.name = f"{seed}/{number}"
        self.picked = set()     # what it is made of

    def pick(self, values):
        value = self.chance.choice(values)
        self.picked.add(repr(value))
        return value

    def case(self):
        what = self.chance.random()
        if what < 0.04:
            return self._made(self._mode(), b"")
        if what < 0.22:
            return self._made([b"-bs"], *Script(self).pieces())
        return self._message()

    def _made(self, arguments, *pieces):
        arguments = [word.replace(b"\0", b"") for word in arguments]
        return Case(self.name, tuple(arguments), pieces)

    def _mode(self):
        before = self.pick(ODD_OPTIONS) if self.chance.random() < 0.3 else []
        return [*before, *self.pick(MODES)]

    # A message

    def _message(self):
        oddities = self.chance.choices((0, 1, 2, 3, 5), (5, 60, 20, 10, 5))[0]
        self.extracts = self.chance.random() < 0.5
        self.options = [[b"-i"]] if self.chance.random() < 0.5 else []
        self.recipients = [] if self.extracts else self._people(1, 3)
        self.fields = self._plain_fields()
        self.start, self.body, self.end_of_line = b"", b"hello\n", b"\n"
        self.separator = b"\n"
        for _ in range(oddities):
            self.pick(self.ODDITIES)(self)
        options = self.options + ([[b"-t"]] if self.extracts else [])
        self.chance.shuffle(options)
        arguments = [word for option in options for word in option]
        if self.chance.random() < 0.15:
            arguments = self._joined(options)
        if self.recipients and self.chance.random() < 0.1:
            arguments.append(b"--")
        text = self.start + b"".join(f + b"\n" for f in self.fields) + \
            self.separator + self.body
        if self.end_of_line != b"\n":
            text = re.sub(rb"\r?\n", self.end_of_line, text)
        return self._made(arguments + self.recipients, text)

    def _people(self, least, most):
        return self.chance.sample(PEOPLE, self.chance.randint(least, most))

    def _plain_fields(self):
        fields = [b"To: " + b", ".join(self._people(1, 2)),
                  b"Subject: a test"]
        if self.chance.random() < 0.7:
            fields.insert(0, b"From: alice@a.example")
        if self.chance.random() < 0.3:
            fields.append(b"Cc: " + b", ".join(self._people(1, 2)))
        if self.chance.random() < 0.3:
            fields.append(b"Bcc: " + self.pick(PEOPLE))
        if self.chance.random() < 0.3:
            fields.append(b"Date: Tue, 24 Nov 2026 08:27:29 +0100")
        if self.chance.random() < 0.3:
            fields.append(b"Message-ID: <test@a.example>")
        return fields

    @staticmethod
    def _joined(options):
        """Letters without values share a word: -ti."""
        letters = b"".join(o[0][1:] for o in options if len(o) == 1 and
                           o[0] in (b"-i", b"-t", b"-m", b"-n", b"-v"))
        rest = [word for o in options for word in o if not (
            len(o) == 1 and o[0] in (b"-i", b"-t", b"-m", b"-n", b"-v"))]
        return ([b"-" + letters] if letters else []) + rest

    # Oddities

    def _odd_option(self):
        self.options.append(self.pick(ODD_OPTIONS))

    def _odd_sender(self):
        letter = self.pick([b"-f", b"-f", b"-r"])
        address = self.pick([self.pick(PEOPLE), self.pick(ODD_ADDRESSES),
                             b"<>", b"", b"<bob@b.example>"])
        self.options.append([letter + address] if address and
                            self.chance.random() < 0.5 else [letter, address])

    def _two_senders(self):
        self.options += [[b"-f", b"first@f.example"],
                         [b"-f", b"second@f.example"]]

    def _truncated(self):
        self.options.append(self.pick(TRUNCATED))
        self.recipients = []
        self.extracts = False

    def _odd_recipient(self):
        place = self.chance.randint(0, len(self.recipients))
        self.recipients.insert(place, self.pick(ODD_ADDRESSES))

    def _both(self):
        """-t and arguments; maybe one that the header names, too."""
        self.extracts = True
        self.recipients = self._people(1, 3)

    def _late_option(self):
        self.recipients.insert(self.chance.randint(0, len(self.recipients)),
                               self.pick([b"-i", b"-t", b"-f", b"-v", b"-",
                                          b"--", b"-oi", b"-x@y.example"]))

    def _same_twice(self):
        self.recipients += [self.pick(PEOPLE)] * 2 + [b"BOB@b.example",
                                                      b"bob@B.example"]

    def _none(self):
        self.recipients = []

    def _odd_field(self):
        self.fields.insert(self.chance.randint(0, len(self.fields)),
                           self.pick(ODD_FIELDS))

    def _odd_list(self):
        name = self.pick([b"To", b"Cc", b"Bcc", b"From", b"To", b"Bcc",
                          self.pick(OTHER_NAMES)])
        items = [self.pick(ODD_ADDRESSES) for _ in
                 range(self.pick([1, 1, 1, 2]))]
        if self.chance.random() < 0.4:
            items.append(self.pick(PEOPLE))
            self.chance.shuffle(items)
        comma = self.pick([b", ", b", ", b",", b",\n ", b" ,"])
        place = self.chance.randint(0, len(self.fields))
        self.fields.insert(place, name + b": " + comma.join(items))
        # Not a second To by accident: what that does is a case of its own.
        self.fields = [f for n, f in enumerate(self.fields) if n == place or
                       not f.lower().startswith(name.lower() + b":")]

    def _lacking_field(self):
        if self.fields:
            self.fields.pop(self.chance.randrange(len(self.fields)))

    def _no_header(self):
        self.fields = []
        if self.chance.random() < 0.5:
            self.separator = b""

    def _odd_start(self):
        self.start = self.pick(BEGINNINGS)

    def _odd_body(self):
        self.body = self.pick(ODD_BODIES)

    def _no_body(self):
        self.separator, self.body = b"", b""

    def _crlf(self):
        self.end_of_line = b"\r\n"

    def _odd_octet(self):
        """One octet anywhere in the header section."""
        octet = self.pick([b"\r", b"\n", b"\0", b"\t", b" ", b"\x0b", b"\x7f",
                           b"\xc3", b"\xff", b"\r\n", b"\\", b'"', b"(", b")",
                           b"<", b">", b",", b";", b":", b"@"])
        field = self.chance.randrange(len(self.fields)) if self.fields else 0
        if self.fields:
            old = self.fields[field]
            place = self.chance.randint(0, len(old))
            self.fields[field] = old[:place] + octet + old[place:]

    def _octets(self):
        """A body of octets that mean something, and others."""
        alphabet = [b"\r", b"\n", b".", b"\0", b"a", b"\r\n", b"\xc3\xa4",
                    b" "]
        self.body = b"".join(self.pick(alphabet) for _ in
                             range(self.chance.randint(1, 12)))

    ODDITIES = (
        [_odd_option] * 6 + [_odd_sender] * 4 + [_two_senders] + [_truncated]
        + [_odd_recipient] * 6 + [_both] * 3 + [_late_option] * 2
        + [_same_twice] + [_none] + [_odd_field] * 9 + [_odd_list] * 8
        + [_lacking_field] * 2 + [_no_header] + [_odd_start] * 2
        + [_odd_body] * 4 + [_no_body] + [_crlf] * 2 + [_odd_octet] * 4
        + [_octets] * 2)


class Script:
    """What a client of -bs sends: a line at a time, or all at once."""

    def __init__(self, maker):
        self.maker, self.chance = maker, maker.chance
        self.end = b"\r\n"
        self.pick = maker.pick

    def pieces(self):
        oddities = self.chance.choices((0, 1, 2, 3), (5, 65, 20, 10))[0]
        self.lines = [self.pick([b"EHLO client.example",
                                 b"HELO client.example"])]
        for _ in range(self.pick([1, 1, 2])):
            self.lines += self._transaction()
        self.lines.append(b"QUIT")
        for _ in range(oddities):
            self.pick(self.ODDITIES)(self)
        lines = [line + self.end for line in self.lines]
        return lines if self.chance.random() < 0.8 else [b"".join(lines)]

    def _transaction(self):
        people = self.chance.sample(PEOPLE, self.pick([1, 2]))
        return [b"MAIL FROM:<alice@a.example>",
                *(b"RCPT TO:<" + p + b">" for p in people), b"DATA",
                b"From: alice@a.example", b"To: bob@b.example", b"",
                b"hello", b"."]

    def _at(self, *verbs):
        """The place of one of the lines that start so."""
        places = [n for n, line in enumerate(self.lines)
                  if line.upper().startswith(verbs)]
        return self.pick(places) if places else 0

    def _replace(self, verb, values):
        self.lines[self._at(verb)] = self.pick(values)

    def _odd_path(self):
        address = self.pick(ODD_ADDRESSES).replace(b"\n", b"")
        if not address.startswith(b"<"):
            address = b"<" + address + b">"
        verb = self.pick([b"MAIL FROM:", b"RCPT TO:", b"RCPT TO:"])
        self._replace(verb.split()[0], [verb + address])

    def _odd_mail(self):
        self._replace(b"MAIL", [
            b"MAIL FROM:<>", b"MAIL FROM: <alice@a.example>",
            b"MAIL FROM:alice@a.example", b"mail from:<alice@a.example>",
            b"MAIL FROM:<alice@a.example> SIZE=100",
            b"MAIL FROM:<alice@a.example> SIZE=999999999999",
            b"MAIL FROM:<alice@a.example> SIZE=x",
            b"MAIL FROM:<alice@a.example> BODY=8BITMIME",
            b"MAIL FROM:<alice@a.example> BODY=7BIT",
            b"MAIL FROM:<alice@a.example> BODY=BINARYMIME",
            b"MAIL FROM:<alice@a.example> RET=HDRS ENVID=x1",
            b"MAIL FROM:<alice@a.example> RET=HALF",
            b"MAIL FROM:<alice@a.example> ENVID=a+b",
            b"MAIL FROM:<alice@a.example> NOTHING=1",
            b"MAIL FROM:<alice@a.example> AUTH=<>",
            b"MAIL FROM:<alice@a.example> SMTPUTF8", b"MAIL", b"MAIL FROM",
            b"MAIL FROM:", b"MAIL TO:<alice@a.example>",
            b"MAIL FROM <alice@a.example>", b"MAIL  FROM:<alice@a.example>",
            b"MAIL FROM :<alice@a.example>", b"MAIL FROM:<alice>",
            b"MAIL FROM:<alice@a.example> ", b"MAIL FROM:<alice@a.example>x"])

    def _odd_rcpt(self):
        self._replace(b"RCPT", [
            b"RCPT TO: <bob@b.example>", b"rcpt to:<bob@b.example>",
            b"RCPT TO:bob@b.example", b"RCPT TO:<bob@b.example> NOTIFY=NEVER",
            b"RCPT TO:<bob@b.example> NOTIFY=SUCCESS,DELAY",
            b"RCPT TO:<bob@b.example> NOTIFY=NEVER,SUCCESS",
            b"RCPT TO:<bob@b.example> NOTIFY=x",
            b"RCPT TO:<bob@b.example> ORCPT=rfc822;bob@b.example",
            b"RCPT TO:<bob@b.example> ORCPT=x", b"RCPT TO:<>", b"RCPT",
            b"RCPT TO:", b"RCPT FROM:<bob@b.example>", b"RCPT TO:<postmaster>",
            b"RCPT TO:<bob>", b"RCPT TO:<bob@b.example>,<carol@c.example>",
            b"RCPT TO:<bob@b.example,carol@c.example>",
            b"RCPT TO:<bob@b.example> <carol@c.example>",
            b"RCPT TO:<bob@b.example> SIZE=1", b"RCPT TO <bob@b.example>"])

    def _odd_command(self):
        self.lines.insert(self.chance.randint(0, len(self.lines)), self.pick([
            b"NOOP", b"NOOP word", b"RSET", b"rset", b"RSET now", b"HELP",
            b"VRFY bob@b.example", b"VRFY root", b"VRFY", b"EXPN root",
            b"QUIT", b"quit", b"QUIT now", b"DATA", b"HELO again.example",
            b"EHLO again.example", b"EHLO", b"HELO", b"NONSENSE", b"",
            b" NOOP", b"NOOP ", b"AUTH PLAIN AAAA", b"STARTTLS", b"BDAT",
            b"BDAT 0 LAST", b"BDAT x", b"BDAT 5", b"TURN", b"ETRN x",
            b"NOOP \xff", b"NO\0OP", b"NOOP\r", b"NOOP " + b"x" * 600,
            b"NOOP " + b"x" * 3000, b"NOOP " + b"x" * 20000, b"X" * 5000,
            b"ehlo Lower.example", b"EHLO [192.0.2.1]", b"EHLO a_b",
            b"EHLO bad name", b"MAIL FROM:<second@a.example>",
            b"RCPT TO:<eve@e.example>", b"DATA now", b"DATA ", b"."]))

    def _lacking_command(self):
        self.lines.pop(self.chance.randrange(len(self.lines)))

    def _swapped(self):
        one, two = (self.chance.randrange(len(self.lines)) for _ in range(2))
        self.lines[one], self.lines[two] = self.lines[two], self.lines[one]

    def _odd_content(self):
        place = self._at(b"HELLO")
        self.lines[place] = self.pick([
            b"..stuffed", b".unstuffed", b"..", b"...", b"one\n.\ntwo",
            b"one\n.\r\ntwo", b"one\r\n.\ntwo", b"one\r.\rtwo", b"one\rtwo",
            b"one\ntwo", b"one\r\r", b"\0", b"one\0two", b"x" * 998,
            b"x" * 1200, b"y" * 5000, b"gr\xc3\xbc\xc3\x9fe", b"\xff", b"",
            b"From x", b". ", b".\r", b"one\r\n.\rtwo", b"\r.", b"\n.\nRSET",
            b"one\r\n.\nMAIL FROM:<eve@e.example>", b"one\n.\r\nNOOP",
            b"one\r.\r\nNOOP"])

    def _odd_content_field(self):
        self.lines[self._at(b"TO:")] = self.pick(ODD_FIELDS).replace(
            b"\n", b"\r\n")

    def _no_content_header(self):
        place = self._at(b"DATA") + 1
        del self.lines[place:place + 3]

    def _bdat(self):
        text = b"From: alice@a.example\r\nTo: bob@b.example\r\n\r\n" + \
            self.pick([b"hello\r\n", b".\r\n", b"..\r\n", b"no end",
                       b"one\ntwo\n", b"one\rtwo", b"\0\r\n"])
        size = len(text) + self.pick([0, 0, 0, 0, 1, -1])
        first = self.chance.randrange(len(text))
        one = b"BDAT %d LAST\r\n%s" % (size, text)
        two = b"BDAT %d\r\n%sBDAT %d LAST\r\n%s" % (
            first, text[:first], size - first, text[first:])
        chunks = one if self.chance.random() < 0.5 else two
        place = self._at(b"DATA")
        end = place + 1
        while end < len(self.lines) and self.lines[end] != b".":
            end += 1
        # What follows the chunk has no line end between: join() would add one.
        follows = self.lines[end + 1:end + 2] or [b"NOOP"]
        self.lines[place:end + 2] = [chunks + follows[0]]

    def _bare_lf(self):
        self.end = b"\n"

    def _cut(self):
        del self.lines[self.chance.randrange(len(self.lines)):]

    def _reset(self):
        self.lines.insert(self._at(b"DATA"), b"RSET")

    def _reset_and_again(self):
        self.lines[self._at(b"DATA"):self._at(b"DATA")] = [
            b"RSET", b"MAIL FROM:<carol@c.example>",
            b"RCPT TO:<dave@d.example>"]

    ODDITIES = (
        [_odd_path] * 8 + [_odd_mail] * 6 + [_odd_rcpt] * 6
        + [_odd_command] * 10 + [_lacking_command] * 3 + [_swapped] * 2
        + [_odd_content] * 6 + [_odd_content_field] * 4
        + [_no_content_header] + [_bdat] * 4 + [_bare_lf] * 2 + [_cut]
        + [_reset] * 2 + [_reset_and_again] * 2)


def cases(seed, count, first=0):
    """Case `first` of this seed, and those after it."""
    for number in range(first, first + count):
        yield Maker(seed, number).case()
