"""Fixtures that all tests share. PROA names the binary under test (default: build/proa)."""
import os
import shutil
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "lib"))

import accounts  # noqa: E402  pylint: disable=wrong-import-position
import images  # noqa: E402  pylint: disable=wrong-import-position

# Of this session: several may run on one machine.
NAMES = {"root": "root", "sub": f"proat{os.getpid()}s", "nosub": f"proat{os.getpid()}n"}


@pytest.fixture(scope="session")
def scratch():
    """A directory that every account can reach."""
    path = tempfile.mkdtemp(prefix="proa-test-", dir="/var/tmp")
    os.chmod(path, 0o755)
    yield path
    accounts.remove_tree(path)


@pytest.fixture(scope="session")
def proa_binary(scratch):
    """The binary under test, owned by root where everybody can run it and nobody write it."""
    source = os.environ.get("PROA", os.path.join(HERE, "..", "build", "proa"))
    if not os.path.exists(source):
        pytest.fail(f"{source} does not exist: build it, or set PROA")
    directory = os.path.join(scratch, "bin")
    os.makedirs(directory)
    return shutil.copy(source, os.path.join(directory, "proa"))


@pytest.fixture(scope="session")
def people(scratch, proa_binary):
    """All three accounts by kind."""
    if os.getuid() != 0:
        pytest.skip("making test accounts needs root")
    accounts.remove_orphans()
    accounts.make_user(NAMES["sub"], ranges=True)
    accounts.make_user(NAMES["nosub"], ranges=False)
    yield {kind: accounts.Account(kind, name, proa_binary, scratch)
           for kind, name in NAMES.items()}
    accounts.remove_user(NAMES["sub"])
    accounts.remove_user(NAMES["nosub"])


@pytest.fixture(params=["root", "sub", "nosub"])
def user(request, people):
    """Each of the three accounts in turn."""
    return people[request.param]


@pytest.fixture(scope="session")
def busybox_archive(scratch):
    """docker-archive of a busybox image called busybox:latest."""
    return images.docker_archive(os.path.join(scratch, "busybox.tar"), ["busybox:latest"])


@pytest.fixture
def busybox(user, busybox_archive):
    """The current account, with the image busybox:latest in its store."""
    if user.proa("inspect", "--type", "image", "busybox:latest").returncode != 0:
        user.ok("load", "-i", busybox_archive)
    return user


@pytest.fixture(scope="session")
def busybox_rootfs(scratch):
    """A busybox root file system as a plain directory, readable by all."""
    return images.busybox_rootfs(os.path.join(scratch, "rootfs"))
