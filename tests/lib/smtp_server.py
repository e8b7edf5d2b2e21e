"""`sendmail -bs` with its own drop directory.

    def test_example(server):
        assert server.codes("HELO x\\r\\nQUIT\\r\\n") == ["220", "250", "221"]
"""

import socket
import subprocess

ENVELOPE = "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"


class Server:
    def __init__(self, folder, programs):
        self.programs = programs
        self.spool = folder / "spool"
        self.spool.mkdir()
        self.drop = self.spool / "drop"
        self.drop.mkdir()
        self.drop.chmod(0o3733)
        self.aliases = folder / "aliases"
        self.aliases.write_text("team: a@x.example, b@x.example\n"
                                "one: a@x.example\n"
                                "buecher: bücher@x.example\n"
                                "broken: |/bin/cat\n")
        self.configure()

    def configure(self, **settings):
        """Settings besides the usual ones, or instead of them."""
        settings = {"hostname": "web1.example.com", "domain": "example.com",
                    "aliases": self.aliases, "log": "none",
                    "spool": self.spool, "message_size_limit": "20k",
                    **settings}
        self.programs.config.write_text("".join(
            f'{key} = "{value}"\n' for key, value in settings.items()))

    def run(self, text, arguments=(), status=0):
        """The lines of its replies to this input."""
        data = text if isinstance(text, bytes) else text.encode()
        result = self.programs.sendmail("-bs", *arguments, stdin=data)
        assert result.status == status, result
        assert b"\n" not in result.stdout.replace(b"\r\n", b"")
        return result.stdout.decode().split("\r\n")[:-1]

    def codes(self, text, arguments=()):
        """The code of each reply."""
        return [line[:3] for line in self.run(text, arguments)
                if line[3:4] == " "]

    def open(self, connection=None):
        """Serve a connection, or else a new one, whose other end comes, too.
        """
        ours = None
        if connection is None:
            ours, connection = socket.socketpair()
            ours.settimeout(30)
        process = subprocess.Popen(
            [str(self.programs.build / "sendmail"), "-bs"], stdin=connection,
            stdout=connection, env=self.programs.environment())
        connection.close()
        return process, ours

    def stored(self):
        return [path.read_bytes() for path in sorted(self.drop.iterdir())]


def content(stored):
    """The body of a message in a stored file."""
    text = stored.split(b"\n\n", 1)[1].rsplit(b"END ", 1)[0]
    return text.split(b"\r\n\r\n", 1)[1]
