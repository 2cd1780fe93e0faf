"""registries.conf: mirrors, rewriting, blocking, insecure registries, short names and aliases."""

import base64
import contextlib
import json
import os
import pty
import subprocess

import pytest

import registry as servers

CREDS = f"{servers.USER}:{servers.PASSWORD}"
BASIC = "Basic " + base64.b64encode(CREDS.encode()).decode()


@pytest.fixture
def conf(proa):
    """Writes the user's registries.conf (and drop-ins)."""
    directory = proa.home / ".config" / "containers"

    def write(text, drop_in=None):
        path = directory / "registries.conf"
        if drop_in:
            path = directory / "registries.conf.d" / drop_in
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.fixture
def mirror():
    r = servers.FaultyRegistry()
    yield r
    r.stop()


@pytest.fixture
def second():
    r = servers.FaultyRegistry()
    yield r
    r.stop()


def table(prefix, location, mirrors=(), **keys):
    """One [[registry]]; a mirror is a location or a dict."""
    def lines(items):
        return "".join(f"{k} = {json.dumps(v)}\n" for k, v in items.items())
    text = "[[registry]]\n" + lines(dict(keys, prefix=prefix, location=location))
    for m in mirrors:
        m = m if isinstance(m, dict) else {"location": m}
        text += "[[registry.mirror]]\n" + lines(m)
    return text


def blobs(server):
    return [r[1] for r in server.seen("/blobs/", "GET")]


# --- rewriting ---

def test_name_is_fetched_from_elsewhere_and_kept(proa, conf, faulty, image):
    conf(table("example.com/team", f"{faulty.host}/mirrored/team"))
    faulty.add("mirrored/team/app", "1", image)
    p = proa.pull("example.com/team/app:1")
    assert (p.returncode, p.stdout.splitlines()[-1]) == (0, "example.com/team/app:1")
    assert proa.run("images", "--format", "{{.Repository}}:{{.Tag}}").stdout == (
        "example.com/team/app:1\n")


def test_hub_is_matched_by_its_full_name(proa, conf, faulty, image):
    conf(table("docker.io/library", f"{faulty.host}/hub"))
    faulty.add("hub/debian", "latest", image)
    p = proa.pull("debian")
    assert (p.returncode, p.stdout.splitlines()[-1]) == (0, "docker.io/library/debian:latest")


def test_tag_in_a_prefix(proa, conf, faulty, image):
    conf(table("example.com/app:1", f"{faulty.host}/other:2"))
    faulty.add("other", "2", image)
    assert proa.pull("example.com/app:1").returncode == 0


def test_rewriting_to_no_full_name(proa, conf):
    conf(table("example.com", "docker.io"))
    p = proa.pull("example.com/app:1")
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.splitlines()[-1] == (
        'proa: pull: image example.com/app:1: registries.conf turns example.com/app:1 into '
        '"docker.io/app:1", which is no full name (docker.io/library/app:1 is)')


# --- mirrors ---

def test_mirror_comes_first(proa, conf, faulty, mirror, image):
    conf(table("example.com", faulty.host, [f"{mirror.host}/m"]))
    mirror.add("m/app", "1", image)
    faulty.add("app", "1", image)
    assert proa.pull("example.com/app:1").returncode == 0
    assert faulty.requests == []


def test_registry_itself_comes_last(proa, conf, faulty, mirror, second, image):
    conf(table("example.com", faulty.host, [mirror.host, second.host]))
    faulty.add("app", "1", image)
    assert proa.pull("example.com/app:1").returncode == 0
    assert len(mirror.seen("/manifests/1")) == len(second.seen("/manifests/1")) == 1


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
def test_refusing_mirror_is_passed_over_at_once(proa, conf, faulty, mirror, image, status):
    conf(table("example.com", faulty.host, [mirror.host]))
    mirror.add("app", "1", image)
    mirror.faults.append(servers.Fault("/manifests/", "status", None, status=status))
    faulty.add("app", "1", image)
    assert proa.pull("example.com/app:1").returncode == 0
    assert len(mirror.seen("/manifests/")) == 1 and blobs(mirror) == []


def test_dead_mirror_is_told_once(proa, conf, faulty, image):
    dead = f"127.0.0.1:{servers.free_port()}"
    conf(table("example.com", faulty.host, [dead]))
    faulty.add("app", "1", image)
    p = proa.pull("example.com/app:1")
    assert p.returncode == 0
    (line,) = [x for x in p.stderr.splitlines() if "warning" in x]
    assert line.startswith(f"proa: warning: mirror {dead} is not used: ")


