"""Pulling from real registries and what it prints."""

import json
import os
import pty
import re
import subprocess

import registry_images as images
import registry as servers

CREDS = f"{servers.USER}:{servers.PASSWORD}"


def summary(name, digest, status="Downloaded newer image"):
    return f"Digest: {digest}\nStatus: {status} for {name}\n{name}\n"


def test_pull_over_tls_with_password(proa, basic_registry, certificate, image):
    basic_registry.push("x/y", "1", image)
    name = f"{basic_registry.host}/x/y:1"
    p = proa.pull("--creds", CREDS, "--tls-verify", "--cert-dir", certificate.dir, name)
    assert (p.returncode, p.stdout) == (0, summary(name, image.digest))
    assert p.stderr.startswith("1: Pulling from x/y\n")
    assert p.stderr.count("Pull complete") == 3
    assert proa.file(image, 0, "base") == b"base\n"
    assert proa.file(image, 2, "top") == b"top\n"
    wanted = {image.digest, image.id} | {layer.digest for layer in image.layers}
    assert proa.blobs() == sorted(d.split(":")[1] for d in wanted)


def test_blobs_and_layers_are_as_served(proa, plain_registry, image):
    plain_registry.push("served", "1", image)
    assert proa.pull(f"{plain_registry.host}/served:1").returncode == 0
    for layer in image.layers:
        path = proa.root / "blobs" / "sha256" / layer.digest.split(":")[1]
        assert path.read_bytes() == layer.blob
        assert path.stat().st_mode & 0o777 == 0o400
    assert os.listdir(proa.root / "ingest") == []
    assert os.listdir(proa.root / "tmp") == []


def test_second_pull_is_up_to_date(proa, plain_registry, image):
    plain_registry.push("twice", "1", image)
    name = f"{plain_registry.host}/twice:1"
    assert proa.pull(name).returncode == 0
    p = proa.pull(name)
    assert (p.returncode, p.stdout) == (
        0, summary(name, image.digest, "Image is up to date"))
    assert p.stderr == "1: Pulling from twice\n"


def test_second_pull_asks_by_head_only(proa, faulty, image):
    faulty.add("x", "1", image)
    assert proa.pull(f"{faulty.host}/x:1").returncode == 0
    faulty.requests.clear()
    assert proa.pull(f"{faulty.host}/x:1").returncode == 0
    assert [r[:2] for r in faulty.seen("/manifests/|/blobs/")] == [("HEAD", "/v2/x/manifests/1")]


def test_moved_tag_is_downloaded(proa, plain_registry, image):
    newer = images.Image(image.layers[:1] + [images.Layer({"new": b"new\n"})])
    name = f"{plain_registry.host}/moved:1"
    plain_registry.push("moved", "1", image)
    assert proa.pull(name).returncode == 0
    plain_registry.push("moved", "1", newer)
    p = proa.pull(name)
    assert (p.returncode, p.stdout) == (0, summary(name, newer.digest))
    assert p.stderr.count("Already exists") == 1
    assert proa.file(newer, 1, "new") == b"new\n"


def test_default_tag_and_quiet(proa, plain_registry, image):
    plain_registry.push("quiet", "latest", image)
    name = f"{plain_registry.host}/quiet"
    p = proa.pull("-q", name)
    assert (p.returncode, p.stdout, p.stderr) == (0, f"{name}:latest\n", "")
    p = proa.pull(name)
    assert p.stderr == "Using default tag: latest\nlatest: Pulling from quiet\n"


def test_pull_by_digest(proa, plain_registry, image):
    plain_registry.push("pinned", "1", image)
    name = f"{plain_registry.host}/pinned@{image.digest}"
    p = proa.pull(name)
    assert (p.returncode, p.stdout) == (0, summary(name, image.digest))
    assert p.stderr.startswith(f"{image.digest}: Pulling from pinned\n")


def test_digest_wins_over_tag(proa, plain_registry, image):
    other = images.Image([images.Layer({"other": b"other\n"})])
    plain_registry.push("both", "1", other)
    plain_registry.push("both", "2", image)
    p = proa.pull(f"{plain_registry.host}/both:1@{image.digest}")
    assert p.returncode == 0
    assert f"Digest: {image.digest}\n" in p.stdout
    assert proa.file(image, 2, "top") == b"top\n"


def test_docker_media_types_and_compressions(proa, plain_registry):
    image = images.Image([
        images.Layer({"a": b"a\n"}, "gzip"),
        images.Layer({"b": b"b\n"}, "zstd"),
        images.Layer({"c": b"c\n"}, None),
    ], docker=True)
    plain_registry.push("docker", "1", image)
    p = proa.pull(f"{plain_registry.host}/docker:1")
    assert (p.returncode, p.stdout.splitlines()[0]) == (0, f"Digest: {image.digest}")
    assert [proa.file(image, i, n) for i, n in enumerate("abc")] == [b"a\n", b"b\n", b"c\n"]


def platforms(docker=False):
    amd = images.Image([images.Layer({"arch": b"amd64"})], docker, "amd64")
    arm = images.Image([images.Layer({"arch": b"arm64"})], docker, "arm64")
    index = images.Index([
        (arm, {"os": "linux", "architecture": "arm64", "variant": "v8"}),
        (amd, {"os": "linux", "architecture": "amd64"}),
    ], docker)
    return index, amd, arm


