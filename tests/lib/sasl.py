"""The server's side of SASL mechanisms, one function each.

A mechanism gets an exchange: ask(octets) sends a challenge (334) and returns
the answer; `initial` is the initial response or None. It returns the user and
what stands for the password if the proof is right, else raises Refused.
"""

import base64
import hashlib
import hmac
import os
import re


class Refused(Exception):
    """The proof is wrong; user and secret as far as they were shown."""

    def __init__(self, user="", secret=""):
        super().__init__(user)
        self.user, self.secret = user, secret


class Cancelled(Exception):
    """The client sent "*", or what is not base64."""


class Exchange:
    """What a mechanism may use. Made by the smarthost."""

    def __init__(self, users, ask, initial, connection=None,
                 certificate=b"", wrong_signature=False):
        self.users = users              # name -> password or token
        self.ask = ask
        self.initial = initial
        self.connection = connection
        self.certificate = certificate  # the server's, DER
        self.wrong_signature = wrong_signature

    def first(self):
        """The initial response, asked for if it did not come by itself."""
        return self.ask(b"") if self.initial is None else self.initial

    def check(self, user, secret):
        if self.users.get(user) != secret:
            raise Refused(user, secret)
        return user, secret


def login(exchange):
    user = exchange.initial
    if user is None:
        user = exchange.ask(b"Username:")
    password = exchange.ask(b"Password:")
    return exchange.check(user.decode(), password.decode())


def plain(exchange):
    parts = exchange.first().split(b"\0")
    if len(parts) != 3:
        raise Cancelled
    return exchange.check(parts[1].decode(), parts[2].decode())


def cram_md5(exchange):
    challenge = b"<%s@smtp.test>" % os.urandom(8).hex().encode()
    user, _, digest = exchange.ask(challenge).decode().rpartition(" ")
    password = exchange.users.get(user, "")
    right = hmac.new(password.encode(), challenge, "md5").hexdigest()
    if user not in exchange.users or digest != right:
        raise Refused(user)
    return user, password


def xoauth2(exchange):
    fields = exchange.first().decode()
    match = re.fullmatch("user=(.*)\x01auth=Bearer (.*)\x01\x01", fields)
    if not match:
        raise Cancelled
    return bearer(exchange, *match.groups())


def oauthbearer(exchange):
    fields = exchange.first().decode()
    match = re.fullmatch("n,a=(.*?),\x01(?:host=[^\x01]*\x01)?"
                         "(?:port=[0-9]*\x01)?auth=Bearer (.*)\x01\x01",
                         fields)
    if not match:
        raise Cancelled
    return bearer(exchange, unescape(match.group(1)), match.group(2))


def bearer(exchange, user, token):
    """A wrong token is explained in one more challenge (RFC 7628 3.2.2)."""
    if exchange.users.get(user) != token:
        exchange.ask(b'{"status":"invalid_token"}')
        raise Refused(user, token)
    return user, token


def external(exchange):
    """The certificate said who it is; the response may be empty."""
    peer = exchange.connection and exchange.connection.tls \
        and exchange.connection.tls.getpeercert()
    user = exchange.first().decode()
    if not peer:
        raise Refused(user)
    return user, ""


def scram(name, plus):
    """The mechanism with this hash: RFC 5802, RFC 7677."""
    return lambda exchange: run_scram(exchange, name, plus)


def run_scram(exchange, name, plus):
    client_first = exchange.first().decode()
    match = re.fullmatch("(n|y|p=[a-z-]+),(?:a=[^,]*)?,(n=([^,]*),r=(.+))",
                         client_first)
    if not match or match.group(1).startswith("p=") != plus:
        raise Cancelled
    flag, bare, user, nonce = match.groups()
    user = unescape(user)
    nonce += os.urandom(12).hex()
    salt, rounds = os.urandom(16), 4096
    server_first = "r=%s,s=%s,i=%d" % (
        nonce, base64.b64encode(salt).decode(), rounds)
    final = exchange.ask(server_first.encode()).decode()
    without_proof, _, proof = final.rpartition(",p=")
    header = client_first[:len(client_first) - len(bare)].encode()
    if plus:
        header += channel_binding(exchange, flag[2:])
    expected = "c=%s,r=%s" % (base64.b64encode(header).decode(), nonce)
    password = exchange.users.get(user, "")
    salted = hashlib.pbkdf2_hmac(name, password.encode(), salt, rounds)
    signed = ",".join((bare, server_first, without_proof)).encode()
    key = hmac.digest(salted, b"Client Key", name)
    signature = hmac.digest(hashlib.new(name, key).digest(), signed, name)
    right = bytes(a ^ b for a, b in zip(key, signature))
    if without_proof != expected or user not in exchange.users \
            or base64.b64decode(proof) != right:
        raise Refused(user)
    verifier = hmac.digest(hmac.digest(salted, b"Server Key", name), signed,
                           name)
    if exchange.wrong_signature:
        verifier = bytes(len(verifier))
    exchange.ask(b"v=" + base64.b64encode(verifier))
    return user, password


def unescape(name):
    return name.replace("=2C", ",").replace("=3D", "=")


def channel_binding(exchange, kind):
    """RFC 5929 and RFC 9266."""
    tls = exchange.connection.tls
    if kind == "tls-unique":
        return tls.get_channel_binding("tls-unique")
    if kind == "tls-server-end-point":
        return hashlib.sha256(exchange.certificate).digest()
    if kind == "tls-exporter":
        return tls_exporter(exchange.connection)
    raise Cancelled


def tls_exporter(connection):
    """EXPORTER-Channel-Binding, from the logged secret (RFC 8446 7.5)."""
    name = "sha384" if "SHA384" in connection.tls.cipher()[0] else "sha256"
    with open(connection.keylog, encoding="ascii") as file:
        secret = re.findall("^EXPORTER_SECRET [0-9a-f]+ ([0-9a-f]+)$",
                            file.read(), re.M)[-1]
    empty = hashlib.new(name, b"").digest()
    derived = expand_label(name, bytes.fromhex(secret),
                           b"EXPORTER-Channel-Binding", empty, len(empty))
    return expand_label(name, derived, b"exporter", empty, 32)


def expand_label(name, secret, label, context, length):
    label = b"tls13 " + label
    info = (length.to_bytes(2, "big") + bytes([len(label)]) + label
            + bytes([len(context)]) + context + b"\x01")
    return hmac.new(secret, info, name).digest()[:length]


MECHANISMS = {
    "LOGIN": login,
    "PLAIN": plain,
    "CRAM-MD5": cram_md5,
    "SCRAM-SHA-256": scram("sha256", plus=False),
    "SCRAM-SHA-256-PLUS": scram("sha256", plus=True),
    "SCRAM-SHA-512": scram("sha512", plus=False),
    "SCRAM-SHA-512-PLUS": scram("sha512", plus=True),
    "XOAUTH2": xoauth2,
    "OAUTHBEARER": oauthbearer,
    "EXTERNAL": external,
}