def test_mirror_with_wrong_bytes(proa, conf, faulty, mirror, image):
    """A digest was asked for: what the mirror says must be that, or the next one is asked."""
    conf(table("example.com", faulty.host, [mirror.host]))
    mirror.content["app", "manifests", image.digest] = (b'{"schemaVersion":2}',
                                                        image.media_type)
    faulty.add("app", "1", image)
    assert proa.pull(f"example.com/app@{image.digest}").returncode == 0
    assert len(mirror.seen("/manifests/")) == 1


def test_blob_missing_on_the_mirror(proa, conf, faulty, mirror, image):
    conf(table("example.com", faulty.host, [mirror.host]))
    mirror.add("app", "1", image)
    faulty.add("app", "1", image)
    missing = image.layers[1].digest
    del mirror.content["app", "blobs", missing]
    assert proa.pull("example.com/app:1").returncode == 0
    # Only that blob came from the registry.
    assert blobs(faulty) == [f"/v2/app/blobs/{missing}"]
    assert faulty.seen("/manifests/") == []


def test_config_missing_on_the_mirror(proa, conf, faulty, mirror, image):
    conf(table("example.com", faulty.host, [mirror.host]))
    mirror.add("app", "1", image)
    faulty.add("app", "1", image)
    config = json.loads(image.manifest)["config"]["digest"]
    del mirror.content["app", "blobs", config]
    assert proa.pull("example.com/app:1").returncode == 0
    assert blobs(faulty) == [f"/v2/app/blobs/{config}"]


def test_blob_goes_on_where_the_mirror_broke(proa, conf, faulty, mirror, image):
    """The registry sends only what the mirror did not."""
    conf(table("example.com", faulty.host, [mirror.host]))
    mirror.add("app", "1", image)
    faulty.add("app", "1", image)
    big = image.layers[1].digest
    mirror.faults.append(servers.Fault(f"GET /v2/app/blobs/{big}", "truncate", 1, at=1_000_000))
    mirror.faults.append(servers.Fault(f"GET /v2/app/blobs/{big}", "status", None, status=404))
    assert proa.pull("example.com/app:1").returncode == 0
    (request,) = faulty.seen("/blobs/")
    start = int(request[2]["Range"].removeprefix("bytes=").removesuffix("-"))
    assert 0 < start <= 1_000_000


def test_corrupt_blob_of_a_mirror(proa, conf, faulty, mirror, image):
    conf(table("example.com", faulty.host, [mirror.host]))
    mirror.add("app", "1", image)
    faulty.add("app", "1", image)
    big = image.layers[1].digest
    mirror.faults.append(servers.Fault(f"GET /v2/app/blobs/{big}", "corrupt", None))
    assert proa.pull("example.com/app:1").returncode == 0
    assert blobs(mirror).count(f"/v2/app/blobs/{big}") == 1
    assert blobs(faulty) == [f"/v2/app/blobs/{big}"]


def test_blob_that_nobody_has(proa, conf, faulty, mirror, image):
    conf(table("example.com", faulty.host, [mirror.host]))
    mirror.add("app", "1", image)
    missing = image.layers[2].digest
    del mirror.content["app", "blobs", missing]
    p = proa.pull("example.com/app:1")
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.splitlines()[-1] == (
        f"proa: pull: image example.com/app:1: layer {missing[:19]}: "
        f"{faulty.host} answered 404: BLOB_UNKNOWN: blob unknown")
    assert proa.references() == []


@pytest.mark.parametrize("kind, by_tag, by_digest", [
    ("all", 1, 1), ("digest-only", 0, 1), ("tag-only", 1, 0), ("mirror-by-digest-only", 0, 1)])
def test_pull_from_mirror(proa, conf, faulty, mirror, image, kind, by_tag, by_digest):
    faulty.add("app", "1", image)
    if kind == "mirror-by-digest-only":
        conf(table("example.com", faulty.host, [mirror.host], **{kind: True}))
    else:
        conf(table("example.com", faulty.host,
                   [{"location": mirror.host, "pull-from-mirror": kind}]))
    assert proa.pull("example.com/app:1").returncode == 0
    assert len(mirror.seen("/manifests/", "GET")) == by_tag
    mirror.requests.clear()
    assert proa.run("rmi", "-a", "-f").returncode == 0
    assert proa.pull(f"example.com/app@{image.digest}").returncode == 0
    assert len(mirror.seen("/manifests/", "GET")) == by_digest


