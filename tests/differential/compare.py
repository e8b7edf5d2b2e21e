"""What of two outcomes is compared, and how they differ, in words.

An outcome is made facets: a name and a text, or a tuple of texts. A difference
is "FACET: HOW", as ours is seen from another's: "recipients: more".
"""

import itertools
import re

GENERATED = ("date", "message-id", "resent-date", "resent-message-id")

# What a program adds for itself, for tracing.
TRACE = re.compile(rb"(?i)received[ \t]*:.*(by a\.example|userid 0)")


def _split(content):
    """The header section's fields, unfolded, and the body."""
    if content.startswith(b"\r\n"):
        return [], content[2:]
    header, _, body = content.partition(b"\r\n\r\n")
    return re.sub(rb"\r\n(?=[ \t])", b"", header).split(b"\r\n"), body


def _text(octets):
    """On one line; blanks as folding may change them."""
    text = re.sub(rb"[ \t]+", b" ", octets).strip()
    return text.decode("utf-8", "backslashreplace").encode(
        "unicode_escape").decode("ascii")


def _fields(fields, given):
    """{name: all values of it}; what was made up here is the same for all."""
    found = {}
    for field in fields:
        if TRACE.match(field):
            continue
        name, colon, value = field.partition(b":")
        key = _text(name).lower() if colon else "no field"
        text = _text(value) if colon else _text(field)
        if key in GENERATED and value.strip() not in given:
            text = "made up"
        found.setdefault("field " + key, []).append(text)
    return {key: " | ".join(values) for key, values in found.items()}


def _address(address):
    """With quotes where they are needed: Postfix keeps addresses without."""
    local, at, domain = address.rpartition("@")
    quoted = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', local)
    if quoted:
        local = re.sub(r"\\(.)", r"\1", quoted[1])
    if at and not re.fullmatch(r"[^\s()<>@,;:\\\".\[\]]+(\.[^\s()<>@,;:\\\"."
                               r"\[\]]+)*", local):
        local = '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'
    return _text((local + at + domain).encode("utf-8", "surrogateescape"))


def _of_message(message, case):
    fields, body = _split(message.content)
    recipients = tuple(_address(r) for r in message.recipients)
    unsafe = {name: "yes" for name, (octets, pattern) in {
        "bare CR in header": (b"\n".join(fields), rb"\r"),
        "NUL in header": (b"\n".join(fields), rb"\0"),
        "bare CR in body": (body, rb"\r(?!\n)"),
        "bare LF in body": (body, rb"(?<!\r)\n"),
    }.items() if re.search(pattern, octets)}
    return {**unsafe, "sender": _address(message.sender) or "<>",
            "recipients": recipients,
            "dsn": str(message.settings[:1] + tuple(
                sorted(message.settings[1:]))) if message.settings else "",
            "body": repr(body), **_fields(fields, case.input)}


def _exit(outcome):
    """How it ended, in a word or two."""
    if outcome.messages:
        return "taken" if outcome.status == 0 else f"{outcome.status} and sent"
    if outcome.status == 0:
        return "report only" if outcome.reported else "0 and nothing sent"
    return str(outcome.status)


def _why(outcome):
    """Why it was refused, in the program's own words: the first line without
    what changes from run to run."""
    text = outcome.errors or outcome.report.partition(b"\r\n\r\n")[2]
    for noise in NOISE:
        text = re.sub(noise, b"", text)
    return _text(b" ".join(text.split(b"\n")[:4]))[:120]


NOISE = (rb"\r", rb"\A\S*(sendmail|exim): ", rb"\Afatal: ", rb"\A\S+\(0\): ",
         rb"\A\d{4}-\d\d-\d\d [\d:]+ (\w{6}-\w{6,11}-\w{2,4} )*",
         rb"\ANotice: .*\n", rb"\AA message that you sent contained .*\n"
         rb"(constructed:\n)?\n")

NUMBER = r"\A\d+\. "        # of one message of several

