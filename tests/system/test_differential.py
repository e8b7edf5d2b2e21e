"""Sendmail, Postfix and Exim would have done the same with a command line and a
message, or it is published why not: the cases whose outcomes are kept."""

import os
import subprocess

import pytest

from lib.harness import ROOT

RUN = ROOT / "tests" / "differential" / "run"


def test_recorded_cases():
    """The plain programs, as there are many cases."""
    run = subprocess.run(
        [RUN, "--recorded"], capture_output=True, text=True, check=False,
        env={**os.environ, "POSTRIDER_BUILD": str(ROOT / "build")})
    if run.returncode == 75:
        pytest.skip(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
