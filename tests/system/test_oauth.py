"""postrider-oauth: tokens kept and renewed, with a fake issuer."""

import errno
import hashlib
import json
import pathlib
import resource
import shutil
import socket
import stat
import subprocess

import pytest

from lib.clock import Clock
from lib.issuer import Answer, Issuer, tokens
from lib.oauth import REFRESH, SECRET, age


# The token and its life

def test_a_token_is_used_while_it_is_fresh(oauth):
    oauth.log_in(access="fresh")
    assert oauth.token().expect(0).stdout == b"fresh\n"
    assert oauth.issuer.forms == []


def test_a_stale_token_is_renewed_and_the_refresh_token_stays(stale):
    stale.issuer.answers[:] = [tokens("renewed")]
    assert stale.token().expect(0).stdout == b"renewed\n"
    assert stale.issuer.forms == [{
        "grant_type": "refresh_token", "refresh_token": REFRESH,
        "client_id": "an-application"}]
    assert stale.kept()["refresh_token"] == REFRESH
    assert stale.token().expect(0).stdout == b"renewed\n"
    assert len(stale.issuer.forms) == 1


def test_a_rotated_refresh_token_replaces_the_old_one(stale):
    stale.issuer.answers[:] = [tokens("renewed", refresh_token="next")]
    stale.token().expect(0)
    assert stale.kept()["refresh_token"] == "next"
    age(stale, 3600)
    stale.token().expect(0)
    assert stale.issuer.forms[1]["refresh_token"] == "next"


@pytest.mark.parametrize("life, age_of_it, is_used", [
    (3600, 3000, True), (3600, 3300, False),        # a tenth is left
    (600, 400, True), (600, 490, False),            # two minutes are
    (60, 20, True), (60, 35, False),                # a half is
    (3600, -100, False),                            # the clock was set back
])
def test_the_margin_of_renewal(oauth, life, age_of_it, is_used):
    oauth.log_in(access="old", expires_in=life)
    age(oauth, age_of_it)
    oauth.issuer.answers[:] = [tokens("new")]
    assert oauth.token().expect(0).stdout == (b"old\n" if is_used
                                              else b"new\n")


@pytest.mark.parametrize("expires_in, life", [
    (None, 300), ("60", 60), ("soon", 300), (-5, 300), (0, 300),
    (59.9, 59), (10 ** 15, 7 * 86400), (True, 300), ([60], 300)])
def test_an_odd_life(oauth, expires_in, life):
    oauth.log_in(expires_in=expires_in)
    grant = oauth.kept()
    assert grant["expires"] - grant["obtained"] == life


def test_a_token_with_little_life_is_used_if_no_other_can_be_had(oauth):
    oauth.log_in(access="old", expires_in=600)
    age(oauth, 550)
    oauth.issuer.answers[:] = [Answer(b"", 503)]
    assert oauth.token().expect(0).stdout == b"old\n"
    age(oauth, 48)
    oauth.token().expect(75)


def test_a_changed_scope_asks_again(oauth):
    oauth.log_in(access="old")
    oauth.configure(scope="https://mail.example/other offline_access")
    oauth.issuer.answers[:] = [tokens("new")]
    assert oauth.token().expect(0).stdout == b"new\n"
    assert oauth.issuer.forms[0]["scope"] == oauth.keys["scope"]


@pytest.mark.parametrize("key", ["client_id", "token_url"])
def test_tokens_are_shown_to_no_other_server_or_client(oauth, key):
    oauth.log_in()
    oauth.configure(**{key: oauth.keys[key] + "2"})
    result = oauth.token().expect(77)
    assert "postrider-oauth login m365" in result.errors
    assert oauth.issuer.forms == []


def test_client_credentials(oauth):
    oauth.use_secret(flow="client_credentials")
    oauth.issuer.answers[:] = [tokens("application")]
    assert oauth.token().expect(0).stdout == b"application\n"
    assert oauth.issuer.forms == [{
        "grant_type": "client_credentials", "scope": oauth.keys["scope"],
        "client_id": "an-application", "client_secret": SECRET}]
    assert oauth.token().expect(0).stdout == b"application\n"
    assert len(oauth.issuer.forms) == 1


