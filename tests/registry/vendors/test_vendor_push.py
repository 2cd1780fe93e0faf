"""Pushing to each vendor: what it gets, what it already has, and what it does not like."""

import pytest

from cases import RETRIES
from simulator import FLAGS, Simulator, faults
from simulator.vendor import error

ALL = sorted(set(FLAGS) - {"plain"})
BEARER = [flag for flag in ALL if FLAGS[flag].scheme == "Bearer"]


@pytest.fixture(scope="module")
def trusting(tmp_path_factory, proa_class, authority):
    """One store for all: a push reads it only."""
    client = proa_class(tmp_path_factory.mktemp("push"))
    client.env["SSL_CERT_FILE"] = str(authority.ca)
    return client


@pytest.fixture(scope="module")
def local(trusting, image):
    """The image is in the local store, from a registry of its own."""
    source = Simulator("plain")
    source.add("src", "1", image, public=True)
    assert trusting.pull(f"{source.host}/src:1").returncode == 0
    source.stop()
    return f"{source.host}/src:1"


@pytest.fixture
def target(trusting, start, local):
    """make(flag): a vendor with the repository team/app, and the local image under its name."""
    def make(flag):
        sim = start(flag)
        sim.store.make("team/app")
        name = f"{sim.host}/team/app:1"
        assert trusting.run("tag", local, name).returncode == 0
        return sim, name
    return make


@pytest.fixture(params=ALL)
def vendor(request, target):
    return target(request.param)


def push(proa, sim, name, *args):
    return proa.run("push", "--retry-delay", "10ms", "--tls-verify", "--creds", sim.creds, *args,
                    name)


def uploads(sim, method):
    return sim.journal.seen("/blobs/uploads/", method)


def holds(sim, image, repository="team/app", tag="1"):
    """The very bytes are there."""
    repository = sim.store.get(repository)
    digest, data, media_type = repository.manifest(tag)
    assert (digest, data, media_type) == (image.digest, image.manifest, image.media_type)
    assert {d: repository.blobs[d] for d in image.blobs} == image.blobs


def last_error(p, name):
    line = next(x for x in p.stderr.splitlines() if x.startswith("proa: push: "))
    return line.removeprefix(f"proa: push: image {name}: ").removeprefix(f"proa: push: {name}: ")


def test_push(trusting, vendor, local, image):
    sim, name = vendor
    p = push(trusting, sim, name)
    assert p.returncode == 0, p.stderr
    assert image.digest in p.stdout
    holds(sim, image)
    # One chunk at most for each blob: what a vendor does to several is its secret.
    assert len(uploads(sim, "PATCH")) <= len(image.blobs)
    # Once more, and under another tag: only manifests move.
    other = f"{sim.host}/team/app:2"
    assert trusting.run("tag", local, other).returncode == 0
    sim.journal.clear()
    for again in (name, other):
        assert push(trusting, sim, again).returncode == 0
    assert [uploads(sim, m) for m in ("POST", "PATCH", "PUT")] == [[], [], []]
    holds(sim, image, tag="2")


def test_push_what_the_registry_has_elsewhere(trusting, start, image):
    """Mounted where the vendor does that, uploaded where it does not; never mount without from."""
    for flag in ALL:
        sim = start(flag)
        sim.add("team/base", "1", image)
        sim.store.make("team/app")
        name = f"{sim.host}/team/app:1"
        assert trusting.pull("--tls-verify", "--creds", sim.creds,
                             f"{sim.host}/team/base:1").returncode == 0
        assert trusting.run("tag", f"{sim.host}/team/base:1", name).returncode == 0
        p = push(trusting, sim, name)
        assert p.returncode == 0, (flag, p.stderr)
        holds(sim, image)
        for e in uploads(sim, "POST"):
            assert "mount=" not in e.target or "from=" in e.target
        if flag in ("acr", "ghcr", "harbor", "hub", "quay", "gcr", "jfrog", "odd"):
            assert uploads(sim, "PUT") == [], flag


