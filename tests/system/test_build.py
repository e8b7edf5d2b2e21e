"""make: what stops it, and what does not, with other compilers and flags.

Built apart, or only shown (make -n): the programs of the other tests stay.
"""

import os
import pathlib
import re
import subprocess

import pytest

from lib.harness import ROOT

COMPILED = re.compile(r"^.* -c -o (\S+) src/.*$", re.M)


@pytest.fixture
def make(tmp_path):
    """make(ARGUMENT...) with its own objects: the result."""
    def run(*arguments):
        clean = {name: value for name, value in os.environ.items()
                 if not name.startswith(("MAKE", "MFLAGS")) and
                 name not in ("CFLAGS", "CPPFLAGS", "LDFLAGS", "WERROR")}
        return subprocess.run(
            ["make", "-C", str(ROOT), "--no-print-directory", "V=1",
             f"B={tmp_path}/build", *arguments], capture_output=True,
            text=True, check=False, env=clean, timeout=300)
    return run


def commands(result):
    """The commands that compile a file, as make showed them."""
    assert result.returncode == 0, result.stderr
    found = [match.group() for match in COMPILED.finditer(result.stdout)]
    assert len(found) > 100, result.stdout
    return found


def link_command(result):
    """The command that links sendmail, as make showed it."""
    lines = result.stdout.replace("\\\n", "").splitlines()
    (found,) = [line for line in lines if "/build/sendmail " in line]
    return found


def test_other_paths_make_other_programs(make, tmp_path):
    """`make && make install prefix=...` installs what looks below prefix."""
    target = f"{tmp_path}/build/obj/sendmail/exec.o"
    assert make(target).returncode == 0
    assert make(target, "prefix=/usr/local").returncode == 0
    made = pathlib.Path(target).read_bytes()
    assert b"/usr/local/sbin/postrider" in made
    assert not COMPILED.search(make("-n", target, "prefix=/usr/local").stdout)


def test_a_warning_stops_no_newcomer(make, tmp_path):
    header = tmp_path / "newer_compiler.h"
    header.write_text("static int unused;\n")
    target = f"{tmp_path}/build/obj/util/crc32c.o"
    plain = make(target, f"CPPFLAGS=-include {header}")
    assert plain.returncode == 0 and "-Wunused" in plain.stderr
    strict = make("-B", target, f"CPPFLAGS=-include {header}",
                  "WERROR=-Werror")
    assert strict.returncode != 0


@pytest.mark.parametrize("target, stops", [
    ("all", False), ("install", False), ("check", True), ("lint", True)])
def test_a_warning_stops_check_and_lint_alone(make, target, stops):
    for command in commands(make("-n", target)):
        assert (" -Werror " in command) == stops, command


def test_files_and_times_are_wide_everywhere(make):
    for command in commands(make("-n", "all")):
        assert "-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64" in command


@pytest.mark.parametrize("headers, named", [
    (["confuse.h"], "libconfuse-dev (libConfuse);"),
    (["openssl/ssl.h"], "libssl-dev (OpenSSL 3);"),
    (["confuse.h", "openssl/ssl.h"],
     "libconfuse-dev (libConfuse); libssl-dev (OpenSSL 3);")])
def test_missing_packages_are_named_in_one_line(make, tmp_path, headers,
                                                named):
    for header in headers:
        (tmp_path / header).parent.mkdir(exist_ok=True)
        (tmp_path / header).write_text("#error as if it were not there\n")
    result = make("-j4", f"CPPFLAGS=-I{tmp_path}")
    assert result.returncode == 2 and result.stdout == ""
    assert re.fullmatch(
        rf"Makefile:\d+: \*\*\* missing: {re.escape(named)} install that, or "
        r"run packaging/install-deps build\.  Stop\.\n", result.stderr)


def test_a_compiler_that_is_not_there_is_named(make):
    result = make("CC=nonesuch")
    assert result.returncode == 2 and result.stdout == ""
    assert '"nonesuch -O2 -g" makes no C11 programs;' in result.stderr


def test_what_the_linker_can_do_depends_on_its_flags(make, tmp_path):
    if "-static-pie" not in link_command(make("-n", "all")):
        pytest.skip("no static programs here")
    (tmp_path / "libconfuse.a").write_text("not an archive\n")
    command = link_command(make("-n", "all", f"LDFLAGS=-L{tmp_path}"))
    assert "-static-pie" not in command and " -pie " in command
