"""OpenSMTPD as a smarthost."""

import os
import subprocess

from lib.servers import PASSWORD, RECIPIENTS, TOP, USER, Server

CONFIGURATION = """
pki this cert "/etc/server.pem"
pki this key "/etc/server.pem"
table users file:/etc/users
table recipients file:/etc/recipients
smtp max-message-size {size}
# To the sink at once: by default there are up to 10 seconds between sessions.
mta limit conn-delay-host 0 conn-delay-source 0 conn-delay-connector 0 \
    conn-delay-relay 0 conn-delay-domain 0 conn-delay-route 0 \
    reconn-delay-route 0 session-keepalive 0
listen on 127.0.0.1 port {port} tls-require pki this auth <users> \
    hostname opensmtpd.test
listen on 127.0.0.1 port {port_plain} tls-require pki this auth <users> \
    hostname opensmtpd.test
listen on 127.0.0.1 port {port_implicit} smtps pki this auth <users> \
    hostname opensmtpd.test
action "sink" relay host "lmtp://127.0.0.1:{sink}"
match auth from any for rcpt-to <recipients> action "sink"
"""


class OpenSMTPD(Server):
    """Offers neither CHUNKING nor PIPELINING nor SMTPUTF8. Debian 12's needs
    a library of ours to do TLS at all: tests/lib/opensmtpd_keys.c."""

    name = "opensmtpd"
    command = ("/usr/sbin/smtpd", "-d", "-v", "-Tmta")
    users = (("opensmtpd", 64004, "/var/lib/opensmtpd/empty"),
             ("opensmtpq", 64005, "/var/lib/opensmtpd/empty"))
    folders = (("var/lib/opensmtpd/empty", 0, 0, 0o711),
               ("var/run", 0, 0, 0o755), ("run", 0, 0, 0o755),
               ("var/spool/smtpd", 0, 0, 0o711))

    def configure(self):
        subprocess.run(
            (os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O2", "-o",
             os.path.join(self.root, "usr/lib/opensmtpd_keys.so"),
             os.path.join(TOP, "tests", "lib", "opensmtpd_keys.c")),
            check=True)
        self.write("etc/ld.so.preload", "/usr/lib/opensmtpd_keys.so\n")
        secret = subprocess.run(
            ("openssl", "passwd", "-6", "-stdin"), check=True, text=True,
            input=PASSWORD + "\n", stdout=subprocess.PIPE).stdout
        self.write("etc/users", f"{USER} {secret}", 64004, 64004, 0o600)
        self.write("etc/recipients", "".join(r + "\n" for r in RECIPIENTS))
        self.write("etc/smtpd.conf", self.fill(CONFIGURATION), mode=0o600)
