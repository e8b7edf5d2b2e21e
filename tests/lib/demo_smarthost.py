#!/usr/bin/env python3
"""A smarthost to look at: STARTTLS, AUTH LOGIN, the dialogue on its output.

    demo_smarthost.py --directory DIR [--port N] [--refuse ADDRESS]...
                      [--user NAME] [--password-file FILE] [--quiet]

The first lines say where it is: "port 40123", then "ca DIR/ca.crt", the
authority's certificate, which anybody may have. Each message is written to
DIR/N.eml as it arrived, its envelope to DIR/N.envelope. Credentials are
masked. It ends when its standard input ends, or at SIGTERM.
"""

import argparse
import pathlib
import signal
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib.certificates import Certificates           # noqa: E402
from lib.smarthost import Smarthost                 # noqa: E402

MASK = "********"


class Display:
    """Shows lines as they pass; knows when a line is a secret."""

    def __init__(self, out):
        self.out = out
        self.secret = set()             # sessions within an AUTH exchange
        self.lock = threading.Lock()

    def line(self, session, who, raw):
        for text in raw.decode("utf-8", "backslashreplace").splitlines():
            with self.lock:
                print(f"{who}: {self.masked(session, who, text)}",
                      file=self.out, flush=True)

    def masked(self, session, who, text):
        if who == "S":
            if not text.startswith("334"):
                self.secret.discard(session)
            return text
        if session in self.secret:
            return MASK
        words = text.split(" ")
        if words[0].upper() == "AUTH":
            self.secret.add(session)
            words[2:] = [MASK] if len(words) > 2 else []
        return "".join(c if c.isprintable() else "?" for c in " ".join(words))


class Store:
    """Writes messages to a folder, numbered from 1."""

    def __init__(self, folder):
        self.folder, self.lock, self.count = folder, threading.Lock(), 0

    def message(self, message):
        with self.lock:
            self.count += 1
            name = self.folder / str(self.count)
        envelope = [f"from <{message.reverse_path}>",
                    *(f"to <{r}>" for r in message.recipients),
                    f"tls {message.tls}", f"user {message.user}"]
        name.with_suffix(".envelope").write_text(
            "\n".join(envelope) + "\n", encoding="utf-8")
        name.with_suffix(".eml").write_bytes(message.content)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=pathlib.Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--refuse", action="append", default=[],
                        metavar="ADDRESS")
    parser.add_argument("--user", default="relay@example.com")
    parser.add_argument("--password-file", type=pathlib.Path)
    parser.add_argument("--quiet", action="store_true",
                        help="do not show the dialogue")
    return parser.parse_args(arguments)


def password_of(options):
    """By default the one that the demonstration uses."""
    if options.password_file is None:
        return "opensesame"
    return options.password_file.read_text(encoding="utf-8").split("\n")[0]


def end_at_sigterm():
    """Before our port is known: SIGTERM is an end in order."""
    def terminate(_signal, _frame):
        raise SystemExit
    signal.signal(signal.SIGTERM, terminate)


def wait_for_the_end():
    """Until standard input ends or SIGTERM comes."""
    while sys.stdin.buffer.read1(4096):
        pass


def main(arguments):
    options = parse(arguments)
    end_at_sigterm()
    options.directory.mkdir(parents=True, exist_ok=True)
    certificates = Certificates(options.directory)
    host = Smarthost(tls="starttls", certificates=certificates,
                     auth=["LOGIN"], port=options.port,
                     users={options.user: password_of(options)})
    with host:
        host.recipients = {address: "550 5.1.1 no such user here"
                           for address in options.refuse}
        host.on_message = Store(options.directory).message
        if not options.quiet:
            host.on_line = Display(sys.stdout).line
        authority = options.directory / "ca.crt"
        print(f"port {host.port}\nca {authority}", flush=True)
        wait_for_the_end()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        pass
