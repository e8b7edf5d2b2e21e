"""An oauth section, and postrider-oauth, which serves it.

    def test_example(oauth, issuer):
        oauth.log_in(access="first")
        assert oauth.token().expect(0).stdout == b"first\n"
"""

import json
import shutil
import subprocess
import urllib.parse

from .issuer import tokens

SECRET = "secret-that-nobody-may-see"
REFRESH = "refresh-that-nobody-may-see"


class OAuth:
    """A section "m365", and the program that serves it."""

    def __init__(self, programs, issuer, certificates):
        self.programs, self.issuer = programs, issuer
        self.state = programs.folder / "tokens"
        authority = programs.folder / "issuer-ca.pem"
        shutil.copyfile(certificates.ca, authority)
        authority.chmod(0o644)
        self.keys = {"token_url": issuer.url + "/token",
                     "device_url": issuer.url + "/device",
                     "authorize_url": issuer.url + "/authorize",
                     "client_id": "an-application",
                     "scope": "https://mail.example/send offline_access",
                     "state": str(self.state),
                     "tls_ca_file": str(authority)}
        self.configure()

    def section(self):
        return 'oauth "m365" {\n' + "".join(
            f'    {name} = "{value}"\n' for name, value in self.keys.items()
            if value is not None) + "}\n"

    def configure(self, **keys):
        self.keys.update(keys)
        self.programs.write_config(extra=self.section())

    def use_secret(self, **keys):
        path = self.programs.secret("client-secret", SECRET)
        self.configure(client_secret_file=str(path), **keys)

    def run(self, *arguments, **options):
        return self.programs.run("postrider-oauth", *arguments, **options)

    def token(self, **options):
        return self.run("token", "m365", **options)

    def start(self, *arguments, env=None):
        """The program, with pipes."""
        return subprocess.Popen(
            [self.programs.build / "postrider-oauth", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            env=self.programs.environment(env))

    def kept(self):
        """What the file of tokens holds; None if there is none."""
        path = self.state / "m365.json"
        return json.loads(path.read_text()) if path.exists() else None

    def begin_paste(self, env=None):
        """The program, the address that it shows, and the query of that."""
        login = self.start("login", "m365", "--paste", env=env)
        for line in login.stdout:
            if line.startswith("https://"):
                url = urllib.parse.urlsplit(line.strip())
                return login, url, dict(urllib.parse.parse_qsl(url.query))
        raise AssertionError(login.communicate())

    @staticmethod
    def paste(login, query, **members):
        """Paste the address that a browser shows at the end."""
        members.setdefault("state", query["state"])
        text = query["redirect_uri"] + "?" + urllib.parse.urlencode(
            {name: value for name, value in members.items()
             if value is not None})
        output = login.communicate(text + "\n", timeout=60)
        return login.returncode, *output

    def log_in(self, env=None, **members):
        """By paste; the tokens have as much life as the members say."""
        self.issuer.answers[:] = [
            tokens(**{"refresh_token": REFRESH, **members})]
        login, _, query = self.begin_paste(env)
        result = self.paste(login, query, code="code-1")
        assert result[0] == 0, result
        self.issuer.forms.clear()
        self.issuer.requests.clear()


def age(oauth, seconds):
    """So long ago were the tokens obtained."""
    path = oauth.state / "m365.json"
    grant = json.loads(path.read_text())
    for name in ("obtained", "expires"):
        grant[name] -= seconds
    path.write_text(json.dumps(grant))
