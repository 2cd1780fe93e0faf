"""A registry behind nginx: blobs redirected to an object store, and a limit on requests."""

import os
import shutil

import pytest

import images as archives
import registry as servers
import registry_images as images

CREDS = f"{servers.USER}:{servers.PASSWORD}"


@pytest.fixture(scope="module")
def nginx(tmp_path_factory, basic_registry, image):
    if not shutil.which("nginx"):
        pytest.skip("nginx is not installed")
    basic_registry.push("behind", "1", image)
    server = servers.Nginx(tmp_path_factory.mktemp("nginx"), basic_registry)
    yield server
    server.stop()


def test_blobs_from_an_object_store(proa, nginx, image):
    name = f"127.0.0.1:{nginx.front}/behind:1"
    p = proa.pull("--creds", CREDS, name)
    assert (p.returncode, p.stdout.splitlines()[1]) == (
        0, f"Status: Downloaded newer image for {name}")
    assert proa.file(image, 0, "base") == b"base\n"
    stored = [line for line in nginx.log().splitlines() if line.startswith(f"{nginx.store} ")]
    assert len(stored) == 4
    assert all(line.split()[1] == "200" and line.endswith('"-"') for line in stored)
    p = proa.run("--debug", "pull", "--creds", CREDS, name)
    assert "X-Amz-Signature" not in p.stderr


def test_rate_limit_is_waited_out(proa, nginx, image):
    name = f"127.0.0.1:{nginx.slow}/behind:1"
    p = proa.pull("--retry", "10", "--creds", CREDS, name)
    assert p.returncode == 0, p.stderr
    assert proa.file(image, 2, "top") == b"top\n"
    assert f"{nginx.slow} 429 " in nginx.log()


def test_push_in_pieces_past_the_limit_of_bodies(proa, nginx, tmp_path):
    """nginx takes 1 MiB at once unless it is told otherwise, and answers 413 in HTML."""
    layer = images.tar({"big": os.urandom(3_000_000)})
    archive = archives.docker_archive(tmp_path / "app.tar", ["app:1"], [layer])
    assert proa.run("load", "-i", archive).returncode == 0
    name = f"127.0.0.1:{nginx.front}/pushed:1"
    p = proa.run("push", "--creds", CREDS, "app:1", name)
    assert p.returncode == 0, p.stderr
    lines = [line.split() for line in nginx.log().splitlines() if "/pushed/blobs/uploads/" in line]
    assert [line[1] for line in lines if line[2] == "PATCH"] == ["202"] * 3
    assert [line[1] for line in lines if line[2] == "PUT"].count("413") == 1
    proa.run("rmi", "app:1")
    assert proa.pull("--creds", CREDS, name).returncode == 0
