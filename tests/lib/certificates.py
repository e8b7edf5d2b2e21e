"""Certificates made on the spot, by the openssl command.

Every certificate is one PEM file with its key, so that its path serves for
both. Nothing here is a secret: the authority lives as long as the tests.
"""

import hashlib
import os
import re
import ssl
import subprocess

NAMES = "DNS:localhost,DNS:smtp.test,IP:127.0.0.1,IP:::1"
PAST = ("20200101000000Z", "20200201000000Z")
PRESENT = ("20200101000000Z", "20491231000000Z")
FUTURE = ("20490101000000Z", "20491231000000Z")

#        name           authority    names               purpose       validity
LEAVES = (
    ("server",       "ca",       NAMES,                "serverAuth", PRESENT),
    ("expired",      "ca",       NAMES,                "serverAuth", PAST),
    ("future",       "ca",       NAMES,                "serverAuth", FUTURE),
    ("wrong-name",   "ca",       "DNS:other.test",     "serverAuth", PRESENT),
    ("wildcard",     "ca",       "DNS:*",              "serverAuth", PRESENT),
    ("wrong-use",    "ca",       NAMES,                "clientAuth", PRESENT),
    ("other-signed", "other-ca", NAMES,                "serverAuth", PRESENT),
    ("client",       "ca",       "email:relay@a.test", "clientAuth", PRESENT),
    ("old-client",   "ca",       "email:relay@a.test", "clientAuth", PAST),
)

SECTIONS = """
[ca]
default_ca = this
[this]
database = {folder}/index
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
"""


class Certificates:
    """A folder with an authority ("ca"), another one nobody trusts
    ("other-ca"), the leaves above, and "self-signed"."""

    def __init__(self, folder):
        self.folder = str(folder)
        with open(self._file("openssl.cnf"), "w", encoding="ascii") as file:
            file.write(SECTIONS.format(folder=self.folder))
            for name, _, names, purpose, _ in LEAVES:
                file.write(f"[{name}]\nsubjectAltName = {names}\n"
                           f"extendedKeyUsage = {purpose}\n")
            file.write(f"[self-signed]\nsubjectAltName = {NAMES}\n")
        open(self._file("index"), "w", encoding="ascii").close()
        self._self_signed("ca", "authority")
        self._self_signed("other-ca", "authority")
        self._self_signed("self-signed", "self-signed")
        for name, authority, _, _, validity in LEAVES:
            self._leaf(name, authority, validity)

    @property
    def ca(self):
        """The authority's certificate: what tls_ca_file should name."""
        return self.path("ca")

    def path(self, name):
        """The PEM file of a certificate and its key."""
        return self._file(name + ".pem")

    def der(self, name):
        """The certificate as octets."""
        with open(self.path(name), encoding="ascii") as file:
            pem = re.search("-----BEGIN CERT.*?END CERTIFICATE-----",
                            file.read(), re.S).group(0)
        return ssl.PEM_cert_to_DER_cert(pem)

    def fingerprint(self, name):
        """SHA-256 of the certificate, in hexadecimal digits."""
        return hashlib.sha256(self.der(name)).hexdigest()

    def _file(self, name):
        return os.path.join(self.folder, name)

    def _openssl(self, *arguments):
        subprocess.run(
            ("openssl",) + arguments, check=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self.folder)

    def _key(self, name):
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout",
                      "-out", name + ".key")

    def _bundle(self, name):
        with open(self.path(name), "w", encoding="ascii") as out:
            for part in (".crt", ".key"):
                with open(self._file(name + part), encoding="ascii") as file:
                    out.write(file.read())
        os.chmod(self.path(name), 0o600)

    def _self_signed(self, name, section):
        self._key(name)
        self._openssl("req", "-x509", "-new", "-key", name + ".key",
                      "-config", "openssl.cnf", "-extensions", section,
                      "-subj", "/CN=Postrider test " + name,
                      "-days", "3650", "-out", name + ".crt")
        self._bundle(name)

    def _leaf(self, name, authority, validity):
        self._key(name)
        self._openssl("req", "-new", "-key", name + ".key", "-config",
                      "openssl.cnf", "-subj", "/CN=" + name,
                      "-out", name + ".csr")
        self._openssl("ca", "-batch", "-notext", "-config", "openssl.cnf",
                      "-cert", authority + ".crt",
                      "-keyfile", authority + ".key",
                      "-startdate", validity[0], "-enddate", validity[1],
                      "-extensions", name, "-outdir", self.folder,
                      "-in", name + ".csr", "-out", name + ".crt")
        self._bundle(name)
