"""An authorization server of OAuth 2: npm's package oidc-provider, with TLS.

    with OidcProvider(authority) as issuer:
        browser = issuer.browser()
        address = browser.open(url)     # logs in, and takes what is asked
        browser.enter(url, "BCDF-GHJK")
        assert issuer.count("granted", "refresh_token") == 1
"""

import base64
import hashlib
import html
import http.client
import json
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import urllib.parse

from lib.servers import TOP, Missing, Server

SCRIPT = os.path.join(TOP, "tests", "lib", "oidc-provider", "server.mjs")
SCOPE = "https://mail.test/send"
MAILBOX = "reports@example.com"
SECRET = "a secret: %41+=&"

# Public clients, which have no secret, as anybody can read such a program;
# service acts for itself.
PUBLIC = {"application_type": "native", "token_endpoint_auth_method": "none",
          "redirect_uris": ["http://localhost/"],
          "grant_types": ["authorization_code", "refresh_token",
                          "urn:ietf:params:oauth:grant-type:device_code"]}
CLIENTS = [
    {"client_id": "postrider", **PUBLIC},
    {"client_id": "brief", **PUBLIC},
    {"client_id": "service", "client_secret": SECRET,
     "token_endpoint_auth_method": "client_secret_post",
     "redirect_uris": [], "response_types": [],
     "grant_types": ["client_credentials"], "scope": SCOPE},
    {"client_id": "dovecot", "client_secret": "introspects",
     "token_endpoint_auth_method": "client_secret_basic",
     "redirect_uris": [], "response_types": [], "grant_types": []},
]


def certified(client, certificate):
    """A client that shows it has the key of a certificate, in a PEM file."""
    modulus = subprocess.run(
        ("openssl", "x509", "-in", certificate, "-noout", "-modulus"),
        check=True, capture_output=True, text=True).stdout.partition("=")[2]
    with open(certificate, encoding="ascii") as file:
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read()))
    return {
        "client_id": client, "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "PS256",
        "redirect_uris": [], "response_types": [],
        "grant_types": ["client_credentials"], "scope": SCOPE,
        "jwks": {"keys": [{
            "kty": "RSA", "n": _base64url(bytes.fromhex(modulus.strip())),
            "e": "AQAB", "x5t#S256": _base64url(digest.digest())}]}}


class OidcProvider(Server):
    """lives: seconds that access tokens are good, by client."""

    name = "oidc-provider"
    log = "var/log/output"

    def __init__(self, authority, lives=None, clients=()):
        super().__init__(authority, None)
        self.url = f"https://localhost:{self.port}"
        # With the name and the password of a client, as Dovecot wants it.
        self.introspection = (f"https://dovecot:introspects@localhost:"
                              f"{self.port}/token/introspection")
        self._clients = CLIENTS + list(clients)
        self._lives = {client["client_id"]: 3600 for client in self._clients}
        self._lives.update(lives or {})

    def __enter__(self):
        if shutil.which("node") is None:
            raise Missing("node is missing: packaging/install-deps test")
        return super().__enter__()

    def configure(self):
        self.write("etc/settings.json", json.dumps({
            "issuer": self.url, "port": self.port, "clients": self._clients,
            "lives": self._lives, "scope": SCOPE, "mailbox": MAILBOX,
            "cookie_key": secrets.token_hex(),
            "modules": os.path.join(self.root, "node_modules"),
            "certificate": os.path.join(self.root, "etc/server.pem")}))

    def launch(self):
        return (shutil.which("node"), SCRIPT,
                os.path.join(self.root, "etc/settings.json"))

    def is_up(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except ConnectionError:
            return False

    def count(self, word, grant_type, client="postrider"):
        """How many requests for tokens were granted or refused so far."""
        return len(re.findall(f"(?m)^{word} {grant_type} {client} ",
                              self.read(self.log)))

    def revoke(self, token, client="postrider"):
        """An access token, or with a refresh token the login and all that
        came of it."""
        status, body, _ = self.post("/token/revocation", {
            "token": token, "client_id": client})
        assert status == 200, body

    def browser(self, agrees=True):
        return Browser(self, agrees)

    def knows(self, token):
        """Is it good for something?"""
        status, body, _ = self.post("/token/introspection", {
            "token": token, "client_id": "dovecot",
            "client_secret": "introspects"})
        assert status == 200, body
        return json.loads(body)["active"]

    def get(self, path, **fields):
        """Status, body and fields of the answer."""
        return self._request("GET", path, None, fields)

    def post(self, path, form, **fields):
        fields["Content-Type"] = "application/x-www-form-urlencoded"
        return self._request("POST", path, urllib.parse.urlencode(form),
                             fields)

    def _request(self, method, path, body, fields):
        context = ssl.create_default_context(cafile=self.authority.ca)
        connection = http.client.HTTPSConnection(
            "localhost", self.port, timeout=20, context=context)
        try:
            connection.request(method, path, body, fields)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()


class Browser:
    """A person with a browser who logs in, and agrees, or does not."""

    def __init__(self, issuer, agrees):
        self._issuer, self._agrees = issuer, agrees
        self._cookies = {}

    def open(self, url):
        """Follow the address to its end: either one of another server, which
        is returned, or a page, whose text is."""
        return self._follow(*self._ask("get", url))

    def enter(self, url, code):
        """Enter a code for devices at that address."""
        page = self._follow(*self._ask("get", url))
        form = {**_hidden(page), "user_code": code}
        page = self._follow(*self._ask("post", url, form))
        form = {**_hidden(page), "confirm" if self._agrees else "abort": "yes"}
        return self._follow(*self._ask("post", url, form))

    def _ask(self, method, url, *form):
        path = url.removeprefix(self._issuer.url)
        cookies = "; ".join("=".join(c) for c in self._cookies.items())
        status, body, fields = getattr(self._issuer, method)(
            path, *form, Cookie=cookies)
        for cookie in fields.get_all("Set-Cookie") or ():
            name, value = cookie.partition(";")[0].split("=", 1)
            self._cookies[name] = value
        return path, status, body, fields

    def _follow(self, path, status, body, fields):
        while True:
            if status in (302, 303):
                url = urllib.parse.urljoin(self._issuer.url + path,
                                           fields["Location"])
                if not url.startswith(self._issuer.url + "/"):
                    return url
                path, status, body, fields = self._ask("get", url)
            elif path.startswith("/interaction/") and not self._agrees:
                path, status, body, fields = self._ask("get", path + "/abort")
            elif path.startswith("/interaction/"):
                assert status == 200, body
                form = {**_hidden(body), "login": MAILBOX,
                        "password": "any"}
                path, status, body, fields = self._ask("post", path, form)
            else:
                assert status == 200, body
                return body


def _base64url(octets):
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _hidden(page):
    """The hidden fields of the form on a page."""
    fields = re.findall(r'<input[^>]*type="hidden"[^>]*>', page)
    found = [(re.search('name="([^"]*)"', field),
              re.search('value="([^"]*)"', field)) for field in fields]
    return {name[1]: html.unescape(value[1]) for name, value in found
            if name and value}
