"""Pulling from each vendor: private and public, broken off, with tokens that die, refused."""

import base64
import json
import re

import pytest

import registry_images as images
from cases import last_error
from simulator import FLAGS, faults

ALL = sorted(set(FLAGS) - {"plain"})
BEARER = [flag for flag in ALL if FLAGS[flag].scheme == "Bearer"]

HINT = "hint: the repository may not exist or may need a login: proa login {}"
LIMIT_HINT = "hint: the registry limits requests: log in, or try again later"


def auth_file(path, host, **entry):
    path.write_text(json.dumps({"auths": {host: entry}}))
    return path


@pytest.fixture
def served(start, image):
    def make(flag, public=False):
        sim = start(flag)
        sim.add("team/app", "1", image, public)
        return sim, f"{sim.host}/team/app:1"
    return make


@pytest.fixture(params=ALL)
def vendor(request, served):
    return served(request.param)


def pull(proa, sim, name, *args):
    return proa.pull("--tls-verify", "--creds", sim.creds, *args, name)


def test_pull(trusting, vendor, image):
    sim, name = vendor
    p = pull(trusting, sim, name)
    assert (p.returncode, p.stdout.splitlines()[0]) == (0, f"Digest: {image.digest}"), p.stderr
    assert trusting.file(image, 0, "top") == b"top\n"
    wanted = {image.digest, image.id} | {layer.digest for layer in image.layers}
    assert trusting.blobs() == sorted(d.split(":")[1] for d in wanted)
    if sim.vendor.storage:
        assert len(sim.journal.seen(role="storage")) == 3
    if sim.vendor.scheme == "Bearer":
        assert len(sim.journal.seen(role="token")) == 1
    # Once more: HEAD tells that all is here, also where it has no length.
    sim.journal.clear()
    p = pull(trusting, sim, name)
    assert (p.returncode, p.stdout.splitlines()[1]) == (
        0, f"Status: Image is up to date for {name}")
    assert sim.journal.seen("manifests|blobs", "GET") == []


@pytest.mark.parametrize("flag", BEARER)
def test_public_image_without_credentials(trusting, served, image, flag):
    sim, name = served(flag, public=True)
    p = trusting.pull("--tls-verify", name)
    assert (p.returncode, p.stdout.splitlines()[0]) == (0, f"Digest: {image.digest}"), p.stderr
    assert all(e.header("Authorization") is None for e in sim.journal.seen(role="token"))


def test_private_image_without_credentials(trusting, vendor):
    sim, name = vendor
    p = trusting.pull("--tls-verify", name)
    assert (p.returncode, last_error(p, name)) == (
        1, f"{sim.host}: authentication required: UNAUTHORIZED: authentication required")
    assert p.stderr.splitlines()[-1] == HINT.format(sim.host)
    assert len(sim.journal.entries) <= 6


def test_wrong_password(trusting, vendor):
    """One refusal is enough: no second password, no storm."""
    sim, name = vendor
    p = trusting.pull("--tls-verify", "--creds", f"{sim.vendor.user}:wrong", name)
    text = {
        "ecr": "UNAUTHORIZED: authentication required",
        "ghcr": "DENIED: denied",
    }.get(sim.vendor.flag, "incorrect username or password")
    assert (p.returncode, last_error(p, name)) == (
        1, f"{sim.host}: the stored or given credentials were refused: {text}")
    with_password = [e for e in sim.journal.seen() if "Basic" in (e.header("Authorization") or "")]
    assert len(with_password) == 1
    assert len(sim.journal.entries) <= 4


def test_broken_blob_is_resumed(trusting, vendor, image):
    """The rest comes by Range, from an address that the registry has signed anew."""
    sim, name = vendor
    big = image.layers[1].digest
    script = sim.storage_script if sim.vendor.storage else sim.script
    script.on("GET .*(bucket|blobs)", faults.first_big(1_000_000, faults.cut(500_000)))
    p = pull(trusting, sim, name)
    assert p.returncode == 0, p.stderr
    asked = sim.journal.seen(big, "GET", "registry")
    got = [e.header("Range") for e in sim.journal.seen("/bucket", role="storage")
           ] if sim.vendor.storage else [e.header("Range") for e in asked]
    (resumed,) = [r for r in got if r]
    assert 0 < int(re.fullmatch(r"bytes=(\d+)-", resumed)[1]) <= 500_000
    assert len([e for e in asked if e.status in (200, 206, 307)]) == 2
    assert trusting.file(image, 0, "top") == b"top\n"


