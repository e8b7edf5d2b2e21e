"""The compiler of `make`, for what tests build themselves."""

import os
import shlex
import subprocess


def compile_c(*arguments, **how):
    """Run $CC, which may be several words ("ccache gcc"), with these
    arguments; `how` is for subprocess.run()."""
    return subprocess.run(
        [*shlex.split(os.environ.get("CC", "cc")), *arguments], check=True,
        **how)
