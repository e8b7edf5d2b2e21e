"""Dialogue files: conversations which a fake smarthost plays to the letter.

tests/dialogues/README.md is their manual. A Script is a parsed file, a Stage
plays one for a client, and `perform` runs sendmail against it and says what
was not as written.
"""

import base64
import fnmatch
import re
import shlex
import ssl
import tempfile
import threading

from . import sasl
from .harness import outcomes
from .wire import PATIENCE, Closed, Listener, localhost

USER, PASSWORD = "relay@example.com", "opensesame"
ARGUMENTS = "-f alice@a.example bob@b.example"
MESSAGE = ("From: alice@a.example\nTo: bob@b.example\nSubject: a test\n"
           "Date: Tue, 24 Nov 2026 08:27:29 +0100\n"
           "Message-ID: <test@a.example>\n\nhello\n")
FLOOD_LIMIT = 10 << 20
TRICKLE_PAUSE = 0.1         # seconds between two octets

STEP = re.compile(
    r"(S:|S>|C:|C~|C\.|BDAT|TLS|CLOSE|RESET|SILENT|TRICKLE|FLOOD|IDLE|AUTH"
    r"|STALL|CONNECT)(?: (.*))?$")
SHORT = re.compile(r"(HELLO|EHLO)(?: (.+))?$|(STARTTLS|MESSAGE)$")
HEADER = re.compile(r"(config|global|smarthost|args|env|limit):\s*(.*)$")


class Failure(Exception):
    """The client did not do what the script says."""


def ehlo(keywords):
    """EHLO and a reply that lists these, as steps."""
    lines = ["smtp.test", *(keywords.split(", ") if keywords else [])]
    return ["C: EHLO client.example", *(f"S: 250-{line}" for line in lines[:-1]),
            f"S: 250 {lines[-1]}"]


def hello(keywords):
    return ["S: 220 smtp.test ESMTP", *ehlo(keywords)]


LONG = {
    "HELLO": hello,
    "EHLO": ehlo,
    "STARTTLS": lambda _: ["C: STARTTLS", "S: 220 2.0.0 go ahead", "TLS"],
    "MESSAGE": lambda _: [
        "C: MAIL FROM:<alice@a.example>", "C: RCPT TO:<bob@b.example>",
        "C: DATA", "S: 250 2.1.0 ok", "S: 250 2.1.5 ok", "S: 354 go ahead",
        "C."],
}


def expand(line):
    """The steps of a line that is short for several, or the line itself."""
    short = SHORT.match(line)
    return LONG[short[1] or short[3]](short[2]) if short else [line]


class Script:
    """A dialogue file, parsed. ValueError names file and line."""

    def __init__(self, path):
        self.path = path
        self.config, self.settings, self.smarthost = {}, {}, {}
        self.env, self.arguments = {}, ARGUMENTS
        self.limit = 30
        self.message, self.raw_message = None, False
        self.sessions = [[]]            # of (line number, verb, text)
        self.outcomes = []              # (address, word, code pattern)
        self.exits = []
        self.patterns = []              # (kind, pattern): see check_patterns
        in_message = False
        for number, line in enumerate(
                path.read_text(encoding="utf-8").splitlines(), 1):
            if in_message and (line.startswith("    ") or not line.strip()):
                self.message += line[4:] + "\n"
                continue
            in_message = False
            if line.startswith("#") or not line.strip():
                continue
            if line == "message:":
                self.message, in_message = self.message or "", True
            elif not all(self._take(number, long) for long in expand(line)):
                raise ValueError(f"{path.name}:{number}: what is {line!r}?")
        self._finish()

    def _take(self, number, line):
        step = STEP.match(line)
        if step:
            if step[1] == "CONNECT":
                self.sessions.append([])
            else:
                self.sessions[-1].append((number, step[1], step[2] or ""))
            return True
        return self._take_header(line) or self._take_expectation(line)

    def _take_header(self, line):
        header = HEADER.match(line)
        if not header:
            if line.startswith("message> "):
                self.message = (self.message or "") + octets(line[9:]).decode(
                    "latin-1")
                self.raw_message = True
                return True
            return False
        kind, text = header.groups()
        if kind == "args":
            self.arguments = text
        elif kind == "limit":
            self.limit = int(text)
        else:
            key, value = (part.strip() for part in text.split("=", 1))
            {"config": self.config, "global": self.settings, "env": self.env,
             "smarthost": self.smarthost}[kind][key] = value
        return True

    def _take_expectation(self, line):
        kind, _, text = line.partition(" ")
        if kind == "=":
            self.outcomes.append(tuple(text.split()))
            return len(self.outcomes[-1]) == 3
        if kind == "exit":
            self.exits = [int(word) for word in text.split()]
            return True
        if kind in ("stderr~", "stderr!~", "peer~", "peer!", "content~",
                    "content="):
            self.patterns.append((kind, text))
            return True
        return False

    def _finish(self):
        if self.message is None:
            self.message = MESSAGE
        elif not self.raw_message:
            self.message = self.message.rstrip("\n") + "\n"
        if not self.exits:
            raise ValueError(f"{self.path.name}: no exit status")

    @property
    def stdin(self):
        return self.message.encode("latin-1" if self.raw_message else "utf-8")


