"""Faults of the transport, each with its place in the security notes (5.3) or the registry notes.

The registry serves everybody over plain http unless a case needs more.
"""

import gzip
import re
import subprocess
import time

import pytest

from cases import RETRIES, fails, last_error, layer_of, pulls
from simulator import faults, http2


@pytest.fixture
def name(plain):
    return f"{plain.host}/x:1"


@pytest.fixture
def big(image):
    return f"GET /v2/x/blobs/{image.layers[1].digest}"


@pytest.fixture
def url(plain, image):
    return f"{plain.registry.base}/v2/x/blobs/{image.layers[1].digest}"


def ranges(plain, image):
    return [e.header("Range") for e in plain.journal.seen(image.layers[1].digest)]


# --- lengths ---


def test_f01_security_5_3_absent_length(proa, plain, name, image):
    """The body ends with the connection, and is whole."""
    plain.script.on("GET /v2/x/", faults.until_close())
    pulls(proa, name, image)


def test_f02_security_5_3_absent_length_truncated(proa, plain, name, image, big):
    """Nothing but the descriptor's size tells that the end came early."""
    plain.script.on(big, faults.until_close(at=500_000), times=1)
    pulls(proa, name, image)
    assert ranges(plain, image)[1] == "bytes=500000-"


def test_f03_registry_10_4_chunks_without_length(proa, plain, name, image):
    plain.script.on("GET /v2/x/", faults.chunked())
    pulls(proa, name, image)


def test_f04_registry_9_2_end_inside_a_chunk(proa, plain, name, image, big):
    plain.script.on(big, faults.chunked(at=500_000), times=1)
    pulls(proa, name, image)
    assert re.fullmatch(r"bytes=50000[0-9]-", ranges(plain, image)[1])


def test_f05_security_5_3_endless_chunks(proa, plain, name, image, big, url):
    plain.script.on(big, faults.endless_chunks())
    fails(proa, name, f"{layer_of(image)}: {url}: more than the expected "
          f"{len(image.layers[1].blob)} bytes came")


def test_f06_security_5_3_huge_length(proa, plain, name, image, big, url):
    plain.script.on(big, faults.length("4611686018427387904"))
    fails(proa, name, f"{layer_of(image)}: {url}: the server offers 4611686018427387904 bytes "
          f"where {len(image.layers[1].blob)} are expected")


@pytest.mark.parametrize("text", ["-1", "many", "99999999999999999999999"])
def test_f07_security_5_3_length_that_is_no_number(proa, plain, name, text):
    """Refused or passed over, never believed: the body is judged by its own bytes."""
    plain.script.on("GET /v2/x/manifests", faults.length(text), times=1)
    p = proa.pull(name)
    assert p.returncode in (0, 1)
    if p.returncode == 1:
        assert "manifests/1: " in p.stderr


def test_f08_security_5_3_empty_body(proa, plain, name, image, big, url):
    plain.script.on(big, faults.changed(lambda data: b""))
    fails(proa, name, f"{layer_of(image)}: {url}: the server offers 0 bytes where "
          f"{len(image.layers[1].blob)} are expected")


# --- connections ---


@pytest.mark.parametrize("reset", [False, True])
def test_f09_security_5_3_end_before_the_headers(proa, plain, name, image, reset):
    plain.script.on("GET /v2/x/blobs", faults.raw(b"", reset), times=2)
    pulls(proa, name, image)


@pytest.mark.parametrize("reset", [False, True])
def test_f10_security_5_3_end_inside_the_headers(proa, plain, name, image, reset):
    plain.script.on("GET /v2/x/manifests",
                    faults.raw(b"HTTP/1.1 200 OK\r\nContent-Ty", reset), times=2)
    pulls(proa, name, image)


def test_f11_security_5_3_end_inside_the_status_line(proa, plain, name, image):
    plain.script.on("GET /v2/x/manifests", faults.raw(b"HTTP/1.1 2"), times=1)
    pulls(proa, name, image)


def test_f12_registry_9_6_no_http_at_all(proa, plain, name):
    plain.script.on("GET /v2/x/manifests", faults.raw(b"SSH-2.0-OpenSSH_9.2\r\n"))
    p = proa.pull(name)
    assert p.returncode == 1
    assert last_error(p, name).startswith(f"{plain.registry.base}/v2/x/manifests/1: ")
    assert len(plain.journal.seen("manifests")) <= 1 + RETRIES


