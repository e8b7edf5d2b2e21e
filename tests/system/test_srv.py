"""A smarthost that is a service: hosts and ports by SRV records."""

import socket

import pytest

from lib.harness import message
from lib.nameserver import Nameserver

TO = "rcpt@b.example"
SERVICE = "_submission._tcp.cluster.test"

def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(*targets, **more):
    records = {SERVICE: [("SRV", *target) for target in targets]}
    for *_, host in targets:
        records[host] = [("A", "127.0.0.1")]
    records.update(more)
    return Nameserver(records)


def test_the_first_that_answers(queue, smarthost, may_mount):
    """Priority decides; a target that is down is passed over."""
    queue.write_config(smarthost, host=SERVICE, port=None)
    with serve((20, 0, smarthost.port, "b.cluster.test"),
               (10, 0, closed_port(), "a.cluster.test")) as names:
        with queue.daemon(preexec_fn=names.use) as daemon:
            queue.sendmail(TO, stdin=message()).expect(0)
            daemon.wait_for(r"relay=b\.cluster\.test\[127\.0\.0\.1\].*"
                            "status=sent")
            daemon.wait_until_removed(1)
    assert (SERVICE, 33) in names.asked
    assert len(smarthost.messages) == 1


@pytest.fixture
def tls_queue(queue, tls_smarthost):
    """Its certificate is for smtp.test."""
    def configure(service):
        queue.write_config(tls_smarthost, host=service, port=None)
        return queue
    return configure


def test_certificate_of_a_host_in_the_domain(tls_queue, tls_smarthost,
                                             may_mount):
    service = "_submission._tcp.test"
    queue = tls_queue(service)
    with Nameserver({service: [("SRV", 0, 0, tls_smarthost.port,
                                "smtp.test")],
                     "smtp.test": [("A", "127.0.0.1")]}) as names:
        with queue.daemon(preexec_fn=names.use) as daemon:
            queue.sendmail(TO, stdin=message()).expect(0)
            daemon.wait_until_removed(1)
    assert len(tls_smarthost.messages) == 1


@pytest.mark.parametrize("target, proved", [
    ("other.cluster.test", "other.cluster.test"),
    ("smtp.test", "cluster.test")])
def test_certificate_of_another(tls_queue, tls_smarthost, target, proved,
                                may_mount):
    """DNS may be forged: a host elsewhere must prove to be the domain's."""
    queue = tls_queue(SERVICE)
    with serve((0, 0, tls_smarthost.port, target)) as names:
        with queue.daemon(preexec_fn=names.use) as daemon:
            queue.sendmail(TO, stdin=message()).expect(0)
            daemon.wait_for(f"is down, its mail is kept: {proved}: ")
    assert tls_smarthost.messages == []
    assert len(queue.listing()) == 1


@pytest.mark.parametrize("records", [{}, {SERVICE: []}])
def test_no_records(queue, smarthost, records, may_mount):
    queue.write_config(smarthost, host=SERVICE, port=None)
    with Nameserver(records) as names:
        with queue.daemon(preexec_fn=names.use) as daemon:
            queue.sendmail(TO, stdin=message()).expect(0)
            daemon.wait_for(f"look up host {SERVICE}: it has no SRV record")
    assert smarthost.messages == []
