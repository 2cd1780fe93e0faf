"""Faults of tokens, redirects, limits, TLS and names."""

import json
import time

import pytest

from cases import RETRIES, fails, last_error, layer_of, pulls
from simulator import faults
from simulator.simulator import Simulator
from simulator.vendor import error

MANIFEST = "GET /v2/x/manifests/1$"
TOKEN = "GET /token"


@pytest.fixture
def name(plain):
    return f"{plain.host}/x:1"


@pytest.fixture
def secure(start, image):
    """Over https, blobs in the object store, for people with a password only."""
    sim = start("plain")
    sim.add("x", "1", image)
    return sim


def login(sim):
    return ("--tls-verify", "--creds", sim.creds)


def token_reply(sim, **members):
    sim.vendor.token_document = lambda token: dict(
        {k: v for k, v in members.items() if v is not None},
        **({} if "token" in members or "access_token" in members else {"token": token}))


# --- tokens ---


def test_f90_security_5_3_unauthorized_for_ever(proa, plain, name):
    """Every token is refused: asked for a few times, not for ever."""
    plain.script.on("/v2/x/", faults.status(401, headers=[
        ("WWW-Authenticate", plain.vendor.challenge("repository:x:pull"))]))
    p = proa.pull(name)
    assert p.returncode == 1
    assert last_error(p, name) == f"{plain.host}: authentication required"
    assert len(plain.journal.seen("manifests")) <= 4
    assert len(plain.journal.seen(role="token")) <= 2


@pytest.mark.parametrize("problem", ["invalid_token", "insufficient_scope"])
@pytest.mark.parametrize("code", [401, 403])
def test_f91_registry_3_1_reason_that_stays_the_same(proa, plain, name, code, problem):
    plain.script.on("/v2/x/", faults.status(code, headers=[
        ("WWW-Authenticate", plain.vendor.challenge("repository:x:pull", problem))]))
    p = proa.pull(name)
    assert p.returncode == 1
    assert len(plain.journal.seen("manifests")) <= 4
    assert len(plain.journal.seen(role="token")) <= 3


def test_f92_registry_9_8_open_ping_and_protected_repository(trusting, secure, image):
    """What /v2/ says is not what the repository says."""
    secure.script.on("GET /v2/$", faults.status(200, b"{}"))
    pulls(trusting, f"{secure.host}/x:1", image, *login(secure))


@pytest.mark.parametrize("members", [
    {}, {"expires_in": 0}, {"expires_in": -5}, {"expires_in": 10 ** 15},
    {"expires_in": "soon"}, {"expires_in": 60, "issued_at": "1999-01-01T00:00:00Z"},
    {"expires_in": 60, "issued_at": "yesterday"},
])
def test_f93_security_5_3_odd_lifetimes(proa, plain, name, image, members):
    token_reply(plain, **members)
    pulls(proa, name, image)
    assert len(plain.journal.seen(role="token")) == 1


@pytest.mark.parametrize("body, text", [
    (b"", 'the token server\'s answer is not JSON: ""'),
    (b"{}", "the token server's answer holds no token"),
    (b'{"token":""}', "the token server's answer holds no token"),
    (b'{"token":["a"]}', "the token server's answer holds no token"),
    (b'{"token":"a\\r\\nX-Evil: 1"}',
     "the token server's token holds characters that no header can"),
    (b'{"token":"a","token":"b"}', "the token server's answer is not JSON: "
     '"{"token":"a","token":"b"}"'),
])
def test_f94_registry_3_2_reply_without_a_token(proa, plain, name, body, text):
    plain.script.on(TOKEN, faults.status(200, body))
    fails(proa, name, f"token server of {plain.host}: {text}")
    assert len(plain.journal.seen(role="token")) == 1


def test_f95_registry_9_7_token_server_that_stumbles(proa, plain, name, image):
    plain.script.on(TOKEN, faults.status(503), times=2)
    pulls(proa, name, image)


def test_f96_registry_9_7_token_server_that_is_down(proa, plain, name):
    plain.script.on(TOKEN, faults.status(502, b"<html><title>Bad gateway</title></html>",
                                         content_type="text/html"))
    fails(proa, name, f"{plain.registry.base}/token: token server answered 502: Bad gateway")
    assert len(plain.journal.seen(role="token")) == 1 + RETRIES


def test_f97_registry_9_6_token_server_with_a_limit(proa, plain, name, image):
    plain.script.on(TOKEN, faults.status(429, headers=[("Retry-After", "0")]), times=1)
    pulls(proa, name, image)


