"""Faults of what is transferred: manifests, indexes, configs and layers that lie."""

import base64
import gzip
import json

import pytest

import registry_images as images
from cases import fails, last_error, layer_of, pulls
from simulator import faults

HOST = {"os": "linux", "architecture": "amd64"}
LINUX = ("--platform", "linux/amd64")
MANIFEST = "GET /v2/x/manifests/1$"


@pytest.fixture
def name(plain):
    return f"{plain.host}/x:1"


@pytest.fixture
def small():
    return images.Image([images.Layer({"a": b"a\n"})])


def serve(sim, image, document=None):
    """x:1 becomes this image, its document changed."""
    if document:
        image.document.update(document)
        image.seal()
    sim.add("x", "1", image)
    return image


def with_config(image, data):
    image.config = data
    image.id = images.digest(data)
    image.document["config"].update(digest=image.id, size=len(data))
    image.seal()
    return image


# --- what it says it is ---


def test_f40_registry_2_1_docker_type_for_an_oci_document(proa, plain, name):
    plain.script.on(MANIFEST, faults.header("Content-Type", images.DOCKER_MANIFEST))
    fails(proa, name, "manifest 1: manifest: content type and mediaType differ: "
          f'"{images.DOCKER_MANIFEST}", "{images.OCI_MANIFEST}"')


def test_f41_registry_2_1_unknown_media_type(proa, plain, name):
    plain.script.on(MANIFEST, faults.header("Content-Type", "application/vnd.acme.v9+json"))
    fails(proa, name, 'manifest 1: manifest: content type "application/vnd.acme.v9+json" does '
          "not fit the document")


def test_f42_registry_9_17_octet_stream(proa, plain, name, image):
    """A type that says nothing: the document itself decides."""
    plain.script.on(MANIFEST, faults.header("Content-Type", "application/octet-stream"))
    pulls(proa, name, image)


def test_f43_registry_9_12_document_without_media_type(proa, plain, name, small):
    del small.document["mediaType"]
    serve(plain, small, {"annotations": {}})
    pulls(proa, name)


def test_f44_registry_2_1_both_manifest_and_index(proa, plain, name, small):
    """CVE-2021-41190."""
    serve(plain, small, {"manifests": []})
    fails(proa, name, "manifest 1: manifest: document is both a manifest and an index")


def test_f45_registry_2_1_neither_manifest_nor_index(proa, plain, name):
    plain.script.on(MANIFEST, faults.document(b'{"schemaVersion":2}', images.OCI_MANIFEST))
    fails(proa, name, "manifest 1: manifest: document is neither a manifest nor an index")


@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=utf-8"])
def test_f46_registry_2_1_schema_1_under_another_type(proa, plain, name, content_type):
    plain.script.on(MANIFEST, faults.document(
        b'{"schemaVersion":1,"name":"x","tag":"1","fsLayers":[]}', content_type))
    fails(proa, name, "manifest 1: manifest: docker's schema 1 image format is not supported; "
          "push the image again with a current tool")


def test_f47_registry_10_4_duplicate_keys(proa, plain, name, small):
    text = small.manifest.replace(b'"layers":', b'"layers": [], "layers":')
    plain.script.on(MANIFEST, faults.document(text, images.OCI_MANIFEST))
    fails(proa, name, 'manifest 1: manifest: invalid JSON: duplicate key "layers"')


def test_f48_registry_2_1_keys_in_another_case(proa, plain, name, small):
    """"Layers" is no "layers"; a parser that thinks so has two meanings for one digest."""
    text = json.dumps(dict(small.document, Layers=[], layers=small.document["layers"])).encode()
    plain.store.put_manifest("x", "1", text, images.OCI_MANIFEST)
    plain.store.get("x").blobs.update(small.blobs)
    pulls(proa, name)


def test_f49_registry_10_4_manifest_of_more_than_4_mib(proa, plain, name, small):
    serve(plain, small, {"annotations": {"x": "y" * (4 << 20)}})
    fails(proa, name, f"{plain.registry.base}/v2/x/manifests/1: the answer is longer than "
          "4194304 bytes")


def test_f50_registry_2_1_nesting_without_end(proa, plain, name):
    text = b'{"schemaVersion":2,"config":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    plain.script.on(MANIFEST, faults.document(text, images.OCI_MANIFEST))
    p = proa.pull(name)
    assert p.returncode == 1
    assert last_error(p, name).startswith("manifest 1: manifest: invalid JSON at byte ")


