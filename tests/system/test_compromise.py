"""What succeeds in a process that was taken over is in the published table:
tests/compromise."""

import os
import subprocess

import pytest

from lib.harness import ROOT

RUN = ROOT / "tests" / "compromise" / "run"


@pytest.mark.parametrize("process", ["manager", "opening-worker", "worker",
                                     "server", "renewal", "oauth"])
def test_nothing_succeeds_that_is_not_in_the_table(process):
    """The plain programs: sanitizers need calls that the sandbox forbids."""
    build = ROOT / "build"
    if process == "renewal" and not (build / "postrider-oauth").exists():
        pytest.skip("no postrider-oauth")
    run = subprocess.run(
        [RUN, process], capture_output=True, text=True, check=False,
        env={**os.environ, "POSTRIDER_BUILD": str(build)})
    if run.returncode == 75:
        pytest.skip(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
