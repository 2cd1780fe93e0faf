"""Basic, tokens, credential files and helpers; and what must never happen with a password."""

import base64
import json
import os
import stat

import pytest

import registry_images as images
import registry as servers

CREDS = f"{servers.USER}:{servers.PASSWORD}"
BASIC = "Basic " + base64.b64encode(CREDS.encode()).decode()


def hint(host):
    return f"hint: the repository may not exist or may need a login: proa login {host}"


def auth_file(path, host, **entry):
    if not entry:
        entry = {"auth": base64.b64encode(CREDS.encode()).decode()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": {host: entry}}))
    return path


@pytest.fixture(scope="module")
def private(token_registry, image):
    token_registry.push("private/x", "1", image)
    return f"{token_registry.host}/private/x:1"


@pytest.fixture(scope="module")
def basic(basic_registry, image):
    basic_registry.push("basic", "1", image)
    return f"{basic_registry.host}/basic:1"


@pytest.fixture(autouse=True)
def fresh_token_server(token_server):
    """Undo what a test changed."""
    yield
    token_server.refuse_get = token_server.refuse_post = token_server.reply = None
    token_server.requests.clear()


def test_basic_without_credentials(proa, basic):
    p = proa.pull(basic)
    host = basic.split("/")[0]
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.splitlines()[1:] == [
        f"proa: pull: image {basic}: {host}: authentication required: "
        "UNAUTHORIZED: authentication required", hint(host)]


def test_basic_with_wrong_password(proa, basic):
    p = proa.pull("--creds", f"{servers.USER}:wrong", basic)
    host = basic.split("/")[0]
    assert p.returncode == 1
    assert p.stderr.splitlines()[1:] == [
        f"proa: pull: image {basic}: {host}: the stored or given credentials were refused: "
        "UNAUTHORIZED: authentication required"]


def test_anonymous_token(proa, token_registry, token_server, image):
    token_registry.push("public/x", "1", image)
    p = proa.pull(f"{token_registry.host}/public/x:1")
    assert p.returncode == 0
    # One token for manifest, config and layers.
    (request,) = token_server.seen("/token")
    assert "scope=repository%3Apublic%2Fx%3Apull" in request[1]
    assert "service=test-registry" in request[1] and "client_id=proa" in request[1]
    assert "Authorization" not in request[2]


def test_anonymous_token_for_a_private_repository(proa, private, token_server):
    p = proa.pull(private)
    host = private.split("/")[0]
    assert p.returncode == 1
    assert p.stderr.splitlines()[1:] == [
        f"proa: pull: image {private}: {host}: authentication required: "
        "UNAUTHORIZED: authentication required", hint(host)]
    assert len(token_server.seen("/token")) == 1


def test_token_by_get_with_password(proa, private, token_server):
    p = proa.pull("--creds", CREDS, private)
    assert p.returncode == 0
    (request,) = token_server.seen("/token")
    assert request[0] == "GET" and request[2]["Authorization"] == BASIC
    assert f"account={servers.USER}" in request[1]


def test_token_by_post_where_get_is_missing(proa, private, token_server):
    token_server.refuse_get = 405
    p = proa.pull("--creds", CREDS, private)
    assert p.returncode == 0
    assert [r[0] for r in token_server.seen("/token")] == ["GET", "POST"]
    assert "grant_type=password" in token_server.seen("/token")[1][3]


def test_identity_token_is_posted(proa, private, token_server, tmp_path):
    host = private.split("/")[0]
    path = auth_file(tmp_path / "auth.json", host, auth="", identitytoken="identity-canary")
    p = proa.pull("--authfile", path, private)
    assert p.returncode == 0, p.stderr
    (request,) = token_server.seen("/token")
    assert request[0] == "POST"
    assert "grant_type=refresh_token&refresh_token=identity-canary" in request[3]
    assert "Authorization" not in request[2]


def test_registry_token_is_sent_as_it_is(proa, private, token_registry, token_server, tmp_path):
    access = [{"type": "repository", "name": "private/x", "actions": ["pull"]}]
    token = token_server.sign(access, "x")
    path = auth_file(tmp_path / "auth.json", token_registry.host, registrytoken=token)
    p = proa.pull("--authfile", path, private)
    assert (p.returncode, token_server.seen("/token")) == (0, [])


def test_wrong_password_at_the_token_server(proa, private):
    p = proa.pull("--creds", f"{servers.USER}:wrong", private)
    host = private.split("/")[0]
    assert p.returncode == 1
    assert p.stderr.splitlines()[1:] == [
        f"proa: pull: image {private}: {host}: the stored or given credentials were refused: "
        "incorrect username or password"]


def test_token_server_without_json(proa, private, token_server):
    token_server.reply = b"<html>Please log in to this WiFi network, dear guest, thanks</html>"
    p = proa.pull(private)
    assert p.returncode == 1
    assert p.stderr.splitlines()[1].startswith(
        f"proa: pull: image {private}: token server of {private.split('/')[0]}: ")
    assert "<html>Please log in to this WiFi network" in p.stderr


def test_endless_token(proa, private, token_server):
    token_server.reply = b'{"token":"' + b"x" * 100_000 + b'"}'
    p = proa.pull(private)
    assert p.returncode == 1
    assert p.stderr.splitlines()[1].endswith("the answer is longer than 65536 bytes")


@pytest.mark.parametrize("place", [
    "run/containers/auth.json", ".config/containers/auth.json", ".docker/config.json"])
def test_usual_places(proa, basic, place):
    auth_file(proa.home / place, basic.split("/")[0])
    assert proa.pull(basic).returncode == 0


def test_legacy_docker_file(proa, basic):
    (proa.home / ".dockercfg").write_text(json.dumps(
        {basic.split("/")[0]: {"auth": base64.b64encode(CREDS.encode()).decode()}}))
    assert proa.pull(basic).returncode == 0


def test_environment_places(proa, basic, tmp_path):
    host = basic.split("/")[0]
    path = auth_file(tmp_path / "elsewhere" / "config.json", host)
    assert proa.pull(basic, env={"REGISTRY_AUTH_FILE": str(path)}).returncode == 0
    for env in ({"DOCKER_CONFIG": str(path.parent)}, {"DOCKER_AUTH_CONFIG": path.read_text()}):
        other = type(proa)(tmp_path / next(iter(env)))
        assert other.pull(basic, env=env).returncode == 0


def test_namespaced_entry_wins(proa, basic, tmp_path):
    host = basic.split("/")[0]
    path = tmp_path / "auth.json"
    good = {"auth": base64.b64encode(CREDS.encode()).decode()}
    bad = {"auth": base64.b64encode(b"alice:wrong").decode()}
    path.write_text(json.dumps({"auths": {host: bad, f"{host}/basic": good}}))
    assert proa.pull("--authfile", path, basic).returncode == 0


def test_missing_and_broken_authfile(proa, basic, tmp_path):
    p = proa.pull("--authfile", tmp_path / "none", basic)
    assert (p.returncode, p.stderr.splitlines()[1]) == (
        1, f"proa: pull: image {basic}: open {tmp_path}/none: No such file or directory")
    (tmp_path / "broken").write_text("{")
    p = proa.pull("--authfile", tmp_path / "broken", basic)
    assert p.returncode == 1
    assert p.stderr.splitlines()[1].startswith(
        f"proa: pull: image {basic}: {tmp_path}/broken: ")


def helper(directory, name, body):
    directory.mkdir(exist_ok=True)
    path = directory / f"docker-credential-{name}"
    path.write_text("#!/bin/sh\n" + body)
    path.chmod(0o755)
    return {"PATH": f"{directory}:/usr/bin:/bin"}


def test_credential_helper(proa, basic, tmp_path):
    host = basic.split("/")[0]
    log = tmp_path / "asked"
    env = helper(tmp_path / "bin", "test", f"""
        printf '%s ' "$1" > {log}; cat >> {log}
        echo '{{"ServerURL":"","Username":"{servers.USER}","Secret":"{servers.PASSWORD}"}}'
        """)
    config = proa.home / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"credHelpers": {host: "test"}}))
    assert proa.pull(basic, env=env).returncode == 0
    assert log.read_text() == f"get {host}"


