"""Pushing: to Debian's registry, read back by skopeo, and to one that misbehaves."""

import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import time

import pytest

import images as archives
import push_registry
import registry as servers
import registry_images as images
from push_registry import Fault

CREDS = f"{servers.USER}:{servers.PASSWORD}"
GZIP_LAYER = images.OCI_LAYER + "+gzip"


@pytest.fixture
def target():
    r = push_registry.PushRegistry()
    yield r
    r.stop()


@pytest.fixture
def target_tls(certificate):
    r = push_registry.PushRegistry(certificate)
    yield r
    r.stop()


def push(proa, *args, **kwargs):
    """A push whose retries do not make the tests slow."""
    return proa.run("push", "--retry-delay", "10ms", *args, **kwargs)


def load(proa, tmp_path, name, layers):
    """A docker-archive with plain layers, in the store under `name`."""
    path = archives.docker_archive(tmp_path / f"{len(os.listdir(tmp_path))}.tar", [name], layers)
    p = proa.run("load", "-i", path)
    assert p.returncode == 0, p.stderr


def plain_layers():
    return [images.tar({"base": b"base\n" * 1000}), images.tar({"big": os.urandom(3_000_000)})]


def answer(p):
    """Tag, digest and size of the last line."""
    assert p.returncode == 0, p.stderr
    m = re.fullmatch(r"(\S+): digest: (sha256:[0-9a-f]{64}) size: (\d+)\n", p.stdout)
    assert m, p.stdout
    return m[1], m[2], int(m[3])


def uploads(registry):
    """Requests that carried bytes of blobs."""
    return registry.seen("/blobs/uploads/", "PUT") + registry.seen("/blobs/uploads/", "PATCH")


def layer_count(p, state):
    return len(re.findall(rf"^[0-9a-f]{{12}}: {re.escape(state)}$", p.stderr, re.M))


# --- real registries


def test_pulled_image_keeps_its_digest(proa, plain_registry, image):
    plain_registry.push("from", "1", image)
    source = f"{plain_registry.host}/from:1"
    assert proa.pull(source).returncode == 0
    p = push(proa, source, f"{plain_registry.host}/to/there:2")
    assert answer(p) == ("2", image.digest, len(image.manifest))
    assert p.stderr.startswith(
        f"The push refers to repository [{plain_registry.host}/to/there]\n")
    assert layer_count(p, "Mounted from from") == 3
    p = push(proa, source, f"{plain_registry.host}/to/there:2")
    assert answer(p) == ("2", image.digest, len(image.manifest))
    assert layer_count(p, "Layer already exists") == 3


@pytest.mark.parametrize("docker", [False, True])
def test_every_media_type_survives(proa, plain_registry, docker):
    kinds = ["gzip", None] if docker else ["gzip", "zstd", None]
    image = images.Image([images.Layer({f"f{i}": b"x"}, kind) for i, kind in enumerate(kinds)],
                         docker=docker)
    plain_registry.push(f"kinds{docker:d}", "1", image)
    source = f"{plain_registry.host}/kinds{docker:d}:1"
    assert proa.pull(source).returncode == 0
    assert answer(push(proa, source, f"{plain_registry.host}/kept{docker:d}:1"))[1] == image.digest


def skopeo(*args):
    return subprocess.run(["skopeo", *map(str, args)], check=True, capture_output=True).stdout


needs_skopeo = pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")


@needs_skopeo
def test_push_over_tls_with_password(proa, basic_registry, certificate, tmp_path):
    layers = plain_layers()
    name = f"{basic_registry.host}/secure/app:1"
    load(proa, tmp_path, name, layers)
    flags = ["--creds", CREDS, "--tls-verify", "--cert-dir", certificate.dir]
    tag, digest, size = answer(push(proa, *flags, name))
    access = ["--creds", CREDS, "--cert-dir", certificate.dir]
    raw = skopeo("inspect", "--raw", *access, f"docker://{name}")
    assert (images.digest(raw), len(raw), tag) == (digest, size, "1")
    assert [d["mediaType"] for d in json.loads(raw)["layers"]] == [GZIP_LAYER] * 2
    skopeo("copy", "--src-creds", CREDS, "--src-cert-dir", certificate.dir,
           "--dest-decompress", f"docker://{name}", f"dir:{tmp_path}/back")
    for data in layers:
        assert (tmp_path / "back" / images.digest(data)[7:]).read_bytes() == data


