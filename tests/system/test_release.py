"""A release: what it refuses, what it writes, and what it packs."""

import hashlib
import json
import shutil
import subprocess
import tarfile

import pytest

from lib.harness import ROOT

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(),
                                reason="no git checkout")
VERSION = "9.8.7"
RECIPES = ("Makefile", "packaging/alpine/APKBUILD", "packaging/arch/PKGBUILD",
           "packaging/rpm/postrider.spec", "packaging/debian/changelog")


class Tree:
    """A checkout of its own, with what is here now."""

    def __init__(self, path):
        self.path = path
        self.git("init", "-q", "-b", "main", str(path), cwd="/")
        listed = subprocess.run([ROOT / "packaging" / "list-sources"],
                                capture_output=True, text=True, check=True)
        for name in listed.stdout.splitlines():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, path / name, follow_symlinks=False)
        self.git("config", "user.name", "Tester")
        self.git("config", "user.email", "tester@example.com")
        self.commit("all")

    def git(self, *arguments, cwd=None):
        return subprocess.run(["git", *arguments], cwd=cwd or self.path,
                              capture_output=True, text=True, check=True).stdout

    def commit(self, message):
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "-m", message)

    def write_news(self):
        news = self.path / "packaging" / "NEWS.md"
        news.write_text(news.read_text().replace(
            "## Unreleased", f"## Unreleased\n\n## {VERSION}", 1))
        self.commit("news")

    def write_spool(self):
        """What `make compatibility-record` leaves, as far as is looked at."""
        folder = self.path / "tests" / "compatibility" / "spools" / VERSION
        folder.mkdir(parents=True)
        (folder / "made").write_text("1 a-commit\n")
        self.commit("a spool")

    def release(self, version=VERSION):
        return subprocess.run([self.path / "packaging" / "release", version],
                              cwd=self.path, capture_output=True, text=True,
                              check=False)


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "tree")


def test_refused(tree):
    assert "no entry" in tree.release().stderr
    tree.write_news()
    assert "there is no spool of it" in tree.release().stderr
    tree.write_spool()
    assert "v1 is not a version" in tree.release("v1").stderr
    (tree.path / "stray").write_text("x")
    assert "not committed" in tree.release().stderr
    (tree.path / "stray").unlink()
    tree.git("tag", "v" + VERSION)
    assert "there is a tag" in tree.release().stderr
    assert tree.git("status", "--porcelain") == ""


def test_released(tree):
    tree.write_news()
    tree.write_spool()
    result = tree.release()
    assert result.returncode == 0, result.stderr
    for name in RECIPES:
        assert VERSION in (tree.path / name).read_text()
    assert tree.git("describe").strip() == "v" + VERSION
    assert tree.git("status", "--porcelain") == ""

    out = tree.path / "build" / "release"
    archive = out / f"postrider-{VERSION}.tar.gz"
    with tarfile.open(archive) as packed:
        makefile = packed.extractfile(f"postrider-{VERSION}/Makefile")
        assert f"VERSION := {VERSION}\n".encode() in makefile.read()
    for line in (out / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert digest == hashlib.sha256((out / name).read_bytes()).hexdigest()
    bill = json.loads((out / f"postrider-{VERSION}.cdx.json").read_text())
    assert {"openssl", "libconfuse", "curl", "jansson"} <= \
        {part["name"] for part in bill["components"]}