def test_f51_registry_9_15_page_in_place_of_a_manifest(proa, plain, name):
    """A portal that says 200 to everything."""
    plain.script.on(MANIFEST, faults.document(
        b"<html><title>Welcome to the airport</title></html>", "text/html"))
    p = proa.pull(name)
    assert p.returncode == 1
    assert last_error(p, name).startswith("manifest 1: manifest: invalid JSON at byte 0")


def test_f52_registry_2_1_empty_manifest(proa, plain, name):
    plain.script.on(MANIFEST, faults.document(b"", images.OCI_MANIFEST))
    p = proa.pull(name)
    assert p.returncode == 1
    assert last_error(p, name).startswith("manifest 1: manifest: invalid JSON at byte 0")


@pytest.mark.parametrize("header", ["sha512:" + "0" * 128, "md5:nonsense", "", "sha256:ABC"])
def test_f53_registry_2_1_digest_header_of_another_kind(proa, plain, name, image, header):
    """A hint, and one that is not understood is none."""
    plain.script.on("/v2/x/manifests", faults.header("Docker-Content-Digest", header))
    pulls(proa, name, image)


def test_f54_registry_10_4_head_that_lies(proa, plain, name, image):
    """HEAD names a newer image, GET has the old one: nothing is newer, nothing is lost."""
    pulls(proa, name, image)
    plain.script.on("HEAD /v2/x/manifests", faults.header(
        "Docker-Content-Digest", "sha256:" + "1" * 64))
    p = pulls(proa, name, image)
    assert p.stdout.splitlines()[1] == f"Status: Image is up to date for {name}"


# --- descriptors ---


@pytest.mark.parametrize("size, text", [
    (-1, "descriptor {} has no valid size"),
    (2 ** 60, '"size" is not an integer'),
    (1.5, '"size" is not an integer'),
    ("12", '"size" is not a number'),
])
def test_f55_registry_2_1_impossible_size(proa, plain, name, small, size, text):
    small.document["layers"][0]["size"] = size
    serve(plain, small, {})
    small.seal()
    serve(plain, small)
    fails(proa, name, "manifest 1: manifest: " + text.format(small.layers[0].digest))


@pytest.mark.parametrize("digest, text", [
    ("sha512:" + "a" * 128, "digest algorithm sha512 is not supported, only sha256 is"),
    ("md5:" + "a" * 32, 'invalid digest "md5:' + "a" * 32 + '"'),
    ("sha256:" + "A" * 64, 'invalid digest "sha256:' + "A" * 64 + '"'),
    ("sha256:../../etc/passwd", 'invalid digest "sha256:../../etc/passwd"'),
])
def test_f56_registry_9_19_other_digests(proa, plain, name, small, digest, text):
    small.document["layers"][0]["digest"] = digest
    small.seal()
    serve(plain, small)
    fails(proa, name, "manifest 1: manifest: " + text)


@pytest.mark.parametrize("delta", [-1, 1])
def test_f57_registry_10_4_layer_size_lie(proa, plain, name, small, delta):
    """The honest length of the transfer gives the manifest's lie away before a byte is taken."""
    size = len(small.layers[0].blob)
    small.document["layers"][0]["size"] += delta
    small.seal()
    serve(plain, small)
    plain.script.on("GET /v2/x/blobs/" + small.layers[0].digest, faults.chunked())
    p = proa.pull(name)
    assert p.returncode == 1
    url = f"{plain.registry.base}/v2/x/blobs/{small.layers[0].digest}"
    text = (f"more than the expected {size - 1} bytes came" if delta < 0 else
            f"the connection ended early after {size} of {size + 1} bytes")
    if delta < 0:
        assert last_error(p, name) == f"{layer_of(small, 0)}: {url}: {text}"
    else:
        assert text in last_error(p, name) or "416" in last_error(p, name)


def test_f58_registry_2_1_config_bomb(proa, plain, name, small):
    """More than eight megabytes of config are not even asked for."""
    with_config(small, small.config + b" " * (8 << 20))
    serve(plain, small)
    fails(proa, name, f"config: blob {small.id}: {len(small.config)} bytes are more than a "
          "config may have")
    assert plain.journal.seen("blobs") == []


