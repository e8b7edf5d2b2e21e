"""What there is about a case: a pattern over a part of it, as rows of
DIFFERENCES.md name it."""

PLAIN = (rb"[\w+=]+(?:[.-][\w+=]+)*@[a-zA-Z0-9]+(?:-+[a-zA-Z0-9]+)*"
         rb"(?:\.[a-zA-Z0-9]+(?:-+[a-zA-Z0-9]+)*){1,9}")

# Fields whose addresses a program may look at, and their prefix.
LISTS = (rb"(?im)^(?:resent-)?(?:to|cc|bcc|from|sender|reply-to|errors-to|"
         rb"return-receipt-to|disposition-notification-to|apparently-to)"
         rb"[ \t]*:")

TAGS = {
    # Arguments
    "-t": ("options", rb"(?m)^-t"),
    "-i": ("options", rb"(?m)^-(?:i|oi)$"),
    "-n": ("options", rb"(?m)^-n$"),
    "-V": ("options", rb"(?m)^-[VR]"),
    "-Q": ("options", rb"(?m)^-Q"),
    "-ee": ("options", rb"(?m)^-(?:o?ee|O ?ErrorMode=e)"),
    "-U": ("options", rb"(?m)^-U"),
    "-N": ("options", rb"(?m)^-N"),
    "-G": ("options", rb"(?m)^-G"),
    "-h": ("options", rb"(?m)^-h"),
    "-C": ("options", rb"(?m)^-C"),
    "-d": ("options", rb"(?m)^-d"),
    "-F": ("options", rb"(?m)^-F"),
    "-v": ("options", rb"(?m)^-(?:v|ov)$"),
    "-ba": ("options", rb"(?m)^-ba"),
    "-b": ("options", rb"(?m)^-(?:b[^m]|q|I)"),
    "recipients": ("words", rb"."),
    "odd recipient": ("words", rb"(?m)^(?!" + PLAIN + rb"$)."),
    "empty recipient": ("words", rb"(?m)^[<>]*\n"),
    "several in one": ("words", rb"(?m).[,; \t].*@|@.*[,; \t]."),
    "late option": ("words", rb"(?m)^-"),
    "sender": ("senders", rb"\n"),
    "odd sender": ("senders", rb"(?m)^(?!" + PLAIN + rb"$|$|<>$)."),
    "null sender": ("senders", rb"(?m)^(<>)?\n"),
    "two senders": ("senders", rb"(?s)\n.*\n"),

    # The header section
    "bcc": ("fields", rb"(?im)^(?:resent-)?bcc"),
    "no recipient field": ("fields", rb"(?ims)\A(?!.*^(?:to|cc)[ \t]*:)"),
    "resent": ("fields", rb"(?im)^resent-"),
    "odd list": ("fields", LISTS + rb"(?![ \t]*" + PLAIN + rb"(?:, " + PLAIN
                 + rb")*\r*$)"),
    "several fields": ("fields", rb"(?ims)^(to|cc|reply-to|from|"
                       rb"sender|subject|date|message-id|mime-version|"
                       rb"content-type|content-transfer-encoding)[ \t]*:"
                       rb".*^\1[ \t]*:"),
    "two cases": ("words", rb"BOB@|@B"),
    "long header name": ("header", rb"(?m)^[^\s:]{78}"),
    "mixed line ends": ("content", rb"(?s)(?=.*\r\n)(?=.*[^\r]\n)"),
    "two cases in header": ("fields", rb"BOB@|@B"),
    "empty field": ("fields", rb"(?m)^[^\s:]+[ \t]*:[ \t\r]*$"),
    "several CRs": ("content", rb"\r\r+\n|\r\Z"),
    "no header": ("header", rb"\A\Z"),
    "odd field": ("header", rb"(?m)^(?![\x21-\x39\x3b-\x7e]+[ \t]*:|[ \t])"),
    "blank first": ("header", rb"\A[ \t]"),
    "bare CR in header": ("header", rb"\r(?!\r*\n|\r*\Z)"),
    "NUL in header": ("header", rb"\0"),
    "8-bit header": ("header", rb"[\x80-\xff]"),
    "control in header": ("header", rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]"),
    "mbox line": ("header", rb"\A>?From "),
    "byte order mark": ("header", rb"\A\xef\xbb\xbf"),
    "blank before colon": ("header", rb"(?m)^[\x21-\x39\x3b-\x7e]+[ \t]+:"),
    "long header line": ("header", rb"[^\n]{999}"),

    # The body
    "bare CR in body": ("body", rb"\r(?!\r*\n)"),
    "NUL in body": ("body", rb"\0"),
    "8-bit body": ("body", rb"[\x80-\xff]"),
    "long line": ("body", rb"[^\n]{999}"),
    "dot line": ("body", rb"(?m)^\.\r*$"),
    "dots": ("body", rb"(?m)^\.\."),
    "last dot": ("body", rb"(?:\A|\n)\.\r*\Z"),
    "no body": ("body", rb"\A\Z"),

    # SMTP
    "several messages": ("smtp", rb"(?s)(?:DATA|BDAT).*MAIL"),
    "bare LF": ("smtp", rb"(?<!\r)\n"),
    "bare CR": ("smtp", rb"\r(?!\n)"),
    "NUL": ("smtp", rb"\0"),
    "BDAT": ("smtp", rb"(?m)^BDAT"),
    "HELO": ("smtp", rb"(?mi)^HELO"),
    "no greeting": ("smtp", rb"(?i)\A(?!(?:HELO|EHLO) client)."),
    "odd greeting": ("smtp", rb"(?im)^(HELO|EHLO)(?! (?:client|again).example"
                             rb"\r*$)"),
    "odd path": ("smtp", rb"(?m)^(?:MAIL|RCPT) [^:]*:[ ]?(?!<" + PLAIN +
                 rb">)"),
    "odd command": ("smtp", rb"(?m)^(?!(?:MAIL FROM:|RCPT TO:)|(?:DATA|RSET|"
                            rb"NOOP|QUIT|\.|)\r?$|(?:HELO|EHLO) )."),
}
