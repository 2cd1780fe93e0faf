"""Simulated vendors: each test starts the origins it needs; afterwards nobody may have a secret
that was not his."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import registry_images as images  # noqa: E402
import simulator  # noqa: E402
from simulator.wire import Authority  # noqa: E402


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def image():
    """Two layers; the second is long enough to be cut in the middle more than once."""
    return images.Image([
        images.Layer({"top": b"top\n"}),
        images.Layer({"big": os.urandom(1_300_000)}),
    ])


@pytest.fixture
def start(authority):
    """start(flag) over https, start(flag, tls=False) over http."""
    running = []

    def make(flag, tls=True, **options):
        running.append(simulator.Simulator(flag, authority if tls else None, **options))
        return running[-1]

    yield make
    for sim in running:
        sim.stop()
        assert sim.leaks() == []


@pytest.fixture
def trusting(proa, authority):
    """`proa` that verifies, and knows the throw-away CA."""
    proa.env["SSL_CERT_FILE"] = str(authority.ca)
    return proa


@pytest.fixture
def plain(start, image):
    """A registry over http that lets everybody pull x:1, and hands out blobs itself."""
    sim = start("plain", tls=False)
    sim.vendor.storage = False
    sim.add("x", "1", image, public=True)
    return sim