def test_push_with_a_wrong_password(trusting, vendor, image):
    sim, name = vendor
    p = trusting.run("push", "--tls-verify", "--creds", f"{sim.vendor.user}:wrong", name)
    text = {
        "ecr": "UNAUTHORIZED: authentication required",
        "ghcr": "DENIED: denied",
    }.get(sim.vendor.flag, "incorrect username or password")
    assert p.returncode == 1
    assert f"{sim.host}: the stored or given credentials were refused: {text}" in p.stderr
    with_password = [e for e in sim.journal.seen() if "Basic" in (e.header("Authorization") or "")]
    assert 1 <= len(with_password) <= len(image.blobs)  # each may be on its way already
    assert sim.store.get("team/app").blobs == {}


@pytest.mark.parametrize("flag", BEARER)
def test_push_with_tokens_that_die(trusting, target, image, flag):
    sim, name = target(flag)
    sim.tokens.uses = 6
    p = push(trusting, sim, name)
    assert p.returncode == 0, p.stderr
    holds(sim, image)


@pytest.mark.parametrize("flag", BEARER)
def test_push_with_a_token_that_dies_before_the_closing_put(trusting, target, image, flag):
    sim, name = target(flag)

    def revoke(request, proper):
        sim.tokens.revoke_all()
        return proper()

    sim.script.on("PUT .*/blobs/uploads/", revoke, times=2)
    p = push(trusting, sim, name)
    assert p.returncode == 0, p.stderr
    holds(sim, image)


def test_push_that_breaks_is_taken_up_again(trusting, vendor, image):
    """The connection is lost when the closing PUT has been read, once with and once without it
    having been done."""
    sim, name = vendor

    def done_and_lost(request, proper):
        proper()
        return faults.raw(b"", reset=True)(request, proper)

    sim.script.on("PUT .*/blobs/uploads/", done_and_lost, times=1)
    sim.script.on("PUT .*/blobs/uploads/", faults.raw(b""), times=1)
    p = push(trusting, sim, name)
    assert p.returncode == 0, p.stderr
    holds(sim, image)


# --- each vendor's own ---


def test_ecr_repository_that_does_not_exist(trusting, target, local):
    """The connection is closed in the face of the first POST."""
    sim, _ = target("ecr")
    name = f"{sim.host}/team/none:1"
    assert trusting.run("tag", local, name).returncode == 0
    p = push(trusting, sim, name)
    assert p.returncode == 1
    assert sim.host in p.stderr.splitlines()[-1] or sim.host in p.stderr.splitlines()[-2]
    assert sim.store.get("team/none") is None


def test_ecr_limit_on_manifests(trusting, target, image):
    sim, name = target("ecr")
    sim.vendor.busy = 2
    p = push(trusting, sim, name)
    assert p.returncode == 0, p.stderr
    holds(sim, image)


def test_gcr_location_is_used_once(trusting, target, image):
    sim, name = target("gcr")
    assert push(trusting, sim, name).returncode == 0
    used = [e.target for m in ("PATCH", "PUT") for e in uploads(sim, m)]
    assert len(used) == len(set(used)) > 0


def test_jfrog_location_without_tls(trusting, target, image):
    """http on the host that was asked by https: the bytes go by https."""
    sim, name = target("jfrog")
    assert push(trusting, sim, name).returncode == 0
    holds(sim, image)
    assert {e.status for e in uploads(sim, "PUT")} == {201}


def test_location_on_another_host_gets_no_token(trusting, target):
    sim, name = target("harbor")
    sim.vendor.location = lambda path: sim.storage.base + path
    sim.storage_script.on("/v2/", faults.status(403, b"who are you"))
    p = push(trusting, sim, name)
    assert p.returncode == 1
    assert sim.journal.seen("/v2/", role="storage") != []


def test_body_that_is_too_large_for_the_proxy(trusting, target):
    sim, name = target("harbor")
    sim.script.on("(PUT|PATCH) .*/blobs/uploads/", faults.status(
        413, b"<html><title>413 Request Entity Too Large</title></html>",
        content_type="text/html"))
    p = push(trusting, sim, name)
    assert p.returncode == 1
    assert "413" in p.stderr


def test_manifest_that_is_refused(trusting, target):
    """Its reason is shown, and nothing is tried for ever."""
    sim, name = target("quay")
    sim.vendor.before_manifest_put = lambda request, repository: error(
        400, "MANIFEST_INVALID", "manifest schema is not to our taste")
    p = push(trusting, sim, name)
    assert p.returncode == 1
    assert "MANIFEST_INVALID: manifest schema is not to our taste" in p.stderr
    assert len(sim.journal.seen("manifests", "PUT")) <= 2 + RETRIES
