"""packaging/rpm, alpine and arch: each puts all that make install installs into
its package, at its distribution's place, and takes no mail away.

Each recipe is really run, by rpmbuild where there is one, and by a shell that
stands for abuild and makepkg, in a copy of the tree where all is built.
"""

import os
import re
import shutil
import stat
import subprocess

import pytest

from lib.harness import ROOT

PACKAGING = ROOT / "packaging"
SPEC = PACKAGING / "rpm/postrider.spec"
APKBUILD = PACKAGING / "alpine/APKBUILD"
PKGBUILD = PACKAGING / "arch/PKGBUILD"
SYSTEMD = ("usr/lib/systemd/", "usr/lib/sysusers.d/", "usr/lib/tmpfiles.d/")
LICENCE = "usr/share/doc/postrider/LICENSE"

needs_rpm = pytest.mark.skipif(shutil.which("rpmbuild") is None,
                               reason="no rpmbuild")


def first(pattern, path):
    return re.search(pattern, path.read_text(), re.MULTILINE).group(1)


VERSION = first(r"^VERSION := (.*)$", ROOT / "Makefile")


def run(*command, cwd=ROOT, **variables):
    """Its output. A make that runs the tests does not speak to one in them."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("MAKE", "MFLAGS"))}
    result = subprocess.run(command, capture_output=True, text=True, cwd=cwd,
                            env=clean | variables, timeout=300, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def files(root):
    return {str(path.relative_to(root)) for path in root.rglob("*")
            if path.is_symlink() or not path.is_dir()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The sources with what is built of them, below the archive's name."""
    copy = tmp_path_factory.mktemp("source") / f"postrider-{VERSION}"
    for part in ("src", "include", "etc", "packaging", "build/obj"):
        shutil.copytree(ROOT / part, copy / part, symlinks=True)
    for pattern in ("Makefile", "README.md", "LICENSE", "build/*.a",
                    "build/sendmail", "build/postrider"):
        for path in ROOT.glob(pattern):
            shutil.copy2(path, copy / path.relative_to(ROOT))
    return copy


@pytest.fixture(scope="module")
def installed(tree, tmp_path_factory):
    """The files of make install."""
    root = tmp_path_factory.mktemp("installed")
    run("make", "install", f"DESTDIR={root}", cwd=tree)
    return files(root)


def package(shell, recipe, folder, root):
    """What the functions of a recipe put into its package."""
    run(shell, "-euc", '. "$1"; build; package', shell, str(recipe),
        cwd=folder, pkgdir=str(root))
    return files(root)


def rpm_of(tree, top, *defines):
    """The package: the spec's %install, then its %files."""
    # rpm 4.20 has a folder around the sources, and rpm 6 a file of variables in
    # it, which %prep would make.
    (tree.parent / "SPECPARTS").mkdir(exist_ok=True)
    around = tree.parent / f"{tree.name}-build"
    if not around.is_symlink():
        around.symlink_to(".")
    (around / "rpmbuild.env").write_text(
        f"export RPM_BUILD_DIR={around} RPM_BUILD_ROOT={around}/BUILDROOT "
        f"RPM_PACKAGE_NAME=postrider RPM_PACKAGE_VERSION={VERSION} "
        "RPM_PACKAGE_RELEASE=1\n")
    for step in ("-bi", "-bb"):
        run("rpmbuild", step, "--short-circuit", "--nodeps",
            "--without", "check", "--define", f"_topdir {top}",
            "--define", f"_builddir {tree.parent}", *defines, str(SPEC))
    return next(top.glob("RPMS/*/postrider-[0-9]*.rpm"))


@pytest.fixture(scope="module")
def rpm(tree, tmp_path_factory):
    return rpm_of(tree, tmp_path_factory.mktemp("rpm"))


# What systemd-rpm-macros and sysuser-tools define there, as words of a script.
SUSE = [word for name, text in (
    ("suse_version", "1600"), ("_defaultdocdir", "/usr/share/doc/packages"),
    ("sysusers_requires", "Requires(pre): sysuser-shadow"),
    *((f"{name}()", f"{name} %{{*}}") for name in (
        "sysusers_generate_pre", "service_add_pre", "service_add_post",
        "service_del_preun", "service_del_postun")))
    for word in ("--define", f"{name} {text}")]


