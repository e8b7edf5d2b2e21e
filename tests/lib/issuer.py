"""A fake authorization server: HTTPS on loopback, answers as told.

    def test_example(oauth, issuer):
        issuer.answers.append(tokens(expires_in=60))
        oauth.token().expect(0)
        assert issuer.forms[0]["grant_type"] == "refresh_token"
"""

import json
import socket
import ssl
import threading
import urllib.parse


class Answer:
    """What goes over the wire: a status, fields and a body; or octets."""

    def __init__(self, body=b"", status=200, fields=None, raw=None):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.body, self.status, self.raw = body, status, raw
        self.fields = {"Content-Type": "application/json",
                       "Content-Length": str(len(body)), **(fields or {})}

    def __str__(self):
        """What names it among the cases of a test."""
        return f"{self.status} {(self.raw or self.body)[:40]!r}"

    def octets(self):
        if self.raw is not None:
            return self.raw
        head = f"HTTP/1.1 {self.status} Whatever\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in self.fields.items()
            if value is not None)
        return head.encode() + b"Connection: close\r\n\r\n" + self.body


def tokens(access="access-1", **members):
    """An answer with an access token, and what else is given; None leaves a
    member out."""
    body = {"access_token": access, "token_type": "Bearer",
            "expires_in": 3600, **members}
    return Answer({name: value for name, value in body.items()
                   if value is not None})


def refusal(error, status=400, fields=None, **members):
    return Answer({"error": error, **members}, status, fields)


def receive(wire):
    """Some octets; at the end of the connection it is an OSError."""
    octets = wire.recv(65536)
    if not octets:
        raise ConnectionResetError
    return octets


class Issuer:
    """Listens until stop(); answers requests one after the other from
    `answers`, the last one for ever; keeps what was asked in `forms`."""

    def __init__(self, certificate):
        self.answers, self.forms, self.requests = [], [], []
        self.before_answer = self.after_answer = lambda: None
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.url = f"https://localhost:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self):
        if self._listener.fileno() != -1:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self._thread.join()

    def _serve(self):
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(raw, server_side=True) as wire:
                    self._talk(wire)
            except OSError:
                raw.close()

    def _talk(self, wire):
        wire.settimeout(20)
        octets = b""
        while b"\r\n\r\n" not in octets:
            octets += receive(wire)
        head, _, body = octets.partition(b"\r\n\r\n")
        line, *fields = head.decode().split("\r\n")
        named = {name.lower(): value.strip() for name, _, value in
                 (field.partition(":") for field in fields)}
        while len(body) < int(named.get("content-length", 0)):
            body += receive(wire)
        self.requests.append((line, named))
        self.forms.append(dict(urllib.parse.parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=True)))
        self.before_answer()
        answer = self.answers.pop(0) if len(self.answers) > 1 \
            else self.answers[0]
        wire.sendall(answer.octets())
        self.after_answer()