def octets(text):
    r"""Text with \r \n \0 \t \\ \xNN, and «N*text» for N times text."""
    repeated = True
    while repeated:                     # the innermost first
        text, repeated = re.subn(r"«(\d+)\*([^«»]*)»",
                                 lambda m: m[2] * int(m[1]), text)
    data = text.encode("utf-8")
    names = {b"r": b"\r", b"n": b"\n", b"0": b"\0", b"t": b"\t",
             b"\\": b"\\"}
    return re.sub(rb"\\(?:x([0-9a-fA-F]{2})|([rn0t\\]))",
                  lambda m: bytes([int(m[1], 16)]) if m[1] else names[m[2]],
                  data)


def text_octets(text):
    """A line of the script: only «N*text» is special."""
    return octets(text.replace("\\", "\\\\"))


class Stage:
    """The fake smarthost of one script."""

    def __init__(self, script, certificates):
        self.secrets = None
        self.script, self.certificates = script, certificates
        self.connections = []
        self.failures = []
        self.content = b""              # the last message received
        self.program_ended = threading.Event()
        self._lock = threading.Lock()
        families = script.smarthost.get("families", "ipv4").split()
        self._listener = Listener(self._serve, families)
        self.port = self._listener.port

    def close(self):
        """Let the last steps come to their end, then look for the missing."""
        self.program_ended.set()
        self._listener.finish()
        self.failures += [repr(e) for e in self._listener.errors]
        missing = len(self.script.sessions) - len(self.connections)
        if missing > 0 and any(self.script.sessions):
            self.failures.append(f"{missing} connections were not made")

    def received(self):
        return b"\n".join(bytes(c.received) for c in self.connections)

    def _serve(self, connection):
        with self._lock:
            number = len(self.connections)
            self.connections.append(connection)
            if number >= len(self.script.sessions) or \
                    not any(self.script.sessions):
                self.failures.append("connected once more than written")
                return
        Player(self, connection, number).run(self.script.sessions[number])

    def context(self, number):
        settings = self.script.smarthost
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        version = settings.get("tls_max_version", "1.3")
        context.maximum_version = ssl.TLSVersion["TLSv" +
                                                 version.replace(".", "_")]
        name = self.certificate[min(number, len(self.certificate) - 1)]
        context.load_cert_chain(self.certificates.path(name))
        # A channel binding of TLS 1.3 is computed from the logged secrets.
        if self.secrets is None:
            self.secrets = tempfile.NamedTemporaryFile(prefix="keylog")
        context.keylog_filename = self.secrets.name
        if settings.get("client_certificate") == "wanted":
            context.load_verify_locations(self.certificates.ca)
            context.verify_mode = ssl.CERT_OPTIONAL
        return context

    @property
    def certificate(self):
        """Names: of the first connection's, the second's, and so on."""
        return self.script.smarthost.get("certificate", "server").split()