@pytest.mark.parametrize("flag", ["acr", "ecr", "harbor", "hub"])
def test_killed_pull_goes_on_in_the_next(trusting, served, image, flag):
    sim, name = served(flag)
    script = sim.storage_script if sim.vendor.storage else sim.script
    script.on("GET .*(bucket|blobs)", faults.cut(500_000))
    assert pull(trusting, sim, name, "--retry", "0").returncode == 1
    assert trusting.references() == []
    have = (trusting.root / "ingest" / image.layers[1].digest.split(":")[1]).stat().st_size
    assert have > 0
    script.clear()
    sim.journal.clear()
    assert pull(trusting, sim, name).returncode == 0
    ranges = {e.header("Range") for e in sim.journal.seen("bucket|" + image.layers[1].digest)}
    assert f"bytes={have}-" in ranges


@pytest.mark.parametrize("flag", BEARER)
def test_token_that_dies_in_mid_pull(trusting, served, image, flag):
    """Each token is good for two requests; manifest, config and two layers are four."""
    sim, name = served(flag)
    sim.tokens.uses = 2
    p = pull(trusting, sim, name)
    assert p.returncode == 0, p.stderr
    assert trusting.file(image, 0, "top") == b"top\n"
    assert 2 <= len(sim.journal.seen(role="token")) <= 5


@pytest.mark.parametrize("flag", BEARER)
def test_token_that_dies_with_the_connection(trusting, served, image, flag):
    """The connection breaks, and when the rest is asked for, the token is worth nothing."""
    sim, name = served(flag)

    def break_and_revoke(request, proper):
        sim.tokens.revoke_all()
        return faults.cut(500_000)(request, proper)

    script = sim.storage_script if sim.vendor.storage else sim.script
    script.on("GET .*(bucket|blobs)", faults.first_big(1_000_000, break_and_revoke))
    p = pull(trusting, sim, name)
    assert p.returncode == 0, p.stderr
    assert any(e.header("Range") for e in sim.journal.seen("bucket|blobs"))
    assert trusting.file(image, 0, "top") == b"top\n"


UNKNOWN = {
    "ecr": "answered 404: NAME_UNKNOWN: The repository with this name does not exist in the "
           "registry with id '123456789012'",
    "harbor": "answered 404: UNKNOWN: repository not found",
}


def test_repository_that_does_not_exist(trusting, vendor):
    sim, _ = vendor
    name = f"{sim.host}/team/none:1"
    p = pull(trusting, sim, name)
    assert p.returncode == 1
    text = last_error(p, name)
    if sim.vendor.flag == "hub":  # which does not tell what exists from what is forbidden
        assert text == (f"{sim.host}: the stored or given credentials were refused: "
                        "UNAUTHORIZED: authentication required")
        return
    plain = "answered 404: NAME_UNKNOWN: repository name not known to registry"
    assert text == f"{sim.host} {UNKNOWN.get(sim.vendor.flag, plain)}"
    assert len(sim.journal.seen("manifests", "GET")) <= 2


# --- each vendor's own ---


def test_acr_identity_token_is_exchanged(trusting, served, tmp_path):
    sim, name = served("acr")
    path = auth_file(tmp_path / "auth.json", sim.host, auth="", identitytoken="identity-canary")
    assert trusting.pull("--tls-verify", "--authfile", path, name).returncode == 0
    (request,) = sim.journal.seen(role="token")
    assert (request.method, request.target) == ("POST", "/oauth2/token")
    assert b"grant_type=refresh_token&refresh_token=identity-canary" in request.body


def test_ecr_password_of_yesterday(trusting, served):
    sim, name = served("ecr")
    sim.vendor.expired = True
    p = pull(trusting, sim, name)
    assert p.returncode == 1
    assert last_error(p, name) == (f"{sim.host} answered 403: DENIED: Your authorization token "
                                   "has expired. Reauthenticate and try again.")
    assert len(sim.journal.entries) <= 3


