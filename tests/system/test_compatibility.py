"""What other versions have left in a spool is delivered: tests/compatibility."""

import os
import subprocess

import pytest

from compatibility.scenario import SPOOLS
from lib.harness import ROOT

RUN = ROOT / "tests" / "compatibility" / "run"


@pytest.mark.parametrize("name", sorted(p.parent.name
                                        for p in SPOOLS.glob("*/made")))
def test_a_spool_of_another_version_is_delivered(name):
    """By the plain programs: the clock is preloaded."""
    run = subprocess.run(
        [RUN, name], capture_output=True, text=True, check=False,
        env={**os.environ, "POSTRIDER_BUILD": str(ROOT / "build")})
    assert run.returncode == 0, run.stdout + run.stderr
