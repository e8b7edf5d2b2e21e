"""postrider import: what the files of other programs become."""

import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import textwrap

import pytest

from lib.harness import Programs, message
from lib.terminal import Terminal

NOBODY = 65534
HOME = {"HOME": "/home/alice"}


def lay(folder, files):
    """Write files below a folder: name -> text, its margin taken away, or
    octets as they are."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, str):
            text = textwrap.dedent(text).lstrip("\n").encode()
        path.write_bytes(text)


def lines(text):
    """The lines that mean something, without margin and remarks."""
    stripped = (line.strip() for line in text.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def run_import(programs, files, *arguments, status=0, env=None):
    lay(programs.folder, files)
    result = programs.postrider("import", *arguments, env={**HOME,
                                                           **(env or {})})
    return result.expect(status)


SSMTP = """
    # Config file for sSMTP sendmail
    root=postmaster
    mailhub=smtp.example.net:587

    rewriteDomain=example.com
    hostname = web1.example.com
    FromLineOverride=YES
    UseTLS=YES
    UseSTARTTLS=YES
    AuthUser=relay@example.com
    AuthPass=open:sesame
    Debug=YES
    """

MSMTP = """
    defaults
    port 587
    tls on
    auth on
    tls_trust_file /etc/ssl/certs/ca-certificates.crt
    logfile ~/.msmtp.log

    account freemail
    host smtp.freemail.example
    from joe_smith@freemail.example
    user joe.smith
    passwordeval gpg2 --no-tty -q -d ~/.msmtp-password.gpg

    account freemail2 : freemail
    from joey@freemail.example
    from_full_name Joey

    # The SMTP server of the ISP
    account isp
      host "mail.isp.example"
      port 465
      tls_starttls off
      tls_trust_file ~/isp.pem
      from smithjoe@isp.example
      user 12345
      password "open \\"sesame\\" "

    account default : freemail
    """

DMA = """
    SMARTHOST smtp.example.com
    PORT 587 # submission
    AUTHPATH /etc/dma/auth.conf
    SECURETRANSFER
    STARTTLS
    #OPPORTUNISTIC_TLS
    FINGERPRINT 1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF
    MAILNAME web1.example.com
    MASQUERADE shop@example.com
    FULLBOUNCE
    """

ESMTP = """
    hostname = smtp.example.org
    username = "alice"
    password = 'open\\'sesame'   # a comment
    starttls required
    qualifydomain = example.org
    mda = "/usr/bin/procmail -d %T"

    identity = alice@work.example
        hostname = smtp.work.example:smtp
        starttls = enabled
        username = "al"
        password = "open#sesame"
    """

# name: (files, arguments, what is printed, what is said)
TRANSLATIONS = {
    "ssmtp": ({"ssmtp.conf": SSMTP}, ["ssmtp.conf"], """
        hostname = "web1.example.com"
        domain = "example.com"
        local_recipient = "postmaster@example.com"
        smarthost "main" {
        host = "smtp.example.net"
        port = 587
        tls = starttls
        user = "relay@example.com"
        password_file = "/etc/postrider/secrets/password"
        }
        """, [
        "ssmtp.conf:12: Debug: no counterpart, left out",
        "ssmtp.conf:8: the certificate of smtp.example.net was not "
        "checked", "delivery = direct"]),
    "ssmtp, implicit TLS": ({"ssmtp.conf": """
        MAILHUB=smtp.example.net:465
        usetls=yes
        TLS_CA_File=/etc/ssl/mail.pem
        UseTLSCert=YES
        TLSCert=/etc/ssl/client.pem
        AuthUser=relay
        AuthPass=sesame
        AuthPass=another
        AuthMethod=CRAM-MD5
        """}, ["ssmtp.conf"], """
        smarthost "main" {
        host = "smtp.example.net"
        port = 465
        tls = implicit
        tls_ca_file = "/etc/ssl/mail.pem"
        tls_cert_file = "/etc/ssl/client.pem"
        auth = cram-md5
        user = "relay"
        password_file = "/etc/postrider/secrets/password"
        }
        """, ["without FromLineOverride=YES"]),
    "ssmtp, in clear": ({"ssmtp.conf": """
        mailhub=mail.example.net
        UseSTARTTLS=YES
        UseTLS=NO
        AuthUser=relay
        AuthPass=sesame
        """}, ["ssmtp.conf"], """
        smarthost "main" {
        host = "mail.example.net"
        port = 25
        tls = none
        user = "relay"
        password_in_clear = true
        password_file = "/etc/postrider/secrets/password"
        }
        """, ["ssmtp.conf:3: WARNING: no TLS, as before",
              "the mail and the password"]),
    "ssmtp, revaliases": ({"ssmtp.conf": b"mailhub=127.0.0.1\r\nroot=\r\n",
                           "revaliases": b"# sSMTP aliases\r\n\r\n"
                           b"root:ops@example.com:mail.example.net:2525\r\n"
                           b"www-data:shop@example.com\r\n"
                           b"backup:ops@example.com:mail.example.net:2525"},
                          ["ssmtp.conf"], """
        smarthost "main" {
        host = "127.0.0.1"
        port = 25
        tls = none
        }
        smarthost "mailhub-root" {
        host = "mail.example.net"
        port = 2525
        tls = none
        }
        sender "root" {
        address = "ops@example.com"
        smarthost = "mailhub-root"
        }
        sender "www-data" {
        address = "shop@example.com"
        smarthost = "main"
        }
        sender "backup" {
        address = "ops@example.com"
        smarthost = "mailhub-root"
        }
        sender "*" {
        smarthost = "main"
        }
        """, ["revaliases:3: WARNING: no TLS"]),
    "msmtp": ({".msmtprc": MSMTP}, [".msmtprc"], """
        delivery = direct
        smarthost "freemail" {
        host = "smtp.freemail.example"
        port = 587
        tls = starttls
        user = "joe.smith"
        password_command = "sh -c 'gpg2 --no-tty -q -d ~/.msmtp-password.gpg'"
        }
        smarthost "isp" {
        host = "mail.isp.example"
        port = 465
        tls = implicit
        tls_ca_file = "/home/alice/isp.pem"
        user = "12345"
        password_file = "/home/alice/.config/postrider/password"
        }
        sender "joey@freemail.example" {
        name = "Joey"
        smarthost = "freemail"
        }
        sender "smithjoe@isp.example" {
        smarthost = "isp"
        }
        sender "*" {
        address = "joe_smith@freemail.example"
        smarthost = "freemail"
        }
        """, [".msmtprc:6: logfile: left out",
              ".msmtprc:10: from: now counts for every message"]),
    "msmtp, of a system": ({"rc": """
        # Debian's example
        account default
        host mail.oursite.example
        tls on
        tls_starttls off
        tls_fingerprint """ + ":".join(["AB"] * 32) + """
        domain web1.oursite.example
        from %U@oursite.example
        allow_from_override off
        set_from_header on
        remove_bcc_headers off
        syslog LOG_MAIL
        timeout 60
        source_ip 192.0.2.7
        aliases /dev/null
        """}, ["--from", "msmtp", "rc"], """
        delivery = direct
        hostname = "web1.oursite.example"
        domain = "oursite.example"
        aliases = "/dev/null"
        smarthost "default" {
        host = "mail.oursite.example"
        port = 465
        tls = implicit
        tls_fingerprint = "%s"
        source_address = "192.0.2.7"
        timeout = 60s
        }
        """ % ":".join(["AB"] * 32),
        ["rc:11: remove_bcc_headers: Bcc is always removed"]),
    "msmtp, other methods": ({"msmtprc": """
        account one
        host a.example
        tls
        auth xoauth2
        user me
        passwordeval mail-token me
        tls_certcheck off
        account two
        host b.example
        auth plain
        user me
        password sesame
        from *@b.example
        account three
        host c.example
        user me
        """}, ["msmtprc"], """
        delivery = direct
        smarthost "one" {
        host = "a.example"
        port = 25
        tls = starttls
        auth = xoauth2
        user = "me"
        password_command = "mail-token me"
        }
        smarthost "two" {
        host = "b.example"
        port = 25
        tls = none
        auth = plain
        user = "me"
        password_in_clear = true
        password_file = "/home/alice/.config/postrider/password"
        }
        smarthost "three" {
        host = "c.example"
        port = 25
        tls = none
        }
        sender "@b.example" {
        smarthost = "two"
        }
        sender "*" {
        smarthost = "one"
        }
        """, ["no account is the default: one is used",
              "msmtprc:3: the certificate of a.example was not checked",
              "msmtprc: WARNING: no TLS", "no sender chooses three",
              "msmtprc:16: user: left out: auth is off"]),
    "dma": ({"dma.conf": DMA, "auth.conf": """
        # user|smarthost:password
        me|other.example.com:x
        me|smtp.example.com:open:sesame
        """}, ["dma.conf"], """
        hostname = "web1.example.com"
        domain = "web1.example.com"
        smarthost "main" {
        host = "smtp.example.com"
        port = 587
        tls = starttls
        tls_fingerprint = \
"1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF"
        user = "me"
        password_file = "/etc/postrider/secrets/password"
        }
        sender "*" {
        address = "shop@example.com"
        }
        """, ["dma.conf:10: FULLBOUNCE: no counterpart, left out",
              "auth.conf:2: a password for other.example.com",
              "/var/mail"]),
    "dma, optional TLS": ({"dma.conf": """
        SMARTHOST smtp.example.com
        SECURETRANSFER
        STARTTLS
        OPPORTUNISTIC_TLS
        MAILNAME example.com
        MASQUERADE john@
        NULLCLIENT
        """}, ["dma.conf"], """
        hostname = "example.com"
        domain = "example.com"
        smarthost "main" {
        host = "smtp.example.com"
        port = 25
        tls = starttls
        }
        sender "*" {
        address = "john@example.com"
        }
        """, ["dma.conf:2: TLS was left out where "
              "smtp.example.com did not offer it; now it must be there",
              "NULLCLIENT: /etc/aliases is used"]),
    "dma, in clear": ({"dma.conf": """
        SMARTHOST 192.0.2.1
        STARTTLS
        INSECURE
        AUTHPATH auth.conf
        MASQUERADE example.com
        """, "auth.conf": "me|192.0.2.1:sesame"}, ["dma.conf"], """
        domain = "example.com"
        smarthost "main" {
        host = "192.0.2.1"
        port = 25
        tls = none
        user = "me"
        password_in_clear = true
        password_file = "/etc/postrider/secrets/password"
        }
        """, ["dma.conf: WARNING: no TLS"]),
    "nullmailer": ({
        "nullmailer/remotes": """
        # two of them
        smtp.example.com smtp --port=2525 --starttls user=me pass='open sesame'
        backup.example.com smtp --ssl --auth-login --user me --pass x --insecure
        last.example.com
        """,
        "nullmailer/me": "web1\n", "nullmailer/defaultdomain": "example.com\n",
        "nullmailer/defaulthost": " mail \n", "nullmailer/adminaddr":
        "admin@example.com\n", "nullmailer/allmailfrom": "shop\n",
        "nullmailer/pausetime": "120\n", "nullmailer/queuelifetime": "86400\n",
        "nullmailer/helohost": "web1.example.com\n",
        "nullmailer/idhost": "x\n"}, ["nullmailer"], """
        hostname = "web1.example.com"
        domain = "mail.example.com"
        local_recipient = "admin@example.com"
        retry_first = 120s
        expire_after = 86400s
        smarthost "main" {
        host = "smtp.example.com"
        port = 2525
        tls = starttls
        user = "me"
        password_file = "/etc/postrider/secrets/password-main"
        }
        smarthost "remote2" {
        host = "backup.example.com"
        port = 465
        tls = implicit
        auth = login
        user = "me"
        password_file = "/etc/postrider/secrets/password-remote2"
        }
        smarthost "remote3" {
        host = "last.example.com"
        port = 25
        tls = none
        }
        sender "*" {
        address = "shop@mail.example.com"
        }
        """, ["nullmailer: idhost: no counterpart, left out",
              "nullmailer/remotes:3: the certificate of backup.example.com",
              "nullmailer/remotes:4: WARNING"]),
    "esmtp": ({".esmtprc": ESMTP}, [".esmtprc"], """
        delivery = direct
        domain = "example.org"
        smarthost "main" {
        host = "smtp.example.org"
        port = 587
        tls = starttls
        user = "alice"
        password_file = "/home/alice/.config/postrider/password-main"
        }
        smarthost "alice@work.example" {
        host = "smtp.work.example"
        port = 25
        tls = starttls
        user = "al"
        password_file = \
"/home/alice/.config/postrider/password-alice%40work.example"
        }
        sender "alice@work.example" {
        smarthost = "alice@work.example"
        }
        sender "*" {
        smarthost = "main"
        }
        """, [".esmtprc:6: mda: left out",
              ".esmtprc:10: TLS was left out where "
              "smtp.work.example did not offer it"]),
    "esmtp, identities only": ({"rc": """
        identity = a@example.org
            hostname localhost:2525
        identity = b@example.org
            hostname localhost:2525
            helo = b.example.org
            force reverse_path = "%u@example.org"
            default
        """}, ["rc"], """
        delivery = direct
        hostname = "b.example.org"
        domain = "example.org"
        smarthost "b@example.org" {
        host = "localhost"
        port = 2525
        tls = none
        }
        sender "a@example.org" {
        }
        """, []),
    "esmtp, nothing but a domain": ({"esmtprc": """
        qualifydomain = example.org
        """}, ["esmtprc"], """
        delivery = direct
        domain = "example.org"
        smarthost "main" {
        host = "localhost"
        port = 25
        tls = none
        }
        """, ["main has no hostname: esmtp takes localhost:25"]),
    "esmtp, short forms": ({".esmtprc": r"""
        mda = '/usr/bin/procmail' identity a@b.example host=c.example
        user = "a\\\"b" pass=open\#sesame#1 starttls required
        """}, [".esmtprc"], """
        delivery = direct
        smarthost "a@b.example" {
        host = "c.example"
        port = 587
        tls = starttls
        user = "a\\\\\\"b"
        password_file = "/home/alice/.config/postrider/password"
        }
        sender "*" {
        address = "a@b.example"
        }
        """, [".esmtprc:1: mda: left out",
              ".esmtprc:1: a@b.example now counts for every message"]),
}


@pytest.mark.parametrize("name", TRANSLATIONS)
def test_translates(programs, name):
    files, arguments, printed, said = TRANSLATIONS[name]
    result = run_import(programs, files, *arguments)
    assert lines(result.stdout.decode()) == lines(printed), str(result)
    for text in said:
        assert text in result.errors, str(result)
    assert b"sesame" not in result.stdout + result.stderr
    for line in result.errors.splitlines():
        assert "WARNING" not in line or "WARNING" in "".join(said), line


# name: (files, arguments, what is said): mail would not leave as it did
OBSTACLES = {
    "no mailhub": ({"ssmtp.conf": "root=a@b.example\n"}, ["ssmtp.conf"],
                   "ssmtp.conf: has no mailhub"),
    "no password": ({"ssmtp.conf": "mailhub=a.example\nAuthUser=me\n"},
                    ["ssmtp.conf"], "ssmtp.conf:2: AuthUser: there is no"),
    "a host that is none": ({"ssmtp.conf": "mailhub=a/b\n"}, ["ssmtp.conf"],
                            "ssmtp.conf:1: host = a/b: must be a host name"),
    "ntlm": ({"msmtprc": "account a\nhost b.example\nauth ntlm\nuser u\n"
                         "password p\n"}, ["msmtprc"],
             "msmtprc:3: auth: Postrider does not support ntlm"),
    "a key ring": ({"msmtprc": "account a\nhost b.example\nauth on\nuser u\n"},
                   ["msmtprc"], "secret-tool lookup host b.example service "
                                "smtp user u"),
    "eval": ({"msmtprc": "account a\neval echo host b.example\nhost c\n"},
             ["msmtprc"], "msmtprc:2: eval: is not run"),
    "a proxy": ({"msmtprc": "account a\nhost b.example\nproxy_host x\n"},
                ["msmtprc"], "msmtprc:3: proxy_host: Postrider uses no proxy"),
    "SHA-1": ({"msmtprc": "account a\nhost b.example\ntls on\n"
                          f"tls_fingerprint {':'.join(['AB'] * 20)}\n"},
              ["msmtprc"], "msmtprc:4: tls_fingerprint: only SHA-256"),
    "another name": ({"msmtprc": "account a\nhost b.example\ntls on\n"
                                 "tls_host_override c.example\n"}, ["msmtprc"],
                     "msmtprc:4: tls_host_override: the certificate must be "
                     "for b.example"),
    "LMTP": ({"msmtprc": "account a\nhost b.example\nprotocol lmtp\n"},
             ["msmtprc"], "msmtprc:3: protocol: Postrider speaks SMTP only"),
    "no host": ({"msmtprc": "account a\nport 25\n"}, ["msmtprc"],
                "msmtprc: has no account with a host"),
    "no such account": ({"msmtprc": "account a : b\n"}, ["msmtprc"],
                        "msmtprc:1: no account b"),
    "no smarthost": ({"dma.conf": "MAILNAME /etc/mailname\n"}, ["dma.conf"],
                     "dma.conf: has no SMARTHOST"),
    "a line that is none": ({"dma.conf": "SMARTHOST a\nAUTHPATH auth.conf\n",
                             "auth.conf": "sesame\n"}, ["dma.conf"],
                            "auth.conf:1: must be user|smarthost:password"),
    "no auth.conf": ({"dma.conf": "SMARTHOST a\nAUTHPATH /nowhere/auth\n"},
                     ["dma.conf"], "/nowhere/auth: No such file"),
    "qmqp": ({"n/remotes": "a.example qmqp\n"}, ["n"],
             "n/remotes:1: Postrider does not support qmqp"),
    "several administrators": ({"n/remotes": "a.example\n",
                                "n/adminaddr": "a@b.example,c@d.example\n"},
                               ["n"], "n: adminaddr: local_recipient takes"),
    "an open quote": ({"n/remotes": "a.example smtp pass='sesame\n"}, ["n"],
                      "n/remotes:1: a quote is not closed"),
    "no remotes": ({"n/me": "a\n"}, ["n"], "n: holds no file of ssmtp"),
    "a tunnel": ({"esmtprc": "hostname a\npreconnect = \"ssh -f a\"\n"},
                 ["esmtprc"], "esmtprc:2: preconnect: Postrider runs nothing"),
    "an escape": ({"esmtprc": 'hostname a\npass "\\x41"\n'}, ["esmtprc"],
                  "esmtprc:2: write the character itself for \\x"),
    "an identity of nobody": ({"esmtprc": "identity\nhostname a\n"},
                              ["esmtprc"], "esmtprc:1: identity needs"),
    "a sender that is none": ({"esmtprc": "hostname a\nidentity b@\nhost c\n"},
                              ["esmtprc"], "esmtprc:2: b@: "),
    "an empty host": ({"esmtprc": "hostname :25\n"}, ["esmtprc"],
                      "main has no host"),
    "a control character": ({"ssmtp.conf": b"mailhub=a\x1b[2J\n"},
                            ["ssmtp.conf"],
                            "ssmtp.conf:1: holds a control character"),
    "NUL": ({"ssmtp.conf": b"mailhub=a\n\0\n"}, ["ssmtp.conf"],
            "ssmtp.conf:2: holds a control character"),
    "other than UTF-8": ({"ssmtp.conf": b"mailhub=a\nAuthUser=J\xf6rg\n"
                                        b"AuthPass=x\n"}, ["ssmtp.conf"],
                         "ssmtp.conf:2: user = J\\xf6rg: must be UTF-8"),
    "too much": ({"ssmtp.conf": b"#" * (1 << 20) + b"\n"}, ["ssmtp.conf"],
                 "ssmtp.conf: is larger than 1 MB"),
    "an empty file": ({"ssmtp.conf": b""}, ["ssmtp.conf"], "has no mailhub"),
    "no file": ({}, ["nowhere"], "nowhere: No such file"),
    "anything": ({"x": "hello\n"}, ["x"], "x: does not look like ssmtp, msmtp, "
                 "dma, nullmailer or esmtp; name the format with --from"),
}


@pytest.mark.parametrize("name", OBSTACLES)
def test_says_what_it_cannot_do(programs, name):
    files, arguments, said = OBSTACLES[name]
    result = run_import(programs, files, *arguments, status=78)
    assert said in result.errors, str(result)
    assert b"sesame" not in result.stdout + result.stderr
    written = run_import(programs, {}, *arguments, "--write", "--output",
                         "new.conf", status=78)
    assert said in written.errors
    assert not (programs.folder / "new.conf").exists()


@pytest.mark.parametrize("arguments", [
    [], ["a", "b"], ["--replace", "a"], ["--from"], ["--from", "postfix", "a"],
    ["--output"], ["--outputs=x", "a"], ["-x", "a"]])
def test_usage(programs, arguments):
    result = programs.postrider("import", *arguments)
    result.expect(64)
    assert result.errors.startswith("postrider: ")


@pytest.mark.parametrize("content, name", [
    ("Root=a@b.example\nmailhub = x.example\n", "main"),
    ("defaults\nport 587\naccount work\nhost x.example\n", "work"),
    ("# mine\nSMARTHOST x.example\nPORT 25\n", "main"),
    ("hostname = x.example:25\n", "main"),
    (b"\xef\xbb\xbfmailhub=x.example", "main"),
])
def test_recognises_by_content(programs, content, name):
    result = run_import(programs, {"file": content}, "file")
    assert f'smarthost "{name}" {{' in result.stdout.decode()
    assert 'host = "x.example"' in result.stdout.decode()


@pytest.mark.parametrize("arguments", [["dma"], ["./dma/"],
                                       ["--from", "dma", "dma"]])
def test_a_folder_stands_for_the_file_in_it(programs, arguments):
    """As with nullmailer; and the files beside it are found."""
    result = run_import(programs, {
        "dma/dma.conf": "SMARTHOST mx.a.example\nAUTHPATH /etc/dma/auth.conf\n"
                        "SECURETRANSFER\nSTARTTLS\n",
        "dma/auth.conf": "me|mx.a.example:sesame\n"}, *arguments)
    assert 'user = "me"' in result.stdout.decode()
    assert 'host = "mx.a.example"' in result.stdout.decode()


def test_remarks_what_is_weaker_or_stricter(programs):
    result = run_import(programs, {"ssmtp.conf": SSMTP}, "ssmtp.conf")
    assert "    # The certificate was not checked" in result.stdout.decode()
    clear = run_import(programs, {"ssmtp.conf": "mailhub=x.example\n"},
                       "ssmtp.conf")
    assert "    # WARNING: the network can read the mail." \
        in clear.stdout.decode()


def test_password_that_ssmtp_did_not_read_whole(programs):
    for password in ("open#sesame", "open sesame", "open=sesame"):
        result = run_import(programs, {
            "ssmtp.conf": f"mailhub=a.example\nUseTLS=YES\nAuthUser=u\n"
                          f"AuthPass={password}\n"}, "ssmtp.conf")
        assert "ssmtp.conf:4: AuthPass: ssmtp takes" in result.errors


def test_alias_of_everybody_else(programs):
    lay(programs.folder, {"aliases": "root: a@b.example\n"
                                     "default: ops@b.example # all\n"})
    path = programs.folder / "aliases"
    result = run_import(programs, {
        "msmtprc": f"account default\nhost a.example\naliases {path}\n"},
        "msmtprc")
    assert f'aliases = "{path}"' in result.stdout.decode()
    assert 'local_recipient = "ops@b.example"' in result.stdout.decode()


def test_everybody_elses_alias_of_dma(programs):
    lay(programs.folder, {"aliases": "root: a@b.example\n*: ops@b.example\n"})
    path = programs.folder / "aliases"
    result = run_import(programs, {
        "dma.conf": f"SMARTHOST a.example\nALIASES {path}\n"}, "dma.conf")
    assert 'local_recipient = "ops@b.example"' in result.stdout.decode()


def test_the_line_that_matters_is_named(programs):
    """Others are remarks only."""
    files = {"msmtprc": "account default\nhost a.example\nbogus x\n"
                        "proxy_host b.example\nport 70000\n"}
    for arguments, what in ((), "not complete"), (["--write"], "not written"):
        result = run_import(programs, files, "msmtprc", *arguments, status=78)
        last = result.errors.splitlines()[-1]
        assert last == f"postrider: {what}: mail would not leave as before, " \
            "because of msmtprc:4 (proxy_host), msmtprc:5; see the " \
            "lines above", result.errors


def test_domain_of_another_account(programs):
    result = run_import(programs, {
        "msmtprc": "account one\nhost a.example\ndomain one.example\n"
                   "account two\nhost b.example\ndomain two.example\n"
                   "account default : one\n"}, "msmtprc")
    assert 'hostname = "one.example"' in result.stdout.decode()
    assert "msmtprc:6: domain: two.example: left out: " in result.errors


def test_writes_what_only_its_user_can_read(programs):
    result = run_import(programs, {".msmtprc": MSMTP}, ".msmtprc", "--write",
                        env={"XDG_CONFIG_HOME": str(programs.folder)})
    path = programs.folder / "postrider" / "postrider.conf"
    secret = path.parent / "password"
    assert result.stdout.decode().startswith(
        f"Written: {path}\nWritten: {secret}\nTry it with")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert stat.S_IMODE(secret.stat().st_mode) == 0o400
    assert secret.read_bytes().rstrip(b"\n") == b'open \\"sesame\\" '
    assert "sesame" not in path.read_text()

    again = run_import(programs, {}, ".msmtprc", "--write", "--output",
                       str(path), status=73)
    assert "--replace" in again.errors
    run_import(programs, {}, ".msmtprc", "--write", "--replace", "--output",
               str(path))
    assert path.with_suffix(".conf.old").exists()


@pytest.mark.parametrize("place, is_told", [("/etc/opt", True),
                                            ("/opt", False)])
def test_a_command_is_the_daemons_now(programs, may_mount, place, is_told):
    """But for a user's own file, which has its user wait as before."""
    lay(programs.folder, {"msmtprc": """
        account default
        host a.example
        auth on
        user u
        passwordeval pass show mail
        """})
    result = subprocess.run(
        ["unshare", "-m", "sh", "-c",
         'mount --bind . "$1" && exec "$2" import "$1/msmtprc"', "sh", place,
         str(programs.build / "postrider")], env=programs.environment(),
        cwd=programs.folder, capture_output=True, text=True, check=True)
    told = f"{place}/msmtprc:5: password_command: is run by the daemon now, " \
        "as user postrider: what it reads must be readable there\n"
    assert (told in result.stderr) == is_told, result.stderr


