"""Dovecot's submission server as a smarthost that takes tokens alone."""

from lib.servers import Server

# Up to 2.3 and from 2.4 on there are two languages.
CONFIGURATION = {"2.3": """
ssl_cert = </etc/server.pem
ssl_key = </etc/server.pem
mail_location = maildir:/var/mail/%u
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = /etc/dovecot/oauth2.conf
}}
userdb {{
  driver = static
  args = uid=64012 gid=64012 home=/var/mail/%u
}}
""", "2.4": """
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
ssl_server_cert_file = /etc/server.pem
ssl_server_key_file = /etc/server.pem
mail_driver = maildir
mail_path = /var/mail/%{{user}}
passdb oauth2 {{
  mechanisms_filter = xoauth2 oauthbearer
}}
oauth2 {{
  introspection_mode = post
  introspection_url = {introspection}
  username_attribute = username
  active_attribute = active
  active_value = true
  force_introspection = yes
  ssl_client_ca_file = /etc/ca.pem
}}
userdb static {{
  fields {{
    uid = 64012
    gid = 64012
    home = /var/mail/%{{user}}
  }}
}}
"""}

ENDLESS = {"2.3": "service_count = 0",
           "2.4": "restart_request_count = unlimited"}
COMMON = """
protocols = submission
base_dir = /run/dovecot
state_dir = /run/dovecot-state
listen = 127.0.0.1
log_path = /var/log/mail.log
hostname = dovecot.test
ssl = required
auth_mechanisms = xoauth2 oauthbearer
# A wrong token is refused at once, however many there were before.
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
mail_max_userip_connections = 100
submission_relay_host = 127.0.0.1
submission_relay_port = {sink}
service submission-login {{
  inet_listener submission {{
    port = {port}
  }}
  # One process serves all connections, and not one each.
  {endless}
}}
"""

INTROSPECTION = """
introspection_mode = post
introspection_url = {introspection}
username_attribute = username
active_attribute = active
active_value = true
force_introspection = yes
tls_ca_cert_file = /etc/ca.pem
"""


class Dovecot(Server):
    """Asks the issuer about each token; hands on to the sink by SMTP."""

    name = "dovecot"
    command = ("/usr/sbin/dovecot", "-F", "-c", "/etc/dovecot/dovecot.conf")
    users = (("dovecot", 64010, "/"), ("dovenull", 64011, "/"),
             ("mail", 64012, "/var/mail"))
    folders = (("run/dovecot", 0, 0, 0o755),
               ("run/dovecot-state", 0, 0, 0o755),
               ("var/mail", 64012, 64012, 0o700))
    log = "var/log/mail.log"

    def __init__(self, authority, sink, issuer):
        super().__init__(authority, sink)
        self._issuer = issuer

    def configure(self):
        with open(self.authority.ca, encoding="ascii") as file:
            self.write("etc/ca.pem", file.read())
        version = self.run("/usr/sbin/dovecot", "--version")[:3]
        values = {"port": self.port, "sink": self.sink.port,
                  "introspection": self._issuer.introspection,
                  "endless": ENDLESS[version]}
        self.write("etc/dovecot/oauth2.conf", INTROSPECTION.format(**values),
                   mode=0o600)
        self.write("etc/dovecot/dovecot.conf",
                   (CONFIGURATION[version] + COMMON).format(**values),
                   mode=0o600)