def test_up_to_date_by_the_mirror(proa, conf, faulty, mirror, image):
    conf(table("example.com", faulty.host, [mirror.host]))
    mirror.add("app", "1", image)
    assert proa.pull("example.com/app:1").returncode == 0
    mirror.requests.clear()
    p = proa.pull("example.com/app:1")
    assert (p.returncode, "Image is up to date" in p.stdout) == (0, True)
    assert [r[0] for r in mirror.seen("/manifests/")] == ["HEAD"]
    assert faulty.requests == []


# --- credentials ---

def test_creds_are_not_for_a_mirror(proa, conf, faulty, mirror, image):
    """--creds were typed for the registry; the mirror asks for a password and gets none."""
    conf(table("example.com", faulty.host, [mirror.host]))
    mirror.authorization = faulty.authorization = BASIC
    mirror.add("app", "1", image)
    faulty.add("app", "1", image)
    assert proa.pull("--creds", CREDS, "example.com/app:1").returncode == 0
    assert len(mirror.requests) > 0
    assert all("Authorization" not in r[2] for r in mirror.requests)
    assert blobs(faulty)


def test_each_endpoint_has_its_own_credentials(proa, conf, faulty, mirror, image, tmp_path):
    conf(table("example.com", faulty.host, [mirror.host]))
    other = "Basic " + base64.b64encode(b"bob:mirror-canary").decode()
    mirror.authorization, faulty.authorization = other, BASIC
    mirror.add("app", "1", image)
    faulty.add("app", "1", image)
    del mirror.content["app", "blobs", image.layers[1].digest]
    auth = tmp_path / "auth.json"
    auth.write_text(json.dumps({"auths": {
        mirror.host: {"auth": other[6:]}, faulty.host: {"auth": BASIC[6:]}}}))
    assert proa.pull("--authfile", auth, "example.com/app:1").returncode == 0
    assert {r[2].get("Authorization") for r in mirror.requests} == {None, other}
    assert {r[2].get("Authorization") for r in faulty.requests} == {None, BASIC}


# --- blocked, insecure ---

@pytest.mark.parametrize("name", ["bad.example.com/x:1", "bad.example.com/ns/x:1"])
def test_blocked_registry(proa, conf, name):
    conf('[[registry]]\nlocation = "bad.example.com"\nblocked = true\n')
    p = proa.pull(name)
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.splitlines()[-1] == (
        f"proa: pull: image {name}: registry bad.example.com is blocked by registries.conf")


def test_blocked_namespace_inside_an_open_registry(proa, conf, faulty, image):
    conf(table("example.com", faulty.host) + '[[registry]]\nprefix = "example.com/bad"\n'
         f'location = "{faulty.host}/bad"\nblocked = true\n')
    faulty.add("good/x", "1", image)
    faulty.add("bad/x", "1", image)
    assert proa.pull("example.com/good/x:1").returncode == 0
    assert proa.pull("example.com/bad/x:1").returncode == 1


def test_blocked_registry_at_login(proa, conf):
    conf('[[registry]]\nlocation = "bad.example.com"\nblocked = true\n')
    p = proa.run("login", "-u", "x", "-p", "y", "bad.example.com")
    assert p.returncode == 1
    assert p.stderr.splitlines()[-1] == (
        "proa: login: registry bad.example.com is blocked by registries.conf")


def test_certificate_is_verified_unless_insecure(proa, conf, faulty_tls, image):
    """Loopback is not verified by itself; a certs.d directory makes it as any other host."""
    certs = proa.home / ".config" / "containers" / "certs.d" / faulty_tls.host
    certs.mkdir(parents=True)
    faulty_tls.add("app", "1", image)
    p = proa.pull(f"{faulty_tls.host}/app:1")
    assert p.returncode == 1 and "its certificate is not trusted" in p.stderr
    conf(f'[[registry]]\nlocation = "{faulty_tls.host}"\ninsecure = true\n')
    assert proa.pull(f"{faulty_tls.host}/app:1").returncode == 0
    # What is typed stands above what is configured.
    assert proa.run("rmi", "-a", "-f").returncode == 0
    p = proa.pull("--tls-verify", f"{faulty_tls.host}/app:1")
    assert p.returncode == 1 and "its certificate is not trusted" in p.stderr


