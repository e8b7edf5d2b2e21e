"""postrider-oauth: its configuration, and keys that sign."""

import pytest



@pytest.mark.parametrize("keys, words", [
    ({"token_url": "http://localhost/token"}, "must begin with https://"),
    ({"token_url": "https://"}, "must begin with https://"),
    ({"token_url": None}, "token_url is missing"),
    ({"client_id": None}, "client_id is missing"),
    ({"flow": "client_credentials"}, "client_secret_file is missing"),
    ({"flow": "password"}, "must be refresh_token, "),
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