def test_f59_registry_10_4_config_longer_than_told(proa, plain, name, small):
    small.document["config"]["size"] -= 1
    small.seal()
    serve(plain, small)
    fails(proa, name, f"config: blob {small.id}: {plain.registry.base}/v2/x/blobs/{small.id}: "
          f"the answer is longer than {len(small.config) - 1} bytes")


@pytest.mark.parametrize("ids", [[], ["twice", "twice"]])
def test_f60_registry_2_4_diff_ids_for_other_layers(proa, plain, name, small, ids):
    config = json.loads(small.config)
    config["rootfs"]["diff_ids"] = [small.layers[0].diff_id for _ in ids]
    serve(plain, with_config(small, json.dumps(config).encode()))
    fails(proa, name, f"config {small.id}: image config has {len(ids)} diff_ids for 1 layers")
    assert plain.journal.seen("blobs/" + small.layers[0].digest) == []


def test_f61_registry_2_4_history_of_another_image(proa, plain, name, small):
    config = json.loads(small.config)
    config["history"] = [{"created_by": "a"}, {"created_by": "b"}]
    serve(plain, with_config(small, json.dumps(config).encode()))
    fails(proa, name, f"config {small.id}: image config's history has 2 layers, the image 1")


@pytest.mark.parametrize("change, text", [
    (b"[]", "not an object"),
    (b"{}", "it has no rootfs: this is no image that can be run"),
    (b'{"a":1,"a":2}', 'invalid JSON: duplicate key "a"'),
])
def test_f62_registry_2_1_config_that_is_none(proa, plain, name, small, change, text):
    serve(plain, with_config(small, change))
    p = proa.pull(name)
    assert p.returncode == 1
    assert last_error(p, name) == f"config {small.id}: image config: {text}"


@pytest.mark.parametrize("kind, what", [
    ("application/vnd.cncf.helm.config.v1+json", "a Helm chart"),
    ("application/vnd.dev.cosign.artifact.sig.v1+json", "a signature"),
])
def test_f63_registry_2_2_artifacts(proa, plain, name, small, kind, what):
    small.document["config"]["mediaType"] = kind
    small.seal()
    serve(plain, small)
    fails(proa, name, f"this is {what} ({kind}), not an image that can be run")
    assert plain.journal.seen("blobs") == []


def test_f64_registry_2_2_encrypted_layer(proa, plain, name, small):
    small.document["layers"][0]["mediaType"] += "+encrypted"
    small.seal()
    serve(plain, small)
    fails(proa, name, "layer 1 is encrypted")


# --- indexes ---


def test_f65_registry_9_18_only_unknown_platforms(proa, plain, name, small):
    index = images.Index([(small, {"os": "unknown", "architecture": "unknown"})])
    serve(plain, index)
    fails(proa, name, "no image for platform linux/amd64 in the index, which has: nothing that "
          "can be run", *LINUX)


def test_f66_registry_9_18_attestation_that_claims_the_host(proa, plain, name, small, image):
    """Its annotation says what it is, whatever its platform says."""
    index = images.Index([(image, HOST), (small, HOST)])
    index.document["manifests"][0]["annotations"] = {
        "vnd.docker.reference.type": "attestation-manifest"}
    index.seal()
    serve(plain, index)
    pulls(proa, name, None, *LINUX)
    assert proa.file(small, 0, "a") == b"a\n"
    assert plain.journal.seen(image.digest) == []


def test_f67_security_5_3_index_that_holds_itself(proa, plain, name):
    """Its digest cannot be its own child's, so a registry has to lie; the bytes say so."""
    index = images.Index([(images.Image([images.Layer({"a": b"a"})]), HOST)])
    child = index.images[0].digest
    plain.store.put_manifest("x", "1", index.manifest, index.media_type)
    plain.store.put_manifest("x", None, index.manifest, index.media_type, digest=child)
    fails(proa, name, f"manifest {child}: the registry sent {index.digest} instead", *LINUX)


def test_f68_registry_10_4_child_of_another_size(proa, plain, name, small):
    index = images.Index([(small, HOST)])
    index.document["manifests"][0]["size"] += 1
    index.seal()
    serve(plain, index)
    size = len(small.manifest)
    fails(proa, name, f"manifest {small.digest} has {size} bytes, its index says {size + 1}",
          *LINUX)


def test_f69_registry_2_2_docker_children_of_an_oci_index(proa, plain, name):
    child = images.Image([images.Layer({"a": b"a\n"})], docker=True)
    serve(plain, images.Index([(child, HOST)]))
    pulls(proa, name, None, *LINUX)


