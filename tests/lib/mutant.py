"""The programs with a change, which a run must find.

    with mutant(build, [("src/spool/draft.c", "fsync(", "(void)(")]) as changed:
        ...                     # a folder as `build` is one
"""

import contextlib
import pathlib
import subprocess
import tempfile

from .harness import ROOT

NEEDED = "Makefile", "src", "include", "packaging"


@contextlib.contextmanager
def mutant(build, changes, targets=("all",)):
    """Made from what is built: only what depends on the change is compiled.

    changes  (file, old, new) each; old is there once
    targets  of make, and its variables
    """
    with tempfile.TemporaryDirectory(prefix="postrider-mutant-") as folder:
        tree = pathlib.Path(folder)
        for name in NEEDED:
            subprocess.run(["cp", "-a", ROOT / name, tree], check=True)
        (tree / "tests").symlink_to(ROOT / "tests")
        (tree / "build").mkdir()
        for path in build.iterdir():
            if path.is_file() or path.name in ("obj", "compromise"):
                subprocess.run(["cp", "-a", path, tree / "build"], check=True)
        for file, old, new in changes:
            text = (tree / file).read_text()
            assert text.count(old) == 1, f"{file}: not once: {old}"
            (tree / file).write_text(text.replace(old, new))
        subprocess.run(["make", "-s", "-j2", *targets], cwd=tree, check=True,
                       stdout=subprocess.DEVNULL)
        yield tree / "build"