def test_says_how_the_daemon_hears_of_it(programs):
    path = programs.folder / "new.conf"
    result = run_import(programs, {"ssmtp.conf": "mailhub=a.example\n"},
                        "ssmtp.conf", "--write", f"--output={path}")
    assert re.match(rf"Written: {path}\nNow: .*postrider.*\nTry it with",
                    result.stdout.decode())


@pytest.fixture
def nobody():
    """The programs in a folder of a user who is not root."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postrider-import-"))
    os.chown(folder, NOBODY if os.geteuid() == 0 else -1, -1)
    programs = Programs(folder)
    programs.copy_build()
    yield programs
    shutil.rmtree(folder)


def deliver(programs, path, smarthost, **options):
    """Send through the configuration at path, as a caller does."""
    result = programs.sendmail("-f", "alice@a.example", "bob@b.example",
                               stdin=message("hello\n"),
                               env={"POSTRIDER_CONFIG": str(path)}, **options)
    result.expect(0)
    return smarthost.wait_for_messages(1)[0]


def test_imported_msmtprc_delivers(programs, make_smarthost, certificates):
    host = make_smarthost(tls="starttls", auth=["PLAIN"],
                          users={"me": "open sesame"})
    path = programs.folder / "new" / "postrider.conf"
    run_import(programs, {"msmtprc": f"""
        account wrong
        host 127.0.0.1
        port 9
        account right
        host {host.host}
        port {host.port}
        tls on
        tls_trust_file {certificates.ca}
        auth on
        user me
        password open sesame
        from shop@example.com
        account default : right
        """}, "msmtprc", "--write", f"--output={path}")
    received = deliver(programs, path, host)
    assert received.tls and received.user == "me"
    assert received.reverse_path == "shop@example.com"
    assert "shop@example.com" in received.fields("From")[0]


def test_imported_ssmtp_conf_delivers(nobody, make_smarthost, certificates):
    host = make_smarthost(tls="implicit", auth=["LOGIN"],
                          users={"me": "sesame"})
    path = nobody.folder / "postrider.conf"
    user = {"user": NOBODY} if os.geteuid() == 0 else {}
    lay(nobody.folder, {
        "ssmtp.conf": f"root=ops@example.com\r\n"
                      f"mailhub={host.host}:{host.port}\r\n"
                      f"rewriteDomain=example.com\r\nUseTLS=YES\r\n"
                      f"TLS_CA_File={nobody.folder}/ca.pem\r\n"
                      f"AuthUser=me\r\nAuthPass=sesame\r\n",
        "revaliases": "nobody:shop@example.com\n",
        "ca.pem": pathlib.Path(certificates.ca).read_bytes()})
    nobody.postrider("import", "--write", "--output", str(path),
                     str(nobody.folder / "ssmtp.conf"), **user).expect(0)
    assert path.with_name("password").read_text().strip() == "sesame"
    path.write_text("delivery = direct\n" + path.read_text())
    received = deliver(nobody, path, host, **user)
    assert received.user == "me"
    assert received.recipients == ["bob@b.example"]


def test_mail_that_others_left(queue, smarthost, may_mount):
    """Taken over from dma and nullmailer; Exim and Postfix have to send
    theirs."""
    queue.write_config(smarthost)
    queue.config.chmod(0o644)
    spool = queue.folder / "others"
    lay(spool, {
        "dma/Q3.a1": "ID: 3.a1\nSender: root@vm.example\n"
                     "Recipient: bob@b.example\n",
        "dma/M3.a1": "Received: from root (uid 0)\nSubject: from dma\n\n"
                     "one\n.two\n.\n",
        "dma/Qbad": "junk", "dma/Mbad": "junk", "dma/flush": "",
        "nullmailer/queue/123.4": b"\nbob@b.example\neve@b.example\n\n"
                                  b"Subject: from nullmailer\n\nhello\n",
        "exim4/input/1abcde-000001-Qr-H": "", "postfix/deferred/1/123": ""})
    told = queue.run_other(["unshare", "--mount", "sh", "-c",
                            'mount --bind "$0" /var/spool && exec "$@"',
                            spool, queue.build / "postrider", "import",
                            "--queue"])
    assert told.status == 75, str(told)
    out = told.stdout.decode()
    assert "dma: 1 message taken over\nnullmailer: 1 message taken over\n" \
        in out
    assert "exim4: 1 message in /var/spool/exim4/input: install exim4 again, " \
        "run exim4 -qff, then install postrider\n" in out
    assert "postfix: 1 message in /var/spool/postfix/deferred: install" in out
    assert "/var/spool/dma/Qbad: it is not a whole message: it stays" in told.errors
    assert sorted(path.name for path in (spool / "dma").iterdir()) == \
        ["Mbad", "Qbad", "flush"]
    assert not list((spool / "nullmailer" / "queue").iterdir())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(2)
    sent = {m.reverse_path: m for m in smarthost.messages}
    assert sent["root@vm.example"].recipients == ["bob@b.example"]
    assert sent["root@vm.example"].body == b"one\r\n.two\r\n.\r\n"
    assert sent[""].recipients == ["bob@b.example", "eve@b.example"]
    assert sent[""].fields("Subject") == ["from nullmailer"]


SPY = r"""#!/bin/sh
cat >/dev/null
(: </dev/tty) 2>/dev/null && echo it has the terminal
for fd in 0 1 2; do test -t $fd && echo it has descriptor $fd; done
printf 'sendmail: \033[2Jis full\n' >&2
exit 75
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="other users need root")
def test_a_user_is_not_given_roots_terminal(queue, smarthost):
    """With it, their processes could type commands, and read passwords."""
    queue.write_config(smarthost)
    build = queue.folder / "build"
    build.mkdir()
    shutil.copy(queue.build / "postrider", build)
    spy = build / "sendmail"
    spy.write_text(SPY)
    spy.chmod(0o755)
    queue.build = build
    lay(queue.folder / "dma", {
        "Q1": "Sender: root@vm.example\nRecipient: bob@b.example\n",
        "M1": "Subject: hello\n\nhello\n"})
    terminal = Terminal(queue, "--queue", "--from", "dma",
                        str(queue.folder / "dma"), command="import")
    assert terminal.end() == 75
    assert "it has" not in terminal.whole
    assert "sendmail: \\x1b[2Jis full\r\n" in terminal.whole
    assert "Q1: it was not accepted: it stays" in terminal.whole


def test_mail_of_others_is_roots_matter(queue, smarthost):
    queue.write_config(smarthost)
    folder = queue.folder / "dma"
    folder.mkdir()
    queue.postrider("import", "--queue", folder).expect(64, 77)
    queue.write_config()
    refused = queue.postrider("import", "--queue").expect(77, 78).errors
    assert "only root" in refused or "run postrider setup first" in refused