def test_f70_registry_2_3_child_that_is_gone(proa, plain, name, small):
    """A mirror that has the index and not the image."""
    serve(plain, images.Index([(small, HOST)]))
    del plain.store.get("x").manifests[small.digest]
    fails(proa, name, f"manifest {small.digest}: {plain.host} answered 404: MANIFEST_UNKNOWN: "
          "manifest unknown", *LINUX)


def test_f71_registry_2_3_child_without_a_platform(proa, plain, name, small):
    """Its config has the last word."""
    other = images.Image([images.Layer({"a": b"arm"})], architecture="arm64")
    serve(plain, images.Index([(other, None)]))
    fails(proa, name, "the image's platform (linux/arm64) does not match the wanted one "
          "(linux/amd64)", *LINUX)


def test_f72_registry_2_1_empty_index(proa, plain, name):
    index = images.Index([])
    plain.store.put_manifest("x", "1", index.manifest, index.media_type)
    fails(proa, name, "no image for platform linux/amd64 in the index, which has: nothing that "
          "can be run", *LINUX)


# --- layers ---


def test_f73_registry_2_4_the_same_layer_thrice(proa, plain, name):
    one, other = images.Layer({"a": b"a\n"}), images.Layer({"top": b"top\n"})
    serve(plain, images.Image([one, one, other, one]))
    pulls(proa, name)
    assert len(plain.journal.seen("blobs/" + one.digest)) == 1


def test_f74_registry_2_4_empty_layer_of_old(proa, plain, name):
    """The 32 bytes of gzip that docker wrote for "nothing": 1024 zeros."""
    layer = images.Layer(b"\0" * 1024)
    layer.blob = base64.b64decode("H4sIAAAJbogA/2IYBaNgFIxYAAgAAP//Lq+17wAEAAA=")
    layer.digest = images.digest(layer.blob)
    assert layer.digest.startswith("sha256:a3ed95ca")
    serve(plain, images.Image([layer, images.Layer({"b": b"b"})]))
    pulls(proa, name)


def test_f75_registry_9_19_padding_counts(proa, plain, name):
    """The diff id is that of all bytes, also of those behind the end of the archive."""
    data = images.tar({"a": b"a\n"}) + b"\0" * 70_000
    serve(plain, images.Image([images.Layer(data)]))
    pulls(proa, name)


def test_f76_registry_2_4_gzip_of_many_members(proa, plain, name):
    layer = images.Layer({"a": b"a\n"})
    half = len(layer.data) // 2
    layer.blob = gzip.compress(layer.data[:half]) + gzip.compress(layer.data[half:])
    layer.digest = images.digest(layer.blob)
    serve(plain, images.Image([layer]))
    pulls(proa, name)


def test_f77_security_row_54_gzip_in_gzip(proa, plain, name):
    layer = images.Layer(gzip.compress(images.tar({"a": b"a\n"})))
    image = serve(plain, images.Image([layer]))
    p = proa.pull(name)
    assert p.returncode == 1
    assert last_error(p, name).startswith(layer_of(image, 0) + ": ")
    assert (proa.references(), proa.layers()) == ([], [])


def test_f78_security_row_55_zstd_window_of_two_gigabytes(proa, plain, name):
    layer = images.Layer({"a": b"a\n"}, None)
    raw = (len(layer.data) << 3 | 1).to_bytes(3, "little")  # the last block, not compressed
    layer.blob = b"\x28\xb5\x2f\xfd\x00\xa8" + raw + layer.data
    layer.digest, layer.compression = images.digest(layer.blob), "zstd"
    image = serve(plain, images.Image([layer]))
    p = proa.pull(name)
    assert p.returncode == 1
    assert last_error(p, name).startswith(layer_of(image, 0) + ": zstd: ")
    assert (proa.references(), proa.layers()) == ([], [])


def test_f79_registry_2_2_compression_that_the_type_denies(proa, plain, name):
    """Only the first bytes tell: gzip called plain, plain called zstd."""
    a, b = images.Layer({"a": b"a\n"}), images.Layer({"b": b"b\n"}, None)
    image = images.Image([a, b])
    image.document["layers"][0]["mediaType"] = images.OCI_LAYER
    image.document["layers"][1]["mediaType"] = images.OCI_LAYER + "+zstd"
    image.seal()
    serve(plain, image)
    pulls(proa, name)
    assert [proa.file(image, 0, "a"), proa.file(image, 1, "b")] == [b"a\n", b"b\n"]


