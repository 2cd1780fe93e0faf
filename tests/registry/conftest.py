"""What the registry tests share: one certificate, servers, and `proa` with a store of its own."""

import pathlib
import os
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))

import registry_images as images  # noqa: E402
import registry as servers  # noqa: E402

PROA = os.environ.get("PROA") or str(
    pathlib.Path(__file__).parent.parent.parent / "build" / "proa")


class Proa:
    """`proa` with its own home and store below one directory."""

    def __init__(self, directory):
        self.home = directory / "home"
        self.root = directory / "store"
        (self.home / "run").mkdir(parents=True, mode=0o700)
        self.env = servers.proa_environment(self.home)

    def command(self, *args):
        return [PROA, "--root", str(self.root), "--runroot", str(self.home / "run" / "proa"),
                *map(str, args)]

    def run(self, *args, env=None, timeout=60):
        return subprocess.run(self.command(*args), env=dict(self.env, **(env or {})),
                              capture_output=True, text=True, timeout=timeout, check=False)

    def start(self, *args, env=None):
        return subprocess.Popen(self.command(*args), env=dict(self.env, **(env or {})),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def pull(self, *args, **kwargs):
        """A pull whose retries do not make the tests slow."""
        return self.run("pull", "--retry-delay", "10ms", *args, **kwargs)

    def blobs(self):
        """Names of the blobs that are visible and durable."""
        return sorted(os.listdir(self.root / "blobs" / "sha256"))

    def layers(self):
        return sorted(os.listdir(self.root / "layers"))

    def references(self):
        return sorted(os.listdir(self.root / "images"))

    def file(self, image, index, name):
        """Content of a file of an unpacked layer."""
        chain = None
        for layer in image.layers[:index + 1]:
            text = layer.diff_id if chain is None else f"{chain} {layer.diff_id}"
            chain = layer.diff_id if chain is None else images.digest(text.encode())
        (found,) = [d for d in self.layers() if d.startswith(chain.split(":")[1] + ".")]
        return (self.root / "layers" / found / "fs" / name).read_bytes()


@pytest.fixture(scope="session")
def proa_class():
    """For modules whose tests share a store."""
    return Proa


@pytest.fixture
def proa(tmp_path):
    return Proa(tmp_path)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return servers.Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def basic_registry(tmp_path_factory, certificate):
    r = servers.Registry(tmp_path_factory.mktemp("basic"), certificate, "htpasswd")
    yield r
    r.stop()


@pytest.fixture(scope="session")
def plain_registry(tmp_path_factory):
    r = servers.Registry(tmp_path_factory.mktemp("plain"))
    yield r
    r.stop()


@pytest.fixture(scope="module")
def token_server(tmp_path_factory):
    s = servers.TokenServer(tmp_path_factory.mktemp("token"))
    yield s
    s.stop()


@pytest.fixture(scope="module")
def token_registry(tmp_path_factory, certificate, token_server):
    r = servers.Registry(tmp_path_factory.mktemp("tokens"), certificate, token_server)
    yield r
    r.stop()


@pytest.fixture
def faulty():
    r = servers.FaultyRegistry()
    yield r
    r.stop()


@pytest.fixture
def faulty_tls(certificate):
    r = servers.FaultyRegistry(certificate)
    yield r
    r.stop()


@pytest.fixture
def recorder():
    r = servers.Recorder()
    yield r
    r.stop()


@pytest.fixture(scope="session")
def image():
    """Three layers, one big enough to be cut in the middle."""
    return images.Image([
        images.Layer({"base": b"base\n", "dir": None}),
        images.Layer({"big": os.urandom(2_000_000)}),
        images.Layer({"top": b"top\n"}),
    ])
