"""A file of Postfix's queue, which is records: a type, a length, octets."""

from differential.outcome import Message, dsn

RET = {0: "", 1: "FULL", 2: "HDRS"}
_FLAGS = {1: "NEVER", 2: "SUCCESS", 4: "FAILURE", 8: "DELAY"}
NOTIFY = {flags: ",".join(n for bit, n in _FLAGS.items() if flags & bit)
          for flags in range(1, 16)}


def _records(data):
    """(type, octets) of a queue file of Postfix."""
    place = 0
    while place < len(data):
        kind, length, shift = chr(data[place]), 0, 0
        while True:
            place += 1
            length |= (data[place] & 0x7f) << shift
            shift += 7
            if not data[place] & 0x80:
                break
        place += 1
        yield kind, data[place:place + length]
        place += length
        if kind == "E":
            return


def read(data):
    sender, recipients, content = "", [], b""
    of_message, notify, settings, within = [], "", [], False
    for kind, octets in _records(data):
        text = octets.decode("utf-8", "surrogateescape")
        if kind == "M":
            within = True
        elif kind == "X":
            within = False
        elif within and kind in "NL":
            content += octets + (b"\r\n" if kind == "N" else b"")
        elif kind == "S":
            sender = text
        elif kind == "R":
            recipients.append(text)
            settings.append(dsn(notify))
            notify = ""
        elif kind == "A" and not within:
            name, _, value = text.partition("=")
            if name == "notify_flags":
                notify = "NOTIFY=" + NOTIFY.get(int(value), value)
            elif name == "ret_flags":
                of_message.append("RET=" + RET[int(value)])
            elif name == "envelope_id":
                of_message.append("ENVID=" + value)
    settings.insert(0, dsn(" ".join(of_message)))
    return Message(sender, tuple(recipients), content,
                   tuple(settings) if any(settings) else ())
