"""What must be true of a message that came to the smarthost."""

import email
import email.policy
import re

HIDDEN = b"bcc@hidden.example"          # who is a Bcc recipient in every case
ADDRESSES = ("From", "Sender", "Reply-To", "To", "Cc")
ONCE = ("From", "Date", "Message-ID", "Subject")


def problems(case, user, messages, data):
    """What is wrong with the messages of a case, as texts."""
    texts = []
    for message in messages:
        parsed = email.message_from_bytes(message.content,
                                          policy=email.policy.default)
        texts.append(text_of(parsed))
        yield from envelope(case, user, message)
        yield from header(case, user, parsed, message)
    yield from bodies(case, texts, data)


def envelope(case, user, message):
    sender = case["from"].replace("{user}", user)
    if message.reverse_path != ("" if sender == "<>" else sender):
        yield f"MAIL FROM:<{message.reverse_path}>, not <{sender}>"
    if sorted(message.recipients) != sorted(case.words("to")):
        yield f"RCPT TO {message.recipients}"
    given = [f"{keyword}={value}" for parameters in
             (message.parameters, *message.recipient_parameters.values())
             for keyword, value in parameters.items()]
    for wanted in case["parameter"]:
        if wanted not in given:
            yield f"no {wanted} among {given}"


def header(case, user, parsed, message):
    for name in ONCE:
        count = len(message.fields(name))
        if count > 1 or count == 0 and name != "Subject":
            yield f"{count} fields {name}"
    if not re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>",
                        "".join(message.fields("Message-ID"))):
        yield f"Message-ID {message.fields('Message-ID')}"
    for name in ADDRESSES:
        for field in parsed.get_all(name, []):
            for address in field.addresses:
                if not address.domain:
                    yield f"{name}: {field}: no domain"
    if parsed["Bcc"] is not None or HIDDEN in message.content:
        yield "the Bcc recipient can be seen"
    if not message.fields("Received"):
        yield "no Received"
    for wanted in case["field"]:
        name, _, value = wanted.replace("{user}", user) \
            .partition(": ")
        if value not in message.fields(name) + \
                [str(field) for field in parsed.get_all(name, [])]:
            yield f"{name}: {message.fields(name)}, not {value!r}"


def bodies(case, texts, data):
    for wanted in case["holds"]:
        if not any(wanted in text for text in texts):
            yield f"no text with {wanted!r}: {texts!r:.500}"
    if case["holds"]:
        return
    wanted = (data / case["body"]).read_text(encoding="utf-8")
    for text in texts:
        if text.rstrip("\n") != wanted.rstrip("\n"):
            yield f"text {text!r}"


def text_of(parsed):
    """The text parts, decoded, with LF line ends. (Ruby encodes the CR of a
    CRLF, so that there are two; bare ones on the wire are seen elsewhere.)"""
    texts = [part.get_payload(decode=True).decode(
                 part.get_content_charset("utf-8"), "backslashreplace")
             for part in parsed.walk()
             if part.get_content_maintype() == "text"]
    return re.sub(r"\r+\n", "\n", "\n".join(texts))
