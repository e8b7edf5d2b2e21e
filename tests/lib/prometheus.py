"""Prometheus and its node exporter, as Debian has them, on what a daemon wrote.

packaging/fetch-servers unpacks both; what is installed is taken where that was
not done. They look once a second, so that a test waits for what it expects and
for nothing else.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from lib.servers import ROOTS

PATIENCE = 90
UNPACKED = os.path.join(ROOTS, "prometheus", "usr", "bin")

CONFIGURATION = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
"""


def program(name):
    """The path of promtool, prometheus or prometheus-node-exporter; None."""
    return shutil.which(name, path=os.pathsep.join(
        [UNPACKED, os.environ.get("PATH", os.defpath)]))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Prometheus:
    """Reads the *.prom files of a folder; evaluates the rules of a file."""

    def __init__(self, folder, textfiles, rules):
        exporter, self.port = free_port(), free_port()
        config = pathlib.Path(folder, "prometheus.yml")
        config.write_text(CONFIGURATION.format(rules=rules, port=exporter),
                          encoding="ascii")
        self._log = open(pathlib.Path(folder, "prometheus.log"), "w+b")
        self._processes = [self._start(
            "prometheus-node-exporter", "--collector.disable-defaults",
            "--collector.textfile", f"--collector.textfile.directory={textfiles}",
            f"--web.listen-address=127.0.0.1:{exporter}"), self._start(
            "prometheus", f"--config.file={config}",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}")]

    def _start(self, name, *arguments):
        return subprocess.Popen([program(name), *arguments],
                                stdin=subprocess.DEVNULL, stdout=self._log,
                                stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(PATIENCE)
        self._log.close()

    def _get(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}"
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{url}?{query}", timeout=PATIENCE) as got:
            return json.load(got)["data"]

    def query(self, expression):
        """What it results in: a list, empty where there is no data."""
        return self._get("query", query=expression)["result"]

    def firing(self):
        """The names of the alerts that are."""
        return {alert["labels"]["alertname"]
                for alert in self._get("alerts")["alerts"]
                if alert["state"] == "firing"}

    def wait(self, condition, what="alerts"):
        """Until it is true; it may ask before the server answers."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if condition():
                    return
            except urllib.error.URLError:
                assert all(p.poll() is None for p in self._processes), \
                    self._output()
            time.sleep(0.2)
        raise AssertionError(f"{what}: waited for in vain; {self.firing()} fire"
                             f"\n{self._output()}")

    def _output(self):
        self._log.seek(0)
        return self._log.read().decode(errors="replace")