def test_password_is_needed(proa, basic_registry, tmp_path):
    name = f"{basic_registry.host}/secure/none:1"
    load(proa, tmp_path, name, plain_layers()[:1])
    p = push(proa, name)
    assert (p.returncode, p.stdout) == (1, "")
    assert f"proa: push: {name}: " in p.stderr
    assert "authentication required" in p.stderr
    p = push(proa, "--creds", "alice:wrong-canary", name)
    assert p.returncode == 1
    assert "the stored or given credentials were refused" in p.stderr
    assert "wrong-canary" not in p.stderr


def test_push_with_tokens(proa, token_registry, token_server, tmp_path):
    name = f"{token_registry.host}/team/app:1"
    load(proa, tmp_path, name, plain_layers())
    token_server.requests.clear()
    answer(push(proa, "--creds", CREDS, "--tls-verify=false", name))
    scopes = [r[1] for r in token_server.seen("/token", "GET")]
    assert any("repository%3Ateam%2Fapp%3Apull%2Cpush" in s for s in scopes)
    other = f"{token_registry.host}/team/other:1"
    p = push(proa, "--creds", CREDS, "--tls-verify=false", name, other)
    answer(p)
    assert layer_count(p, "Mounted from team/app") == 2


def test_token_of_a_reader_is_refused(proa, token_registry, tmp_path):
    name = f"{token_registry.host}/public/app:1"
    load(proa, tmp_path, name, plain_layers()[:1])
    p = push(proa, "--tls-verify=false", name)
    assert p.returncode == 1
    assert "authentication required" in p.stderr


# --- second pushes


def test_second_push_sends_nothing(proa, target, tmp_path):
    name = f"{target.host}/app:1"
    load(proa, tmp_path, name, plain_layers())
    first = answer(push(proa, name))
    assert len(target.uploaded) == 3
    target.requests.clear()
    p = push(proa, name)
    assert answer(p) == first
    assert uploads(target) == [] and target.seen("", "POST") == []
    assert layer_count(p, "Layer already exists") == 2


def test_packing_is_remembered_and_repeatable(proa, target, tmp_path):
    layers = plain_layers()
    load(proa, tmp_path, "app:1", layers)
    first = answer(push(proa, "app:1", f"{target.host}/app:1"))
    assert sorted(os.listdir(proa.root / "cache" / "packed")) == sorted(
        f"{images.digest(data)[7:]}.gzip-6" for data in layers)
    # A second destination: nothing is packed, all is sent.
    p = push(proa, "app:1", f"{target.host}/other:1")
    assert answer(p) == ("1", *first[1:])
    assert "Compressing" not in p.stderr
    # A new store makes the same bytes, and sends nothing.
    shutil.rmtree(proa.root)
    load(proa, tmp_path, "app:1", layers)
    target.requests.clear()
    p = push(proa, "app:1", f"{target.host}/app:1")
    assert answer(p) == first
    assert layer_count(p, "Compressing 3.01MB") == 1
    assert uploads(target) == []


def test_packed_blob_that_is_gone_is_made_again(proa, target, tmp_path):
    load(proa, tmp_path, "app:1", plain_layers())
    first = answer(push(proa, "app:1", f"{target.host}/app:1"))
    for name in proa.blobs():
        if (proa.root / "blobs/sha256" / name).read_bytes()[:2] == b"\x1f\x8b":
            os.unlink(proa.root / "blobs/sha256" / name)
    # Where the registry has them their bytes are not missed.
    p = push(proa, "app:1", f"{target.host}/app:1")
    assert (answer(p), "Compressing" in p.stderr) == (first, False)
    target.blobs.clear()
    p = push(proa, "app:1", f"{target.host}/app:1")
    assert (answer(p), "Compressing" in p.stderr) == (first, True)


def test_name_means_what_was_pushed(proa, target, tmp_path):
    name = f"{target.host}/app:1"
    load(proa, tmp_path, name, plain_layers())
    _, digest, _ = answer(push(proa, name))
    p = proa.run("inspect", "--type", "image", "--format", "{{json .RepoDigests}}", name)
    assert json.loads(p.stdout) == [f"{target.host}/app@{digest}"]
    # The packed layers are the image's own now, and the plain ones nobody's.
    p = proa.run("system", "check", "--deep")
    assert p.returncode == 0, p.stdout
    assert os.listdir(proa.root / "tmp") == []
    target.requests.clear()
    assert answer(push(proa, name))[1] == digest
    assert uploads(target) == []