VERBS = ("HELO", "EHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP",
         "QUIT", "VRFY", "EXPN", "HELP", "AUTH", "STARTTLS", ".")


def _command(piece):
    """What a reply is to: a verb, or other text."""
    verb = piece.split(None, 1)[0].decode("latin1").upper() \
        if piece.strip() else "an empty line"
    return verb if verb in VERBS or not piece.strip() else "other text"


def _brief(line):
    """A reply, without what changes from run to run."""
    return line[:70] if line[0] in "45" else line[:3]


def commands(case):
    """What replies may be to: in "at once" cases each is to all of it."""
    if len(case.pieces) == 1:
        return itertools.repeat("what came at once")
    return ["connecting", *(_command(piece) for piece in case.pieces),
            "the end of the input"]


def _replies(outcome, case):
    """(what it is to, replies)"""
    to = commands(case)
    replies = list(outcome.replies)
    if len(case.pieces) == 1:
        replies = [(line,) for lines in replies for line in lines]
    elif "QUIT" in to:          # whose reply may come when the program ends
        last = to.index("QUIT")
        replies[last:] = [sum(replies[last:], ())]
    return tuple((command, tuple(_brief(line) for line in lines))
                 for command, lines in zip(to, replies))


def facets(outcome, case):
    """All that is compared of one outcome."""
    found = {}
    if case.is_smtp:
        found["replies"] = _replies(outcome, case)
        found["messages"] = str(len(outcome.messages))
    else:
        found["exit"] = _exit(outcome)
        if outcome.messages:
            found["messages"] = str(len(outcome.messages))
        if outcome.status or not outcome.messages:
            found["why"] = _why(outcome)
    if outcome.reported and outcome.messages:
        found["reported"] = "yes"
    # In no order of time: Postfix does not keep it.
    for number, message in enumerate(sorted(
            outcome.messages, key=lambda m: (sorted(m.recipients), m.sender,
                                             _split(m.content)[1]))):
        before = f"{number + 1}. " if len(outcome.messages) > 1 else ""
        found.update({before + name: value for name, value in
                      _of_message(message, case).items()})
    return found


def differences(ours, theirs):
    """How these facets differ; what follows from another is left out."""
    if ours.get("exit") != theirs.get("exit"):
        why = theirs.get("why") if "why" in theirs else ours["why"]
        return [f"exit: {ours['exit']} / {theirs['exit']}: {why}"]
    reply = _first_reply(ours.get("replies", ()), theirs.get("replies", ()))
    if reply:
        return [reply]
    if ours.get("messages") != theirs.get("messages"):
        return [f"messages: {ours['messages']} / {theirs['messages']}"]
    found = []
    for name in sorted(ours.keys() | theirs.keys()):
        if name in ("exit", "why", "replies", "messages"):
            continue
        how = _how(name, ours.get(name), theirs.get(name))
        if how:
            found.append(f"{re.sub(NUMBER, '', name)}: {how}")
    return found


def _classes(lines):
    return " ".join(line[0] for line in lines) or "none"


def _first_reply(ours, theirs):
    """The classes of the first replies that differ in it, and the words of
    the one who refuses."""
    for one, other in itertools.zip_longest(ours, theirs):
        command, lines = one or (other[0], ())
        others = other[1] if other else ()
        if _classes(lines) != _classes(others):
            words = [line for line in (*others, *lines) if line[0] in "45"]
            return f"reply to {command}: {_classes(lines)} / " \
                   f"{_classes(others)}: {(words or [''])[0]}"
    return None


def _how(name, ours, theirs):
    if ours == theirs:
        return None
    if ours is None or theirs is None:
        return "only " + ("theirs" if ours is None else "ours")
    if not name.endswith("recipients"):
        return "differs"
    one, other = set(ours), set(theirs)
    if one == other:
        return "order" if len(ours) == len(theirs) else "count"
    if one > other:
        return "more"
    return "fewer" if one < other else "others"