@pytest.fixture(scope="module")
def suse_rpm(tree, tmp_path_factory):
    (tree / "postrider.pre").write_text("makes the user\n")
    return rpm_of(tree, tmp_path_factory.mktemp("suse"), *SUSE)


def query(rpm, *options):
    return run("rpm", "-qp", *options, str(rpm)).splitlines()


def moved(paths, *moves):
    """The paths, those that begin with the one with the other instead."""
    for old, new in moves:
        paths = {new + path[len(old):] if path.startswith(old) else path
                 for path in paths}
    return paths


def test_all_have_the_version_of_the_makefile():
    assert first(r"^Version: +(.*)$", SPEC) == VERSION
    assert first(r"^\* .* - (.*)-1$", SPEC) == VERSION
    assert first(r"^pkgver=(.*)$", APKBUILD) == VERSION
    assert first(r"^pkgver=(.*)$", PKGBUILD) == VERSION


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="no shellcheck")
def test_they_are_shell_scripts_without_findings():
    run("shellcheck", str(APKBUILD), str(PKGBUILD),
        *map(str, APKBUILD.parent.glob("postrider.*")))


def test_alpine_has_all_but_systemds_files(tree, installed, tmp_path):
    expected = {path for path in installed
                if not path.startswith((*SYSTEMD, LICENCE))}
    assert package("sh", APKBUILD, tree, tmp_path) == \
        expected | {"etc/init.d/postrider"}


def test_arch_has_all_programs_in_one_folder(tree, installed, tmp_path):
    expected = moved(installed, ("usr/sbin/", "usr/bin/"),
                     (LICENCE, "usr/share/licenses/postrider/LICENSE"))
    assert package("bash", PKGBUILD, tree.parent, tmp_path) == expected
    assert first(r"^backup=\((.*)\)$", PKGBUILD) in expected


@needs_rpm
def test_rpm_has_all_and_leaves_sendmail_to_alternatives(rpm, installed):
    """%ghost are the names that it knows of and does not bring."""
    ghosts = {"usr/sbin/sendmail", "usr/bin/mailq", "usr/bin/newaliases",
              "usr/lib/sendmail", "usr/share/man/man1/mailq.1",
              "usr/share/man/man1/newaliases.1",
              "usr/share/man/man8/sendmail.8"}
    expected = moved(
        installed - {LICENCE}, ("usr/sbin/", "usr/libexec/postrider/"),
        ("usr/share/man/man8/sendmail.8",
         "usr/share/man/man8/sendmail.postrider.8")) - ghosts
    expected |= {"usr/sbin/postrider", "usr/sbin/sendmail.postrider",
                 f"usr/share/licenses/postrider-{VERSION}/LICENSE"}
    assert contents(rpm) == (expected, ghosts)


def contents(rpm):
    """The files of the package and of postrider-oauth; what is %ghost."""
    oauth, = rpm.parent.glob("postrider-oauth-[0-9]*.rpm")
    assert all("oauth" in path for path in query(oauth, "--list")
               if "/.build-id" not in path)
    rows = [row for package in (rpm, oauth)
            for row in query(package, "--qf", "[%{FILEFLAGS:fflags}\t"
                             "%{FILEMODES:perms}\t%{FILENAMES}\n]")]
    found = {(path.lstrip("/").removesuffix(".gz"), "g" in flags)
             for flags, mode, path in (row.split("\t") for row in rows)
             if mode[0] != "d" and "/.build-id/" not in path}
    return ({path for path, ghost in found if not ghost},
            {path for path, ghost in found if ghost})


@needs_rpm
def test_rpm_of_opensuse_has_all_at_the_places_of_make_install(suse_rpm,
                                                               installed):
    expected = moved(installed, (
        LICENCE, f"usr/share/licenses/postrider-{VERSION}/LICENSE"), (
        "usr/share/doc/postrider/", "usr/share/doc/packages/postrider/"))
    assert contents(suse_rpm) == (expected, set())


