"""Registries and networks that misbehave: the outcome, the number of tries, what is left behind."""

import hashlib
import json
import os
import re
import signal
import ssl
import time

import pytest

import registry_images as images
import registry as servers
from registry import Fault

RETRIES = 4


def error(name, text):
    return f"proa: pull: image {name}: {text}"


def layer_of(image, index=1):
    return f"layer {image.layers[index].digest[:19]}"


@pytest.fixture
def served(faulty, image):
    faulty.add("x", "1", image)
    return faulty


@pytest.fixture
def name(served):
    return f"{served.host}/x:1"


@pytest.fixture
def big(image):
    """Path of the big layer's blob, as a pattern."""
    return f"GET /v2/x/blobs/{image.layers[1].digest}"


def nothing_visible(proa, image):
    assert proa.references() == []
    assert image.layers[1].digest.split(":")[1] not in proa.blobs()


# --- what is retried ---


@pytest.mark.parametrize("status", [408, 425, 429, 499, 500, 502, 503, 504, 520, 524])
def test_transient_status(proa, served, name, status):
    served.faults.append(Fault("GET /v2/x/manifests", "status", 2, status=status))
    p = proa.pull(name)
    assert p.returncode == 0
    assert len(served.seen("/v2/x/manifests")) == 3


@pytest.mark.parametrize("status", [400, 404, 405, 413, 501])
def test_final_status(proa, served, name, status):
    served.faults.append(Fault("GET /v2/x/manifests", "status", None, status=status))
    p = proa.pull(name)
    assert (p.returncode, p.stderr.splitlines()[1]) == (
        1, error(name, f"{served.host} answered {status}"))
    assert len(served.seen("/v2/x/manifests")) == 1


def test_transient_status_that_stays(proa, served, name):
    served.faults.append(Fault("GET /v2/x/manifests", "status", None, status=503,
                               body=b'{"errors":[{"code":"UNAVAILABLE","message":"try later"}]}'))
    p = proa.pull(name)
    assert (p.returncode, p.stderr.splitlines()[1]) == (
        1, error(name, f"{served.host} answered 503: UNAVAILABLE: try later"))
    assert len(served.seen("/v2/x/manifests")) == 1 + RETRIES


def test_number_of_retries_is_an_option(proa, served, name):
    served.faults.append(Fault("GET /v2/x/manifests", "status", None, status=503))
    assert proa.pull("--retry", "1", name).returncode == 1
    assert len(served.seen("/v2/x/manifests")) == 2


