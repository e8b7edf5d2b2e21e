"""Hosts with several addresses: which is taken, and what is told of failures."""

import contextlib
import re
import socket

import pytest

from lib.harness import message
from lib.nameserver import Nameserver
from lib.smarthost import Smarthost

TO = "bob@b.example"
HOST = "mx.cluster.test"
SERVICE = "_submission._tcp.cluster.test"
UNROUTED = "255.255.255.255"    # no machine has a route there for TCP


@pytest.fixture
def addresses(may_mount):
    """A name with these addresses, for programs that run with its use()."""
    with contextlib.ExitStack() as stack:
        def have(*found):
            records = [("AAAA" if ":" in one else "A", one) for one in found]
            return stack.enter_context(Nameserver({HOST: records})).use
        yield have


def service(port):
    """Its first host is at 127.0.0.2, and the second one at 127.0.0.1."""
    return Nameserver({
        SERVICE: [("SRV", 10, 0, port, "a.cluster.test"),
                  ("SRV", 20, 0, port, "b.cluster.test")],
        "a.cluster.test": [("A", "127.0.0.2")],
        "b.cluster.test": [("A", "127.0.0.1")]})


@contextlib.contextmanager
def swallowing(address, port):
    """Nothing comes back from there: its queue of connections is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((address, port))
        yield


@pytest.fixture
def host():
    """It listens at 127.0.0.1 alone."""
    with Smarthost(families=("ipv4",)) as made:
        yield made
        made.check()


def reason(result):
    """Of the one recipient's deferral, from the log."""
    (line,) = [line for line in result.errors.splitlines()
               if "status=deferred" in line]
    return line


def test_an_address_that_swallows_packets(programs, host, addresses):
    programs.write_config(host, host=HOST, timeout="5m")
    with swallowing("127.0.0.2", host.port):
        result = programs.sendmail(
            TO, stdin=message(), limit=20,
            preexec_fn=addresses("127.0.0.2", "127.0.0.1")).expect(0)
    assert "relay=mx.cluster.test[127.0.0.1]" in result.errors
    assert len(host.messages) == 1


def test_a_service_whose_first_host_swallows_packets(programs, host,
                                                     may_mount):
    programs.write_config(host, host=SERVICE, port=None, timeout="5m")
    with swallowing("127.0.0.2", host.port), service(host.port) as names:
        programs.sendmail(TO, stdin=message(), limit=20,
                          preexec_fn=names.use).expect(0)
    assert len(host.messages) == 1


def test_the_queue_and_its_sandbox(queue, host, may_mount):
    """A worker that has shut itself in can use two sockets at a time."""
    queue.write_config(host, host=SERVICE, port=None, timeout="5m")
    with swallowing("127.0.0.2", host.port), service(host.port) as names:
        with queue.daemon(preexec_fn=names.use) as daemon:
            queue.sendmail(TO, stdin=message()).expect(0)
            daemon.wait_until_removed(1, timeout=20)
    assert len(host.messages) == 1


def test_an_address_that_accepts_and_is_silent(queue, host, may_mount):
    """A path on which large packets get lost, or a balancer with nothing
    behind it: the next connection begins at the next address."""
    with contextlib.ExitStack() as stack:
        names = stack.enter_context(Nameserver(
            {HOST: [("AAAA", "::1"), ("A", "127.0.0.1")]}))
        silent = stack.enter_context(socket.socket(socket.AF_INET6))
        silent.bind(("::1", host.port))
        silent.listen()
        queue.write_config(host, host=HOST, timeout="5m")
        with queue.daemon(preexec_fn=names.use) as daemon:
            queue.sendmail(TO, stdin=message()).expect(0)
            daemon.wait_until_removed(1, timeout=60)
        silent.settimeout(30)
        silent.accept()[0].close()
    assert len(host.messages) == 1


def test_the_winner_is_tried_first(queue, host, may_mount):
    """The next session does not try the other address again."""
    queue.write_config(host, host=SERVICE, port=None,
                       messages_per_connection=1)
    with service(host.port) as names, \
            queue.daemon(preexec_fn=names.use) as daemon:
        queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait_until_removed(1)
        with socket.socket() as other:
            other.bind(("127.0.0.2", host.port))
            other.listen()
            other.setblocking(False)
            queue.sendmail(TO, stdin=message()).expect(0)
            daemon.wait_until_removed(2)
            with pytest.raises(BlockingIOError):
                other.accept()
    assert len(host.sessions) == 2


