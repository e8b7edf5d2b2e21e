"""Sources and programs with a change, which a run must find.

Each list of such changes is MUTANTS in tests/NAME/mutants or mutants.py: rows
with `changes`, a tuple of (file, old, new), of which old is in the file once.

    with changed(tree, one.changes):
        ...                     # the sources have them
    with mutant(build, one.changes) as programs:
        ...                     # a folder as `build` is one
"""

import contextlib
import pathlib
import runpy
import subprocess
import tempfile

from .harness import ROOT

NEEDED = "Makefile", "src", "include", "packaging"


def lists():
    """{file: MUTANTS} of all tests."""
    files = sorted(path for pattern in ("*/mutants", "*/mutants.py")
                   for path in (ROOT / "tests").glob(pattern))
    return {file: runpy.run_path(str(file))["MUTANTS"] for file in files
            if file.parent.name != "lint"}


def texts_of(tree, changes):
    """{file: text} before, and with, the changes. ValueError: a text is not
    there once."""
    before, after = {}, {}
    for file, old, new in changes:
        path = tree / file
        if file not in before:
            before[file] = path.read_text() if path.exists() else ""
        text = after.get(file, before[file])
        if text.count(old) != 1:
            raise ValueError(f"{file}: {text.count(old)} times, not once, it "
                             f"has: {old}")
        after[file] = text.replace(old, new)
    return before, after


@contextlib.contextmanager
def changed(tree, changes):
    """The files of the tree have these changes meanwhile."""
    before, after = texts_of(tree, changes)
    try:
        for file, text in after.items():
            (tree / file).write_text(text)
        yield
    finally:
        for file, text in before.items():
            (tree / file).write_text(text)


@contextlib.contextmanager
def mutant(build, changes, targets=("all",)):
    """Made from what is built: only what depends on the change is compiled.

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
        with changed(tree, changes):
            subprocess.run(["make", "-s", "-j2", *targets], cwd=tree,
                           check=True, stdout=subprocess.DEVNULL)
            yield tree / "build"
