"""postrider-oauth: a client that signs with a key (RFC 7523)."""

import base64
import hashlib
import json
import subprocess
import time

import pytest

from lib.issuer import refusal, tokens

CLIENT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def openssl(*arguments, folder):
    return subprocess.run(["openssl", *arguments], cwd=folder, check=True,
                          stdin=subprocess.DEVNULL,
                          capture_output=True).stdout


@pytest.fixture(scope="session")
def rsa(tmp_path_factory):
    """A folder with an RSA key, its certificate, and what is no such key."""
    folder = tmp_path_factory.mktemp("rsa")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
            "key.pem", "-out", "cert.pem", "-subj", "/CN=application",
            folder=folder)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-passout", "pass:secret",
            "-keyout", "locked.pem", "-out", "other.pem", "-subj", "/CN=other",
            folder=folder)
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
            "ec.pem", folder=folder)
    openssl("pkey", "-in", "key.pem", "-pubout", "-out", "public.pem",
            folder=folder)
    return folder


@pytest.fixture
def signing(oauth, rsa):
    """The section signs with that key, for an application of its own."""
    use(oauth, key=(rsa / "key.pem").read_text(),
        certificate=(rsa / "cert.pem").read_text())
    oauth.configure(flow="client_credentials", scope="mail/.default")
    return oauth


def use(oauth, key=None, certificate=None):
    """These are the files of the key and of its certificate."""
    for name, text in (("key", key), ("cert", certificate)):
        if text is not None:
            path = oauth.programs.secret(f"client-{name}", text)
            oauth.configure(**{f"client_{name}_file": str(path)})


def use_account(oauth, rsa, **members):
    """A service account of Google, as its console has it to download."""
    use(oauth, key=json.dumps(
        {"type": "service_account", "project_id": "p",
         "private_key_id": "key-1",
         "private_key": (rsa / "key.pem").read_text(),
         "client_email": "robot@p.iam.gserviceaccount.com",
         "client_id": "1234", "token_uri": "https://oauth2.example/token",
         **members}))
    oauth.configure(flow="jwt_bearer", client_id=None,
                    scope="https://mail.google.com/",
                    subject="reports@example.com")


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def read_token(token, rsa, tmp_path, *options):
    """Header and claims of a token whose signature openssl(1) has verified."""
    head, body, signature = token.split(".")
    (tmp_path / "signed").write_text(f"{head}.{body}")
    (tmp_path / "signature").write_bytes(decode(signature))
    openssl("dgst", "-sha256", *options, "-verify", str(rsa / "public.pem"),
            "-signature", "signature", "signed", folder=tmp_path)
    return json.loads(decode(head)), json.loads(decode(body))


# The key of a client, in the place of a secret

def test_a_client_signs_who_it_is(signing, rsa, tmp_path):
    signing.issuer.answers[:] = [tokens("application")]
    assert signing.token().expect(0).stdout == b"application\n"
    form, = signing.issuer.forms
    assertion = form.pop("client_assertion")
    assert form == {"grant_type": "client_credentials",
                    "client_id": "an-application", "scope": "mail/.default",
                    "client_assertion_type": CLIENT}
    header, claims = read_token(
        assertion, rsa, tmp_path, "-sigopt", "rsa_padding_mode:pss",
        "-sigopt", "rsa_pss_saltlen:digest")
    der = openssl("x509", "-in", "cert.pem", "-outform", "DER", folder=rsa)
    assert header.pop("x5t#S256") == base64.urlsafe_b64encode(
        hashlib.sha256(der).digest()).decode().rstrip("=")
    assert header == {"alg": "PS256", "typ": "JWT"}
    assert claims["iss"] == claims["sub"] == "an-application"
    assert claims["aud"] == signing.keys["token_url"]
    assert abs(claims["iat"] - time.time()) < 60
    assert claims["nbf"] == claims["iat"]
    assert 60 <= claims["exp"] - claims["iat"] <= 600


def test_what_is_signed_is_used_once(signing):
    signing.issuer.answers[:] = [tokens(expires_in=1)]
    signing.token().expect(0)
    (signing.state / "m365.json").unlink()
    signing.token().expect(0)
    first, second = (decode(form["client_assertion"].split(".")[1])
                     for form in signing.issuer.forms)
    assert json.loads(first)["jti"] != json.loads(second)["jti"]


def test_a_login_is_signed_too(signing):
    signing.configure(flow="refresh_token")
    signing.issuer.answers[:] = [tokens(refresh_token="next")]
    login, _, query = signing.begin_paste()
    assert signing.paste(login, query, code="code-1")[0] == 0
    form, = signing.issuer.forms
    assert form["client_assertion_type"] == CLIENT
    assert "client_secret" not in form


def test_what_was_signed_is_not_shown(signing):
    def repeat():
        assertion = signing.issuer.forms[-1]["client_assertion"]
        signing.issuer.answers[:] = [
            refusal("invalid_client", error_description=f"no {assertion}")]

    signing.issuer.before_answer = repeat
    errors = signing.token().expect(77).errors
    assert signing.issuer.forms[0]["client_assertion"] not in errors