def test_insecure_is_a_matter_of_each_endpoint(proa, conf, faulty, faulty_tls, image):
    certs = proa.home / ".config" / "containers" / "certs.d" / faulty_tls.host
    certs.mkdir(parents=True)
    faulty_tls.add("app", "1", image)
    faulty.add("app", "1", image)
    conf(table("example.com", faulty.host, [faulty_tls.host], insecure=True))
    assert proa.pull("example.com/app:1").returncode == 0
    assert faulty_tls.requests == [] and len(faulty.requests) > 0
    assert proa.run("rmi", "-a", "-f").returncode == 0
    faulty.requests.clear()
    conf(table("example.com", faulty.host,
               [{"location": faulty_tls.host, "insecure": True}]))
    assert proa.pull("example.com/app:1").returncode == 0
    assert faulty.requests == []


# --- files ---

def test_drop_ins_in_their_order(proa, conf, faulty, image):
    faulty.add("app", "1", image)
    conf(table("example.com", "wrong.invalid"))
    conf(table("example.com", "wrong.invalid"), "10.conf")
    conf(table("example.com", faulty.host), "20.conf")
    conf(table("example.com", "wrong.invalid"), "30.conf.bak")
    assert proa.pull("example.com/app:1").returncode == 0


def test_named_file(proa, conf, faulty, image, tmp_path):
    faulty.add("app", "1", image)
    conf(table("example.com", "wrong.invalid"))
    named = tmp_path / "r.conf"
    env = {"CONTAINERS_REGISTRIES_CONF": str(named)}
    p = proa.pull("example.com/app:1", env=env)
    assert p.returncode == 1
    assert p.stderr.splitlines()[-1] == (
        "proa: pull: image example.com/app:1: $CONTAINERS_REGISTRIES_CONF: "
        f"{named}: No such file or directory")
    named.write_text(table("example.com", faulty.host))
    assert proa.pull("example.com/app:1", env=env).returncode == 0


def test_mistake_names_file_and_line(proa, conf):
    path = conf('[[registry]]\nlocation = "x.io"\nlocation = "y.io"\n')
    p = proa.pull("example.com/app:1")
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.splitlines()[-1] == (
        f"proa: pull: image example.com/app:1: {path}: line 3: a key is defined twice")


def test_key_that_fell_into_a_table(proa, conf, faulty, image):
    faulty.add("app", "1", image)
    conf(table("example.com", faulty.host) + 'unqualified-search-registries = ["x.io"]\n')
    p = proa.pull("example.com/app:1")
    assert p.returncode == 0
    assert ("proa: warning: registries.conf: unqualified-search-registries stands behind a "
            "[[registry]] header, where it has no effect: move it to the top") in p.stderr


# --- short names ---

def test_alias(proa, conf, faulty, image):
    faulty.add("real/app", "1", image)
    conf(f'[aliases]\n"app" = "{faulty.host}/real/app"\n')
    p = proa.pull("app:1")
    assert (p.returncode, p.stdout.splitlines()[-1]) == (0, f"{faulty.host}/real/app:1")
    # The short name finds it again.
    p = proa.run("inspect", "--format", "{{.RepoTags}}", "app:1")
    assert (p.returncode, p.stdout) == (0, f"[{faulty.host}/real/app:1]\n")


def test_search_in_order(proa, conf, faulty, mirror, image):
    conf(f'unqualified-search-registries = ["{mirror.host}", "{faulty.host}"]\n')
    faulty.add("org/app", "1", image)
    p = proa.pull("org/app:1")
    assert (p.returncode, p.stdout.splitlines()[-1]) == (0, f"{faulty.host}/org/app:1")
    assert len(mirror.seen("/v2/org/app/manifests/1")) == 1


def test_search_without_success_tells_all(proa, conf, faulty, mirror):
    conf(f'unqualified-search-registries = ["{mirror.host}", "{faulty.host}"]\n')
    p = proa.pull("app:1")
    assert (p.returncode, p.stdout) == (1, "")
    for host in (mirror.host, faulty.host):
        assert f"image {host}/app:1: {host} answered 404" in p.stderr


def test_enforcing_without_a_terminal(proa, conf, faulty, mirror):
    conf(f'unqualified-search-registries = ["{mirror.host}", "{faulty.host}"]\n'
         'short-name-mode = "enforcing"\n')
    p = proa.pull("app:1")
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.splitlines()[-2:] == [
        "proa: pull: short name \"app:1\" may be several images and there is no terminal to "
        "ask on (short-name-mode is enforcing)",
        f"hint: write the full name: {mirror.host}/app:1, {faulty.host}/app:1"]
    assert mirror.requests == [] and faulty.requests == []