def test_collection_forgets_packings(proa, target, tmp_path):
    load(proa, tmp_path, "app:1", plain_layers())
    answer(push(proa, "app:1", f"{target.host}/app:1"))
    assert proa.run("rmi", "app:1").returncode == 0
    assert os.listdir(proa.root / "cache" / "packed") == []
    assert proa.blobs() == []


# --- formats


def test_docker_format(proa, target, tmp_path):
    load(proa, tmp_path, "app:1", plain_layers())
    _, digest, _ = answer(push(proa, "--format", "docker", "app:1", f"{target.host}/app:1"))
    text, kind = target.manifests["app", "1"]
    document = json.loads(text)
    assert (kind, document["mediaType"]) == (images.DOCKER_MANIFEST,) * 2
    assert document["config"]["mediaType"] == images.DOCKER_CONFIG
    assert {d["mediaType"] for d in document["layers"]} == {images.DOCKER_LAYER + ".gzip"}
    assert images.digest(text) == digest


def test_docker_image_to_oci(proa, target):
    image = images.Image([images.Layer({"a": b"a"})], docker=True)
    target.put_image("in", "1", image)
    assert proa.pull(f"{target.host}/in:1").returncode == 0
    answer(push(proa, "--format=oci", f"{target.host}/in:1", f"{target.host}/out:1"))
    document = target.image("out", "1")
    assert document["mediaType"] == images.OCI_MANIFEST
    assert document["layers"] == [{"mediaType": GZIP_LAYER, "digest": image.layers[0].digest,
                                   "size": len(image.layers[0].blob)}]


def test_zstd(proa, target, tmp_path):
    layers = plain_layers()
    load(proa, tmp_path, "app:1", layers)
    answer(push(proa, "--compression-format", "zstd", "app:1", f"{target.host}/app:1"))
    document = target.image("app", "1")
    assert {d["mediaType"] for d in document["layers"]} == {images.OCI_LAYER + "+zstd"}
    for descriptor, data in zip(document["layers"], layers):
        blob = target.blobs["app", descriptor["digest"]]
        assert subprocess.run(["zstd", "-dc"], input=blob, capture_output=True,
                              check=True).stdout == data


def test_packing_again(proa, target):
    image = images.Image([images.Layer({"a": b"a" * 9999})])
    target.put_image("in", "1", image)
    source = f"{target.host}/in:1"
    assert proa.pull(source).returncode == 0
    answer(push(proa, "--compression-format=zstd", "--force-compression=false", source,
                f"{target.host}/kept:1"))
    assert target.manifests["kept", "1"][0] == image.manifest
    answer(push(proa, "--compression-format=zstd", source, f"{target.host}/again:1"))
    assert target.image("again", "1")["layers"][0]["mediaType"] == images.OCI_LAYER + "+zstd"
    p = push(proa, "--compression-format=zstd", "--format=docker", source, f"{target.host}/no:1")
    assert (p.returncode, p.stderr.splitlines()[-1]) == (
        1, f"proa: push: {target.host}/no:1: docker's manifest format has no zstd layers: use "
        "--format oci, or --compression-format gzip")


def test_compression_level(proa, target, tmp_path):
    text = b"".join(b"line %d of a text that is long\n" % (i * i) for i in range(20000))
    load(proa, tmp_path, "app:1", [images.tar({"t": text})])
    sizes = []
    for level in (1, 9):
        answer(push(proa, "--compression-level", level, "app:1", f"{target.host}/l{level}:1"))
        sizes.append(target.image(f"l{level}", "1")["layers"][0]["size"])
    assert sizes[0] > sizes[1]
    p = push(proa, "--compression-level", 12, "app:1", f"{target.host}/app:1")
    assert (p.returncode, p.stderr.splitlines()[-1]) == (
        1, f"proa: push: {target.host}/app:1: gzip has levels from 1 to 9, not 12")