class Player:
    """One session, step by step."""

    def __init__(self, stage, connection, number):
        self.stage, self.connection = stage, connection
        self.number = number

    def run(self, steps):
        ended = False
        for number, verb, text in steps:
            self.where = f"{self.stage.script.path.name}:{number}"
            handler = getattr(self, VERBS[verb])
            try:
                ended = handler(text)
            except Closed as closed:
                self.fail(f"the connection ended: {closed}; "
                          f"expected {verb} {text}")
                return
            except Failure as failure:
                self.fail(str(failure))
                return
        if not ended:
            self.finish()

    def fail(self, text):
        self.stage.failures.append(f"{self.where}: {text}")

    def finish(self):
        """Nothing but QUIT may come now."""
        try:
            while True:
                line = self.connection.line()
                if line.upper() == b"QUIT\r\n":
                    self.connection.send(b"221 2.0.0 bye\r\n")
                    return
                self.fail(f"unexpected at the end: {line!r}")
        except Closed:
            if self.connection.buffer:
                self.fail("unexpected at the end: "
                          f"{bytes(self.connection.buffer)!r}")

    # Steps. One that returns True has ended the connection.

    def send_line(self, text):
        self.connection.send(text_octets(text) + b"\r\n")

    def send_raw(self, text):
        self.connection.send(octets(text))

    def line(self):
        line = self.connection.line()
        if not line.endswith(b"\r\n"):
            raise Failure(f"a line that ends without CR: {line!r}")
        return line[:-2]

    def expect_line(self, text):
        line = self.line()
        if line != text_octets(text):
            raise Failure(f"expected {text_octets(text)!r}\n"
                          f"    but got  {line!r}")

    def expect_match(self, pattern):
        line = self.line().decode("utf-8", "backslashreplace")
        if not re.fullmatch(pattern, line):
            raise Failure(f"expected a match of {pattern}\n    but got {line}")

    def read_content(self, _):
        self.stage.content = self.connection.content()

    def read_chunk(self, _):
        """One BDAT with its octets; all up to LAST make the content."""
        line = self.line()
        match = re.fullmatch(rb"BDAT ([0-9]+)( LAST)?", line)
        if not match:
            raise Failure(f"expected BDAT but got {line!r}")
        self.stage.content += self.connection.exactly(int(match[1]))

    def tls(self, how):
        if how == "garbage":
            self.connection.something()
            self.connection.send_beside_tls(b"\x16\x03\x03" + b"garbage!" * 40)
            self.connection.drain()
            return True
        context = self.stage.context(self.number)
        if how == "fails":
            try:
                self.connection.start_tls(context)
                got = self.connection.line()
            except Closed:
                return True
            raise Failure(f"TLS did not fail, got {got!r}")
        self.connection.start_tls(context)
        return None

    def close(self, how):
        self.connection.close(notify=how != "rudely")
        return True

    def reset(self, _):
        self.connection.reset()
        return True

    def silent(self, _):
        self.connection.drain()
        return True

    def trickle(self, text):
        """One octet at a time, for ever, until the client has enough."""
        data = octets(text)
        position = 0
        try:
            while self.connection.end is None:
                if self.connection.wait_readable(TRICKLE_PAUSE):
                    self.connection.drain()
                self.connection.send(data[position:position + 1])
                position = (position + 1) % len(data)
        except Closed:
            pass
        return True

    def flood(self, text):
        data = octets(text)
        block = data * max(1, (1 << 14) // len(data))
        sent = 0
        try:
            while sent < FLOOD_LIMIT:
                self.connection.send(block)
                sent += len(block)
        except Closed:
            return True
        raise Failure(f"the client took {sent} octets")

    def stall(self, _):
        """Read nothing until the program has ended."""
        self.stage.program_ended.wait(PATIENCE)
        return True

    def idle(self, _):
        """The client must wait for a reply here."""
        if self.connection.buffer or self.connection.wait_readable(0.05):
            raise Failure("the client did not wait: "
                          f"{self.connection.pending()!r}")

    def auth(self, text):
        """A SASL exchange by the server's rules, from the AUTH command on."""
        mechanism, _, how = text.partition(" ")
        words = self.line().decode().split(" ")
        if words[:2] != ["AUTH", mechanism]:
            raise Failure(f"expected AUTH {mechanism}, got {words[:2]}")
        exchange = sasl.Exchange(
            {USER: PASSWORD}, self.challenge,
            base64.b64decode(words[2]) if len(words) > 2 else None,
            self.connection,
            self.stage.certificates.der(self.stage.certificate[0]),
            how == "wrong-signature")
        try:
            sasl.MECHANISMS[mechanism](exchange)
        except (sasl.Refused, sasl.Cancelled):
            if how == "wrong-signature":
                self.connection.send(b"501 5.7.0 cancelled\r\n")
                return
            raise Failure(f"{mechanism}: the proof is wrong") from None
        if how == "wrong-signature":
            raise Failure("the client believed a wrong signature")
        self.connection.send(b"235 2.7.0 welcome\r\n")

    def challenge(self, data):
        self.connection.send(b"334 " + base64.b64encode(data) + b"\r\n")
        line = self.line()
        if line == b"*":
            raise sasl.Cancelled
        return base64.b64decode(line)


VERBS = {
    "S:": "send_line", "S>": "send_raw", "C:": "expect_line",
    "C~": "expect_match", "C.": "read_content", "BDAT": "read_chunk",
    "TLS": "tls", "CLOSE": "close", "RESET": "reset", "SILENT": "silent",
    "TRICKLE": "trickle", "FLOOD": "flood", "IDLE": "idle", "AUTH": "auth",
    "STALL": "stall",
}


# Running one

def perform(script, programs, certificates):
    """Play it for sendmail. Returns what was not as written, as lines."""
    stage = Stage(script, certificates)
    try:
        configure(script, stage, programs)
        arguments = [octets(a) for a in shlex.split(script.arguments)]
        result = programs.sendmail(*arguments, stdin=script.stdin,
                                   env=script.env, limit=script.limit)
    finally:
        stage.close()
    failures = (stage.failures + check_result(script, result)
                + check_patterns(script, stage, result)
                + check_secrets(script, stage, result))
    return [*failures, str(result), transcript(stage)] if failures else []


def configure(script, stage, programs):
    """Without other words: clear text to localhost, no password."""
    keys = {"host": localhost(), "inet": "ipv4", "tls": "none",
            "auth": "none", "timeout": "10s"}
    names = {"%CA%": stage.certificates.ca,
             "%OTHER_CA%": stage.certificates.path("other-ca"),
             "%CLIENT%": stage.certificates.path("client"),
             "%FINGERPRINT%": stage.certificates.fingerprint(
                 stage.certificate[0]),
             "%OTHER_FINGERPRINT%": stage.certificates.fingerprint("client")}
    keys.update({k: names.get(v, octets(v).decode())
                 for k, v in script.config.items()})
    if keys["tls"] != "none":
        keys.setdefault("tls_ca_file", stage.certificates.ca)
    if keys["auth"] not in ("none", "external"):
        keys.setdefault("user", USER)
        if keys["user"]:
            keys.setdefault("password", PASSWORD)
    if keys["inet"] == "any":
        del keys["inet"]
    booleans = {"true": True, "false": False}
    keys = {k: booleans.get(v, v) for k, v in keys.items()}
    sections = int(script.smarthost.get("sections", 1))
    programs.write_config([stage.port] * sections, script.settings, **keys)


def check_result(script, result):
    failures = []
    if result.status not in script.exits:
        failures.append(f"exit status {result.status}, not {script.exits}")
    if result.stdout:
        failures.append(f"standard output: {result.stdout!r}")
    found = outcomes(result.errors)
    expected = {address for address, _, _ in script.outcomes}
    for address, word, code in script.outcomes:
        got = found.get(address, [])
        if len(got) != 1:
            failures.append(f"{len(got)} outcomes of {address}")
        elif not (fnmatch.fnmatch(got[0][0], word)
                  and fnmatch.fnmatch(got[0][1], code)):
            failures.append(f"{address}: {got[0]}, not {word} {code}")
    if expected and set(found) - expected:
        failures.append(f"outcomes of others: {set(found) - expected}")
    return failures


def check_patterns(script, stage, result):
    peer = stage.received().decode("utf-8", "backslashreplace")
    content = stage.content.decode("utf-8", "backslashreplace")
    failures = []
    for kind, pattern in script.patterns:
        text = result.errors if kind.startswith("stderr") else \
            content if kind.startswith("content") else peer
        if kind == "content=":
            right = octets(pattern).decode("utf-8", "backslashreplace") in text
        else:
            right = bool(re.search(pattern, text, re.M))
        if right == ("!" in kind):
            failures.append(f"not so: {kind} {pattern}")
    return failures


def check_secrets(script, stage, result):
    """Never on standard error; nothing but the way to TLS before TLS."""
    failures = []
    password = octets(script.config.get("password", PASSWORD))
    shown = result.stderr + result.stdout
    for form in (password, base64.b64encode(password).rstrip(b"="),
                 base64.b64encode(b"\0%s\0%s" % (USER.encode(), password))):
        if form in shown:
            failures.append("the password was shown")
    if script.config.get("tls", "none") != "none":
        for connection in stage.connections:
            if re.search(rb"(?im)^(AUTH|MAIL|RCPT|DATA|BDAT)\b",
                         connection.received_in_clear):
                failures.append("said before TLS: "
                                f"{bytes(connection.received_in_clear)!r}")
    return failures


def transcript(stage):
    """What passed, for the reader of a failure."""
    lines = []
    for number, connection in enumerate(stage.connections):
        lines += [f"connection {number} ({connection.end})",
                  f"  client: {bytes(connection.received[:2000])!r}",
                  f"  server: {bytes(connection.sent[:500])!r}"]
    return "\n".join(lines)
