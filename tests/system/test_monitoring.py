"""What monitoring systems get of the daemon."""

import json
import pathlib
import re
import shutil
import subprocess
import time

import pytest

from lib import prometheus
from lib.harness import ROOT, message
from lib.queue import ALICE, as_root, random_id, user

TO = "b@b.example"
KIT = ROOT / "packaging" / "prometheus"
RULES, DASHBOARD = KIT / "postrider.rules.yml", KIT / "postrider.dashboard.json"


def fill(queue):
    """One message, kept because no server listens."""
    queue.sendmail("-f", "a@a.example", TO, stdin=message(),
                   **user(ALICE)).expect(0)


def check(queue, status, **options):
    """The line, in its two parts; the second as numbers."""
    result = queue.postrider("status", "--check", **options).expect(status)
    (line,) = result.stdout.decode().splitlines()
    text, _, figures = line.partition(" | ")
    assert "|" not in figures
    values = dict(figure.split("=") for figure in figures.split())
    for value in values.values():
        assert re.fullmatch(r"[0-9]+(c|s?;[0-9]*;;0)", value), value
    return text, values


def test_check_while_all_is_well(queue, smarthost):
    queue.write_config(smarthost, settings={"delay_warning": "1h"})
    with queue.daemon() as daemon:
        fill(queue)
        daemon.wait_until_removed(1)
        text, values = check(queue, 0)
        assert text == "POSTRIDER OK - 0 messages queued, 1 smarthost up"
        assert values["delivered"] == "1c" and values["queued"] == "0;;;0"
        assert values["oldest"] == "0s;3600;;0"
        assert check(queue, 0, **user(ALICE))[0] == text, "for users, too"


def test_check_without_an_answer(queue):
    queue.write_config(1)
    text, values = check(queue, 2)
    assert text.startswith("POSTRIDER CRITICAL - no daemon listens at ")
    assert not values


def test_check_while_a_smarthost_is_down(queue):
    """It is critical once mail waits, which may be held meanwhile."""
    queue.write_config(1, settings={"retry_first": "1h",
                                    "retry_longest": "1h"})
    with queue.daemon() as daemon:
        fill(queue)
        daemon.wait_for("host0 is down")
        daemon.wait(lambda: queue.status()["active"] == 0)
        queue.postrider("queue", "hold", "all").expect(0)
        text, values = check(queue, 2)
        assert re.match("POSTRIDER CRITICAL - smarthost host0 is down for "
                        "[0-9]+ s: .*; 1 message is held$", text)
        assert values["queued"] == "1;;;0" == values["held"]
        queue.postrider("queue", "remove", "all").expect(0)
        daemon.wait(lambda: queue.status()["queued"] == 0)
        assert check(queue, 1)[0].startswith(
            "POSTRIDER WARNING - smarthost host0 is down for ")


def test_check_of_late_messages(queue, smarthost):
    queue.write_config(smarthost, settings={"delay_warning": "1s"})
    with queue.daemon() as daemon:
        smarthost.replies["RCPT"] = "450 4.2.0 later"
        fill(queue)
        daemon.wait_for("status=deferred")
        daemon.wait(lambda: check_late(queue))


def check_late(queue):
    result = queue.postrider("status", "--check")
    return result.status == 1 and re.match(
        "POSTRIDER WARNING - the oldest message waits for ",
        result.stdout.decode())


@as_root
def test_check_of_what_needs_an_administrator(queue, smarthost):
    """Users get the number, administrators the place."""
    queue.write_config(smarthost)
    name = random_id()
    path = queue.spool / "failed" / name
    path.write_bytes(b"what it is does not matter")
    queue.give(path)
    with queue.daemon():
        assert check(queue, 2)[0].startswith(
            "POSTRIDER CRITICAL - 1 message in failed ")
        assert check(queue, 2, **user(ALICE))[0] == \
            "POSTRIDER CRITICAL - 1 message needs an administrator"


