"""Fixtures of the system tests; the helpers are in tests/lib."""

import pathlib
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib.certificates import Certificates           # noqa: E402
from lib.clock import Clock                         # noqa: E402
from lib.front import Front, install                # noqa: E402
from lib.harness import Programs                    # noqa: E402
from lib.issuer import Issuer                       # noqa: E402
from lib.oauth import OAuth, age                    # noqa: E402
from lib.queue import Queue                         # noqa: E402
from lib.smarthost import Smarthost                 # noqa: E402
from lib.smtp_server import Server                  # noqa: E402

# What starts the tests may ignore signals, as nohup and a shell's background
# do; programs that people start do not.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

USER, PASSWORD = "relay@example.com", "opensesame"


@pytest.fixture(scope="session", autouse=True)
def others_may_enter(tmp_path_factory):
    """Programs in the tests' folders run as other users, too."""
    base = tmp_path_factory.getbasetemp()
    for folder in [base, *base.parents]:
        if folder.name.startswith(("pytest-", "popen-")):
            folder.chmod(0o755)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """Made once: see lib/certificates.py for their names."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def smarthost():
    """A smarthost in clear text, which wants no password."""
    with Smarthost() as host:
        yield host
        host.check()


@pytest.fixture
def tls_smarthost(certificates):
    """The usual one: STARTTLS, then a password."""
    with Smarthost(tls="starttls", certificates=certificates,
                   auth=["LOGIN", "PLAIN"], users={USER: PASSWORD}) as host:
        yield host
        host.check()


@pytest.fixture
def make_smarthost(certificates):
    """Smarthosts of the test's own kind: make_smarthost(tls="implicit")."""
    hosts = []

    def make(**options):
        options.setdefault("certificates", certificates)
        hosts.append(Smarthost(**options))
        return hosts[-1]
    yield make
    for host in hosts:
        host.close()
    for host in hosts:
        host.check()


@pytest.fixture
def programs(tmp_path):
    """The built programs; a test that needs them fails if there are none."""
    built = Programs(tmp_path)
    assert built.available, f"no programs in {built.build}: run make first"
    return built


@pytest.fixture
def issuer(certificates):
    """A fake authorization server."""
    server = Issuer(certificates.path("server"))
    yield server
    server.stop()


@pytest.fixture
def oauth(programs, issuer, certificates):
    """A section "m365" of it; see lib/oauth.py."""
    return OAuth(programs, issuer, certificates)


@pytest.fixture
def stale(oauth):
    """The same with a login whose token has no life left."""
    oauth.log_in()
    age(oauth, 3600)
    return oauth


@pytest.fixture(scope="session")
def front_folder(tmp_path_factory):
    """Where sendmail has a stand-in for postrider beside it."""
    return install(tmp_path_factory.mktemp("front"))


@pytest.fixture
def front(front_folder, tmp_path):
    """That sendmail, with a configuration; see lib/front.py."""
    made = Front(tmp_path, front_folder)
    made.write_config()
    return made


@pytest.fixture
def server(tmp_path, programs):
    """`sendmail -bs` with its own drop directory."""
    return Server(tmp_path, programs)


@pytest.fixture
def queue():
    """The built programs with their own spool, which any user can use."""
    made = Queue()
    yield made
    made.close()


@pytest.fixture
def clock(queue):
    """What time it is for a daemon of that queue: see lib/clock.py."""
    return Clock(queue.folder)


@pytest.fixture(scope="session")
def may_mount():
    """Whether a test can have private mounts, as lib.nameserver needs."""
    tried = subprocess.run(["unshare", "--mount", "true"],
                           capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip("no mounts of its own here: needs root")