def test_foreign_layer_stays_where_it_is(proa, target):
    image = images.Image([images.Layer({"a": b"a"}), images.Layer({"b": b"b"})])
    image.document["layers"][0]["mediaType"] = (
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")
    image.document["layers"][0]["urls"] = ["https://example.invalid/layer"]
    image.seal()
    target.put_image("in", "1", image)
    assert proa.pull(f"{target.host}/in:1").returncode == 0
    target.mount = False
    p = push(proa, f"{target.host}/in:1", f"{target.host}/out:1")
    assert answer(p)[1] == image.digest
    assert layer_count(p, "Skipped foreign layer") == 1
    assert ("out", image.layers[0].digest) not in target.blobs


def test_registry_that_knows_docker_only(proa, target, tmp_path):
    target.oci = False
    load(proa, tmp_path, "app:1", plain_layers())
    _, digest, _ = answer(push(proa, "app:1", f"{target.host}/app:1"))
    text, kind = target.manifests["app", "1"]
    assert (kind, images.digest(text)) == (images.DOCKER_MANIFEST, digest)
    p = push(proa, "--format=oci", "app:1", f"{target.host}/app:2")
    assert (p.returncode, p.stderr.splitlines()[-1]) == (
        1, f"proa: push: {target.host}/app:2: manifest: {target.host} answered 415: "
        "MANIFEST_INVALID: manifest invalid")


# --- the wire


@pytest.mark.parametrize("style", ["relative", "absolute", "query"])
@pytest.mark.parametrize("single_use", [False, True])
def test_places_of_uploads(proa, target, tmp_path, style, single_use):
    target.location, target.single_use = style, single_use
    load(proa, tmp_path, "app:1", plain_layers())
    answer(push(proa, "app:1", f"{target.host}/app:1"))
    assert len(target.uploaded) == 3
    assert target.seen("/blobs/uploads/", "PATCH") == []


def test_http_place_behind_https(proa, target_tls, certificate, tmp_path):
    target_tls.location = "http"
    load(proa, tmp_path, "app:1", plain_layers())
    answer(push(proa, "--cert-dir", certificate.dir, "--tls-verify", "app:1",
                f"{target_tls.host}/app:1"))


def test_limit_of_bodies(proa, target, tmp_path):
    target.max_body = 1 << 20
    load(proa, tmp_path, "app:1", plain_layers())
    answer(push(proa, "app:1", f"{target.host}/app:1"))
    ranges = [r[2]["Content-Range"] for r in target.seen("", "PATCH")]
    assert ranges[:2] == ["0-1048575", "1048576-2097151"] and len(ranges) == 3


def test_limit_that_is_too_low(proa, target, tmp_path):
    target.max_body = 1000
    load(proa, tmp_path, "app:1", plain_layers())
    p = push(proa, "app:1", f"{target.host}/app:1")
    assert p.returncode == 1
    assert f"{target.host} answered 413: it refuses a body of 1048576 bytes (the blob has" in p.stderr
    assert "hint: the limit is the registry's or that of a proxy before it" in p.stderr
    assert ("app", "1") not in target.manifests


def test_whole_bodies_refused(proa, target, tmp_path):
    target.no_whole = True
    load(proa, tmp_path, "app:1", plain_layers())
    answer(push(proa, "app:1", f"{target.host}/app:1"))
    assert len(target.uploaded) == 3


def test_continue_where_the_session_stands(proa, target, tmp_path):
    load(proa, tmp_path, "app:1", plain_layers()[1:])
    target.faults.append(Fault(r"PUT .*/uploads/.* \d{7}$", "cut", at=2_000_000))
    answer(push(proa, "app:1", f"{target.host}/app:1"))
    assert [r[2]["Content-Range"].split("-")[0] for r in target.seen("", "PATCH")] == ["2000000"]


@pytest.mark.parametrize("do", ["cut", "forget"])
def test_begin_again(proa, target, tmp_path, do):
    target.resumable = False
    load(proa, tmp_path, "app:1", plain_layers()[1:])
    target.faults.append(Fault(r"PUT .*/uploads/.* \d{7}$", do, times=2, at=1_500_000))
    answer(push(proa, "app:1", f"{target.host}/app:1"))
    assert target.seen("", "PATCH") == []


@pytest.mark.parametrize("do", ["status", "late-status"])
def test_unavailable_for_a_moment(proa, target, tmp_path, do):
    load(proa, tmp_path, "app:1", plain_layers())
    for pattern in ("HEAD .*/blobs/", "POST .*/uploads/", "PUT .*/uploads/", "PUT .*/manifests/"):
        target.faults.append(Fault(pattern, do if "PUT" in pattern else "status", times=2,
                                   status=503))
    answer(push(proa, "app:1", f"{target.host}/app:1"))
    assert len(set(target.uploaded)) == 3


def test_unavailable_for_good(proa, target, tmp_path):
    load(proa, tmp_path, "app:1", plain_layers()[1:])
    target.faults.append(Fault("PUT .*/uploads/", "status", times=None, status=503))
    p = push(proa, "--retry", 2, "app:1", f"{target.host}/app:1")
    assert p.returncode == 1
    assert f"{target.host} answered 503: UNAVAILABLE: unavailable" in p.stderr
    assert ("app", "1") not in target.manifests
    assert os.listdir(proa.root / "tmp") == []


def test_lost_answer_is_not_a_second_upload(proa, target, tmp_path):
    load(proa, tmp_path, "app:1", plain_layers()[1:])
    target.faults.append(Fault("PUT .*/uploads/", "lost-answer", times=2))
    answer(push(proa, "app:1", f"{target.host}/app:1"))
    assert len(target.uploaded) == len(set(target.uploaded)) == 2


def test_mount_refused_is_an_upload(proa, target):
    image = images.Image([images.Layer({"a": b"a"})])
    target.put_image("in", "1", image)
    assert proa.pull(f"{target.host}/in:1").returncode == 0
    target.mount = False
    p = push(proa, f"{target.host}/in:1", f"{target.host}/out:1")
    assert answer(p)[1] == image.digest
    assert layer_count(p, "Pushed") == 1
    target.blobs.clear()
    target.faults.append(Fault("POST .*mount=", "status", times=None, status=400))
    assert answer(push(proa, f"{target.host}/in:1", f"{target.host}/new:1"))[1] == image.digest


def test_blob_lost_before_the_manifest(proa, target, tmp_path):
    load(proa, tmp_path, "app:1", plain_layers())
    answer(push(proa, "app:1", f"{target.host}/app:1"))
    lost = target.image("app", "1")["layers"][0]["digest"]
    target.missing_once.add(lost)
    target.uploaded.clear()
    answer(push(proa, "app:1", f"{target.host}/app:2"))
    assert target.uploaded == [lost]


def test_token_runs_out_during_the_upload(proa, target, token_server, tmp_path):
    load(proa, tmp_path, "app:1", plain_layers())
    target.tokens, target.accepted = token_server, set()
    issued = []
    sign = token_server.sign

    def short_lived(access, subject):
        token = sign(access, subject)
        issued.append(token)
        target.accepted = {f"Bearer {token}"}
        return token

    token_server.sign = short_lived
    try:
        # After each session was begun, its token is good no more.
        original = push_registry.PushHandler.begin

        def begin(handler, repository):
            original(handler, repository)
            target.accepted = set()

        push_registry.PushHandler.begin = begin
        answer(push(proa, "--creds", CREDS, "app:1", f"{target.host}/app:1"))
    finally:
        push_registry.PushHandler.begin = original
        token_server.sign = sign
    assert len(target.uploaded) == 3
    assert len(issued) > 1


def test_registry_that_lies_about_the_manifest(proa, target, tmp_path):
    load(proa, tmp_path, "app:1", plain_layers()[:1])
    target.faults.append(Fault("PUT .*/manifests/", "lie"))
    p = push(proa, "app:1", f"{target.host}/app:1")
    assert p.returncode == 1
    assert f"{target.host} stored the manifest as sha256:{'0' * 64}, its bytes are" in p.stderr


def test_redirected_upload_gets_no_credential(proa, target, recorder, tmp_path):
    load(proa, tmp_path, "app:1", plain_layers()[:1])

    def place(_handler, _repository, _session):
        return f"http://localhost:{recorder.port}/elsewhere"

    original = push_registry.PushHandler.place
    push_registry.PushHandler.place = place
    try:
        p = push(proa, "--retry", 0, "--creds", CREDS, "app:1", f"{target.host}/app:1")
    finally:
        push_registry.PushHandler.place = original
    assert p.returncode == 1
    assert all("Authorization" not in r[2] for r in recorder.requests)


def test_killed_while_it_packs(proa, target, tmp_path):
    """The packing child goes with its parent, and the next push is not bothered."""
    load(proa, tmp_path, "app:1", [images.tar({"big": os.urandom(40_000_000)})])
    p = proa.start("push", "--compression-level", 9, "app:1", f"{target.host}/app:1")
    while "Compressing" not in p.stderr.readline():
        pass
    children = pathlib.Path(f"/proc/{p.pid}/task/{p.pid}/children")
    end = time.monotonic() + 10
    while not (pids := children.read_text().split()) and time.monotonic() < end:
        time.sleep(0.01)
    p.kill()
    p.communicate()
    while os.path.exists(f"/proc/{pids[0]}") and time.monotonic() < end:
        time.sleep(0.01)
    assert not os.path.exists(f"/proc/{pids[0]}")
    answer(push(proa, "--compression-level", 1, "app:1", f"{target.host}/app:1"))
    assert proa.run("system", "check").returncode == 0
    assert os.listdir(proa.root / "tmp") == []


def test_blocked_by_registries_conf(proa, target, tmp_path):
    load(proa, tmp_path, "app:1", plain_layers()[:1])
    conf = tmp_path / "registries.conf"
    conf.write_text(f'[[registry]]\nlocation = "{target.host}"\nblocked = true\n')
    p = push(proa, "app:1", f"{target.host}/app:1",
             env={"CONTAINERS_REGISTRIES_CONF": str(conf)})
    assert p.returncode == 1
    assert p.stderr.splitlines()[-1] == (
        f"proa: push: {target.host}/app:1: registry {target.host} is blocked by registries.conf")
    assert target.requests == []


# --- the command


def test_all_tags_and_quiet(proa, target, tmp_path):
    load(proa, tmp_path, f"{target.host}/app:1", plain_layers()[:1])
    for tag in ("2", "latest"):
        assert proa.run("tag", f"{target.host}/app:1", f"{target.host}/app:{tag}").returncode == 0
    p = push(proa, "-a", f"{target.host}/app")
    assert p.returncode == 0, p.stderr
    assert [line.split(":")[0] for line in p.stdout.splitlines()] == ["1", "2", "latest"]
    p = push(proa, "-q", f"{target.host}/app")
    assert (p.returncode, p.stdout, p.stderr) == (0, f"{target.host}/app:latest\n", "")
    p = push(proa, f"{target.host}/app")
    assert p.stderr.startswith("Using default tag: latest\nThe push refers to repository [")


def test_refusals(proa, target, tmp_path):
    load(proa, tmp_path, "app:1", plain_layers()[:1])
    host = target.host
    for status, words, args in (
            (1, f"An image does not exist locally with the tag: {host}/nothing:latest",
             [f"{host}/nothing"]),
            (1, f"{host}/x:1: No such image: nothing:latest", ["nothing", f"{host}/x:1"]),
            (1, "cannot push a digest reference", [f"app@sha256:{'0' * 64}"]),
            (1, "tag can't be used with --all-tags/-a: app:1", ["-a", "app:1"]),
            (1, "dir:/tmp/x is no registry", ["app:1", "dir:/tmp/x"]),
            (1, f"{host}/x:1: the image was found but is for linux/amd64, not for the wanted "
                "platform (linux/s390x)", ["--platform=linux/s390x", "app:1", f"{host}/x:1"])):
        p = push(proa, *args)
        lines = [line for line in p.stderr.splitlines() if line.startswith("proa: ")]
        assert (p.returncode, p.stdout, lines) == (status, "", [f"proa: push: {words}"])
    assert target.manifests == {}


def test_digestfile_and_transport(proa, target, tmp_path):
    load(proa, tmp_path, "app:1", plain_layers()[:1])
    p = push(proa, "--digestfile", tmp_path / "digest", "app:1", f"docker://{target.host}/app:1")
    assert (tmp_path / "digest").read_text() == answer(p)[1]


def test_bars_on_a_terminal(proa, target, tmp_path):
    load(proa, tmp_path, "app:1", plain_layers())
    primary, replica = pty.openpty()
    p = subprocess.run(proa.command("push", "app:1", f"{target.host}/app:1"),
                       env=dict(proa.env, TERM="xterm"), stdout=subprocess.PIPE, stderr=replica,
                       check=False)
    os.close(replica)
    seen = b""
    while True:
        try:
            part = os.read(primary, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(primary)
    assert p.returncode == 0
    assert seen.count(b": Pushed\x1b[K") >= 2


def test_users_push_what_they_loaded(user, target, scratch):
    layers = [images.tar({"mine": (b"x", {"uid": 1000, "gid": 100, "mode": 0o4755})})]
    path = os.path.join(scratch, f"push-{user.kind}.tar")
    archives.docker_archive(path, ["push-me:1"], layers)
    user.ok("load", "-i", path)
    out = user.ok("push", "push-me:1", f"{target.host}/{user.kind}:1")
    assert re.fullmatch(r"1: digest: sha256:[0-9a-f]{64} size: \d+\n", out)
    # Owners and modes are the archive's, whoever pushes.
    (descriptor,) = target.image(user.kind, "1")["layers"]
    blob = target.blobs[user.kind, descriptor["digest"]]
    assert subprocess.run(["gzip", "-dc"], input=blob, capture_output=True,
                          check=True).stdout == layers[0]
    assert user.leftovers() == []
    user.ok("rmi", "push-me:1")