def test_index_gives_the_host_platform(proa, plain_registry):
    index, amd, _ = platforms()
    plain_registry.push("multi", "1", index)
    name = f"{plain_registry.host}/multi:1"
    p = proa.pull("--platform", "linux/amd64", name)
    assert (p.returncode, p.stdout) == (0, summary(name, index.digest))
    assert proa.file(amd, 0, "arch") == b"amd64"
    (record,) = [json.loads((proa.root / "images" / r).read_text()) for r in proa.references()]
    assert (record["index"], record["manifest"]) == (index.digest, amd.digest)


def test_docker_list_and_other_platform(proa, plain_registry):
    index, _, arm = platforms(docker=True)
    plain_registry.push("multi-docker", "1", index)
    name = f"{plain_registry.host}/multi-docker:1"
    p = proa.pull("--platform", "arm64", name)
    assert p.returncode == 0
    assert proa.file(arm, 0, "arch") == b"arm64"
    p = proa.pull("--platform", "linux/amd64", name)
    assert (p.returncode, p.stdout) == (0, summary(name, index.digest))
    p = proa.pull("--platform", "linux/s390x", name)
    assert p.returncode == 1
    assert p.stderr.splitlines()[-1].startswith(f"proa: pull: image {name}: ")
    assert "linux/arm64" in p.stderr and "linux/amd64" in p.stderr


def test_single_manifest_of_another_platform(proa, plain_registry):
    arm = images.Image([images.Layer({"arch": b"arm64"})], architecture="arm64")
    plain_registry.push("arm", "1", arm)
    name = f"{plain_registry.host}/arm:1"
    p = proa.pull("--platform", "linux/amd64", name)
    assert p.returncode == 1
    assert p.stderr.splitlines()[-1] == (
        f"proa: pull: image {name}: the image's platform (linux/arm64) does not match "
        "the wanted one (linux/amd64)")
    assert proa.pull("--platform", "linux/arm64", name).returncode == 0


def test_same_layer_twice(proa, plain_registry):
    layer = images.Layer({"same": b"same\n"})
    image = images.Image([layer, images.Layer({"other": b"x"}), layer, layer])
    plain_registry.push("repeated", "1", image)
    p = proa.pull(f"{plain_registry.host}/repeated:1")
    assert p.returncode == 0
    assert [proa.file(image, i, "same") for i in (0, 2, 3)] == [b"same\n"] * 3
    assert len(proa.layers()) == 4


def test_thirty_layers(proa, faulty):
    image = images.Image([images.Layer({f"f{i}": b"x" * i}) for i in range(30)])
    faulty.add("many", "1", image)
    p = proa.pull(f"{faulty.host}/many:1")
    assert p.returncode == 0
    assert p.stderr.count("Pull complete") == 30
    assert len(proa.layers()) == 30
    assert len(faulty.seen("/blobs/")) == 31  # each once, and the config


def test_two_pulls_of_one_image_fetch_it_once(proa, faulty, image):
    faulty.add("shared", "1", image)
    faulty.faults.append(servers.Fault(f"GET .*{image.layers[1].digest}", "slow", None))
    both = [proa.start("pull", f"{faulty.host}/shared:1") for _ in range(2)]
    for p in both:
        out, err = p.communicate(timeout=60)
        assert (p.returncode, err.count("proa:")) == (0, 0), err
    for layer in image.layers:
        assert len(faulty.seen(layer.digest)) == 1


def test_progress_on_a_terminal(proa, plain_registry, image):
    plain_registry.push("bars", "1", image)
    master, slave = pty.openpty()
    p = subprocess.Popen(proa.command("pull", f"{plain_registry.host}/bars:1"),
                         env=dict(proa.env, TERM="xterm"), stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 65536):
            shown += chunk
    except OSError:
        pass  # EIO: the other end is closed
    os.close(master)
    assert p.wait() == 0
    text = shown.decode()
    assert "1: Pulling from bars" in text
    assert text.count("Pull complete") >= 3
    assert re.search(r"\x1b\[\d*[A-Z]", text), "bars are redrawn in place"
    assert text.rstrip().endswith("Pull complete") or "\x1b[?25h" in text


def test_unknown_image(proa, plain_registry):
    name = f"{plain_registry.host}/nothing/here:1"
    p = proa.pull(name)
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.splitlines()[1] == (
        f"proa: pull: image {name}: {plain_registry.host} answered 404: "
        "MANIFEST_UNKNOWN: manifest unknown")
    assert proa.references() == []


def test_nobody_listens(proa):
    port = servers.free_port()
    p = proa.pull(f"127.0.0.1:{port}/x:1")
    assert p.returncode == 1
    assert re.search(
        f"proa: pull: image 127.0.0.1:{port}/x:1: https://127.0.0.1:{port}/v2/: "
        f"Failed to connect to 127.0.0.1 port {port} after \\d+ ms: Couldn't connect to server\n",
        p.stderr)


def test_bad_reference(proa):
    p = proa.pull("x/Foo")
    assert (p.returncode, p.stderr) == (
        1, "proa: pull: invalid reference format: repository name (x/Foo) must be lowercase\n")
    p = proa.pull("a:b:c")
    assert (p.returncode, p.stderr) == (
        1, "proa: pull: invalid reference format\n")


def test_options_are_checked(proa):
    p = proa.pull("--creds", ":x", "a")
    assert (p.returncode, p.stderr) == (
        1, "proa: pull: credentials have no user name (USER[:PASSWORD])\n")
    p = proa.run("pull")
    assert (p.returncode, p.stderr.splitlines()[0]) == (
        1, "proa: pull: requires exactly 1 argument")