def test_credential_store_that_knows_nothing(proa, basic, tmp_path):
    env = helper(tmp_path / "bin", "none",
                 "cat > /dev/null; echo 'credentials not found in native keychain'; exit 1")
    config = proa.home / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"credsStore": "none"}))
    p = proa.pull(basic, env=env)
    assert p.returncode == 1
    assert "authentication required" in p.stderr.splitlines()[1]


def test_failing_helper(proa, basic, tmp_path):
    env = helper(tmp_path / "bin", "bad", "cat > /dev/null; echo 'keyring is locked'; exit 1")
    config = proa.home / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"credsStore": "bad"}))
    p = proa.pull(basic, env=env)
    assert p.returncode == 1
    assert "docker-credential-bad: " in p.stderr and "keyring is locked" in p.stderr


def test_helper_that_is_not_installed(proa, basic):
    config = proa.home / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"credsStore": "desktop"}))
    p = proa.pull(basic)
    assert p.returncode == 1
    assert p.stderr.splitlines()[1] == (
        "proa: warning: credential helper docker-credential-desktop is not installed")


def test_public_image_needs_no_credentials_file(proa, plain_registry, image):
    """Files are read at the first challenge only: an unreadable one harms no public pull."""
    plain_registry.push("open", "1", image)
    config = proa.home / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text("{")
    assert proa.pull(f"{plain_registry.host}/open:1").returncode == 0


