"""Exim as a smarthost."""

from lib.servers import PASSWORD, Server

CONFIGURATION = """
primary_hostname = exim.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port} : {port_plain} : {port_implicit}
tls_on_connect_ports = {port_implicit}
exim_user = Debian-exim
exim_group = Debian-exim
deliver_drop_privilege = true
keep_environment =
disable_ipv6 = true
host_lookup =
rfc1413_query_timeout = 0s
message_size_limit = {size}
check_spool_space = 0
log_file_path = /var/log/exim4/%slog
log_selector = +pipelining +received_recipients +smtp_protocol_error
tls_advertise_hosts = *
tls_certificate = /etc/server.pem
tls_privatekey = /etc/server.pem
auth_advertise_hosts = ${{if def:tls_in_cipher{{*}}}}
pipelining_advertise_hosts = ${{if eq{{$received_port}}{{{port_plain}}}{{}}{{*}}}}
chunking_advertise_hosts = ${{if eq{{$received_port}}{{{port_plain}}}{{}}{{*}}}}
smtputf8_advertise_hosts = *
acl_smtp_rcpt = check_recipient
acl_smtp_data = accept

begin acl
check_recipient:
  deny !authenticated = *
       message = 5.7.0 authentication required
  deny !domains = {domain}
       message = 5.7.1 relaying denied
  deny !local_parts = {local_parts}
       message = 5.1.1 unknown user
  accept

begin routers
sink:
  driver = manualroute
  domains = {domain}
  transport = sink
  route_list = * 127.0.0.1 byname
  self = send

begin transports
sink:
  driver = smtp
  protocol = lmtp
  port = {sink}
  allow_localhost
  hosts_avoid_tls = *
  hosts_try_dane =
  message_linelength_limit = 100000000

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{ {{eq{{$auth2}}{{{user}}}}} {{eq{{$auth3}}\
    {{${{readfile{{/etc/exim4/password}}}}}}}} }}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = "Username:: : Password::"
  server_condition = ${{if and{{ {{eq{{$auth1}}{{{user}}}}} {{eq{{$auth2}}\
    {{${{readfile{{/etc/exim4/password}}}}}}}} }}}}
  server_set_id = $auth1
"""


class Exim(Server):
    """With GnuTLS, as Debian builds it."""

    name = "exim"
    command = ("/usr/sbin/exim4", "-bdf", "-q1h")
    users = (("Debian-exim", 64003, "/var/spool/exim4"),)
    folders = (("var/spool/exim4", 64003, 64003, 0o750),
               ("var/log/exim4", 64003, 64003, 0o750),
               ("run/exim4", 64003, 64003, 0o755))
    owner_of_key = (64003, 64003)
    log = "var/log/exim4/mainlog"

    def configure(self):
        self.write("etc/exim4/password", PASSWORD, 64003, 64003, 0o600)
        self.write("etc/exim4/exim4.conf", self.fill(CONFIGURATION))