@pytest.mark.parametrize("codes", [(100,), (103,), (100, 103, 103)])
def test_f13_registry_2_5_interim_answers(proa, plain, name, image, codes):
    plain.script.on("GET /v2/x/", faults.interim(*codes))
    pulls(proa, name, image)


def test_f14_registry_2_5_http_1_0(proa, plain, name, image):
    plain.script.on("GET /v2/x/", faults.http10())
    pulls(proa, name, image)


@pytest.mark.parametrize("broken", [
    http2.goaway(http2.INTERNAL_ERROR), http2.goaway(http2.ENHANCE_YOUR_CALM),
    http2.reset(http2.REFUSED_STREAM), http2.reset(http2.INTERNAL_ERROR),
    http2.garbage, http2.silence,
], ids=["goaway", "calm", "refused", "internal", "garbage", "silence"])
def test_f15_registry_9_16_http2_that_breaks(trusting, start, image, broken):
    """HTTP/1.1 does it then; and no request is begged for twice by HTTP/2."""
    sim = start("plain", break_http2=broken)
    sim.vendor.storage = False
    sim.add("x", "1", image, public=True)
    pulls(trusting, f"{sim.host}/x:1", image, "--tls-verify")
    assert 0 < sim.registry.http2_tries <= 16


# --- silence ---


def test_f33_security_5_3_body_that_stalls(proa, plain, name, image, big):
    """Nothing comes any more and the connection stays: given up, and the rest asked for."""
    plain.script.on(big, faults.stall(400_000, 20), times=1)
    start = time.monotonic()
    pulls(proa, name, image, "--stall-timeout", "1s")
    assert 0.9 < time.monotonic() - start < 15
    assert ranges(plain, image) == [None, "bytes=400000-"]


def test_f34_security_5_3_headers_byte_by_byte(proa, plain, name, image):
    plain.script.on("GET /v2/x/manifests", faults.drip(0.1, 200), times=1)
    start = time.monotonic()
    pulls(proa, name, image, "--stall-timeout", "1s")
    assert time.monotonic() - start < 15


def test_f35_registry_9_3_silence_for_ever(proa, plain, name, image):
    plain.script.on("GET /v2/x/manifests", faults.stall(0, 20))
    p = fails(proa, name, f"{plain.registry.base}/v2/x/manifests/1: Operation too slow. Less than "
              "1024 bytes/sec transferred the last 1 seconds", "--stall-timeout", "1s",
              "--retry", "0")
    assert p.stdout == ""


# --- parts ---


def test_f16_registry_2_5_refused_range(proa, plain, name, image, big):
    """416 although bytes are missing: the server has lost its mind, so all of it again."""
    plain.script.on(big, faults.cut(500_000), times=1)
    plain.script.on(big, faults.status(416, headers=[("Content-Range", "bytes */400000")]),
                    times=1)
    pulls(proa, name, image)
    assert ranges(plain, image)[2] is None


def test_f17_registry_2_5_refused_range_for_ever(proa, plain, name, image, big):
    plain.script.on(big, faults.cut(500_000), times=1)
    plain.script.on(big, faults.status(416))
    fails(proa, name, f"{layer_of(image)}: {plain.host} answered 416")
    assert len(ranges(plain, image)) <= 2 + RETRIES


def test_f18_registry_2_5_part_without_its_place(proa, plain, name, image, big, url):
    plain.script.on(big, faults.cut(500_000), times=1)
    plain.script.on(big, faults.header("Content-Range", None))
    fails(proa, name, f"{layer_of(image)}: {url}: the server sent a part without saying which")


def test_f19_registry_2_5_part_of_something_else(proa, plain, name, image, big):
    """A part of a longer blob is none of ours: once more from the start."""
    size = len(image.layers[1].blob)
    plain.script.on(big, faults.cut(500_000), times=1)
    plain.script.on(big, faults.header("Content-Range", f"bytes 500000-{size}/{size + 1}"),
                    times=1)
    pulls(proa, name, image)
    assert ranges(plain, image) == [None, "bytes=500000-", None]


def test_f20_registry_2_5_part_of_unknown_size(proa, plain, name, image, big):
    size = len(image.layers[1].blob)
    plain.script.on(big, faults.cut(500_000), times=1)
    plain.script.on(big, faults.header("Content-Range", f"bytes 500000-{size - 1}/*"), times=1)
    pulls(proa, name, image)


