"""OpenSMTPD as a smarthost."""

import os
import subprocess

from lib.compiler import compile_c
from lib.servers import PASSWORD, RECIPIENTS, TOP, USER, Server

CONFIGURATION = """
pki this cert "/etc/server.pem"
pki this key "/etc/server.pem"
table users file:/etc/users
table recipients file:/etc/recipients
table owner {{ "@" = "sink" }}
smtp max-message-size {size}
listen on 127.0.0.1 port {port} tls-require pki this auth <users> \
    hostname opensmtpd.test
listen on 127.0.0.1 port {port_plain} tls-require pki this auth <users> \
    hostname opensmtpd.test
listen on 127.0.0.1 port {port_implicit} smtps pki this auth <users> \
    hostname opensmtpd.test
# Not by "relay", which waits for up to 10 seconds between two messages.
action "sink" lmtp "127.0.0.1:{sink}" rcpt-to virtual <owner>
match auth from any for rcpt-to <recipients> action "sink"
"""


class OpenSMTPD(Server):
    """Offers neither CHUNKING nor PIPELINING nor SMTPUTF8. Debian 12's needs
    a library of ours to do TLS at all: tests/lib/opensmtpd_keys.c."""

    name = "opensmtpd"
    command = ("/usr/sbin/smtpd", "-d")
    users = (("opensmtpd", 64004, "/var/lib/opensmtpd/empty"),
             ("opensmtpq", 64005, "/var/lib/opensmtpd/empty"),
             ("sink", 64006, "/var/lib/sink"))
    folders = (("var/lib/opensmtpd/empty", 0, 0, 0o711),
               ("var/lib/sink", 64006, 64006, 0o700),
               ("var/run", 0, 0, 0o755), ("run", 0, 0, 0o755),
               ("var/spool/smtpd", 0, 0, 0o711))

    def configure(self):
        compile_c("-shared", "-fPIC", "-O2", "-o",
                  os.path.join(self.root, "usr/lib/opensmtpd_keys.so"),
                  os.path.join(TOP, "tests", "lib", "opensmtpd_keys.c"))
        self.write("etc/ld.so.preload", "/usr/lib/opensmtpd_keys.so\n")
        secret = subprocess.run(
            ("openssl", "passwd", "-6", "-stdin"), check=True, text=True,
            input=PASSWORD + "\n", stdout=subprocess.PIPE).stdout
        # 7.6 does not start without this file.
        with open(self.authority.ca, encoding="ascii") as file:
            self.write("etc/ssl/certs/ca-certificates.crt", file.read())
        self.write("etc/users", f"{USER} {secret}", 64004, 64004, 0o600)
        self.write("etc/recipients", "".join(r + "\n" for r in RECIPIENTS))
        self.write("etc/smtpd.conf", self.fill(CONFIGURATION), mode=0o600)