@pytest.mark.parametrize("key, certificate, words", [
    ("locked.pem", "other.pem", "passphrase"),
    ("ec.pem", "cert.pem", "not an RSA key"),
    ("cert.pem", "cert.pem", "holds no private key"),
    ("key.pem", "other.pem", "does not belong to the private key"),
    ("key.pem", "key.pem", "holds no certificate"),
    ("key.pem", None, "client_cert_file is missing"),
    (None, "cert.pem", "client_key_file is missing")])
def test_files_that_cannot_sign(oauth, rsa, key, certificate, words):
    use(oauth, key=key and (rsa / key).read_text(),
        certificate=certificate and (rsa / certificate).read_text())
    if key is None:
        oauth.use_secret()
    oauth.configure(flow="client_credentials")
    result = oauth.token().expect(78)
    assert words in result.errors and result.stdout == b""


def test_a_key_that_others_can_read(signing):
    (signing.programs.folder / "client-key").chmod(0o644)
    assert "others can read it" in signing.token().expect(78).errors


def test_a_key_and_a_secret(signing):
    signing.use_secret()
    assert "only one of" in signing.token().expect(78).errors


# A service account that asks for a mailbox

def test_a_certificate_is_of_no_use_to_an_account(oauth, rsa, tmp_path):
    """Google takes RS256 alone."""
    use_account(oauth, rsa)
    use(oauth, certificate=(rsa / "cert.pem").read_text())
    oauth.issuer.answers[:] = [tokens()]
    oauth.token().expect(0)
    header, _ = read_token(oauth.issuer.forms[0]["assertion"], rsa, tmp_path)
    assert header["alg"] == "RS256" and "x5t#S256" not in header


def test_a_service_account_asks_for_a_mailbox(oauth, rsa, tmp_path):
    use_account(oauth, rsa)
    oauth.issuer.answers[:] = [tokens("mailbox", expires_in=3599)]
    assert oauth.token().expect(0).stdout == b"mailbox\n"
    form, = oauth.issuer.forms
    assert set(form) == {"grant_type", "assertion"}
    assert form["grant_type"] == GRANT
    header, claims = read_token(form["assertion"], rsa, tmp_path)
    assert header == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    assert claims["iss"] == "robot@p.iam.gserviceaccount.com"
    assert claims["sub"] == "reports@example.com"
    assert claims["scope"] == "https://mail.google.com/"
    assert claims["aud"] == oauth.keys["token_url"]
    assert 60 <= claims["exp"] - claims["iat"] <= 3600
    assert b"logs in by itself" in oauth.run("status").expect(0).stdout
    assert "no person logs in" in oauth.run("login", "m365").expect(78).errors


def test_a_key_in_pem_needs_the_name_of_the_account(oauth, rsa, tmp_path):
    use(oauth, key=(rsa / "key.pem").read_text())
    oauth.configure(flow="jwt_bearer", subject="a@a.example", client_id=None)
    assert "client_id is missing" in oauth.token().expect(78).errors
    oauth.configure(client_id="robot@p.example")
    oauth.issuer.answers[:] = [tokens()]
    oauth.token().expect(0)
    _, claims = read_token(oauth.issuer.forms[0]["assertion"], rsa, tmp_path)
    assert claims["iss"] == "robot@p.example"


def test_the_mailbox_is_the_user_of_the_smarthost(oauth, rsa, tls_smarthost,
                                                  tmp_path):
    use_account(oauth, rsa)
    oauth.keys["subject"] = None
    oauth.programs.write_config(tls_smarthost, extra=oauth.section(),
                                password=None, user="sender@a.example",
                                oauth="m365")
    oauth.issuer.answers[:] = [tokens()]
    oauth.token().expect(0)
    _, claims = read_token(oauth.issuer.forms[0]["assertion"], rsa, tmp_path)
    assert claims["sub"] == "sender@a.example"


def test_no_mailbox(oauth, rsa):
    use_account(oauth, rsa)
    oauth.configure(subject=None)
    assert "subject is missing" in oauth.token().expect(78).errors


def test_a_token_is_for_one_mailbox(oauth, rsa):
    use_account(oauth, rsa)
    oauth.issuer.answers[:] = [tokens("first"), tokens("second")]
    assert oauth.token().expect(0).stdout == b"first\n"
    oauth.configure(subject="other@example.com")
    assert oauth.token().expect(0).stdout == b"second\n"


@pytest.mark.parametrize("members, words", [
    ({"type": "authorized_user"}, "not the key of a service account"),
    ({"client_email": None}, "client_email"),
    ({"private_key": None}, "private_key"),
    ({"private_key": "none"}, "holds no private key")])
def test_a_file_that_is_no_key_of_an_account(oauth, rsa, members, words):
    use_account(oauth, rsa, **members)
    assert words in oauth.token().expect(78).errors


@pytest.mark.parametrize("words, status, shown", [
    ("Invalid JWT Signature.", 77, "key"),
    ("Invalid JWT: Token must be a short-lived token (60 minutes) and in a "
     "reasonable timeframe. Check your iat and exp values in the JWT claim.",
     75, "clock"),
    ("Invalid email or User ID", 77, "subject"),
    ("account not found", 77, "service account")])
def test_what_google_says_of_an_account(oauth, rsa, words, status, shown):
    use_account(oauth, rsa)
    oauth.issuer.answers[:] = [
        refusal("invalid_grant", error_description=words)]
    errors = oauth.token().expect(status).errors
    assert shown in errors and "log in" not in errors and words[:30] in errors
