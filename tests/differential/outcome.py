"""What becomes of a case."""

import re
from dataclasses import dataclass


@dataclass
class Message:
    """What leaves for the smarthost."""
    sender: str
    recipients: tuple
    content: bytes
    settings: tuple = ()        # of DSN: those of the message, then a
                                # recipient each; () if there is none


@dataclass
class Outcome:
    """Of a case, by one program."""
    status: int
    messages: list
    replies: tuple = ()         # of -bs: last lines of replies: the greeting,
                                # after each piece, after the end of input
    reported: int = 0           # reports to the sender, in their place
    errors: bytes = b""         # what it printed, but for the replies
    report: bytes = b""         # the last report


def dsn(words):
    """Of parameters of MAIL or RCPT those of RFC 3461, ORCPT apart: it is
    each program's own business how it writes that."""
    return tuple(sorted(word.upper() for word in words.split()
                        if re.match("(?i)RET=|ENVID=|NOTIFY=", word)))
