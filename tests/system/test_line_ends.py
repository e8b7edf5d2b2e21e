"""What ends a line: every way in agrees, so that a stranger's text that a
caller puts into a field or a body adds nothing."""

import base64
import itertools
import re

import pytest

from lib.harness import message, without
from lib.queue import Queue
from lib.smarthost import EXTENSIONS

ENDS = [b"\n", b"\r\n", b"\r\r\n"]
NO_ENDS = [b"\r", b"\r\r", b"\0", b"\x0b", b"\x0c", b"\x1c", b"\x1e", b"\x85",
           b"\xc2\x85", b"\xe2\x80\xa8"]
HEAD = b"From: a@x.test\nTo: to@x.test\n"


def ends_blanked(octets):
    """A field's text as it leaves: CRs of a line end aside."""
    return octets.replace(b"\r", b" ").replace(b"\0", b" ")


def decoded(octets):
    """Without the encoded-words in which UTF-8 leaves."""
    return re.sub(rb"=\?UTF-8\?B\?(.*?)\?=",
                  lambda match: base64.b64decode(match[1]), octets)


def as_body(octets):
    """A body's text as it leaves."""
    return re.sub(rb"\r*\n|\r", b"\r\n", octets)


def smtp(text, end=b"\r\n"):
    """A message within a dialogue, its lines those of the client."""
    stuffed = re.sub(rb"(?m)^\.", b"..", text)
    return end.join([b"EHLO x", b"MAIL FROM:<a@x.test>", b"RCPT TO:<to@x.test>",
                     b"DATA", stuffed + b".", b"QUIT", b""])


def chunked(text):
    return b"\r\n".join([b"EHLO x", b"MAIL FROM:<a@x.test>",
                         b"RCPT TO:<to@x.test>",
                         b"BDAT %d LAST" % len(text), text + b"QUIT", b""])


class Ways:
    """Each way in, with the recipients and the content that came of it."""

    def __init__(self, queue):
        self.queue = queue

    def drop(self, *arguments, stdin):
        self.queue.sendmail(*arguments, stdin=stdin)
        stored = list(self.queue.drop.iterdir())
        messages = [path.read_bytes() for path in stored]
        for path in stored:
            path.unlink()
        return messages

    def of(self, text):
        """name -> (recipients, content) for a message with LF lines."""
        calls = {
            "arguments": (("-i", "-f", "a@x.test", "to@x.test"), text),
            "extract": (("-i", "-f", "a@x.test", "-t"), text),
            "with dots": (("-f", "a@x.test", "to@x.test"),
                          re.sub(rb"(?m)^\.", b"..", text)),
            "data": (("-bs",), smtp(text.replace(b"\n", b"\r\n"))),
            "data, LF": (("-bs",), smtp(text, b"\n")),
            "bdat": (("-bs",), chunked(text)),
        }
        return {way: [take_apart(stored) for stored in
                      self.drop(*arguments, stdin=stdin)]
                for way, (arguments, stdin) in calls.items()}


def take_apart(stored):
    envelope, _, rest = stored.partition(b"\n\n")
    content = rest.rpartition(b"END ")[0]
    content = re.sub(rb"(?m)^(Date|Message-ID): .*\r\n", b"", content)
    return re.findall(rb"(?m)^to \S+ \S+ (.*)$", envelope), content


@pytest.fixture(scope="module", name="ways")
def fixture_ways():
    queue = Queue()
    queue.write_config(1)
    yield Ways(queue)
    queue.close()


def agreed(ways, text):
    """The one (recipients, content) that all ways have in common."""
    found = ways.of(text)
    first = found["arguments"]
    assert len(first) == 1
    assert all(messages == first for messages in found.values()), found
    return first[0]


@pytest.mark.parametrize("octets", NO_ENDS)
@pytest.mark.parametrize("before, after", [
    (b"", b""), (b"", b" "), (b" ", b""), (b"", b"\r"), (b"\r", b"x")])
def test_no_field_begins_in_a_field(ways, octets, before, after):
    value = b"x" + before + octets + after + b"Bcc: victim@x.test"
    recipients, content = agreed(
        ways, HEAD + b"Subject: " + value + b"\n\nbody\n")
    assert recipients == [b"to@x.test"]
    assert content == (HEAD.replace(b"\n", b"\r\n") + b"Subject: " +
                       ends_blanked(value) + b"\r\n\r\nbody\r\n")