def test_a_secret_as_a_field(oauth):
    oauth.use_secret(flow="client_credentials", client_auth="basic")
    oauth.issuer.answers[:] = [tokens()]
    oauth.token().expect(0)
    assert "client_secret" not in oauth.issuer.forms[0]
    (_, fields), = oauth.issuer.requests
    assert fields["authorization"].startswith("Basic ")


@pytest.mark.parametrize("before, after", [(3600, 0), (0, 3600)])
def test_a_clock_that_was_an_hour_off_at_the_login(oauth, programs, before,
                                                   after):
    clock = Clock(programs.folder)
    clock.turn(before)
    oauth.log_in(access="old", env=clock.environment)
    clock.turn(after)
    oauth.issuer.answers[:] = [tokens("right")]
    for _ in range(2):
        output = oauth.token(env=clock.environment).expect(0).stdout
        assert output == b"right\n"
    assert len(oauth.issuer.forms) == 1


def test_a_week_of_renewals(oauth, programs):
    clock = Clock(programs.folder)
    oauth.log_in(env=clock.environment)
    for hour in range(12, 7 * 24, 12):
        clock.turn(hour * 3600)
        oauth.issuer.answers[:] = [
            tokens(f"access-{hour}", refresh_token=f"refresh-{hour}")]
        for _ in range(2):
            output = oauth.token(env=clock.environment).expect(0).stdout
            assert output == f"access-{hour}\n".encode()
    assert [form["refresh_token"] for form in oauth.issuer.forms] == \
        [REFRESH] + [f"refresh-{hour}" for hour in range(12, 6 * 24 + 12, 12)]


# Files

def test_files_are_for_their_user_alone(stale):
    stale.issuer.answers[:] = [tokens("renewed")]
    stale.token().expect(0)
    assert stat.S_IMODE(stale.state.stat().st_mode) == 0o700
    for path in stale.state.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert not (stale.state / "m365.new").exists()


def test_a_killed_renewal_leaves_the_old_tokens(stale):
    """kill -9 between the answer and the new name."""
    stale.issuer.answers[:] = [tokens("lost"), tokens("renewed")]
    before = stale.kept()
    renewing = stale.start("token", "m365")
    stale.issuer.before_answer = renewing.kill
    renewing.communicate()
    assert stale.kept() == before
    stale.issuer.before_answer = lambda: None
    assert stale.token().expect(0).stdout == b"renewed\n"
    assert stale.issuer.forms[1]["refresh_token"] == REFRESH


def test_without_room_on_the_disk_no_token_is_asked_for(stale):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    before = stale.kept()
    result = stale.token(preexec_fn=limit).expect(75)
    assert "no room" in result.errors and result.stdout == b""
    assert stale.kept() == before and stale.issuer.forms == []
    assert not (stale.state / "m365.new").exists()


FULL_DISK = """
mount -t tmpfs -o size=160k,mode=700 tmpfs "$1" && cp -p "$2" "$1" || exit 99
"$3" token m365
status=$?
cp "$1/m365.json" "$2"
exit "$status"
"""


def fill(folder):
    with open(folder / "fill", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC


def test_a_disk_that_is_full_after_the_answer(stale, may_mount):
    """The room for the tokens was taken before they were asked for."""
    outside = stale.programs.folder / "m365.json"
    shutil.copy(stale.state / "m365.json", outside)
    stale.issuer.answers[:] = [tokens("renewed", refresh_token="next")]
    renewing = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", FULL_DISK, "sh", stale.state,
         outside, stale.programs.build / "postrider-oauth"],
        env=stale.programs.environment(), stdout=subprocess.PIPE)
    stale.issuer.before_answer = lambda: fill(pathlib.Path(
        f"/proc/{renewing.pid}/root{stale.state}"))
    output, _ = renewing.communicate(timeout=60)
    assert (renewing.returncode, output) == (0, b"renewed\n")
    assert json.loads(outside.read_text())["refresh_token"] == "next"


def test_a_file_of_a_newer_version_stays(stale):
    path = stale.state / "m365.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    before = path.read_text()
    stale.token().expect(75)
    assert path.read_text() == before


