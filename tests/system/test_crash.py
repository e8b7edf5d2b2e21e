"""After a power cut at any instant, nothing that was accepted is lost: a sample
of the states that tests/crash explores."""

import os
import pathlib
import re
import subprocess
import tempfile

import pytest

from crash.scenarios import SCENARIOS
from lib.harness import ROOT, message

RUN = ROOT / "tests" / "crash" / "run"
PER_SCENARIO = "2"      # besides one of each row of the table


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_power_cut(scenario):
    """The plain programs: a sanitizer does not go with strace."""
    run = subprocess.run(
        [RUN, "--sample", PER_SCENARIO, scenario], capture_output=True,
        env={**os.environ, "POSTRIDER_BUILD": str(ROOT / "build")},
        text=True, check=False)
    if run.returncode == 75:
        pytest.skip(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr


SYNC, NAME = "fsync", "linkat"


@pytest.mark.parametrize("kind, calls", [
    ("shown", [NAME, SYNC]),
    ("unknown", [SYNC, NAME, SYNC]),
])
def test_one_sync_where_it_was_shown_to_be_enough(queue, kind, calls):
    """tests/powercut shows it for some file systems; tmpfs is none of them."""
    shown = subprocess.run(["stat", "-f", "-c", "%T", queue.spool], text=True,
                           stdout=subprocess.PIPE, check=True).stdout.strip()
    if kind == "shown" and shown not in ("ext2/ext3", "xfs", "btrfs"):
        pytest.skip(f"{queue.spool} is on {shown}")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        if kind == "unknown":
            queue.spool = pathlib.Path(folder, "spool")
            queue.spool.mkdir()
            queue.make_folders()
        queue.write_config(25)
        run = subprocess.run(
            ["strace", "-qq", "-e", f"trace={SYNC},{NAME}",
             ROOT / "build" / "sendmail", "b@b.example"], input=message(),
            env=queue.environment(), stderr=subprocess.PIPE, check=False)
    if run.returncode and b"ptrace" in run.stderr:
        pytest.skip("strace cannot trace")
    assert re.findall(r"^(\w+)\(", run.stderr.decode(), re.M) == calls
