"""postrider-oauth: tokens fetched, kept and renewed, with a fake issuer."""

import base64
import hashlib
import json
import re
import resource
import stat
import urllib.parse

import pytest

from lib.issuer import Answer, Issuer, refusal, tokens
from lib.oauth import REFRESH, SECRET, age


@pytest.fixture
def stale(oauth):
    """The same with a login whose token has no life left."""
    oauth.log_in()
    age(oauth, 3600)
    return oauth


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


def test_a_changed_scope_asks_anew(oauth):
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


# Refusals

@pytest.mark.parametrize("error, members, status, words", [
    ("invalid_grant", {"error_description":
                       "AADSTS700082: The refresh token has expired due to "
                       "inactivity.\r\nTrace ID: 1"}, 77,
     "log in again: postrider-oauth login m365"),
    ("invalid_grant", {"suberror": "consent_required"}, 77,
     "consent_required"),
    ("invalid_grant", {"error_description": "Token has been expired or "
                       "revoked."}, 77, "log in again"),
    ("interaction_required", {}, 77, "log in again"),
    ("invalid_grant", {"error_codes": [50196]}, 75, "too often"),
    ("invalid_client", {"error_description": "AADSTS700024: Client assertion "
                        "is not within its valid time range."}, 75, "clock"),
    ("invalid_client", {"error_description": "AADSTS7000222: expired"}, 77,
     "make a new one"),
    ("invalid_client", {"error_description": "AADSTS7000218: The request body "
                        "must contain"}, 77, "Allow public client flows"),
    ("invalid_client", {"error_codes": [700025]}, 77, "unset"),
    ("unauthorized_client", {"error_description": "not for this"}, 77,
     "not for this"),
    ("invalid_scope", {}, 77, "check scope"),
    ("temporarily_unavailable", {}, 75, "temporarily_unavailable"),
    ("something_new", {"error_description": "a\u001b[31m\u0085b"}, 77,
     r"a\x1b[31m"),
])
def test_what_a_refusal_means(stale, error, members, status, words):
    stale.issuer.answers[:] = [refusal(error, **members)]
    result = stale.token().expect(status)
    assert words in result.errors
    assert result.stdout == b"" and result.errors.count("\n") == 1
    assert result.errors.startswith("postrider-oauth: ")
    assert stale.kept()["refresh_token"] == REFRESH


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def chunked(*parts):
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(
        b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


@pytest.mark.parametrize("answer", [
    Answer(b"", 503), Answer(b"", 429), Answer(b"<html>busy</html>", 200),
    Answer(b"<html>busy</html>", 403), Answer(b"[]"), Answer(b""),
    Answer({"access_token": "x"}, 302, {"Location": "https://localhost/"}),
    Answer(b'{"access_token": "a", "access_token": "b"}'),
    Answer({"access_token": "a\r\nRCPT TO:<x@y>"}),
    Answer({"access_token": "a b"}), Answer({"access_token": ""}),
    Answer({"access_token": 5}), Answer({"access_token": "a" * 16385}),
    Answer({"access_token": "a", "token_type": "mac"}),
    Answer(b'{"access_token": "a", "x": "' + b"y" * 65536 + b'"}'),
    Answer(raw=HEAD + b"Content-Length: 80\r\n\r\n{\"access_token\": \"a\""),
    Answer(raw=b""), Answer(raw=b"nonsense\r\n\r\n"),
], ids=str)
def test_an_answer_that_cannot_be_used_passes(stale, answer):
    stale.issuer.answers[:] = [answer]
    before = stale.kept()
    result = stale.token().expect(75)
    assert result.stdout == b"" and result.errors.count("\n") == 1
    assert stale.kept() == before


@pytest.mark.parametrize("answer", [
    Answer(b'\xef\xbb\xbf{"access_token": "good", "expires_in": 60}'),
    Answer({"access_token": "good", "token_type": "bearer",
            "unknown": {"more": [1]}}),
    Answer(raw=chunked(b'{"access_', b'token": "good"}')),
], ids=str)
def test_an_answer_that_can_be_used(stale, answer):
    stale.issuer.answers[:] = [answer]
    assert stale.token().expect(0).stdout == b"good\n"


def test_a_long_token(stale):
    stale.issuer.answers[:] = [tokens("\"\\~" * 5000)]
    assert stale.token().expect(0).stdout == b"\"\\~" * 5000 + b"\n"


def test_a_pause_that_the_server_asks_for_is_kept_by_all(stale):
    stale.issuer.answers[:] = [Answer(b"", 429, {"Retry-After": "120"}),
                               tokens("renewed")]
    stale.token().expect(75)
    assert "pause of 1" in stale.token().expect(75).errors
    assert len(stale.issuer.forms) == 1
    grant = stale.kept()
    grant["wait_until"] -= 121
    (stale.state / "m365.json").write_text(json.dumps(grant))
    assert stale.token().expect(0).stdout == b"renewed\n"


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


def test_the_environment_chooses_no_proxy_and_no_key_log(stale):
    stale.issuer.answers[:] = [tokens("renewed")]
    keys = stale.programs.folder / "keys"
    env = dict.fromkeys(("https_proxy", "HTTPS_PROXY", "ALL_PROXY"),
                        "http://127.0.0.1:1")
    stale.token(env={**env, "SSLKEYLOGFILE": str(keys)}).expect(0)
    assert not keys.exists()


# The configuration

@pytest.mark.parametrize("keys, words", [
    ({"token_url": "http://localhost/token"}, "must begin with https://"),
    ({"token_url": "https://"}, "must begin with https://"),
    ({"token_url": None}, "token_url is missing"),
    ({"client_id": None}, "client_id is missing"),
    ({"flow": "client_credentials"}, "client_secret_file is missing"),
    ({"flow": "password"}, "must be refresh_token or client_credentials"),
    ({"client_auth": "basic"}, "without client_secret_file"),
    ({"client_secret_file": "/nowhere/at-all"}, "/nowhere/at-all"),
    ({"state": "tokens"}, "must be an absolute path"),
    ({"tls_ca_file": "/nowhere/at-all"}, "tls_ca_file"),
    ({"tokenurl": "https://localhost/"}, "did you mean token_url?"),
])
def test_a_wrong_section(stale, keys, words):
    stale.configure(**keys)
    result = stale.token().expect(78)
    assert words in result.errors and result.stdout == b""


@pytest.mark.parametrize("name", ["other", "../m365", ""])
def test_a_section_that_is_not_there(oauth, name):
    assert "no section" in oauth.run("token", name).expect(78).errors


@pytest.mark.parametrize("name", ["../m365", "", ".m365", "a b", "a" * 65])
def test_a_section_whose_name_is_no_file(oauth, name):
    oauth.programs.write_config(
        extra=oauth.section().replace('"m365"', f'"{name}"'))
    assert "needs a name of" in oauth.run("token", name).expect(78).errors


def test_a_configuration_that_others_can_write(stale):
    stale.programs.config.chmod(0o666)
    stale.token().expect(78)


def test_a_folder_that_others_can_write(stale):
    stale.state.chmod(0o770)
    assert "chmod 700" in stale.token().expect(78).errors


def test_the_usual_folder_of_direct_delivery(oauth, programs):
    oauth.configure(state=None)
    oauth.log_in()
    kept = programs.folder / ".local/state/postrider/oauth/m365.json"
    assert kept.exists()
    other = programs.folder / "state"
    oauth.run("token", "m365",
              env={"XDG_STATE_HOME": str(other)}).expect(77)
    assert (other / "postrider" / "oauth").is_dir()


# Logins

def test_there_is_no_login(oauth):
    result = oauth.token().expect(77)
    assert "log in again: postrider-oauth login m365" in result.errors


def test_a_login_without_a_refresh_token_keeps_nothing(oauth):
    oauth.issuer.answers[:] = [
        Answer({"device_code": "d", "user_code": "u", "interval": 1,
                "verification_uri": "https://login.example/device"}),
        tokens()]
    result = oauth.run("login", "m365", "--device").expect(77)
    assert "offline_access" in result.errors
    assert oauth.kept() is None


def test_a_login_by_device(oauth):
    oauth.issuer.answers[:] = [
        Answer(b'\xef\xbb\xbf' + json.dumps(
            {"device_code": "device-1", "user_code": "ABCD\u001b[2J",
             "verification_uri": "https://login.example/device",
             "interval": 1, "expires_in": 60}).encode()),
        refusal("authorization_pending"),
        refusal("authorization_pending"),
        tokens("first", refresh_token=REFRESH,
               refresh_token_expires_in=604800)]
    result = oauth.run("login", "m365", "--device").expect(0)
    assert b"https://login.example/device" in result.stdout
    assert rb"ABCD\x1b[2J" in result.stdout
    assert oauth.issuer.forms == [
        {"scope": oauth.keys["scope"], "client_id": "an-application"},
        *[{"grant_type": "urn:ietf:params:oauth:grant-type:device_code",
           "device_code": "device-1", "client_id": "an-application"}] * 3]
    grant = oauth.kept()
    assert grant["refresh_expires"] - grant["obtained"] == 604800
    assert oauth.token().expect(0).stdout == b"first\n"


@pytest.mark.parametrize("error, words", [
    ("access_denied", "access_denied"),
    ("authorization_declined", "authorization_declined"),
    ("expired_token", "expired_token"),
    ("bad_verification_code", "bad_verification_code")])
def test_a_login_by_device_that_fails(oauth, error, words):
    oauth.issuer.answers[:] = [
        Answer({"device_code": "d", "user_code": "u", "interval": 1,
                "verification_uri": "https://login.example/device"}),
        refusal(error)]
    assert words in oauth.run("login", "m365", "--device").expect(77).errors
    assert oauth.kept() is None


def test_slow_down_makes_the_interval_longer(oauth):
    oauth.issuer.answers[:] = [
        Answer({"device_code": "d", "user_code": "u", "interval": 1,
                "verification_uri": "https://login.example/device",
                "expires_in": 5}),
        refusal("slow_down")]
    result = oauth.run("login", "m365", "--device").expect(77)
    assert "not entered in time" in result.errors
    assert len(oauth.issuer.forms) == 2


def test_a_device_login_that_the_server_does_not_give(oauth):
    oauth.issuer.answers[:] = [refusal("invalid_scope")]
    assert "--paste" in oauth.run("login", "m365").expect(77).errors


def begin_paste(oauth):
    """The program, the address that it shows, and that address's query."""
    login = oauth.start("login", "m365", "--paste")
    for line in login.stdout:
        if line.startswith("https://"):
            url = urllib.parse.urlsplit(line.strip())
            return login, url, dict(urllib.parse.parse_qsl(url.query))
    raise AssertionError(login.communicate())


def paste(login, query, **members):
    members.setdefault("state", query["state"])
    text = query["redirect_uri"] + "?" + urllib.parse.urlencode(
        {name: value for name, value in members.items() if value is not None})
    output = login.communicate(text + "\n", timeout=60)
    return login.returncode, *output


def test_a_login_by_paste(oauth):
    oauth.issuer.answers[:] = [tokens("first", refresh_token=REFRESH)]
    login, url, query = begin_paste(oauth)
    assert query["response_type"] == "code"
    assert query["code_challenge_method"] == "S256"
    assert re.fullmatch(r"http://localhost:\d+/", query["redirect_uri"])
    assert len(query["state"]) == 32
    status, _, errors = paste(login, query, code="a/code+that is odd",
                              iss=oauth.issuer.url)
    assert (status, errors) == (0, "")
    (form,) = oauth.issuer.forms
    assert form["grant_type"] == "authorization_code"
    assert form["code"] == "a/code+that is odd"
    assert form["redirect_uri"] == query["redirect_uri"]
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert query["code_challenge"] == \
        base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert oauth.token().expect(0).stdout == b"first\n"


@pytest.mark.parametrize("members, words", [
    ({"code": "x", "state": "another"}, "state differs"),
    ({"code": "x", "state": None}, "state differs"),
    ({"code": "x", "iss": "https://evil.example"}, "another server"),
    ({"code": "x", "iss": "http://localhost"}, "another server"),
    ({"error": "access_denied"}, "access_denied"),
    ({}, "holds no code")])
def test_what_is_pasted_wrong(oauth, members, words):
    login, _, query = begin_paste(oauth)
    status, _, errors = paste(login, query, **members)
    assert status != 0 and words in errors
    assert oauth.issuer.forms == [] and oauth.kept() is None


# status and logout

def test_status_shows_times_and_no_token(oauth):
    assert b"not logged in" in oauth.run("status").expect(0).stdout
    oauth.log_in(access="hidden", refresh_token_expires_in=604800)
    for arguments in (["status"], ["status", "m365"]):
        output = oauth.run(*arguments).expect(0).stdout
        assert b"m365: logged in" in output
        assert b"new login needed by" in output
        assert b"hidden" not in output and REFRESH.encode() not in output
    shown = json.loads(oauth.run("status", "m365", "--json").expect(0).stdout)
    grant = oauth.kept()
    assert shown["logged_in"] is True
    assert shown["expires"] == grant["expires"]
    assert shown["refresh_expires"] == grant["refresh_expires"]


def test_logout_without_an_address_to_revoke(oauth):
    oauth.log_in()
    output = oauth.run("logout", "m365").expect(0).stdout
    assert b"no revoke_url" in output
    assert oauth.kept() is None and oauth.issuer.forms == []
    oauth.token().expect(77)


def test_logout_revokes(oauth):
    oauth.configure(revoke_url=oauth.issuer.url + "/revoke")
    oauth.log_in()
    oauth.issuer.answers[:] = [Answer(b"", 503)]
    oauth.run("logout", "m365").expect(75)
    assert oauth.kept() is not None
    oauth.issuer.answers[:] = [Answer(b"")]
    oauth.run("logout", "m365").expect(0)
    assert oauth.issuer.forms[-1]["token"] == REFRESH
    assert oauth.kept() is None


# Secrets

def test_no_secret_is_shown_when_the_server_repeats_it(stale):
    stale.use_secret()
    stale.issuer.answers[:] = [
        refusal("invalid_grant", error_description=f"no {REFRESH}"),
        refusal("invalid_client", error_description=f"no {SECRET}"),
        refusal("invalid_client", suberror=SECRET)]
    for _ in range(3):
        errors = stale.token().expect(77).errors
        assert REFRESH not in errors and SECRET not in errors