def test_full_names_are_not_searched(proa, conf, faulty, mirror, image):
    conf(f'unqualified-search-registries = ["{mirror.host}"]\n'
         f'[aliases]\n"{faulty.host}/app" = "{mirror.host}/app"\n')
    faulty.add("app", "1", image)
    assert proa.pull(f"{faulty.host}/app:1").returncode == 0
    assert mirror.requests == []


@pytest.mark.parametrize("keys, status", [("2\n", 0), ("7\nx\n2\n", 0)])
def test_choice_at_a_terminal(proa, conf, faulty, mirror, image, keys, status):
    conf(f'unqualified-search-registries = ["{mirror.host}", "{faulty.host}"]\n')
    faulty.add("app", "1", image)
    master, slave = pty.openpty()
    p = subprocess.Popen(proa.command("pull", "app:1"), env=proa.env, stdin=slave,
                         stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    os.write(master, keys.encode())
    seen = b""
    with contextlib.suppress(OSError):
        while chunk := os.read(master, 4096):
            seen += chunk
    os.close(master)
    assert p.wait(20) == status, seen
    assert f"  2  {faulty.host}/app:1".encode() in seen and b"Which one (1-2)? " in seen
    assert mirror.requests == [] and blobs(faulty)


# --- other tools ---

def requests_of(servers_asked):
    return [sorted({(r[0], r[1]) for r in s.requests if "/manifests/" in r[1]})
            for s in servers_asked]


@pytest.mark.parametrize("text, name", [
    ('prefix = "example.com"\nlocation = "{a}"\n', "example.com/x:1"),
    ('prefix = "example.com/ns"\nlocation = "{a}/other"\n', "example.com/ns/x:1"),
    ('prefix = "*.example.com"\nlocation = "{a}/all"\n', "a.b.example.com/x:1"),
    ('prefix = "example.com/x"\nlocation = "{a}/y"\n', "example.com/x:1"),
    ('prefix = "docker.io/library"\nlocation = "{a}/hub"\n', "docker.io/library/x:1"),
    ('prefix = "example.com"\nlocation = "{a}"\n[[registry.mirror]]\n'
     'location = "{b}/m"\ninsecure = true\n', "example.com/x:1"),
    ('prefix = "example.com"\nlocation = "{a}"\nmirror-by-digest-only = true\n'
     '[[registry.mirror]]\nlocation = "{b}/m"\ninsecure = true\n', "example.com/x:1"),
])
def test_skopeo_asks_the_same(proa, conf, faulty, mirror, text, name):
    """Nothing is there, so that each tool asks everybody.

    Not compared: a tag in a prefix, which containers-registries.conf(5) has and skopeo 1.9 not.
    """
    conf("[[registry]]\ninsecure = true\n" + text.format(a=faulty.host, b=mirror.host))
    assert proa.pull(name).returncode == 1
    ours = requests_of((faulty, mirror))
    faulty.requests.clear()
    mirror.requests.clear()
    p = subprocess.run(["skopeo", "inspect", "--raw", f"docker://{name}"], env=proa.env,
                       capture_output=True, text=True, timeout=60, check=False)
    assert p.returncode == 1
    assert requests_of((faulty, mirror)) == ours, p.stderr
    assert ours != [[], []]


# --- client certificates ---

def test_client_certificate(proa, image, tmp_path):
    """A registry that wants one, and certs.d that has one."""
    server = servers.Certificate(tmp_path / "server")
    client = servers.Certificate(tmp_path / "client", name="client")

    class Mutual:
        def server_context(self):
            context = server.server_context()
            context.load_verify_locations(client.cert)
            context.verify_mode = 2  # CERT_REQUIRED
            return context

    registry = servers.FaultyRegistry(Mutual())
    try:
        registry.add("app", "1", image)
        certs = proa.home / ".config" / "containers" / "certs.d" / registry.host
        certs.mkdir(parents=True)
        (certs / "ca.crt").write_bytes(server.cert.read_bytes())
        assert proa.pull(f"{registry.host}/app:1").returncode == 1
        (certs / "client.cert").write_bytes(client.cert.read_bytes())
        p = proa.pull(f"{registry.host}/app:1")
        assert p.returncode == 1
        assert p.stderr.splitlines()[-1].endswith(
            f"{certs}/client.cert: the matching client.key is missing")
        (certs / "client.key").write_bytes(client.key.read_bytes())
        assert proa.pull(f"{registry.host}/app:1").returncode == 0
    finally:
        registry.stop()
