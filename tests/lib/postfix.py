"""Postfix as a smarthost."""

import os

from lib.servers import PASSWORD, RECIPIENTS, USER, UTF8_RECIPIENT, Server

MAIN = """
compatibility_level = 3.6
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = /var/log/mail.log
tls_random_source = dev:/dev/urandom
myhostname = postfix.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtpd_peername_lookup = no
mydestination =
alias_maps =
alias_database =
# Nothing of a message is changed, not even what Postfix would remove.
message_drop_headers =
local_header_rewrite_clients =
lmtp_line_length_limit = 0
message_size_limit = {size}
mailbox_size_limit = 0
queue_minfree = 0
smtpd_error_sleep_time = 0
smtpd_tls_cert_file = /etc/server.pem
smtpd_tls_key_file = /etc/server.pem
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = /etc/postfix/sasl
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = texthash:/etc/postfix/recipients
virtual_transport = lmtp:inet:127.0.0.1:{sink}
"""

MASTER = """
{port} inet n - n - - smtpd -o smtpd_tls_security_level=encrypt
{port_plain} inet n - n - - smtpd -o smtpd_tls_security_level=encrypt
    -o smtpd_discard_ehlo_keywords=chunking,pipelining
{port_implicit} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
lmtp unix - - n - - lmtp
error unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix(Server):
    """AUTH by Cyrus SASL from a separate file: also SCRAM."""

    mechanisms = ("login", "plain", "cram-md5", "scram-sha-256",
                  "scram-sha-512")

    name = "postfix"
    command = ("/usr/lib/postfix/sbin/master", "-d", "-c", "/etc/postfix")
    users = (("postfix", 64001, "/var/spool/postfix"), ("nobody", 64009, "/"))
    groups = (("postdrop", 64002),)
    folders = (
        ("var/spool/postfix", 0, 0, 0o755),
        ("var/spool/postfix/pid", 0, 0, 0o755),
        ("var/lib/postfix", 64001, 64001, 0o700),
        ("var/spool/postfix/public", 64001, 64002, 0o710),
        ("var/spool/postfix/maildrop", 64001, 64002, 0o730),
    ) + tuple(("var/spool/postfix/" + name, 64001, 0, 0o700) for name in (
        "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold",
        "incoming", "private", "saved", "trace"))
    log = "var/log/mail.log"

    def configure(self):
        self.write("etc/postfix/main.cf", self.fill(MAIN))
        self.write("etc/postfix/master.cf", self.fill(MASTER))
        self.write("etc/postfix/recipients",
                   "".join(r + " sink\n" for r in
                           RECIPIENTS + (UTF8_RECIPIENT,)))
        self.write("etc/postfix/sasl/smtpd.conf",
                   "pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
                   "sasldb_path: /etc/sasldb2\n"
                   "mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 "
                   "SCRAM-SHA-512\n")
        user, realm = USER.split("@")
        self.run("/usr/sbin/saslpasswd2", "-p", "-c", "-f", "/etc/sasldb2",
                 "-u", realm, user, text=PASSWORD)
        os.chown(os.path.join(self.root, "etc/sasldb2"), 64001, 64001)
