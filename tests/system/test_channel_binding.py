"""The fake smarthost and OpenSSL agree about what binds a channel."""

import hashlib
import queue
import re
import socket
import ssl
import subprocess

import pytest

from lib import sasl
from lib.wire import Closed, Listener


@pytest.fixture
def bindings(certificates, tmp_path):
    """(port, bindings): a server that notes those of each connection."""
    noted = queue.Queue()

    def serve(connection):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.path("server"))
        context.keylog_filename = str(tmp_path / "keylog")
        connection.start_tls(context)
        exchange = sasl.Exchange({}, None, None, connection,
                                 certificates.der("server"))
        noted.put({kind: sasl.channel_binding(exchange, kind) for kind in
                      ("tls-server-end-point", "tls-exporter"
                       if connection.tls.version() == "TLSv1.3"
                       else "tls-unique")})
        connection.send(b"noted\r\n")
        try:
            connection.line()
        except Closed:
            pass
    listener = Listener(serve, ["ipv4"])
    yield listener.port, noted
    listener.close()
    assert not listener.errors


@pytest.mark.parametrize("cipher", ["TLS_AES_256_GCM_SHA384",
                                    "TLS_AES_128_GCM_SHA256"])
def test_exporter(bindings, cipher):
    port, noted = bindings
    client = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3",
         "-ciphersuites", cipher, "-keymatexport", "EXPORTER-Channel-Binding",
         "-keymatexportlen", "32"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    # Not before the server has read its Finished may the client go away.
    found = noted.get(timeout=20)
    output, _ = client.communicate(timeout=20)
    exported = re.search(rb"Keying material: ([0-9A-F]{64})", output)
    assert found["tls-exporter"] == bytes.fromhex(exported[1].decode())


def test_unique_and_end_point(bindings, certificates):
    port, noted = bindings
    context = ssl.create_default_context(cafile=certificates.ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", port), 20) as sock, \
            context.wrap_socket(sock, server_hostname="localhost") as tls:
        assert tls.recv(100) == b"noted\r\n"
        found = noted.get(timeout=20)
        assert found["tls-unique"] == tls.get_channel_binding()
        assert found["tls-server-end-point"] == \
            hashlib.sha256(tls.getpeercert(True)).digest()