def test_no_secret_in_the_debug_log(proa, basic, private, token_server, tmp_path):
    path = auth_file(tmp_path / "auth.json", private.split("/")[0], auth="",
                     identitytoken="identity-canary")
    runs = [proa.run("--debug", "pull", "--creds", CREDS, basic),
            proa.run("--debug", "pull", "--authfile", path, private)]
    token = token_server.sign([], "x").split(".")[0]
    for p in runs:
        assert p.returncode == 0 and "proa: debug: GET" in p.stderr
        for secret in (servers.PASSWORD, BASIC[6:], "identity-canary", token, "Authorization"):
            assert secret not in p.stderr + p.stdout


def test_no_secret_in_the_store(proa, basic):
    assert proa.pull("--creds", CREDS, basic).returncode == 0
    for directory, _, files in os.walk(proa.root):
        for name in files:
            path = os.path.join(directory, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                with open(path, "rb") as f:
                    assert servers.PASSWORD.encode() not in f.read()


# --- where a password must not go (security notes, row 38) ---


def challenge(faulty, header):
    """The registry answers every request with this challenge."""
    faulty.faults.append(servers.Fault(
        "/v2/", "status", None, status=401, headers=[("WWW-Authenticate", header)],
        body=b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'))


@pytest.mark.parametrize("realm, words", [
    ("http://realm.example.com/token", "not https"),
    ("http://10.0.0.1/token", "not https"),
    ("https://10.0.0.1/token", "a local address"),
    ("https://169.254.169.254/token", "a local address"),
    ("https://[fe80::1]/token", "a local address"),
])
def test_realm_that_is_not_asked(proa, faulty, realm, words):
    challenge(faulty, f'Bearer realm="{realm}",service="x"')
    name = f"{faulty.host}/x:1"
    p = proa.pull("--creds", CREDS, name)
    assert p.returncode == 1
    shown = realm
    assert p.stderr.splitlines()[1] == (
        f"proa: pull: image {name}: {faulty.host} names {shown} as its token server: "
        f"{words}, refused")


def test_realm_with_another_scheme(proa, faulty):
    challenge(faulty, 'Bearer realm="file:///etc/passwd",service="x"')
    name = f"{faulty.host}/x:1"
    p = proa.pull("--creds", CREDS, name)
    assert (p.returncode, p.stderr.splitlines()[1]) == (
        1, f'proa: pull: image {name}: URL "file:///etc/passwd": neither http nor https')


def test_bearer_without_realm(proa, faulty):
    challenge(faulty, 'Bearer service="x"')
    p = proa.pull("--creds", CREDS, f"{faulty.host}/x:1")
    assert p.returncode == 1
    assert "credentials were refused" not in p.stderr
    assert all("Authorization" not in r[2] for r in faulty.requests)


def test_unknown_schemes_are_passed_over(proa, faulty, image):
    faulty.add("x", "1", image)
    faulty.authorization = BASIC
    faulty.faults.append(servers.Fault("/v2/", "status", 2, status=401, headers=[
        ("WWW-Authenticate", 'Negotiate, Basic realm="x, y"'),
        ("WWW-Authenticate", "NTLM")]))
    assert proa.pull("--creds", CREDS, f"{faulty.host}/x:1").returncode == 0


def test_redirect_elsewhere_carries_no_password(proa, faulty, recorder, image):
    faulty.add("x", "1", image)
    faulty.authorization = BASIC
    for kind in ("manifests", "blobs"):
        for status in (301, 302, 303, 307, 308):
            recorder.requests.clear()
            faulty.faults[:] = []
            faulty.content.pop(("x", "blobs", image.layers[1].digest), None)
            pattern = f"GET /v2/x/{kind}/"
            # The first request earns the challenge, the second comes with the password.
            faulty.faults.append(servers.Fault(
                pattern, "redirect", None, to=f"{recorder.base}/elsewhere?sig=1", status=status))
            p = proa.pull("--creds", CREDS, f"{faulty.host}/x:1")
            assert p.returncode == 1
            assert recorder.requests, (kind, status)
            for request in recorder.requests:
                assert "Authorization" not in request[2]
                assert servers.PASSWORD not in str(request)


def test_redirect_on_the_same_origin_keeps_the_password(proa, faulty, image):
    faulty.add("x", "1", image)
    faulty.authorization = BASIC
    manifest = f"{faulty.base}/v2/x/manifests/{image.digest}"
    faulty.faults.append(servers.Fault("GET /v2/x/manifests/1$", "redirect", None, to=manifest))
    p = proa.pull("--creds", CREDS, f"{faulty.host}/x:1")
    assert p.returncode == 0
    assert faulty.seen(image.digest)[-1][2]["Authorization"] == BASIC


def test_redirected_back_to_the_origin_stays_without_password(proa, faulty, image):
    """A -> B -> A: what B makes of the request does not get A's password."""
    other = servers.FaultyRegistry()
    try:
        faulty.add("x", "1", image)
        faulty.faults.append(servers.Fault(
            "GET /v2/x/manifests/1$", "status", 1, status=401,
            headers=[("WWW-Authenticate", "Basic realm=x")]))
        faulty.faults.append(servers.Fault(
            "GET /v2/x/manifests/1$", "redirect", None, to=f"{other.base}/hop"))
        other.faults.append(servers.Fault(
            "/hop", "redirect", None, to=f"{faulty.base}/v2/x/manifests/{image.digest}"))
        assert proa.pull("--creds", CREDS, f"{faulty.host}/x:1").returncode == 0
        assert "Authorization" in faulty.seen("/manifests/1$")[-1][2]
        assert "Authorization" not in faulty.seen(f"/manifests/{image.digest}")[0][2]
    finally:
        other.stop()


def test_challenge_of_a_redirect_target_gets_no_password(proa, faulty, image):
    other = servers.FaultyRegistry()
    try:
        faulty.add("x", "1", image)
        other.faults.append(servers.Fault("/hop", "status", None, status=401, headers=[
            ("WWW-Authenticate", "Basic realm=x")]))
        faulty.faults.append(servers.Fault(
            "GET /v2/x/blobs/", "redirect", None, to=f"{other.base}/hop"))
        p = proa.pull("--creds", CREDS, f"{faulty.host}/x:1")
        assert p.returncode == 1
        assert all("Authorization" not in r[2] for r in other.requests)
    finally:
        other.stop()


def test_descriptor_urls_are_not_followed(proa, faulty, recorder):
    """CVE-2020-15157: a manifest that sends the client elsewhere for a layer."""
    foreign = images.Image([images.Layer({"a": b"a"})], docker=True)
    foreign.document["layers"][0].update(
        urls=[f"{recorder.base}/steal"],
        mediaType="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
    foreign.seal()
    faulty.add("x", "1", foreign)
    faulty.authorization = BASIC
    p = proa.pull("--creds", CREDS, f"{faulty.host}/x:1")
    assert p.returncode == 0
    assert recorder.requests == []


def test_netrc_is_not_read(proa, faulty, image):
    faulty.add("x", "1", image)
    (proa.home / ".netrc").write_text(
        f"machine 127.0.0.1 login {servers.USER} password {servers.PASSWORD}\n")
    assert proa.pull(f"{faulty.host}/x:1").returncode == 0
    assert all("Authorization" not in r[2] for r in faulty.requests)


def test_cookies_are_not_kept(proa, faulty, image):
    faulty.add("x", "1", image)
    faulty.faults.append(servers.Fault(
        "/v2/x/", "header", None, headers=[("Set-Cookie", "sid=1; Path=/")]))
    assert proa.pull(f"{faulty.host}/x:1").returncode == 0
    assert all("Cookie" not in r[2] for r in faulty.requests)


@pytest.mark.parametrize("status", [400, 401, 404, 405])
def test_identity_token_by_get_where_post_is_missing(
        proa, private, token_server, tmp_path, status):
    """ACR, JFrog, GCR and others: the token then stands in the place of a password."""
    host = private.split("/")[0]
    user_only = base64.b64encode(b"robot:").decode()
    path = auth_file(tmp_path / "auth.json", host, auth=user_only,
                     identitytoken="identity-canary")
    token_server.refuse_post = status
    token_server.users["robot"] = "identity-canary"
    p = proa.pull("--authfile", path, private)
    del token_server.users["robot"]
    assert p.returncode == 0, p.stderr
    post, get = token_server.seen("/token")
    assert (post[0], get[0]) == ("POST", "GET")
    assert get[2]["Authorization"] == (
        "Basic " + base64.b64encode(b"robot:identity-canary").decode())


def test_identity_token_without_a_name_has_no_other_way(proa, private, token_server, tmp_path):
    host = private.split("/")[0]
    path = auth_file(tmp_path / "auth.json", host, auth="", identitytoken="identity-canary")
    token_server.refuse_post = 404
    p = proa.pull("--authfile", path, private)
    assert p.returncode == 1
    assert [r[0] for r in token_server.seen("/token")] == ["POST"]


def test_stored_password_that_is_refused_names_the_cure(proa, private, tmp_path):
    host = private.split("/")[0]
    path = auth_file(tmp_path / "auth.json", host, username=servers.USER, password="old")
    p = proa.pull("--authfile", path, private)
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.splitlines()[1:] == [
        f"proa: pull: image {private}: {host}: the stored or given credentials were refused: "
        "incorrect username or password",
        f"hint: log in again, or do without them after proa logout {host}"]


def test_refresh_token_is_not_asked_for_by_a_pull(proa, private, token_server):
    token_server.refresh_token = "identity-canary"
    assert proa.pull("--creds", CREDS, private).returncode == 0
    token_server.refresh_token = None
    (request,) = token_server.seen("/token")
    assert "offline_token" not in request[1]