def test_f21_registry_2_5_multipart_ranges(proa, plain, name, image, big, url):
    plain.script.on(big, faults.cut(500_000), times=1)
    plain.script.on(big, faults.both(
        faults.header("Content-Range", None),
        faults.header("Content-Type", "multipart/byteranges; boundary=a:b")))
    fails(proa, name, f"{layer_of(image)}: {url}: the server sent a part without saying which")


def test_f22_registry_2_5_part_that_nobody_asked_for(proa, plain, name, image, big):
    """206 from the first byte on is as good as 200."""
    size = len(image.layers[1].blob)
    plain.script.on(big, faults.both(
        faults.status_line(206), faults.header("Content-Range", f"bytes 0-{size - 1}/{size}")))
    pulls(proa, name, image)


def test_f23_security_5_3_shorter_part_than_promised(proa, plain, name, image, big):
    """Each answer breaks off, each brings something: it ends, and nothing is fetched twice."""
    plain.script.on(big, faults.cut(400_000), times=3)
    pulls(proa, name, image)
    assert ranges(plain, image) == [
        None, "bytes=400000-", "bytes=800000-", "bytes=1200000-"]


# --- encodings ---


def test_f24_registry_2_5_compressed_manifest(proa, plain, name, image):
    plain.script.on("GET /v2/x/manifests", faults.encoded())
    pulls(proa, name, image)
    assert image.digest.split(":")[1] in proa.blobs()
    assert plain.journal.seen("manifests")[0].header("Accept-Encoding") == "identity"


def test_f25_registry_2_5_compressed_blobs(proa, plain, name, image):
    plain.script.on("GET /v2/x/blobs", faults.encoded())
    pulls(proa, name, image)
    assert (proa.root / "blobs" / "sha256" / image.layers[1].digest.split(":")[1]
            ).read_bytes() == image.layers[1].blob


def test_f26_registry_2_5_compressed_blob_in_chunks(proa, plain, name, image):
    plain.script.on("GET /v2/x/blobs", faults.both(faults.encoded("x-gzip"), faults.chunked()))
    pulls(proa, name, image)


def test_f27_registry_2_5_compressed_blob_by_zstd(proa, plain, name, image):
    def compress(data):
        return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True,
                              check=True).stdout
    plain.script.on("GET /v2/x/", faults.encoded("zstd", compress))
    pulls(proa, name, image)


def test_f28_registry_2_5_layer_labelled_as_encoded(proa, plain, name, image):
    """A file server means the layer's own gzip: the bytes are the blob as they are."""
    for label in ("gzip", "br", "aws-chunked"):
        plain.script.rules.insert(0, faults.Rule(
            "GET /v2/x/blobs", faults.header("Content-Encoding", label), 1, 0))
    pulls(proa, name, image)


def test_f29_registry_2_5_compressed_blob_cut(proa, plain, name, image, big):
    """A part of a compressed answer is no part of the blob: all of it is asked for again."""
    plain.script.on(big, faults.both(faults.encoded(), faults.cut(500_000)), times=1)
    plain.script.on(big, faults.encoded())
    pulls(proa, name, image)
    assert ranges(plain, image) == [None, None]


def test_f30_registry_2_5_unknown_encoding(proa, plain, name, image):
    """Of a config, whose length says nothing: refused by its name."""
    plain.script.on("GET /v2/x/manifests", faults.encoded("br", lambda data: data[:-1]))
    fails(proa, name, f"{plain.registry.base}/v2/x/manifests/1: the answer has the "
          "Content-Encoding \"br\", which was not asked for")


def test_f31_security_row_54_bomb_by_encoding(proa, plain, name):
    """Eight kilobytes that are eight megabytes: the limit is that of the content."""
    plain.script.on("GET /v2/x/manifests", faults.encoded(
        encode=lambda data: gzip.compress(b" " * (8 << 20))))
    fails(proa, name, f"{plain.registry.base}/v2/x/manifests/1: the answer is longer than "
          "4194304 bytes")


def test_f32_registry_2_5_compressed_error(proa, plain, name):
    body = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such thing"}]}'
    plain.script.on("GET /v2/x/manifests", faults.status(404, gzip.compress(body), [
        ("Content-Encoding", "gzip")]))
    fails(proa, name, f"{plain.host} answered 404: MANIFEST_UNKNOWN: no such thing")
