"""Fixtures: roots without the package, and with it."""

import contextlib
import itertools
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lib.certificates import Certificates           # noqa: E402
from lib.smarthost import Smarthost                 # noqa: E402
from root import Root                               # noqa: E402

USER, PASSWORD = "relay@example.com", "op\\en \"ses'ame"

AGENTS = ("dma", "exim4-daemon-light", "msmtp-mta", "nullmailer", "postfix")


@pytest.fixture(scope="session")
def deb():
    return pathlib.Path(os.environ["POSTRIDER_DEB"])


@pytest.fixture(scope="session")
def make_root():
    """make_root(LAYERS) above those; the lowest is of tests/package/run."""
    scratch = pathlib.Path(os.environ["POSTRIDER_SCRATCH"])
    numbers = itertools.count()

    @contextlib.contextmanager
    def make(layers=(scratch / "debian",)):
        root = Root(layers, scratch / f"layer-{next(numbers)}")
        try:
            yield root
        finally:
            root.close()
    return make


@pytest.fixture(scope="session")
def debian(make_root, deb):
    """Nothing but Debian, with what the tests install already fetched."""
    with make_root() as root:
        (root / "tmp/postrider.deb").write_bytes(deb.read_bytes())
        root.apt("install", "--download-only", "/tmp/postrider.deb")
        for other in ("systemd", *AGENTS):
            root.apt("install", "--download-only", other)
    return root.layers


@pytest.fixture(scope="session")
def with_package(make_root, debian, deb):
    """The package, installed without a word."""
    with make_root(debian) as root:
        root.install(deb)
    return root.layers


@pytest.fixture
def bare(make_root, debian):
    with make_root(debian) as root:
        yield root


@pytest.fixture
def installed(make_root, with_package):
    with make_root(with_package) as root:
        yield root


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def smarthost(certificates):
    """It wants STARTTLS and a password."""
    with Smarthost(tls="starttls", certificates=certificates,
                   auth=["LOGIN", "PLAIN"], users={USER: PASSWORD}) as host:
        yield host
        host.check()
