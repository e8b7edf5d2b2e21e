"""What Debian's archive runs on a package: piuparts(1), which looks for what an
installation leaves or spoils, and autopkgtest(1), which runs debian/tests."""

import os
import platform
import re
import shutil
import subprocess

import pytest

from root import package


def needs(tool):
    return pytest.mark.skipif(shutil.which(tool) is None,
                              reason=f"{tool} is not installed")


def built(deb):
    """The files of the package and of postrider-oauth."""
    return [deb, next(deb.parent.glob("postrider-oauth_*.deb"))]


def run(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.STDOUT, timeout=900, check=False)
    assert result.returncode == 0, result.stdout
    return result.stdout


def older(text):
    """The control file of a version that is upgraded from."""
    return re.sub(r"(?m)(^Version: |postrider \(= )[^)\n]+", r"\g<1>0.0.1",
                  text)


@pytest.fixture(scope="session")
def with_older(deb, tmp_path_factory):
    """A root without the package, whose apt can install an older version."""
    root = tmp_path_factory.mktemp("piuparts") / "root"
    scratch = os.environ["POSTRIDER_SCRATCH"]
    run("cp", "-a", "--reflink=auto", f"{scratch}/debian", root)
    repository = root / "srv/older"
    repository.mkdir()
    for file in built(deb):
        made = package(file, tmp_path_factory.mktemp("older"), "0.0.1",
                       {"DEBIAN/control": older})
        shutil.copy(made, repository / file.name)
    listed = run("sh", "-c", 'cd "$1" && dpkg-scanpackages -m . 2>/dev/null',
                 "sh", repository)
    (repository / "Packages").write_text(listed)
    (root / "etc/apt/sources.list.d/older.list").write_text(
        "deb [trusted=yes] file:/srv/older ./\n")
    return root


def piuparts(root, *arguments):
    """Its report of a run in a copy of this root."""
    return run("piuparts", "--existing-chroot", root, "--keep-sources-list",
               "--distribution",
               platform.freedesktop_os_release()["VERSION_CODENAME"],
               "--no-check-valid-until", "--fail-on-broken-symlinks",
               "--pedantic-purge-test", "--tmpdir", root.parent, *arguments)


@needs("piuparts")
def test_installed_removed_upgraded_and_purged_nothing_is_left(deb, with_older):
    said = piuparts(with_older, "--install-remove-install", *built(deb))
    assert "PASS: Installation and purging test" in said
    assert "PASS: Installation, upgrade and purging tests" in said


@needs("piuparts")
def test_it_can_be_installed_after_a_purge(deb, with_older):
    said = piuparts(with_older, "--install-purge-install", "--no-upgrade-test",
                    deb)
    assert "PASS: Installation and purging test" in said


@needs("autopkgtest")
def test_its_own_tests_pass(bare, deb, tmp_path):
    """A root is thrown away, so that a test may break it."""
    run("autopkgtest", "--ignore-restrictions=breaks-testbed",
        "--output-dir", tmp_path / "out", *built(deb),
        next(deb.parent.glob("*.dsc")), "--", "chroot", bare.path)
    summary = (tmp_path / "out/summary").read_text()
    assert re.findall(r"(?m)^(\w+) +PASS$", summary) == ["send", "purge"]
