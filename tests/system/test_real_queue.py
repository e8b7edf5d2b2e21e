"""The queue with a real smarthost: Postfix, taken down and up again."""

import uuid

import pytest

from lib.harness import message
from lib.postfix import Postfix
from lib.queue import as_root
from lib.servers import PASSWORD, RECIPIENTS, USER, Authority, running

pytestmark = as_root
MANY = 30


@pytest.fixture(scope="module")
def postfix(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("authority"))
    with running(Postfix, authority) as server:
        yield server


@pytest.fixture
def configured(queue, postfix):
    queue.write_config(postfix.port, inet="ipv4",
                       tls="starttls", tls_ca_file=postfix.authority.ca,
                       auth="auto", user=USER, password=PASSWORD)
    return queue


def send(queue, token, *recipients):
    queue.sendmail("-i", "-f", "a@a.example", *recipients,
                   stdin=message(f"{token}\n")).expect(0)


def deliveries(postfix, token, recipients):
    found = postfix.sink.wait(token.encode(), recipients)
    return sorted(r for delivery in found for r in delivery.recipients)


def test_goes_at_once(configured, postfix):
    token = uuid.uuid4().hex
    with configured.daemon() as daemon:
        send(configured, token, *RECIPIENTS)
        assert deliveries(postfix, token, RECIPIENTS) == sorted(RECIPIENTS)
        daemon.wait_until_removed(1)
        assert configured.is_empty()


def test_waits_while_it_is_down_and_goes_when_it_is_up(configured, postfix):
    tokens = [uuid.uuid4().hex for _ in range(MANY)]
    with configured.daemon() as daemon:
        postfix.take_down()
        try:
            for token in tokens:
                send(configured, token, RECIPIENTS[0])
            daemon.wait_for("smarthost .* is down")
            daemon.wait(lambda: len(configured.names("queue")) == MANY)
            assert daemon.count("status=sent") == 0
        finally:
            postfix.bring_up()
        configured.sendmail("-q").expect(0)
        for token in tokens:
            assert deliveries(postfix, token, RECIPIENTS[:1]) == \
                list(RECIPIENTS[:1])
        daemon.wait_until_removed(MANY)
        assert configured.is_empty()


def test_is_delivered_by_the_next_daemon(configured, postfix):
    token = uuid.uuid4().hex
    postfix.take_down()
    try:
        daemon = configured.start()
        send(configured, token, RECIPIENTS[0])
        daemon.wait_for("smarthost .* is down")
        daemon.wait(lambda: configured.names("queue"))
        daemon.kill()
    finally:
        postfix.bring_up()
    with configured.daemon() as daemon:
        assert deliveries(postfix, token, RECIPIENTS[:1]) == [RECIPIENTS[0]]
        daemon.wait_until_removed(1)
