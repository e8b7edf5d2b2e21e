"""After a power cut at any instant, nothing that was accepted is lost: a sample
of the states that tests/crash explores."""

import os
import subprocess

import pytest

from crash.scenarios import SCENARIOS
from lib.harness import ROOT

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