def test_a_source_address_that_is_not_there_yet(programs, host):
    """At boot, or while a VPN is down: it is worth another try."""
    programs.write_config(host, host="127.0.0.1", source_address="192.0.2.77")
    result = programs.sendmail(TO, stdin=message()).expect(75)
    assert "source_address 192.0.2.77: Cannot assign" in reason(result)
    assert "is the network up, and is this an address of this machine?" \
        in result.errors


@pytest.mark.parametrize("greeting", ["421 4.3.2 busy", "554 5.3.2 no"])
@pytest.mark.parametrize("found", [
    ("127.0.0.1", "127.0.0.2"), ("127.0.0.2", "127.0.0.1")])
def test_a_reply_is_told_rather_than_a_refused_connection(
        programs, host, addresses, greeting, found):
    """Whichever came last."""
    host.replies["GREETING"] = greeting
    programs.write_config(host, host=HOST)
    result = programs.sendmail(TO, stdin=message(),
                               preexec_fn=addresses(*found)).expect(75)
    told = reason(result)
    assert f"relay=mx.cluster.test[127.0.0.1]:{host.port}" in told
    assert re.search(rf"{HOST}: greeting: {greeting} \(other addresses: connect "
                     r"to 127\.0\.0\.2 port \d+: Connection refused\)", told)


def test_a_certificate_is_told_rather_than_a_timeout(
        programs, make_smarthost, addresses):
    host = make_smarthost(tls="starttls", families=("ipv4",),
                          certificate="wrong-name")
    programs.write_config(host, host=HOST, timeout="2s")
    with swallowing("127.0.0.2", host.port):
        result = programs.sendmail(
            TO, stdin=message(),
            preexec_fn=addresses("127.0.0.1", "127.0.0.2")).expect(75)
    told = reason(result)
    assert "dsn=4.7.5" in told
    assert re.search(rf"is for other\.test, not for {HOST}.*\(other addresses: "
                     "connect to 127.0.0.2 .* timed out", told)


def test_an_address_without_a_route_is_left_out(programs, host, addresses):
    host.replies["GREETING"] = "421 4.3.2 busy"
    programs.write_config(host, host=HOST)
    use = addresses(UNROUTED, "127.0.0.1")
    told = reason(programs.sendmail(TO, stdin=message(),
                                    preexec_fn=use).expect(75))
    assert f"{HOST}: greeting: 421 4.3.2 busy" in told
    assert "unreachable" not in told and UNROUTED not in told
    result = programs.postrider("test", preexec_fn=use).expect(75)
    assert UNROUTED.encode() not in result.stdout
    assert "inet" not in result.errors


def test_an_address_without_a_route_is_told_where_it_is_the_only_one(
        programs, host, addresses):
    programs.write_config(host, host=HOST)
    told = reason(programs.sendmail(TO, stdin=message(),
                                    preexec_fn=addresses(UNROUTED)).expect(75))
    assert re.search(f"connect to {UNROUTED} port .* unreachable", told)


def test_the_daemon_tells_it_too(queue, host, addresses):
    host.replies["GREETING"] = "421 4.3.2 busy"
    queue.write_config(host, host=HOST)
    with queue.daemon(preexec_fn=addresses("127.0.0.1",
                                           "127.0.0.2")) as daemon:
        queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait_for(r"is down, its mail is kept: .* greeting: 421 4\.3\.2 "
                        r"busy \(other addresses: .*Connection refused\)")


def test_direct_delivery_names_both_smarthosts(programs, make_smarthost):
    """The second one's refused connection hides no login that was refused."""
    host = make_smarthost(tls="starttls", auth=["LOGIN"])
    programs.write_config(host, password="wrong", extra=(
        'smarthost "backup" {\n    host = "127.0.0.1"\n'
        f'    port = {closed_port()}\n    tls = none\n    auth = none\n}}\n'))
    result = programs.sendmail(TO, stdin=message()).expect(77)
    told = reason(result)
    assert f"relay={host.host}[" in told and "dsn=4.7.8" in told
    assert re.search(r"AUTH LOGIN refused: 535 .*\(other smarthost: connect to "
                     r"127\.0\.0\.1 port \d+: Connection refused\)", told)


def test_direct_delivery_tells_what_a_later_one_replied(programs, smarthost):
    smarthost.recipients[TO] = "451 4.7.1 greylisted"
    programs.write_config([closed_port(), smarthost])
    result = programs.sendmail(TO, stdin=message()).expect(75)
    told = reason(result)
    assert re.search(r"451 4\.7\.1 greylisted \(other smarthost: connect to .*"
                     r"Connection refused", told)
    assert f":{smarthost.port}" in told


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