@needs_rpm
def test_rpm_of_opensuse_excludes_others_and_makes_the_user_first(suse_rpm):
    scripts = dict(re.findall(
        r"(?ms)^(\w+) scriptlet \(using /bin/sh\):\n(.*?)(?=^\w+ scriptlet|\Z)",
        "\n".join(query(suse_rpm, "--scripts")) + "\n"))
    units = "postrider.service postrider.socket postrider-smtp.socket"
    assert scripts["preinstall"].split("\n")[:2] == [
        f"service_add_pre {units}", "makes the user"]
    assert f"service_add_post {units}" in scripts["postinstall"]
    assert "restart cron.service" in scripts["postinstall"]
    assert scripts["preuninstall"].endswith(f"service_del_preun {units}\n")
    assert scripts["postuninstall"] == \
        "service_del_postun postrider.service\n"
    assert "alternatives" not in "".join(scripts.values())
    assert "smtp_daemon" in query(suse_rpm, "--provides")
    assert {"exim", "postfix", "sendmail"} <= set(query(suse_rpm,
                                                        "--conflicts"))
    assert "sysuser-shadow" in query(suse_rpm, "--requires")


@needs_rpm
def test_rpm_of_opensuse_makes_the_users_script_in_time():
    spec = run("rpmspec", "--parse", *SUSE, str(SPEC))
    build = re.search(r"(?ms)^%prep\n(.*?)^%install\n", spec)[1]
    assert ("sysusers_generate_pre packaging/systemd/sysusers.d/postrider.conf "
            "postrider postrider.conf\n") in build
    assert re.search(r"(?m)^make .* FORTIFY= SENDMAIL_STATIC= ", build)


@needs_rpm
@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("system", [["--define", "fedora 44"], SUSE])
def test_no_file_of_the_rpm_is_listed_twice(system, merged):
    sbin = ["--define", "_sbindir /usr/bin"] if merged else []
    spec = run("rpmspec", "--parse", *system, *sbin, str(SPEC))
    listed = re.findall(r"(?m)^(?:%\w+ )?(/\S+)$",
                        spec[spec.index("\n%files\n"):])
    assert len(listed) > 20 and len(set(listed)) == len(listed)


@pytest.fixture
def build_rpm(tree, tmp_path):
    """build_rpm(COMMANDS): what packaging/build-rpm ends with, below tmp_path,
    where these commands are rpmbuild."""
    script = tree / "packaging/build-rpm-here"
    text = (tree / "packaging/build-rpm").read_text()
    assert text.count("/tmp/postrider-rpm") == 1
    script.write_text(text.replace("/tmp/postrider-rpm", f"{tmp_path}/top"))
    script.chmod(0o755)
    stub = tmp_path / "bin/rpmbuild"
    stub.parent.mkdir()

    def build(commands):
        stub.write_text(f'#!/bin/sh\nset -eu\ncd "{tmp_path}/top"\n'
                        f"{commands}\n")
        stub.chmod(0o755)
        return subprocess.run(
            [script, tmp_path / "out"], capture_output=True, text=True,
            timeout=60, check=False, env={
                **os.environ, "again": str(script),
                "PATH": f"{stub.parent}:{os.environ['PATH']}"})
    return build


BUILDS = "test ! -e left; mkdir RPMS SRPMS; touch RPMS/new SRPMS/new"


def test_a_build_of_the_rpm_that_was_killed_is_not_in_the_way(build_rpm,
                                                              tmp_path):
    assert build_rpm("touch left; kill -KILL $PPID").returncode == -9
    assert (tmp_path / "top/left").exists()
    result = build_rpm(BUILDS)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out/RPMS/new").exists()
    assert not (tmp_path / "top").exists()


def test_two_builds_of_the_rpm_are_not_in_one_folder(build_rpm, tmp_path):
    result = build_rpm('touch left; "$again" 2>said || echo $? >status\n'
                       f'cp said status "{tmp_path}"; rm left; {BUILDS}')
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "status").read_text() == "75\n"
    assert "another build is running" in (tmp_path / "said").read_text()


@pytest.mark.parametrize("spoil", [
    lambda top: top.mkdir(mode=0o755),
    lambda top: top.symlink_to(".")], ids=["readable by others", "a link"])
def test_the_rpm_is_not_built_in_a_folder_of_others(build_rpm, tmp_path, spoil):
    spoil(tmp_path / "top")
    result = build_rpm(BUILDS)
    assert result.returncode == 75
    assert "it is not of this build: remove it" in result.stderr
    assert not (tmp_path / "out/RPMS").exists()