@pytest.mark.parametrize("settings, reason", [
    ({"delivery": "direct"}, "there is no daemon"),
    ({"port": "x"}, "port"),
])
def test_check_without_a_daemon_to_ask(queue, settings, reason):
    queue.write_config(1, settings=settings)
    text, values = check(queue, 3)
    assert text.startswith("POSTRIDER UNKNOWN - ") and reason in text
    assert not values


def needs(name):
    return pytest.mark.skipif(
        prometheus.program(name) is None,
        reason=f"{name} is missing: packaging/fetch-servers prometheus")


@needs("promtool")
def test_each_alert_fires_and_clears(tmp_path):
    for path in (RULES, ROOT / "tests" / "prometheus" / "rules_test.yml"):
        shutil.copy(path, tmp_path)
    for command in (["check", "rules", RULES.name],
                    ["test", "rules", "rules_test.yml"]):
        result = subprocess.run([prometheus.program("promtool"), *command],
                                cwd=tmp_path, stdout=subprocess.PIPE,
                                text=True, stderr=subprocess.STDOUT,
                                check=False)
        assert result.returncode == 0, result.stdout
    tested = set(re.findall("alertname: ([A-Za-z]+)",
                            (tmp_path / "rules_test.yml").read_text()))
    assert tested == set(re.findall("alert: ([A-Za-z]+)", RULES.read_text()))


def without_patience(rules):
    """The same rules, for trouble of some seconds."""
    text = re.sub("for: [0-9]+[mh]", "for: 0s", RULES.read_text())
    rules.write_text(text.replace("4 * 3600", "2"))
    return rules


def queries_of_dashboard():
    """As Grafana sends them: for all machines, and a short time."""
    board = json.loads(DASHBOARD.read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace(
                "$instance", ".*").replace("$__rate_interval", "1m")


@needs("prometheus")
def test_an_outage_as_prometheus_sees_it(queue, make_smarthost, tmp_path):
    """A smarthost goes and comes back. Then every query of the dashboard has
    data."""
    options = {"tls": "starttls", "auth": ["LOGIN"]}
    smarthost = make_smarthost(**options)
    queue.write_config(
        smarthost,
        settings={"metrics": str(queue.run_folder / "postrider.prom")})
    outage = {"PostriderSmarthostDown", "PostriderMailIsLate"}
    with queue.daemon() as daemon, prometheus.Prometheus(
            tmp_path, queue.run_folder,
            without_patience(tmp_path / "rules.yml")) as server:
        fill(queue)
        daemon.wait_until_removed(1)
        server.wait(lambda: server.query(
            "postrider_delivered_recipients_total > 0"))
        assert not server.firing()
        smarthost.close()
        fill(queue)
        server.wait(lambda: server.firing() >= outage)
        make_smarthost(port=smarthost.port, **options)
        daemon.wait_until_removed(2)
        server.wait(lambda: not server.firing())
        for panel, query in queries_of_dashboard():
            server.wait(lambda: server.query(query), f"{panel}: {query}")


def test_rules_and_dashboard_are_about_metrics_that_there_are(
        queue, tls_smarthost):
    metrics = pathlib.Path(queue.run_folder / "postrider.prom")
    queue.write_config(tls_smarthost,
                       settings={"metrics": str(metrics)})
    with queue.daemon() as daemon:
        fill(queue)
        daemon.wait_until_removed(1)
    text = metrics.read_text()
    written = set(re.findall(r"(?m)^(postrider_[a-z_]+)", text))
    for file in (RULES, DASHBOARD):
        named = set(re.findall(r"postrider_[a-z_]+", file.read_text()))
        assert named and named <= written
    assert "postrider_build_info" in written
    end = int(re.search(r"certificate_expiry_timestamp_seconds"
                        r"\{smarthost=\"host0\"\} (\d+)\n", text).group(1))
    assert time.gmtime(end)[:3] == (2049, 12, 31)
    free = int(re.search(r"spool_free_bytes (\d+)\n", text).group(1))
    assert 0 < free <= shutil.disk_usage(queue.spool).total
