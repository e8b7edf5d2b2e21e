"""sendmail alone, with a stand-in for `postrider direct` beside it.

    def test_example(front):
        front.write_config()
        front.sendmail("b@b.example", stdin=message()).expect(0)
        assert front.draft().recipients == ["b@b.example"]

The stand-in keeps the draft and its arguments, and exits as it is told.
"""

import re
import shutil

from .harness import Programs, build_directory

STAND_IN = """#!/bin/sh
printf '%s\\n' "$@" > "$FRONT_FOLDER/arguments"
cat > "$FRONT_FOLDER/draft"
exit "${FRONT_STATUS:-0}"
"""

NAMES = ("mailq", "newaliases", "smtpd", "hoststat", "purgestat")

DRAFT = re.compile(rb"(?s)postrider 1 ([0-9a-f]{32})\n(.*?\n)\n(.*)"
                   rb"END (\d{20}) ([0-9a-f]{8}) ([78])\n\Z")


def install(folder):
    """sendmail, its other names, and the stand-in, where any user may run
    them."""
    folder.chmod(0o755)
    shutil.copy(build_directory() / "sendmail", folder / "sendmail")
    for name in NAMES:
        (folder / name).symlink_to("sendmail")
    (folder / "postrider").write_text(STAND_IN)
    (folder / "postrider").chmod(0o755)
    return folder


class Draft:
    """A message file, taken apart."""

    def __init__(self, data):
        match = DRAFT.fullmatch(data)
        assert match, f"no draft: {data[:2000]!r}"
        self.id = match[1].decode()
        self.content = match[3]
        assert int(match[4]) == len(self.content)
        self.is_8bit = match[6] == b"8"
        self.reverse_path, self.from_local = None, False
        self.recipients, self.notify, self.original = [], {}, {}
        self.settings, self.flaws = {}, {}
        for line in match[2].decode().splitlines():
            keyword, _, value = line.partition(" ")
            if keyword == "from":
                self.from_local = value == self.reverse_path
                self.reverse_path = value
            elif keyword == "to":
                notify, original, path = value.split(" ", 2)
                self.recipients.append(path)
                self.notify[path], self.original[path] = notify, original
            elif keyword == "opt-flaw":
                self.flaws[self.recipients[-1]] = value
            else:
                self.settings[keyword] = value

    header = property(
        lambda self: self.content.partition(b"\r\n\r\n")[0] + b"\r\n")
    body = property(lambda self: self.content.partition(b"\r\n\r\n")[2])

    def fields(self, name):
        """The bodies of all fields of that name, unfolded, as text."""
        unfolded = re.sub(rb"\r\n(?=[ \t])", b"", self.header)
        pattern = rb"(?im)^" + re.escape(name.encode()) + rb"[ \t]*:(.*)\r$"
        return [body.decode("utf-8", "surrogateescape").strip()
                for body in re.findall(pattern, unfolded)]


class Front(Programs):
    def environment(self, env=None):
        return super().environment(
            {"FRONT_FOLDER": str(self.folder), **(env or {})})

    def write_config(self, smarthost=2525, **options):
        return super().write_config(smarthost, **options)

    @property
    def handed_over(self):
        return (self.folder / "arguments").exists()

    def arguments(self):
        """What the stand-in was called with."""
        return (self.folder / "arguments").read_text().splitlines()

    def draft(self):
        return Draft((self.folder / "draft").read_bytes())
