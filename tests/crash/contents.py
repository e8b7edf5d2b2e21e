"""What messages, states and journals say of recipients."""

import collections
import re

# What somebody was told of whom: see play.py.
Told = collections.namedtuple("Told", "what key message_id people")

MESSAGE = re.compile(r"(?:drop|queue|state)/\.?([0-9a-f]{32})")
CONTENT = re.compile(r"(drop|queue|failed)/\.?([0-9a-f]{32})")
STATES = {"queue": "state/{}", "failed": "failed/{}.state"}
WHOLE = re.compile(rb"postrider 1 ([0-9a-f]{32})\n(?:.*\n)*?\n[^\0]*"
                   rb"END \d{20} [0-9a-f]{8} [78]\n")
SUBJECT = re.compile(rb"(?mi)^Subject: (\w+)\r?$")
FAILED = re.compile(rb"(?mi)^Final-Recipient: rfc822; *(\S+)\r\n"
                    rb"(?:[^\r\n]+\r\n)*?Action: failed")


def shape(files):
    """Which files there are, whatever the messages are called."""
    names = {}
    return tuple(sorted(
        MESSAGE.sub(lambda match: match[0].replace(
            match[1], names.setdefault(match[1], str(len(names)))), path)
        for path, _ in files))


def keys_of(content):
    """The subjects of a message, and of the one that it returns."""
    return [key.decode() for key in SUBJECT.findall(content)]


def told_by(message):
    """What people have by a message that the smarthost has: a list of Told. A
    report that comes twice has the same message_id, another report has not."""
    message_id = " ".join(message.fields("Message-ID"))
    failed = FAILED.findall(message.content)
    if message.reverse_path or not failed:
        return [Told("delivered", keys_of(message.content)[0], message_id,
                     tuple(message.recipients))]
    return [Told("reported", keys_of(message.content)[-1], message_id,
                 tuple(address.decode() for address in failed))]


def recorded(files):
    """(key, address) of those whose delivery a state or a journal tells of.
    Others may get a message twice: see "The files of a message"."""
    files = dict(files)
    journal = b"".join(octets for path, octets in files.items()
                       if path.startswith("state/journal."))
    found = set()
    for path, octets in files.items():
        match = CONTENT.fullmatch(path)
        if not match or not WHOLE.match(octets):
            continue
        folder, name = match.groups()
        people = re.findall(rb"(?m)^to \S+ \S+ (\S+)$",
                            octets.partition(b"\n\n")[0])
        # A state without a file in queue/ is not believed: the table says so.
        saved = files.get(STATES.get(folder, "").format(name), b"")
        results = re.findall(rb"(?m)^rcpt (\w+)", saved)
        places = {i for i, word in enumerate(results) if word == b"delivered"}
        for numbers in re.findall(rb"(?m)^%s ([0-9]+(?:,[0-9]+)*)\n" %
                                  name.encode(), journal):
            places.update(map(int, numbers.split(b",")))
        found |= {(keys_of(octets)[0], people[place].decode())
                  for place in places}
    return found