def test_f80_registry_2_4_digest_lie(proa, plain, name, small):
    """Another layer of the same length."""
    other = bytearray(small.layers[0].blob)
    other[-6] ^= 1
    serve(plain, small)
    plain.store.get("x").blobs[small.layers[0].digest] = bytes(other)
    fails(proa, name, f"{layer_of(small, 0)}: the registry sent bytes with the digest "
          f"{images.digest(bytes(other))}")
    assert small.layers[0].digest.split(":")[1] not in proa.blobs()


# --- embedded and foreign content ---


def embed(descriptor, data):
    descriptor["data"] = base64.b64encode(data).decode()


def test_f81_registry_2_2_embedded_config_and_layer(proa, plain, name, small):
    embed(small.document["config"], small.config)
    embed(small.document["layers"][0], small.layers[0].blob)
    small.seal()
    serve(plain, small)
    plain.store.get("x").blobs.clear()
    pulls(proa, name)
    assert plain.journal.seen("blobs") == []
    assert small.layers[0].digest.split(":")[1] in proa.blobs()


def test_f82_registry_2_2_embedded_manifest(proa, plain, name, small):
    index = images.Index([(small, HOST)])
    embed(index.document["manifests"][0], small.manifest)
    index.seal()
    serve(plain, index)
    pulls(proa, name, None, *LINUX)
    assert plain.journal.seen("manifests/" + small.digest) == []


@pytest.mark.parametrize("data, text", [
    (b"other bytes", "the data embedded for {} has other bytes"),
    (None, "data of {}: invalid base64"),
])
def test_f83_registry_2_2_embedded_lie(proa, plain, name, small, data, text):
    layer = small.document["layers"][0]
    layer["data"] = base64.b64encode(data).decode() if data else "*no base64*"
    small.seal()
    serve(plain, small)
    fails(proa, name, "manifest 1: manifest: " + text.format(layer["digest"]))


@pytest.fixture
def foreign(plain, small):
    """make(urls): x:1 has a layer that the registry lacks, with these places to get it."""
    def make(urls):
        small.document["layers"][0].update(
            urls=urls, mediaType=images.DOCKER_LAYER.replace("rootfs.", "rootfs.foreign.")
            + ".gzip")
        small.seal()
        plain.add("x", "1", small)
        plain.vendor.public.clear()
        del plain.store.get("x").blobs[small.layers[0].digest]
        return small
    return make


def test_f84_registry_2_2_foreign_layer(proa, plain, name, foreign, small):
    """CVE-2020-15157: fetched from elsewhere, and nothing that identifies us goes along."""
    foreign([plain.storage.sign(b"") + "&gone", plain.storage.sign(small.layers[0].blob)])
    plain.storage.signed.pop(next(iter(plain.storage.signed)))
    pulls(proa, name, None, "--creds", plain.creds)
    assert len(plain.journal.seen("bucket", role="storage")) == 2
    assert proa.file(small, 0, "a") == b"a\n"


def test_f85_registry_2_2_foreign_layer_that_wants_a_password(proa, plain, name, foreign):
    foreign([f"{plain.storage.base}/private"])
    plain.storage_script.on("GET /private", faults.status(
        401, headers=[("WWW-Authenticate", 'Basic realm="give it to me"')]))
    p = proa.pull("--creds", plain.creds, name)
    assert p.returncode == 1
    assert [e.status for e in plain.journal.seen("private")] == [401]


def test_f86_registry_2_2_foreign_layer_with_other_bytes(proa, plain, name, foreign, small):
    foreign([plain.storage.sign(b"x" * len(small.layers[0].blob)) for _ in range(2)])
    plain.storage.single_use = False
    p = proa.pull("--creds", plain.creds, name)
    assert p.returncode == 1
    assert "the registry sent bytes with the digest" in last_error(p, name)
    assert (proa.references(), proa.layers()) == ([], [])


@pytest.mark.parametrize("url", [
    "file:///etc/passwd", "ftp://127.0.0.1/x", "http://169.254.169.254/latest", "nonsense"])
def test_f87_registry_2_2_foreign_layer_from_a_forbidden_place(proa, plain, name, foreign, url):
    image = foreign([url])
    p = proa.pull("--creds", plain.creds, name)
    assert p.returncode == 1
    assert last_error(p, name).startswith(layer_of(image, 0) + ": ")
    assert proa.references() == []