def test_f98_security_row_38_token_server_that_redirects(trusting, secure, image):
    """The password stays: another origin is asked without it, or not at all."""
    secure.script.on(TOKEN, faults.redirect(f"{secure.storage.base}/elsewhere"))
    p = trusting.pull(*login(secure), f"{secure.host}/x:1")
    assert p.returncode == 1
    for e in secure.journal.seen("elsewhere"):
        assert e.header("Authorization") is None


def test_f99_security_row_38_login_that_is_redirected(trusting, secure, tmp_path):
    """307 would repeat the POST with its body, which is the secret."""
    (tmp_path / "auth.json").write_text(json.dumps(
        {"auths": {secure.host: {"auth": "", "identitytoken": "identity-canary"}}}))
    secure.script.on("POST /token", faults.redirect(f"{secure.storage.base}/elsewhere"))
    p = trusting.pull("--tls-verify", "--authfile", tmp_path / "auth.json", f"{secure.host}/x:1")
    assert p.returncode == 1
    assert last_error(p, f"{secure.host}/x:1") == (
        f"token for {secure.host}: redirect of a login to {secure.storage.base}/elsewhere refused")
    assert secure.journal.seen("elsewhere") == []


@pytest.mark.parametrize("realm, words", [
    ("http://192.168.1.1/token", "not https"),
    ("https://192.168.1.1/token", "a local address"),
    ("https://[fd00::1]/token", "a local address"),
])
def test_f100_registry_9_8_realm_of_the_inside(trusting, secure, realm, words):
    """Behind an ingress, a registry names a host that only it can see."""
    secure.script.on("/v2/", faults.status(401, headers=[
        ("WWW-Authenticate", f'Bearer realm="{realm}",service="x"')]))
    p = trusting.pull(*login(secure), f"{secure.host}/x:1")
    assert (p.returncode, last_error(p, f"{secure.host}/x:1")) == (
        1, f"{secure.host} names {realm} as its token server: {words}, refused")


@pytest.mark.parametrize("header", [
    'Bearer', 'Bearer realm=', 'Bearer realm="', 'Digest realm="x", nonce="1"', ", ,, ",
    'Bearer realm="relative/path"', "Basic", 'NTLM TlRMTVNTUAAC==',
])
def test_f101_registry_3_1_challenge_that_makes_no_sense(proa, plain, name, header):
    plain.script.on("/v2/", faults.status(401, headers=[("WWW-Authenticate", header)]))
    p = proa.pull(name)
    assert p.returncode == 1
    assert len(plain.journal.entries) <= 6


def test_f102_registry_3_2_scope_with_a_port(proa, plain, name, image):
    """What the challenge wants is asked for as it is."""
    plain.vendor.public.add("h:5000/x")
    plain.script.on(MANIFEST, faults.status(401, headers=[
        ("WWW-Authenticate", plain.vendor.challenge("repository:h:5000/x:pull repository:x:pull"))
    ]), times=1)
    pulls(proa, name, image)
    assert "scope=repository%3Ah%3A5000%2Fx%3Apull&scope=repository%3Ax%3Apull" in (
        plain.journal.seen(role="token")[0].target)


# --- redirects ---


def test_f103_security_5_3_loop_between_two_origins(proa, plain, name):
    plain.script.on(MANIFEST, faults.redirect(f"{plain.storage.base}/loop"))
    plain.storage_script.on("/loop", faults.redirect(f"{plain.registry.base}/v2/x/manifests/1"))
    fails(proa, name, "more than 10 redirects", "--creds", plain.creds)


def test_f104_security_5_3_eleven_hops(proa, plain, name, image):
    for hop in range(11):
        plain.script.on(f"/hop{hop}$", faults.redirect(f"/hop{hop + 1}"))
    plain.script.on(MANIFEST, faults.redirect("/hop0"))
    fails(proa, name, "more than 10 redirects")
    assert plain.journal.seen("/hop10$") == []


def test_f105_security_5_3_redirect_without_a_place(proa, plain, name):
    plain.script.on(MANIFEST, faults.redirect(None))
    fails(proa, name, f"{plain.host} answered 307")


@pytest.mark.parametrize("to", [
    "/v2/x/manifests/2", "manifests/../2", "../manifests/./2", "//{host}/v2/x/manifests/2#part",
    "http://{host}/v2/x/manifests/2"])
def test_f106_registry_9_14_spellings_of_a_location(proa, plain, name, image, to):
    plain.store.get("x").tags["2"] = plain.store.get("x").tags["1"]
    plain.script.on(MANIFEST, faults.redirect(to.format(host=plain.host)))
    pulls(proa, name, image)


