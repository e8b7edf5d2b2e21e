"""TLS as the machine and the configuration have it."""

import re
import ssl
import subprocess

import pytest

from lib.harness import message
from lib.mounts import mounted
from lib.wire import Listener

TO = "bob@b.example"


def pem(path):
    """The certificate of a file without its key."""
    return re.search("-----BEGIN CERT.*?END CERTIFICATE-----\n",
                     open(path, encoding="ascii").read(), re.S).group(0)


@pytest.fixture
def authorities(tmp_path, certificates):
    """What is to be /etc/ssl/certs: a stray hashed certificate, as some package
    leaves it, and a bundle with the right one."""
    folder = tmp_path / "certs"
    folder.mkdir()
    stray = certificates.path("other-ca")
    name = subprocess.run(
        ["openssl", "x509", "-in", stray, "-noout", "-subject_hash"],
        check=True, capture_output=True, text=True).stdout.strip()
    (folder / f"{name}.0").write_text(pem(stray), encoding="ascii")
    (folder / "ca-certificates.crt").write_text(pem(certificates.ca),
                                                encoding="ascii")
    return folder


def test_a_stray_hashed_certificate(programs, tls_smarthost, authorities,
                                    may_mount):
    programs.write_config(tls_smarthost, tls_ca_file=None)
    programs.sendmail(TO, stdin=message(), preexec_fn=mounted(
        authorities, "/etc/ssl/certs")).expect(0)
    assert len(tls_smarthost.messages) == 1


def test_a_hashed_certificate_besides_a_bundle(programs, make_smarthost,
                                               authorities, may_mount):
    host = make_smarthost(tls="starttls", certificate="other-signed")
    programs.write_config(host, tls_ca_file=None)
    programs.sendmail(TO, stdin=message(), preexec_fn=mounted(
        authorities, "/etc/ssl/certs")).expect(0)
    assert len(host.messages) == 1


@pytest.mark.parametrize("groups, shown", [
    ("P-256", r"(secp256r1|P-256|prime256v1)"), ("P-384", r"(secp384r1|P-384)"),
    ("X25519:P-256", "X25519"), (None, r"\S+")])
def test_the_groups_of_the_key_exchange(programs, tls_smarthost, groups,
                                        shown):
    programs.write_config(tls_smarthost, tls_groups=groups)
    result = programs.postrider("test").expect(0)
    assert re.search(rf"(?i)ms  key exchange: {shown}\n",
                     result.stdout.decode()), str(result)


def test_groups_that_openssl_does_not_know(programs, tls_smarthost):
    programs.write_config(tls_smarthost, tls_groups="P-256:nonsense")
    for command in ("test", "check"):
        result = programs.postrider(command).expect(78)
        assert re.search(r"tls_groups = P-256:nonsense: OpenSSL does not know "
                         r"all of these[:;] set tls_groups = \"X25519:P-256\"",
                         result.errors + result.stdout.decode()), str(result)
    assert not tls_smarthost.sessions


@pytest.mark.parametrize("answer, is_explained", [
    (b"", False), (b"\x15\x03\x03\x00\x02\x02\x32", False),  # decode error
    (b"\x15\x03\x03\x00\x02\x02\x46", True),                 # version
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", True)])
def test_a_handshake_that_dies(programs, answer, is_explained):
    """The key that helps is named where the ClientHello was a large one, as that
    of OpenSSL 3.5 is, and nothing else is known to be wrong."""
    hellos = []

    def serve(connection):
        hellos.append(connection.sock.recv(65536))
        connection.sock.sendall(answer)
    listener = Listener(serve, ("ipv4",))
    programs.write_config(listener.port, host="127.0.0.1", tls="implicit")
    result = programs.postrider("test").expect(75)
    listener.close()
    (hello,) = hellos
    is_large = len(hello) > 1000 and not is_explained
    assert is_large == (f"our ClientHello ({len(hello)} octets) may be why: "
                        'tls_groups = "X25519:P-256"' in result.errors), result
    assert is_large == ("tls_groups" in result.errors)


def test_an_openssl_that_has_no_ciphers(programs, tls_smarthost):
    """Its configuration names a provider that has none: the words are those
    that people search the web for."""
    settings = programs.folder / "openssl.cnf"
    settings.write_text("openssl_conf = all\n[all]\nproviders = list\n[list]\n"
                        "null = one\n[one]\nactivate = 1\n", encoding="ascii")
    programs.write_config(tls_smarthost)
    result = programs.sendmail(TO, stdin=message(),
                               env={"OPENSSL_CONF": str(settings)}).expect(75)
    assert re.search("OpenSSL cannot be used: library has no ciphers "
                     r"\(error .*\); is its configuration right", result.errors)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name, words", [
    ("old-client", "as it has expired; renew tls_cert_file"),
    ("server", "which may be for another use; set tls_cert_file to one for"),
])
def test_a_client_certificate_that_is_refused(
        programs, make_smarthost, certificates, version, name, words):
    """It is not said of the server's."""
    host = make_smarthost(tls="starttls")
    host.client_ca = certificates.ca
    host.tls_versions = version, version
    programs.write_config(host, tls_cert_file=certificates.path(name))
    result = programs.sendmail(TO, stdin=message()).expect(75)
    assert f"the server refuses our client certificate, {words}" \
        in result.errors