def test_rate_limit_names_the_cure(proa, served, name):
    served.faults.append(Fault("GET /v2/x/manifests", "status", None, status=429, body=(
        b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your limit."}]}')))
    p = proa.pull("--retry", "0", name)
    assert p.returncode == 1
    assert p.stderr.splitlines()[1:] == [
        error(name, f"{served.host} answered 429: TOOMANYREQUESTS: You have reached your limit."),
        "hint: the registry limits requests: log in, or try again later"]


def test_retry_after_is_obeyed(proa, served, name):
    served.faults.append(Fault("GET /v2/x/manifests", "status", 1, status=429,
                               headers=[("Retry-After", "1")]))
    start = time.monotonic()
    assert proa.pull(name).returncode == 0
    assert time.monotonic() - start >= 1


@pytest.mark.parametrize("value", ["880.092µs".encode().decode("latin-1"), "soon", "-5", "0"])
def test_junk_retry_after(proa, served, name, value):
    served.faults.append(Fault("GET /v2/x/manifests", "status", 1, status=429,
                               headers=[("Retry-After", value)]))
    start = time.monotonic()
    assert proa.pull(name).returncode == 0
    assert time.monotonic() - start < 5


def test_long_retry_after_is_reported_at_once(proa, served, name):
    served.faults.append(Fault("GET /v2/x/manifests", "status", None, status=429,
                               headers=[("Retry-After", "21600")]))
    start = time.monotonic()
    assert proa.pull(name).returncode == 1
    assert time.monotonic() - start < 5
    assert len(served.seen("/v2/x/manifests")) == 1


def test_closed_without_an_answer(proa, served, name):
    served.faults.append(Fault("GET /v2/x/manifests", "close", 2))
    assert proa.pull(name).returncode == 0


# --- bodies that break off ---


@pytest.mark.parametrize("do", ["truncate", "reset"])
def test_broken_body_is_resumed(proa, served, name, image, big, do):
    served.faults.append(Fault(big, do, 1, at=500_000))
    p = proa.pull(name)
    assert p.returncode == 0
    first, second = served.seen(image.layers[1].digest)
    assert "Range" not in first[2]
    start = int(re.fullmatch(r"bytes=(\d+)-", second[2]["Range"])[1])
    assert 0 < start <= 500_000
    assert proa.file(image, 2, "top") == b"top\n"


def test_ignored_range(proa, served, name, image, big):
    served.faults.append(Fault(big, "truncate", 1, at=500_000))
    served.faults.append(Fault(big, "ignore-range", 1))
    assert proa.pull(name).returncode == 0
    assert len(served.seen(image.layers[1].digest)) == 2


def test_wrong_range(proa, served, name, image, big):
    served.faults.append(Fault(big, "truncate", 1, at=500_000))
    served.faults.append(Fault(big, "wrong-range", None))
    p = proa.pull(name)
    assert p.returncode == 1
    assert re.search(r"the server sent a part from byte \d+ where \d+ was asked for", p.stderr)
    assert p.stderr.splitlines()[-1].startswith(error(name, layer_of(image)))
    nothing_visible(proa, image)


def test_body_that_always_breaks_off(proa, served, name, image, big):
    served.faults.append(Fault(big, "truncate", None, at=100))
    p = proa.pull(name)
    assert p.returncode == 1
    url = f"{served.base}/v2/x/blobs/{image.layers[1].digest}"
    size = len(image.layers[1].blob)
    assert re.fullmatch(
        re.escape(error(name, f"{layer_of(image)}: {url}: ")) +
        f".* after {100 * (1 + RETRIES)} of {size} bytes", p.stderr.splitlines()[-1])
    assert len(served.seen(image.layers[1].digest)) == 1 + RETRIES
    nothing_visible(proa, image)


def test_good_progress_counts_the_tries_anew(proa, faulty):
    image = images.Image([images.Layer({"big": os.urandom(8_000_000)})])
    faulty.add("x", "1", image)
    faulty.faults.append(Fault("GET /v2/x/blobs/" + image.layers[0].digest, "truncate", None,
                               at=1_200_000))
    assert proa.pull("--retry", "1", f"{faulty.host}/x:1").returncode == 0


def test_pull_goes_on_where_a_killed_one_stopped(proa, served, name, image, big):
    served.faults.append(Fault(big, "slow", 1, seconds=20))
    p = proa.start("pull", name)
    ingest = proa.root / "ingest" / image.layers[1].digest.split(":")[1]
    end = time.monotonic() + 10
    while time.monotonic() < end and not (ingest.exists() and ingest.stat().st_size > 500_000):
        time.sleep(0.02)
    p.send_signal(signal.SIGKILL)
    p.communicate()
    have = ingest.stat().st_size
    assert have > 500_000
    nothing_visible(proa, image)
    assert proa.pull(name).returncode == 0
    assert served.seen(image.layers[1].digest)[-1][2]["Range"] == f"bytes={have}-"


def test_spoiled_rest_of_an_earlier_pull(proa, served, name, image, big):
    """What is in ingest/ is hashed again: a damaged prefix costs one more download, no more."""
    served.faults.append(Fault(big, "truncate", None, at=500_000))
    assert proa.pull("--retry", "0", name).returncode == 1
    ingest = proa.root / "ingest" / image.layers[1].digest.split(":")[1]
    with open(ingest, "r+b") as f:
        f.seek(1000)
        f.write(b"spoiled")
    served.faults.clear()
    assert proa.pull(name).returncode == 0
    ranges = [r[2].get("Range") for r in served.seen(image.layers[1].digest)]
    assert ranges[1] is not None and ranges[2] is None


# --- wrong bytes ---


def test_wrong_digest_once(proa, served, name, image, big):
    served.faults.append(Fault(big, "corrupt", 1))
    assert proa.pull(name).returncode == 0
    assert len(served.seen(image.layers[1].digest)) == 2


def test_wrong_digest_always(proa, served, name, image, big):
    served.faults.append(Fault(big, "corrupt", None))
    p = proa.pull(name)
    blob = bytearray(image.layers[1].blob)
    blob[len(blob) // 2] ^= 1
    got = hashlib.sha256(blob).hexdigest()
    assert (p.returncode, p.stderr.splitlines()[-1]) == (1, error(
        name, f"{layer_of(image)}: the registry sent bytes with the digest sha256:{got}"))
    assert len(served.seen(image.layers[1].digest)) == 2
    nothing_visible(proa, image)
    assert not (proa.root / "ingest" / image.layers[1].digest.split(":")[1]).exists()


@pytest.mark.parametrize("delta", [-10, 10])
def test_content_length_that_lies(proa, served, name, image, big, delta):
    size = len(image.layers[1].blob)
    served.faults.append(Fault(big, "length", None, value=size + delta))
    p = proa.pull(name)
    assert (p.returncode, p.stderr.splitlines()[-1]) == (1, error(
        name, f"{layer_of(image)}: {served.base}/v2/x/blobs/{image.layers[1].digest}: "
        f"the server offers {size + delta} bytes where {size} are expected"))
    nothing_visible(proa, image)


def test_manifest_that_lies_about_a_size(proa, faulty):
    image = images.Image([images.Layer({"a": b"a"})])
    image.document["layers"][0]["size"] += 1
    image.seal()
    faulty.add("x", "1", image)
    name = f"{faulty.host}/x:1"
    p = proa.pull(name)
    size = len(image.layers[0].blob)
    assert (p.returncode, p.stderr.splitlines()[-1]) == (1, error(
        name, f"{layer_of(image, 0)}: {faulty.base}/v2/x/blobs/{image.layers[0].digest}: "
        f"the server offers {size} bytes where {size + 1} are expected"))


def test_endless_blob(proa, served, name, image, big):
    served.faults.append(Fault(big, "endless", None))
    p = proa.pull(name)
    assert (p.returncode, p.stderr.splitlines()[-1]) == (1, error(
        name, f"{layer_of(image)}: {served.base}/v2/x/blobs/{image.layers[1].digest}: "
        f"more than the expected {len(image.layers[1].blob)} bytes came"))


def test_wrong_diff_id(proa, faulty):
    layer, other = images.Layer({"a": b"a"}), images.Layer({"b": b"b"})
    image = images.Image([layer])
    config = json.loads(image.config)
    config["rootfs"]["diff_ids"] = [other.diff_id]
    image.config = json.dumps(config).encode()
    image.id = images.digest(image.config)
    image.document["config"].update(digest=image.id, size=len(image.config))
    image.seal()
    faulty.add("x", "1", image)
    name = f"{faulty.host}/x:1"
    p = proa.pull(name)
    assert (p.returncode, p.stderr.splitlines()[-1]) == (1, error(
        name, f"{layer_of(image, 0)}: its content has the diff id {layer.diff_id}, "
        f"the image's config says {other.diff_id}"))
    assert (proa.references(), proa.layers()) == ([], [])


def test_layer_that_is_no_archive(proa, faulty):
    image = images.Image([images.Layer(os.urandom(100_000), None)])
    faulty.add("x", "1", image)
    name = f"{faulty.host}/x:1"
    p = proa.pull(name)
    assert p.returncode == 1
    assert p.stderr.splitlines()[-1].startswith(error(name, layer_of(image, 0) + ": "))
    assert (proa.references(), proa.layers()) == ([], [])


def test_config_with_wrong_bytes(proa, served, name, image):
    served.put_blob("x", image.id, b"x" * len(image.config))
    p = proa.pull(name)
    got = images.digest(b"x" * len(image.config))
    assert (p.returncode, p.stderr.splitlines()[1]) == (1, error(
        name, f"config: blob {image.id}: the registry sent {len(image.config)} bytes "
        f"with digest {got}"))


# --- manifests ---


def test_other_manifest_for_a_pinned_digest(proa, faulty, image):
    """CVE-2025-24882: a valid manifest, but not the one that was asked for."""
    other = images.Image([images.Layer({"evil": b"evil"})])
    faulty.add("x", "other", other)
    faulty.content["x", "manifests", image.digest] = (other.manifest, other.media_type)
    name = f"{faulty.host}/x@{image.digest}"
    p = proa.pull(name)
    assert (p.returncode, p.stderr.splitlines()[1]) == (1, error(
        name, f"manifest {image.digest}: the registry sent {other.digest} instead"))
    assert proa.references() == []


def test_header_that_contradicts_the_bytes(proa, served, name, image):
    wrong = "sha256:" + "0" * 64
    served.faults.append(Fault("GET /v2/x/manifests", "header", None,
                               headers=[("Docker-Content-Digest", wrong)]))
    p = proa.pull(name)
    assert (p.returncode, p.stderr.splitlines()[1]) == (1, error(
        name, f"manifest 1: its bytes are {image.digest}, the registry's header says {wrong}"))


@pytest.mark.parametrize("value", ["text/plain; charset=utf-8", "application/json", "",
                                   "Application/VND.OCI.Image.Manifest.v1+JSON; x=y"])
def test_odd_content_types(proa, served, name, value):
    served.faults.append(Fault("GET /v2/x/manifests", "type", None, value=value))
    assert proa.pull(name).returncode == 0


def test_contradicting_content_type(proa, served, name):
    served.faults.append(Fault("GET /v2/x/manifests", "type", None, value=images.OCI_INDEX))
    p = proa.pull(name)
    assert p.returncode == 1
    assert p.stderr.splitlines()[1].startswith(error(name, "manifest 1: "))


def test_endless_manifest(proa, served, name):
    served.faults.append(Fault("GET /v2/x/manifests", "endless", None))
    p = proa.pull(name)
    assert (p.returncode, p.stderr.splitlines()[1]) == (1, error(
        name, f"{served.base}/v2/x/manifests/1: the answer is longer than 4194304 bytes"))


def test_endless_error(proa, served, name):
    served.faults.append(Fault("GET /v2/x/manifests", "endless", None, status=404))
    p = proa.pull(name)
    assert (p.returncode, p.stderr.splitlines()[1]) == (1, error(
        name, f"{served.host} answered 404"))


def test_headers_without_end(proa, served, name):
    served.faults.append(Fault("GET /v2/x/manifests", "header", None,
                               headers=[(f"X-{i}", "x" * 4000) for i in range(20)]))
    p = proa.pull(name)
    assert (p.returncode, p.stderr.splitlines()[1]) == (1, error(
        name, f"{served.base}/v2/x/manifests/1: the answer's headers exceed 64 KiB"))


def test_schema_1(proa, faulty):
    text = b'{"schemaVersion":1,"name":"x","tag":"1","fsLayers":[]}'
    faulty.content["x", "manifests", "1"] = (
        text, "application/vnd.docker.distribution.manifest.v1+prettyjws")
    p = proa.pull(f"{faulty.host}/x:1")
    assert p.returncode == 1
    assert "schema" in p.stderr.splitlines()[1].lower()


def test_nested_index(proa, faulty, image):
    host = {"os": "linux", "architecture": "amd64"}
    index = images.Index([(image, host)])
    faulty.add("x", "1", image)
    for depth in range(3):
        faulty.add("x", f"depth{depth}", index)
        inner = index
        index = images.Index([(inner, host)])
        index.images = [image]
    args = ("--platform", "linux/amd64")
    assert proa.pull(*args, f"{faulty.host}/x:depth2").returncode == 0
    for depth in range(3, 6):
        faulty.content["x", "manifests", inner.digest] = (inner.manifest, inner.media_type)
        faulty.content["x", "manifests", index.digest] = (index.manifest, index.media_type)
        inner = index
        index = images.Index([(inner, host)])
    faulty.content["x", "manifests", "deep"] = (index.manifest, index.media_type)
    name = f"{faulty.host}/x:deep"
    p = proa.pull(*args, name)
    assert (p.returncode, p.stderr.splitlines()[1]) == (
        1, error(name, "indexes are nested more than 4 deep"))


def test_accept_header_is_one_line(proa, served, name):
    assert proa.pull(name).returncode == 0
    accept = served.seen("/manifests/")[0][2]["Accept"]
    assert accept.split(", ")[:4] == [
        images.OCI_INDEX, images.DOCKER_LIST, images.OCI_MANIFEST, images.DOCKER_MANIFEST]
    assert served.seen("/manifests/")[0][2]["User-Agent"].startswith("proa/")


def test_registry_warning_is_shown_once(proa, served, name):
    served.faults.append(Fault("/v2/x/", "header", None,
                               headers=[("Warning", '299 - "this image is old"')]))
    p = proa.pull(name)
    assert p.returncode == 0
    assert p.stderr.count(f"proa: warning: {served.host}: this image is old\n") == 1


# --- redirects ---


def test_redirect_loop(proa, served, name):
    served.faults.append(Fault("GET /v2/x/manifests", "redirect", None,
                               to=f"{served.base}/v2/x/manifests/1"))
    p = proa.pull(name)
    assert (p.returncode, p.stderr.splitlines()[1]) == (1, error(name, "more than 10 redirects"))
    assert len(served.seen("/v2/x/manifests")) == 11


def test_ten_redirects(proa, served, name, image):
    served.faults.append(Fault("GET /v2/x/manifests/1", "redirect", 10, to="/v2/x/manifests/1"))
    assert proa.pull(name).returncode == 0


@pytest.mark.parametrize("to, text", [
    ("file:///etc/passwd", 'redirect: URL "file:///etc/passwd": neither http nor https'),
    ("gopher://x/", 'redirect: URL "gopher://x/": neither http nor https'),
    ("http://[fe80::1]/x", "redirect to http://[fe80::1]/x refused"),
    ("http://169.254.169.254/latest/meta-data", "redirect to "
     "http://169.254.169.254/latest/meta-data refused"),
    ("http://a:b@127.0.0.1/", 'redirect: URL "http://a:b@127.0.0.1/": '
     "a user name in it is not accepted"),
])
def test_redirect_that_is_refused(proa, served, name, to, text):
    served.faults.append(Fault("GET /v2/x/manifests", "redirect", None, to=to))
    p = proa.pull(name)
    assert (p.returncode, p.stderr.splitlines()[1]) == (1, error(name, text))


def test_redirect_from_https_to_http(proa, faulty_tls, recorder, image):
    faulty_tls.add("x", "1", image)
    faulty_tls.faults.append(Fault("GET /v2/x/blobs", "redirect", None, to=f"{recorder.base}/b"))
    name = f"{faulty_tls.host}/x:1"
    p = proa.pull(name)
    assert (p.returncode, p.stderr.splitlines()[-1]) == (1, error(
        name, f"config: blob {image.id}: redirect from https to {recorder.base}/b refused"))
    assert recorder.requests == []


def test_retry_goes_back_to_the_registry(proa, served, name, image, big):
    """Signed targets expire: the second try asks the registry for a new one."""
    store = servers.FaultyRegistry()
    try:
        store.add("x", "1", image)
        target = f"{store.base}/v2/x/blobs/{image.layers[1].digest}?signature=1"
        served.faults.append(Fault(big, "redirect", None, to=target))
        store.faults.append(Fault("signature", "truncate", 1, at=300_000))
        store.faults.append(Fault("signature", "status", 1, status=403))
        assert proa.pull(name).returncode == 0
        assert len(served.seen(image.layers[1].digest)) == 3
    finally:
        store.stop()


# --- TLS ---


def test_unknown_certificate(proa, faulty_tls, image):
    faulty_tls.add("x", "1", image)
    name = f"{faulty_tls.host}/x:1"
    p = proa.pull("--tls-verify", name)
    assert p.returncode == 1
    lines = p.stderr.splitlines()
    assert lines[1].startswith(error(
        name, f"https://{faulty_tls.host}: its certificate is not trusted: "))
    assert lines[2].startswith(
        f"hint: put its CA into ~/.config/containers/certs.d/{faulty_tls.host}/ca.crt")
    assert faulty_tls.requests == []


def test_certificate_for_another_name(proa, tmp_path, image):
    certificate = servers.Certificate(tmp_path / "other", "other.example.com")
    server = servers.FaultyRegistry(certificate)
    try:
        server.add("x", "1", image)
        p = proa.pull("--tls-verify", "--cert-dir", certificate.dir,
                      f"localhost:{server.port}/x:1")
        assert p.returncode == 1
        assert "its certificate is not trusted" in p.stderr.splitlines()[1]
    finally:
        server.stop()


@pytest.mark.parametrize("place", [".config/containers/certs.d", None])
def test_certificate_directories(proa, faulty_tls, certificate, image, place):
    faulty_tls.add("x", "1", image)
    if place:
        directory = proa.home / place / faulty_tls.host
        directory.mkdir(parents=True)
        (directory / "ca.crt").write_bytes(certificate.cert.read_bytes())
        p = proa.pull("--tls-verify", f"{faulty_tls.host}/x:1")
    else:
        p = proa.pull("--tls-verify", f"{faulty_tls.host}/x:1",
                      env={"SSL_CERT_FILE": str(certificate.cert)})
    assert p.returncode == 0


def test_certs_directory_makes_loopback_strict(proa, faulty_tls, tmp_path, image):
    """A CA for this very host says that it is to be checked, loopback or not."""
    faulty_tls.add("x", "1", image)
    stranger = servers.Certificate(tmp_path / "stranger")
    p = proa.pull("--cert-dir", stranger.dir, f"{faulty_tls.host}/x:1")
    assert p.returncode == 1
    assert "its certificate is not trusted" in p.stderr


def test_half_a_client_certificate(proa, faulty_tls, certificate, image, tmp_path):
    faulty_tls.add("x", "1", image)
    directory = tmp_path / "half"
    directory.mkdir()
    (directory / "client.cert").write_bytes(certificate.cert.read_bytes())
    name = f"{faulty_tls.host}/x:1"
    p = proa.pull("--cert-dir", directory, name)
    assert (p.returncode, p.stderr.splitlines()[1]) == (1, error(
        name, f"{directory}/client.cert: the matching client.key is missing"))


def test_client_certificate(proa, certificate, image, tmp_path):
    server = servers.FaultyRegistry()
    context = certificate.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificate.cert)
    server.server.socket = context.wrap_socket(
        server.server.socket, server_side=True, do_handshake_on_connect=False)
    try:
        server.add("x", "1", image)
        directory = tmp_path / "client"
        directory.mkdir()
        (directory / "ca.crt").write_bytes(certificate.cert.read_bytes())
        (directory / "client.cert").write_bytes(certificate.cert.read_bytes())
        (directory / "client.key").write_bytes(certificate.key.read_bytes())
        name = f"127.0.0.1:{server.port}/x:1"
        assert proa.pull("--cert-dir", directory, name).returncode == 0
        (directory / "client.cert").unlink()
        (directory / "client.key").unlink()
        other = type(proa)(tmp_path / "without")
        assert other.pull("--cert-dir", directory, name).returncode == 1
    finally:
        server.stop()


def test_plain_http_where_https_is_wanted(proa, served, image):
    name = f"{served.host}/x:1"
    p = proa.pull("--tls-verify", name)
    assert p.returncode == 1
    assert p.stderr.splitlines()[1:] == [
        error(name, f"https://{served.host}: the server speaks plain HTTP"),
        "hint: --tls-verify=false allows plain HTTP"]


def test_loopback_speaks_plain_http_by_default(proa, served, image):
    assert proa.pull(f"localhost:{served.port}/x:1").returncode == 0
    assert proa.pull("--tls-verify=false", f"{served.host}/x:1").returncode == 0


# --- the store ---


def test_failed_pull_leaves_the_old_image(proa, served, name, image):
    assert proa.pull(name).returncode == 0
    before = proa.references(), proa.layers()
    newer = images.Image(image.layers[:1] + [images.Layer({"new": os.urandom(50_000)})])
    served.add("x", "1", newer)
    served.faults.append(Fault(newer.layers[1].digest, "status", None, status=404))
    p = proa.pull(name)
    assert (p.returncode, p.stderr.splitlines()[-1]) == (1, error(
        name, f"{layer_of(newer)}: {served.host} answered 404"))
    assert (proa.references(), proa.layers()) == before
    record = json.loads((proa.root / "images" / proa.references()[0]).read_text())
    assert record["manifest"] == image.digest


def test_other_layers_of_a_failed_pull_are_kept_for_the_next(proa, served, name, image, big):
    served.faults.append(Fault(big, "status", None, status=404))
    assert proa.pull(name).returncode == 1
    served.faults.clear()
    served.requests.clear()
    assert proa.pull(name).returncode == 0
    assert len(served.seen(image.layers[1].digest)) == 1


def test_memory_stays_small(proa, faulty):
    """No matter how large a layer is, nothing grows with it."""
    image = images.Image([images.Layer({"big": os.urandom(40_000_000)}, None)])
    faulty.add("x", "1", image)
    p = proa.start("pull", f"{faulty.host}/x:1")
    peak = 0
    while p.poll() is None:
        try:
            text = open(f"/proc/{p.pid}/status", encoding="ascii").read()
            peak = max(peak, int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]))
        except (OSError, TypeError):
            pass
        time.sleep(0.01)
    assert p.wait() == 0
    assert 0 < peak < 24 * 1024
