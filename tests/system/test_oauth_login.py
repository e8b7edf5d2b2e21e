"""postrider-oauth: login, status and logout, with a fake issuer."""

import base64
import hashlib
import json
import os
import re
import urllib.parse

import pytest

from lib.issuer import Answer, refusal, tokens
from lib.oauth import REFRESH, OAuth, age
from lib.queue import DAEMON, as_root


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


def test_a_login_by_paste(oauth):
    oauth.issuer.answers[:] = [tokens("first", refresh_token=REFRESH)]
    login, url, query = oauth.begin_paste()
    assert query["response_type"] == "code"
    assert query["code_challenge_method"] == "S256"
    assert re.fullmatch(r"http://localhost:\d+/", query["redirect_uri"])
    assert len(query["state"]) == 32
    status, _, errors = oauth.paste(login, query, code="a/code+that is odd",
                              iss=oauth.issuer.url)
    assert (status, errors) == (0, "")
    (form,) = oauth.issuer.forms
    assert form["grant_type"] == "authorization_code"
    assert form["code"] == "a/code+that is odd"
    assert form["redirect_uri"] == query["redirect_uri"]
    assert 43 <= len(form["code_verifier"]) <= 128      # RFC 7636 section 4.1
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert query["code_challenge"] == \
        base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert oauth.token().expect(0).stdout == b"first\n"


SEND = "https://outlook.office.com/SMTP.Send"


@pytest.mark.parametrize("scope, granted, status", [
    (SEND + " offline_access", SEND, 0),
    (SEND + " offline_access", "https://outlook.office365.com/smtp.send", 0),
    (SEND + " offline_access", f"openid {SEND} profile", 0),
    (SEND + " offline_access", "", 77),
    (SEND + " offline_access", "https://outlook.office.com/IMAP.Read", 77),
    ("https://outlook.office.com/.default offline_access", SEND, 0),
    ("https://mail.google.com/ email", "https://mail.google.com/ "
     "https://www.googleapis.com/auth/userinfo.email", 0),
    ("https://mail.google.com/ email", "email openid", 77),
    ("smtp offline_access", "mail", 0),
])
def test_what_a_login_grants(oauth, scope, granted, status):
    oauth.configure(scope=scope)
    oauth.issuer.answers[:] = [tokens(refresh_token=REFRESH, scope=granted)]
    login, _, query = oauth.begin_paste()
    result, _, errors = oauth.paste(login, query, code="code-1")
    assert result == status
    assert (oauth.kept() is not None) == (status == 0)
    assert status == 0 or f"does not grant {scope.split()[0]}" in errors


@pytest.mark.parametrize("members, words", [
    ({"code": "x", "state": "another"}, "state differs"),
    ({"code": "x", "state": None}, "state differs"),
    ({"code": "x", "iss": "https://evil.example"}, "another server"),
    ({"code": "x", "iss": "http://localhost"}, "another server"),
    ({"error": "access_denied"}, "access_denied"),
    ({"error": "access_denied", "state": None}, "log in again"),
    ({"error": "access_denied", "error_description":
      "AADSTS90094: The grant requires admin permission."}, "administrator"),
    ({"code": "x", "iss": "https://localhost:x@evil.example"},
     "another server"),
    ({}, "holds no code")])
def test_what_is_pasted_wrong(oauth, members, words):
    login, _, query = oauth.begin_paste()
    status, _, errors = oauth.paste(login, query, **members)
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


def test_logout_leaves_no_draft_of_a_killed_process(oauth):
    oauth.log_in()
    (oauth.state / "m365.new").write_text("tokens")
    oauth.run("logout", "m365").expect(0)
    assert [path.name for path in oauth.state.iterdir()] == ["m365.lock"]


def test_logout_of_what_is_revoked_already(oauth):
    oauth.configure(revoke_url=oauth.issuer.url + "/revoke")
    oauth.log_in()
    oauth.issuer.answers[:] = [refusal("invalid_token")]
    oauth.run("logout", "m365").expect(0)
    assert oauth.kept() is None


def test_logout_without_the_secret(oauth):
    """Nothing that is broken keeps tokens here."""
    oauth.log_in()
    oauth.configure(client_secret_file="/nowhere/at-all")
    oauth.run("logout", "m365").expect(0)
    assert oauth.kept() is None


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


def test_a_login_shows_the_day_of_the_next_one(oauth):
    oauth.issuer.answers[:] = [
        tokens(refresh_token=REFRESH, refresh_token_expires_in=604800)]
    login, _, query = oauth.begin_paste()
    status, output, _ = oauth.paste(login, query, code="code-1")
    assert status == 0 and "new login needed by" in output
    assert REFRESH not in output


def test_a_login_that_has_expired(oauth):
    oauth.log_in(refresh_token_expires_in=604800)
    grant = oauth.kept()
    grant["refresh_expires"] -= 700000
    (oauth.state / "m365.json").write_text(json.dumps(grant))
    assert b"the login has expired" in oauth.run("status").expect(0).stdout


def test_a_renewal_says_how_long_the_login_lasts(oauth):
    oauth.log_in()
    age(oauth, 3600)
    oauth.issuer.answers[:] = [tokens(refresh_token_expires_in=500)]
    oauth.token().expect(0)
    grant = oauth.kept()
    assert grant["refresh_expires"] == grant["obtained"] + 500


def test_status_of_all_sections_as_root(queue, issuer, certificates):
    """Root becomes the daemon's user, who cannot read the configuration."""
    oauth = OAuth(queue, issuer, certificates)
    extra = oauth.section() + oauth.section().replace("m365", "other")
    queue.write_config(extra=extra)
    oauth.log_in()
    output = oauth.run("status").expect(0).stdout
    assert b"m365: logged in" in output and b"other: not logged in" in output


@as_root
def test_root_makes_no_folder_where_the_daemons_user_leads_it(
        queue, issuer, certificates):
    oauth = OAuth(queue, issuer, certificates)
    theirs, roots = queue.folder / "theirs", queue.folder / "roots"
    for folder, mode in (theirs, 0o700), (roots, 0o755):
        folder.mkdir()
        folder.chmod(mode)
    os.chown(theirs, DAEMON.pw_uid, DAEMON.pw_gid)
    (theirs / "link").symlink_to(roots)
    oauth.configure(state=str(theirs / "link" / "tokens"))
    oauth.run("logout", "m365").expect(78)
    assert not list(roots.iterdir())
    oauth.configure(state=str(theirs / "some" / "tokens"))
    oauth.log_in()
    for folder in theirs / "some", theirs / "some" / "tokens":
        assert folder.stat().st_uid == DAEMON.pw_uid
        assert folder.stat().st_mode & 0o7777 == 0o700


def test_google_s_way_is_paste(oauth):
    oauth.configure(scope="https://mail.google.com/")
    login = oauth.start("login", "m365")
    output, _ = login.communicate("\n")
    assert "&access_type=offline&prompt=consent" in output


def test_a_blocked_code_names_the_other_way(oauth):
    oauth.issuer.answers[:] = [
        Answer({"device_code": "d", "user_code": "u", "interval": 1,
                "verification_uri": "https://login.example/device"}),
        refusal("invalid_grant", error_codes=[53003], error_description=
                "AADSTS53003: Access has been blocked by Conditional Access "
                "policies.")]
    assert "--paste" in oauth.run("login", "m365").expect(77).errors