def test_gcr_json_key_from_a_file(trusting, served, tmp_path):
    """A password with a colon, quotes and a line feed."""
    sim, name = served("gcr")
    path = auth_file(tmp_path / "auth.json", sim.host,
                     auth=base64.b64encode(sim.creds.encode()).decode())
    assert trusting.pull("--tls-verify", "--authfile", path, name).returncode == 0
    assert sim.journal.seen("^/v2/$", "GET", "registry") != []


def test_ghcr_pause_in_microseconds(trusting, served):
    sim, name = served("ghcr")
    sim.vendor.busy = 2
    assert pull(trusting, sim, name).returncode == 0
    assert [e.status for e in sim.journal.seen("manifests", "GET")][-3:] == [429, 429, 200]


def test_ghcr_limit_that_stays(trusting, served):
    sim, name = served("ghcr")
    sim.vendor.busy = 1000
    p = pull(trusting, sim, name)
    assert p.returncode == 1
    assert last_error(p, name) == (f"{sim.host} answered 429: TOOMANYREQUESTS: retry-after: "
                                   "880.092µs, allowed: 44000/minute")
    assert p.stderr.splitlines()[-1] == LIMIT_HINT
    assert len([e for e in sim.journal.seen("manifests", "GET") if e.status == 429]) == 5


def test_hub_counts_manifests_only(trusting, served):
    """One GET for a first pull, none for the second, and a clear word when none is left."""
    sim, name = served("hub", public=True)
    sim.vendor.left = 1
    assert trusting.pull("--tls-verify", name).returncode == 0
    assert sim.vendor.left == 0
    assert trusting.pull("--tls-verify", name).returncode == 0
    p = trusting.pull("--tls-verify", "--retry", "0", f"{sim.host}/team/app@{'sha256:' + 'a' * 64}")
    assert p.returncode == 1
    assert p.stderr.splitlines()[-2].endswith(
        f"{sim.host} answered 429: TOOMANYREQUESTS: You have reached your pull rate limit. "
        "You may increase the limit by authenticating.")
    assert p.stderr.splitlines()[-1] == LIMIT_HINT


def test_hub_answers_without_carriage_returns(trusting, served):
    sim, name = served("hub")
    sim.vendor.abuse = 2
    assert pull(trusting, sim, name).returncode == 0
    sim.vendor.abuse = 1000
    p = pull(trusting, sim, f"{sim.host}/team/app:2", "--retry", "1")
    assert p.returncode == 1
    assert last_error(p, f"{sim.host}/team/app:2") == (
        f"{sim.host} answered 429: Too Many Requests (abuse limit)")


def test_odd_realm_keeps_its_query(trusting, served):
    sim, name = served("odd")
    assert pull(trusting, sim, name).returncode == 0
    (request,) = sim.journal.seen(role="token")
    assert request.target.startswith("/token?tenant=a%20b&plan=free&service=registry&scope=")


def test_quay_is_not_asked_for_schema_1(trusting, served):
    sim, name = served("quay")
    assert pull(trusting, sim, name).returncode == 0
    assert "v1+prettyjws" not in sim.journal.seen("manifests")[0].header("Accept")


def test_harbor_cookie_stays_where_it_is(trusting, served):
    sim, name = served("harbor")
    assert pull(trusting, sim, name).returncode == 0
    assert all(e.header("Cookie") is None for e in sim.journal.seen())


def test_platforms_and_attestations(trusting, start):
    """An index as buildx makes it, from a vendor that hands blobs to an object store."""
    sim = start("ghcr")
    amd = images.Image([images.Layer({"arch": b"amd64"})])
    note = images.Image([images.Layer({"note": b"{}"})])
    index = images.Index([
        (note, {"os": "unknown", "architecture": "unknown"}),
        (amd, {"os": "linux", "architecture": "amd64"})])
    index.document["manifests"][0]["annotations"] = {
        "vnd.docker.reference.type": "attestation-manifest"}
    index.seal()
    sim.add("team/app", "1", index)
    name = f"{sim.host}/team/app:1"
    p = pull(trusting, sim, name, "--platform", "linux/amd64")
    assert p.returncode == 0, p.stderr
    assert trusting.file(amd, 0, "arch") == b"amd64"
    assert sim.journal.seen(note.digest) == []
