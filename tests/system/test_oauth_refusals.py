"""postrider-oauth: what an authorization server refuses, and odd answers."""

import json

import pytest

from lib.issuer import Answer, refusal, tokens
from lib.oauth import REFRESH, SECRET


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


def test_a_refresh_token_is_kept_though_the_rest_cannot_be_used(stale):
    """The old one may be void by now."""
    stale.issuer.answers[:] = [tokens("a b", refresh_token="next"),
                               tokens("renewed")]
    errors = stale.token().expect(75).errors
    assert errors.startswith('postrider-oauth: oauth "m365": the answer')
    assert stale.token().expect(0).stdout == b"renewed\n"
    assert stale.issuer.forms[1]["refresh_token"] == "next"


def test_status_shows_a_refusal_until_a_renewal(stale):
    stale.issuer.answers[:] = [refusal("invalid_grant"), tokens("renewed")]
    for status, is_shown in ((77, True), (0, False)):
        stale.token().expect(status)
        shown = stale.run("status", "--json").expect(0).stdout
        assert (json.loads(shown)["refused"] is not None) == is_shown
        output = stale.run("status").expect(0).stdout
        assert (b"refused" in output) == is_shown


def test_a_server_that_is_busy_is_quoted(stale):
    stale.issuer.answers[:] = [refusal("temporarily_unavailable", 503)]
    assert "status 503: temporarily_unavailable" in \
        stale.token().expect(75).errors


@pytest.mark.parametrize("more, status", [(0, 0), (1, 75)])
def test_an_answer_of_64_kb(stale, more, status):
    body = json.dumps({"access_token": "a"}).encode()
    stale.issuer.answers[:] = [Answer(body.ljust(65536 + more))]
    stale.token().expect(status)


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


def test_a_pause_of_a_clock_that_was_ahead_is_over(stale):
    grant = stale.kept()
    grant["wait_until"] = grant["obtained"] + 10 * 86400
    (stale.state / "m365.json").write_text(json.dumps(grant))
    stale.issuer.answers[:] = [tokens("renewed")]
    assert stale.token().expect(0).stdout == b"renewed\n"


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
