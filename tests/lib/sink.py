"""Where the real servers deliver to: a server of LMTP, or of SMTP for Dovecot,
that keeps everything."""

import socketserver
import threading
from collections import namedtuple

PATIENCE = 60           # seconds; the end of a test that has gone wrong

Delivery = namedtuple("Delivery", "sender recipients content")


class Sink:
    """Keeps every message that it is given."""

    def __init__(self):
        self._deliveries = []
        self._news = threading.Condition()
        self._server = socketserver.ThreadingTCPServer(
            ("127.0.0.1", 0), _SinkSession, bind_and_activate=True)
        self._server.daemon_threads = True
        self._server.keep = self._keep
        self.port = self._server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever,
                         daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def find(self, token):
        """The deliveries so far with this token in their content."""
        with self._news:
            return [d for d in self._deliveries if token in d.content]

    def wait(self, token, recipients, patience=PATIENCE):
        """The deliveries with this token, when all these recipients have
        theirs. A server may deliver to each on its own."""
        def complete():
            return set(recipients) <= {
                r for d in self._deliveries if token in d.content
                for r in d.recipients}
        with self._news:
            if not self._news.wait_for(complete, patience):
                raise AssertionError(
                    f"no delivery of {token!r} to all of {recipients}: "
                    f"{[d[:2] for d in self._deliveries]}")
        return self.find(token)

    def clear(self):
        """Forget all deliveries."""
        with self._news:
            self._deliveries.clear()

    def _keep(self, delivery):
        with self._news:
            self._deliveries.append(delivery)
            self._news.notify_all()


class _SinkSession(socketserver.StreamRequestHandler):
    """One connection. The client is a mail server of ours: no errors."""

    disable_nagle_algorithm = True

    def handle(self):
        sender, recipients, is_lmtp = "", [], False
        self._reply("220 sink")
        for line in iter(self.rfile.readline, b""):
            verb = line[:4].upper()
            if verb in (b"LHLO", b"EHLO"):
                is_lmtp = verb == b"LHLO"
                self._reply("250-sink", "250-PIPELINING", "250-8BITMIME",
                            "250-SMTPUTF8", "250 SIZE")
                continue
            if verb == b"DATA":
                self._reply("354 go on")
                content = self._content()
                self.server.keep(Delivery(sender, tuple(recipients), content))
                self._reply(*["250 kept"] * (len(recipients) if is_lmtp
                                             else 1))
                recipients = []
                continue
            if verb == b"MAIL":
                sender, recipients = _path(line), []
            elif verb == b"RCPT":
                recipients.append(_path(line))
            self._reply("221 bye" if verb == b"QUIT" else "250 ok")
            if verb == b"QUIT":
                return

    def _content(self):
        lines = []
        for line in iter(self.rfile.readline, b".\r\n"):
            if not line:
                raise ConnectionError("the server went away within DATA")
            lines.append(line[1:] if line[:1] == b"." else line)
        return b"".join(lines)

    def _reply(self, *lines):
        self.wfile.write("".join(l + "\r\n" for l in lines).encode("ascii"))


def _path(line):
    """The address between the angle brackets of a MAIL or RCPT line."""
    return line[line.index(b"<") + 1:line.rindex(b">")].decode("utf-8")