@needs_rpm
def test_rpm_has_no_set_id_bit_and_keeps_the_configuration(rpm):
    rows = query(rpm, "--qf", "[%{FILEMODES:perms} %{FILENAMES}\n]")
    assert not [row for row in rows if "s" in row.split()[0]]
    assert query(rpm, "--configfiles") == ["/etc/postrider/postrider.conf"]
    assert {"MTA", "smtpdaemon"} <= set(query(rpm, "--provides"))


@needs_rpm
def test_rpm_tells_systemd_of_all_units_and_removes_nothing(rpm):
    script = "\n".join(query(rpm, "--scripts"))
    for unit in (PACKAGING / "systemd").glob("postrider*"):
        assert ("@" in unit.name) != (unit.name in script), unit
    assert not re.search(r"\b(rm|rmdir|userdel|groupdel)\b", script)
    # Alternatives lead to files of the package.
    paths = {row.removesuffix(".gz") for row in query(rpm, "--list")}
    for target in re.findall(r"/\S*(?:sendmail\.postrider\S*|libexec\S*)",
                             script):
        assert target.removesuffix(".gz") in paths


def test_alpine_makes_the_user_and_the_spool_as_systemd_does(tmp_path):
    """The scripts call recorders in the place of the programs."""
    record = tmp_path / "record"
    for name in ("install", "addgroup", "adduser"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*" '
                                     f'>>"{record}"\n')
        (tmp_path / name).chmod(0o755)
    for script in ("pre-install", "post-install", "post-upgrade"):
        path = APKBUILD.parent / f"postrider.{script}"
        assert path.stat().st_mode & stat.S_IXUSR
        run(str(path), PATH=f"{tmp_path}:{os.environ['PATH']}")

    made = set()
    for line in record.read_text().splitlines():
        if line.startswith("install -d"):
            owner = re.search("-o (\\S+) -g (\\S+)", line)
            mode = re.search("-m (\\d+) (.*)", line)
            made |= {(path, int(mode[1], 8),
                      owner.groups() if owner else ("root", "root"))
                     for path in mode[2].split()}
    lines = (PACKAGING / "systemd/tmpfiles.d/postrider.conf").read_text()
    assert made == {
        (path, int(mode, 8), (user, group)) for path, mode, user, group in
        re.findall(r"^d (/(?:var|etc)/\S+) +(\d+) (\S+) +(\S+)", lines, re.MULTILINE)}
    assert "addgroup -S postrider" in record.read_text()
    assert re.search(r"adduser -S .*-G postrider .*postrider$",
                     record.read_text(), re.MULTILINE)


def test_no_script_of_alpine_removes_anything():
    for script in APKBUILD.parent.glob("postrider.*"):
        assert not re.search(r"\brm\b|deluser|delgroup", script.read_text())
        assert script.name in APKBUILD.read_text().replace(
            "$pkgname", "postrider")


@pytest.mark.parametrize("recipe", ("debian", "alpine"))
def test_containers_copy_what_is_there(recipe):
    text = (PACKAGING / f"container/Containerfile.{recipe}").read_text()
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE)
    for path in " ".join(copied).split():
        for delivery in ("direct", "host"):
            assert (ROOT / path.replace("$delivery", delivery)).exists()


@pytest.mark.parametrize("recipe", ("debian", "alpine", "relay"))
def test_containers_have_the_libraries_of_what_they_build(recipe):
    text = (PACKAGING / f"container/Containerfile.{recipe}").read_text()
    _, build, image = re.split(r"^FROM ", text, flags=re.MULTILINE)
    for library in ("libcurl", "jansson"):
        assert (library in image) == ("make OAUTH=" not in build)


@pytest.mark.parametrize("delivery", ("direct", "host"))
def test_configurations_of_containers_are_right(delivery):
    path = str(PACKAGING / f"container/{delivery}.conf")
    result = subprocess.run(
        [ROOT / "build/sendmail", "-bv", "root"], capture_output=True,
        text=True, check=False, env={"POSTRIDER_CONFIG": path}, timeout=60)
    assert path not in result.stderr        # as each finding in it would have