@pytest.mark.parametrize("octets", NO_ENDS)
def test_field_after_it_is_still_one(ways, octets):
    """It is not in the body, where a Bcc would be shown."""
    text = (HEAD + b"Subject: x" + octets + b"y" + octets +
            b"\nBcc: to@x.test\n\nbody\n")
    recipients, content = agreed(ways, text)
    assert recipients == [b"to@x.test"]
    assert b"Bcc" not in content and content.endswith(b"\r\n\r\nbody\r\n")


@pytest.mark.parametrize("octets", NO_ENDS)
def test_no_line_ends_at_the_start_of_a_line(ways, octets):
    """Neither an empty line nor a dot that is alone comes of it."""
    text = HEAD + b"Subject: x\n\nbody\n" + octets + b".\n.\n." + octets + \
        b"\n." + octets + b".\n" + octets + b"\nend\n"
    recipients, content = agreed(ways, text)
    assert recipients == [b"to@x.test"]
    assert content.partition(b"\r\n\r\n")[2] == \
        as_body(text.partition(b"\n\n")[2])


@pytest.mark.parametrize("end, other", list(itertools.product(ENDS, ENDS)))
def test_lines_that_do_end(ways, end, other):
    """With one another: in fields, before the body, and in it."""
    lines = [b"From: a@x.test", b"To: to@x.test", b"Subject: x", b" folded",
             b"", b"", b"body", b".", b"end", b""]
    text = b"".join(line + (end, other)[i % 2]
                    for i, line in enumerate(lines[:-1]))
    for way in ("arguments", "extract", "bdat"):
        (recipients, content), = ways.of(text)[way]
        assert recipients == [b"to@x.test"]
        assert content == b"\r\n".join(lines)


@pytest.mark.parametrize("octets", NO_ENDS)
@pytest.mark.parametrize("text", [
    b"a%s.%sb\n", b"a\n.%sb\n", b"a%s.\nb\n", b"a\n%s.\nb\n", b"a%s..\nb\n"])
def test_only_a_dot_on_a_line_ends_the_input(ways, octets, text):
    body = text.replace(b"%s", octets)
    (_, content), = map(take_apart, ways.drop(
        "-f", "a@x.test", "to@x.test", stdin=message(body)))
    assert content.endswith(b"\r\n\r\n" + as_body(body))


@pytest.mark.parametrize("octets", NO_ENDS)
def test_no_command_begins_in_a_command(ways, octets):
    evil = b"RCPT TO:<to@x.test>" + octets + b"RCPT TO:<victim@x.test>"
    text = smtp(HEAD.replace(b"\n", b"\r\n") + b"\r\nbody\r\n")
    stored = ways.drop("-bs", stdin=text.replace(
        b"DATA\r\n", evil + b"\r\nDATA\r\n"))
    assert [take_apart(one)[0] for one in stored] == [[b"to@x.test"]]


@pytest.mark.parametrize("octets", NO_ENDS)
def test_no_alias_begins_in_an_alias(ways, octets):
    ways.queue.folder.joinpath("aliases").write_bytes(
        b"first: to@x.test" + octets + b"second: victim@x.test\n")
    found = ways.drop("-i", "first", stdin=message())
    found += ways.drop("-i", "second", stdin=message())
    assert all(b"victim@x.test" not in take_apart(one)[0] for one in found)


@pytest.mark.parametrize("octets", NO_ENDS)
@pytest.mark.parametrize("chunking", [True, False])
def test_the_smarthost_sees_the_same(queue, make_smarthost, octets, chunking):
    """From the daemon, which proves what it finds in drop/, and directly."""
    host = make_smarthost(extensions=[
        name for name in EXTENSIONS if chunking or name != "CHUNKING"])
    text = (HEAD + b"Date: x\nMessage-ID: <x@x.test>\nSubject: x" + octets +
            b"Bcc: v\n\nx" + octets + b".\n." + octets + b"\n..x\r\n" +
            octets + b".")
    queue.write_config(host)
    queue.sendmail("-i", "-t", stdin=text).expect(0)
    with queue.daemon() as daemon:
        daemon.wait_until_removed(1)
    queue.write_config(host, settings={"delivery": "direct"})
    queue.sendmail("-i", "-t", stdin=text).expect(0)
    header, _, body = text.partition(b"\n\n")
    expected = ends_blanked(header).replace(b"\n", b"\r\n") + \
        b"\r\n\r\n" + as_body(body) + b"\r\n"
    for sent in host.wait_for_messages(2):
        assert sent.recipients == ["to@x.test"]
        assert decoded(without(sent.content, "Received")) == expected