def test_a_damaged_file(stale):
    (stale.state / "m365.json").write_text("{")
    assert "damaged" in stale.token().expect(77).errors
    stale.run("logout", "m365").expect(0)
    assert "there is no login" in stale.token().expect(77).errors


def test_twenty_callers_make_one_renewal(stale):
    stale.issuer.answers[:] = [tokens("renewed")]
    callers = [stale.start("token", "m365") for _ in range(20)]
    assert {caller.communicate() for caller in callers} == {("renewed\n", "")}
    assert len(stale.issuer.forms) == 1


def test_a_stop_after_the_answer_leaves_old_or_new_tokens(stale):
    """kill -9 at the moment of the answer, again and again."""
    for number in range(10):
        stale.issuer.answers[:] = [
            tokens(f"access-{number}", refresh_token=f"next-{number}")]
        before = stale.kept()["refresh_token"]
        renewing = stale.start("token", "m365")
        stale.issuer.after_answer = renewing.kill
        renewing.communicate()
        assert stale.kept()["refresh_token"] in (before, f"next-{number}")
        age(stale, 3600)
    stale.issuer.after_answer = lambda: None
    stale.issuer.answers[:] = [tokens("last")]
    assert stale.token().expect(0).stdout == b"last\n"


# A token that a smarthost refused

def name_of(token):
    return hashlib.sha256(token.encode()).hexdigest()


def test_a_refused_token_is_renewed_once(oauth):
    oauth.log_in(access="refused")
    oauth.issuer.answers[:] = [tokens("renewed")]
    callers = [oauth.start("token", "m365", "--refused", name_of("refused"))
               for _ in range(20)]
    assert {caller.communicate() for caller in callers} == {("renewed\n", "")}
    assert len(oauth.issuer.forms) == 1


def test_a_refused_token_is_not_printed_again(oauth):
    oauth.log_in(access="refused")
    oauth.issuer.answers[:] = [Answer(b"", 503), tokens("renewed")]
    oauth.run("token", "m365", "--refused", name_of("refused")).expect(75)
    assert oauth.kept()["refresh_token"] == REFRESH
    assert oauth.token().expect(0).stdout == b"renewed\n"


@pytest.mark.parametrize("name", ["", "token", "0" * 63, "g" * 64])
def test_what_names_no_refused_token(oauth, name):
    oauth.log_in()
    oauth.run("token", "m365", "--refused", name).expect(64)


# The way to the server

@pytest.mark.parametrize("certificate", ["expired", "wrong-name",
                                         "self-signed", "other-signed"])
def test_only_a_verified_server_is_asked(stale, certificates, certificate):
    other = Issuer(certificates.path(certificate))
    other.answers[:] = [tokens("stolen")]
    path = stale.state / "m365.json"
    stale.configure(token_url=other.url + "/token")
    path.write_text(path.read_text().replace(stale.issuer.url, other.url))
    result = stale.token()
    other.stop()
    result.expect(75)
    assert other.forms == []


def test_no_server(stale):
    stale.issuer.stop()
    stale.token().expect(75)


def test_a_certificate_that_is_not_yet_valid_may_be_the_clock(stale,
                                                              programs):
    clock = Clock(programs.folder)
    clock.turn(-10 * 365 * 86400)
    assert "check the clock" in stale.token(
        env=clock.environment).expect(75).errors


def test_only_the_proxy_of_the_section_is_used(stale):
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(20)
        port = proxy.getsockname()[1]
        stale.configure(proxy=f"http://127.0.0.1:{port}")
        renewing = stale.start("token", "m365")
        wire, _ = proxy.accept()
        with wire:
            asked = wire.recv(4096)
        renewing.communicate()
    assert asked.startswith(b"CONNECT localhost:")
    assert renewing.returncode == 75 and stale.issuer.forms == []


def test_the_environment_chooses_no_proxy_and_no_key_log(stale):
    stale.issuer.answers[:] = [tokens("renewed")]
    keys = stale.programs.folder / "keys"
    env = dict.fromkeys(("https_proxy", "HTTPS_PROXY", "ALL_PROXY"),
                        "http://127.0.0.1:1")
    stale.token(env={**env, "SSLKEYLOGFILE": str(keys)}).expect(0)
    assert not keys.exists()
