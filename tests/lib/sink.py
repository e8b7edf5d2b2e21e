"""Where the real servers deliver to: a server of LMTP, or of SMTP for Dovecot,
that keeps everything."""

import socketserver
import threading
from collections import namedtuple

PATIENCE = 60           # seconds; the end of a test that has gone wrong

# parameters: what follows the paths of MAIL and of each RCPT.
Delivery = namedtuple("Delivery", "sender recipients content parameters")


class Sink:
    """Keeps every message that it is given."""

    def __init__(self, address=("127.0.0.1", 0), extensions=("SIZE",)):
        self._deliveries = []
        self._news = threading.Condition()
        self._server = socketserver.ThreadingTCPServer(
            address, _SinkSession, bind_and_activate=True)
        self._server.extensions = extensions
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
        """Forget all deliveries; returns them."""
        with self._news:
            deliveries, self._deliveries = self._deliveries, []
        return deliveries

    def _keep(self, delivery):
        with self._news:
            self._deliveries.append(delivery)
            self._news.notify_all()


class _SinkSession(socketserver.StreamRequestHandler):
    """One connection. The client is a mail server of ours: no errors."""

    disable_nagle_algorithm = True

    def handle(self):
        sender, recipients, parameters, is_lmtp = "", [], [], False
        self._reply("220 sink")
        for line in iter(self.rfile.readline, b""):
            verb = line[:4].upper()
            if verb in (b"LHLO", b"EHLO"):
                is_lmtp = verb == b"LHLO"
                self._reply("250-sink", "250-PIPELINING", "250-8BITMIME",
                            *("250-" + e for e in self.server.extensions),
                            "250 SMTPUTF8")
                continue
            if verb == b"DATA":
                self._reply("354 go on")
                content = self._content()
                self.server.keep(Delivery(sender, tuple(recipients), content,
                                          tuple(parameters)))
                self._reply(*["250 kept"] * (len(recipients) if is_lmtp
                                             else 1))
                recipients = []
                continue
            if verb == b"MAIL":
                sender, recipients = _path(line), []
                parameters = [_parameters(line)]
            elif verb == b"RCPT":
                recipients.append(_path(line))
                parameters.append(_parameters(line))
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
    return line[line.index(b"<") + 1:line.rindex(b">")].decode(
        "utf-8", "surrogateescape")


def _parameters(line):
    return line[line.rindex(b">") + 1:].decode("ascii", "replace").strip()