@pytest.mark.parametrize("code", [300, 304, 305, 306])
def test_f107_registry_2_5_statuses_that_lead_nowhere(proa, plain, name, code):
    plain.script.on(MANIFEST, faults.status(code, headers=[
        ("Location", f"{plain.storage.base}/elsewhere")]))
    fails(proa, name, f"{plain.host} answered {code}")
    assert plain.journal.seen("elsewhere") == []


def test_f108_security_5_3_downgrade_with_a_token(trusting, start, secure):
    """https to http, for a manifest and with a token in hand."""
    open_sim = start("plain", tls=False)
    secure.script.on("GET /v2/x/manifests", faults.redirect(f"{open_sim.storage.base}/m"))
    name = f"{secure.host}/x:1"
    secure.script.rules[0].skip = 1  # the first one is for the challenge
    p = trusting.pull(*login(secure), name)
    assert (p.returncode, last_error(p, name)) == (
        1, f"redirect from https to {open_sim.storage.base}/m refused")
    assert open_sim.journal.entries == []


def test_f109_registry_9_1_two_kinds_of_authorization(trusting, secure, image):
    """The object store refuses whoever brings a second one; nobody does."""
    pulls(trusting, f"{secure.host}/x:1", image, *login(secure))
    assert {e.status for e in secure.journal.seen(role="storage")} == {200}


def test_f110_registry_2_5_signed_address_that_is_over(trusting, secure, image):
    """Expired between the redirect and the request: the registry signs another."""
    secure.storage_script.on("GET /bucket", faults.status(403, b"Request has expired"), times=1)
    secure.storage_script.on("GET /bucket", faults.first_big(
        1_000_000, faults.status(403, b"Request has expired")))
    pulls(trusting, f"{secure.host}/x:1", image, *login(secure))


def test_f111_registry_9_4_object_store_that_is_broken(trusting, secure, image):
    secure.storage_script.on("GET /bucket", faults.status(
        500, b"<Error><Code>InternalError</Code></Error>", content_type="text/xml"))
    name = f"{secure.host}/x:1"
    p = trusting.pull("--retry", "1", *login(secure), name)
    assert (p.returncode, last_error(p, name)) == (
        1, f"config: blob {image.id}: {secure.storage.base}/bucket/object answered 500")
    assert "X-Amz-Signature" not in p.stderr
    assert len(secure.journal.seen("bucket")) == 2


def test_f112_registry_2_5_object_store_with_a_challenge(trusting, secure):
    secure.storage_script.on("GET /bucket", faults.status(401, headers=[
        ("WWW-Authenticate", f'Bearer realm="{secure.storage.base}/token",service="s"')]))
    p = trusting.pull(*login(secure), f"{secure.host}/x:1")
    assert p.returncode == 1
    assert secure.journal.seen("/token", role="storage") == []


def test_f113_security_5_3_redirect_to_a_stranger_with_tls(trusting, secure, authority, tmp_path):
    """A target whose certificate is for another name."""
    secure.storage.context.load_cert_chain(
        authority.issue(tmp_path / "other.crt", ["other.example.com"]), authority.key)
    p = trusting.pull(*login(secure), f"{secure.host}/x:1")
    assert p.returncode == 1
    assert "its certificate is not trusted" in p.stderr
    assert secure.journal.seen("bucket") == []


# --- limits and errors ---


@pytest.mark.parametrize("value", ["Wed, 21 Oct 2015 07:28:00 GMT", "", "1e9", "0x10", "3 s"])
def test_f114_registry_9_6_pauses_that_are_over_or_no_pauses(proa, plain, name, image, value):
    plain.script.on(MANIFEST, faults.status(429, headers=[("Retry-After", value)]), times=1)
    start = time.monotonic()
    pulls(proa, name, image)
    assert time.monotonic() - start < 3


def test_f115_security_5_3_pause_as_a_date(proa, plain, name, image):
    def busy(request, proper):
        when = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2))
        return error(503, "UNAVAILABLE", "soon", [("Retry-After", when)])
    plain.script.on(MANIFEST, busy, times=1)
    start = time.monotonic()
    pulls(proa, name, image)
    assert 0.9 < time.monotonic() - start < 4


def test_f116_security_5_3_blobs_that_stumble(proa, plain, name, image):
    for code in (500, 502, 503, 504):
        plain.script.on("GET /v2/x/blobs", faults.status(code), times=1)
    pulls(proa, name, image)


@pytest.mark.parametrize("code, body, text", [
    (413, b"<html><head><title>413 Request Entity Too Large</title></head></html>",
     ": 413 Request Entity Too Large"),
    (403, b"<!DOCTYPE html><TITLE>\n Access\n denied </TITLE>", ": Access denied"),
    (404, b"<html>no title</html>", ""),
    (400, b'{"errors":[]}', ""),
    (400, b'{"errors":[{"code":"A","message":"a"},{"code":"B","message":"b"}]}', ": A: a; B: b"),
    (400, b'{"errors":["just text"]}', ": just text"),
    (400, b'{"message":"a word"}', ": a word"),
    (400, b'{"errors":null,"details":"more"}', ": more"),
    (400, b"\x1b[31mred\x1b[0m\r\nnext", ": [31mred [0m next"),
    (400, b'{"errors":[{"code":"A","message":"' + b"x" * 5000 + b'"}]}', ": A: " + "x" * 200),
])
def test_f117_registry_9_15_bodies_of_errors(proa, plain, name, code, body, text):
    plain.script.on(MANIFEST, faults.status(code, body, content_type="text/html"))
    fails(proa, name, f"{plain.host} answered {code}{text}")
    # A stranger's 403 is asked about at /v2/, and here there is a challenge.
    assert len(plain.journal.seen("manifests")) == (2 if code == 403 else 1)


@pytest.mark.parametrize("code", [403, 405, 500, 501])
def test_f118_registry_2_1_head_that_is_refused(proa, plain, name, image, code):
    pulls(proa, name, image)
    plain.script.on("HEAD /v2/x/manifests", faults.status(code))
    p = pulls(proa, name, image, "--retry", "0")
    assert p.stdout.splitlines()[1] == f"Status: Image is up to date for {name}"


def test_f119_registry_2_1_head_that_says_nothing(proa, plain, name, image):
    """No digest, no length, no type."""
    pulls(proa, name, image)
    plain.script.on("HEAD /v2/x/manifests", faults.raw(b"HTTP/1.1 200 OK\r\n\r\n"))
    pulls(proa, name, image)


def test_f120_registry_9_11_stored_password_of_a_public_image(proa, plain, name, tmp_path):
    """It breaks the pull as it does everywhere, and the message says why."""
    (tmp_path / "auth.json").write_text(json.dumps(
        {"auths": {plain.host: {"auth": "YWxpY2U6b2xk"}}}))
    fails(proa, name, f"{plain.host}: the stored or given credentials were refused: "
          "incorrect username or password", "--authfile", tmp_path / "auth.json")


# --- names and TLS ---


def test_f121_security_5_3_name_that_does_not_exist(proa):
    start = time.monotonic()
    p = proa.pull("registry.invalid/x:1")
    assert p.returncode == 1
    assert last_error(p, "registry.invalid/x:1").startswith("https://registry.invalid/v2/x/")
    assert time.monotonic() - start < 10


def test_f122_security_5_3_nobody_listens(proa, plain, name):
    plain.registry.stop()
    p = proa.pull("--tls-verify=false", name)
    plain.registry.stop = lambda: None
    assert p.returncode == 1
    assert f"{plain.host}" in last_error(p, name)


def test_f123_security_5_3_certificate_that_is_over(trusting, authority, image, tmp_path):
    authority.issue(tmp_path / "old.crt", ["127.0.0.1"], days=-1)

    class Old:
        @staticmethod
        def context(alpn=()):
            return authority.context(tmp_path / "old.crt")

    sim = Simulator("plain", Old)
    try:
        sim.add("x", "1", image, public=True)
        p = trusting.pull("--tls-verify", f"{sim.host}/x:1")
        assert p.returncode == 1
        assert "its certificate is not trusted" in p.stderr
        assert "expired" in p.stderr
        assert sim.journal.entries == []
    finally:
        sim.stop()


@pytest.mark.parametrize("count", [1, 2])
def test_f124_registry_9_3_idle_connections_that_are_gone(proa, plain, name, image, count):
    """Each answer says keep-alive and hangs up behind it."""
    plain.script.on("/v2/x/", faults.played(lambda wire, response, head: (
        type(wire).write(wire, response, head), wire.hang_up())), times=None, skip=count)
    pulls(proa, name, image)


def test_f125_security_5_3_layer_that_only_the_error_names(proa, plain, name, image):
    plain.store.get("x").blobs.pop(image.layers[1].digest)
    fails(proa, name, f"{layer_of(image)}: {plain.host} answered 404: BLOB_UNKNOWN: blob unknown "
          "to registry")
    assert len(plain.journal.seen(image.layers[1].digest)) == 1
