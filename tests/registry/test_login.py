"""login and logout: verified before anything is stored, stored where it is looked for, and gone."""

import base64
import json
import os
import pty
import select
import stat
import subprocess
import termios
import time

import pytest

import registry as servers

CREDS = f"{servers.USER}:{servers.PASSWORD}"
AUTH = base64.b64encode(CREDS.encode()).decode()
HUB = "https://index.docker.io/v1/"


def unencrypted(path):
    return (f"WARNING! Your credentials are stored unencrypted in '{path}'.\n"
            "Configure a credential helper (credsStore, credHelpers) to remove this warning.\n")


def login(proa, *args, password=servers.PASSWORD, env=None):
    return subprocess.run(
        proa.command("login", "-u", servers.USER, "--password-stdin", *args),
        input=password, env=dict(proa.env, **(env or {})), capture_output=True, text=True,
        timeout=60, check=False)


@pytest.fixture
def config(proa):
    return proa.home / ".docker" / "config.json"


@pytest.fixture(autouse=True)
def fresh_token_server(token_server):
    yield
    token_server.refuse_get = token_server.refuse_post = token_server.reply = None
    token_server.refresh_token = None
    token_server.requests.clear()


def put(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


@pytest.fixture(scope="module")
def basic(basic_registry, image):
    basic_registry.push("login", "1", image)
    return basic_registry.host


@pytest.fixture(scope="module")
def tokens(token_registry, image):
    token_registry.push("login", "1", image)
    return token_registry.host


# --- storing ---

def test_basic_login_then_pull(proa, basic, config):
    p = login(proa, basic)
    assert (p.returncode, p.stdout, p.stderr) == (0, "Login Succeeded\n", unencrypted(config))
    assert json.loads(config.read_text()) == {"auths": {basic: {"auth": AUTH}}}
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700
    assert os.listdir(config.parent) == ["config.json"]
    assert proa.pull(f"{basic}/login:1").returncode == 0


def test_token_login_then_pull(proa, tokens, token_server, config):
    p = login(proa, tokens)
    assert (p.returncode, p.stdout) == (0, "Login Succeeded\n")
    (request,) = token_server.seen("/token")
    assert request[0] == "GET" and "offline_token=true" in request[1]
    assert "scope=" not in request[1] and f"account={servers.USER}" in request[1]
    assert json.loads(config.read_text()) == {"auths": {tokens: {"auth": AUTH}}}
    assert proa.pull(f"{tokens}/login:1").returncode == 0


def test_identity_token_is_kept_instead_of_the_password(proa, tokens, token_server, config):
    token_server.refresh_token = "identity-canary"
    assert login(proa, tokens).returncode == 0
    user_only = base64.b64encode(f"{servers.USER}:".encode()).decode()
    assert json.loads(config.read_text()) == {"auths": {tokens: {
        "auth": user_only, "identitytoken": "identity-canary"}}}
    token_server.requests.clear()
    assert proa.pull(f"{tokens}/login:1").returncode == 0
    (request,) = token_server.seen("/token")
    assert request[0] == "POST" and "refresh_token=identity-canary" in request[3]
    # A token is for pulling: no other identity token is asked for.
    assert "access_type" not in request[3]


@pytest.mark.parametrize("spelling", ["https://{}", "https://{}/", "{}/v2/", "http://{}/v1/"])
def test_spellings_of_a_server(proa, basic, config, spelling):
    assert login(proa, spelling.format(basic)).returncode == 0
    assert list(json.loads(config.read_text())["auths"]) == [basic]


@pytest.mark.parametrize("server", ["myhost", "Bad Host", "a.io/UPPER", "a.io/x:tag", ""])
def test_servers_that_no_image_could_name(proa, server):
    p = login(proa, server)
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr == (f'proa: login: "{server}" is not a registry '
                        "(HOST[:PORT], with a dot or a port, or localhost)\n")


def test_the_rest_of_the_file_is_kept(proa, basic, config):
    before = {"HttpHeaders": {"X": "y"}, "psFormat": "table", "auths": {
        "other.io": {"auth": "eDp5"}, f"https://{basic}": {"auth": "eDp5"}}, "detachKeys": "x"}
    put(config, before)
    assert login(proa, basic).returncode == 0
    after = json.loads(config.read_text())
    assert after.pop("auths") == {"other.io": {"auth": "eDp5"}, basic: {"auth": AUTH}}
    before.pop("auths")
    assert after == before


def test_symbolic_link_is_followed(proa, basic, config, tmp_path):
    real = tmp_path / "dotfiles" / "docker.json"
    put(real, {})
    config.parent.mkdir()
    config.symlink_to(real)
    assert login(proa, basic).returncode == 0
    assert config.is_symlink()
    assert json.loads(real.read_text())["auths"] == {basic: {"auth": AUTH}}


def test_where_an_entry_is_already(proa, basic, config):
    podman = proa.home / "run" / "containers" / "auth.json"
    put(podman, {"auths": {basic: {"auth": "b2xkOm9sZA=="}}})
    p = login(proa, basic)
    assert (p.returncode, p.stderr) == (0, unencrypted(podman))
    assert json.loads(podman.read_text())["auths"] == {basic: {"auth": AUTH}}
    assert not config.exists()


@pytest.mark.parametrize("how", ["option", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "--config"])
def test_named_places(proa, basic, config, tmp_path, how):
    place = tmp_path / "named" / "config.json"
    if how == "option":
        p = login(proa, "--authfile", place, basic)
    elif how == "--config":
        p = subprocess.run(
            proa.command("--config", place.parent, "login", "-u", servers.USER,
                         "--password-stdin", basic),
            input=servers.PASSWORD, env=proa.env, capture_output=True, text=True, check=False)
    else:
        p = login(proa, basic,
                  env={how: str(place if how == "REGISTRY_AUTH_FILE" else place.parent)})
    assert p.returncode == 0, p.stderr
    assert json.loads(place.read_text())["auths"] == {basic: {"auth": AUTH}}
    assert not config.exists()


def test_namespace_has_its_own_entry(proa, basic, config):
    assert login(proa, f"{basic}/team").returncode == 0
    assert list(json.loads(config.read_text())["auths"]) == [f"{basic}/team"]
    p = proa.pull(f"{basic}/login:1")
    assert p.returncode == 1 and "authentication required" in p.stderr


def test_two_logins_at_once_lose_nothing(proa, basic, tokens, config):
    running = [subprocess.Popen(
        proa.command("login", "-u", servers.USER, "--password-stdin", f"{host}/n{i}"),
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=proa.env)
        for i in range(4) for host in (basic, tokens)]
    for p in running:
        p.stdin.write(servers.PASSWORD.encode())
        p.stdin.close()
    for p in running:
        assert p.wait(60) == 0, p.stderr.read()
        p.stderr.close()
    assert len(json.loads(config.read_text())["auths"]) == 8


def test_registry_without_authentication(proa, plain_registry, config):
    assert login(proa, plain_registry.host).returncode == 0
    assert list(json.loads(config.read_text())["auths"]) == [plain_registry.host]


# --- what is refused stores nothing ---

def test_wrong_password(proa, basic, config):
    p = login(proa, basic, password="wrong-canary")
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr == (f"proa: login: {basic}: the stored or given credentials were refused: "
                        "UNAUTHORIZED: authentication required\n")
    assert not config.exists()


def test_wrong_password_at_the_token_server(proa, tokens, config):
    p = login(proa, tokens, password="wrong-canary")
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr == (f"proa: login: {tokens}: the stored or given credentials were refused: "
                        "incorrect username or password\n")
    assert not config.exists()


def test_no_registry_there(proa, config):
    p = login(proa, f"127.0.0.1:{servers.free_port()}")
    assert (p.returncode, p.stdout) == (1, "")
    assert "Connection refused" in p.stderr or "Failed to connect" in p.stderr
    assert not config.exists()


def test_broken_file_is_left_alone(proa, basic, config):
    config.parent.mkdir()
    config.write_text("{broken")
    p = login(proa, basic)
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.startswith(f"proa: login: Error saving credentials: {config}: ")
    assert config.read_text() == "{broken"


# --- passwords ---

@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_one_line_break_is_stripped(proa, basic, end):
    assert login(proa, basic, password=servers.PASSWORD + end).returncode == 0


def test_only_one_line_break_is_stripped(proa, basic):
    assert login(proa, basic, password=servers.PASSWORD + "\n\n").returncode == 1


def test_password_option_warns(proa, basic, config):
    p = proa.run("login", "-u", servers.USER, "-p", servers.PASSWORD, basic)
    assert (p.returncode, p.stdout) == (0, "Login Succeeded\n")
    assert p.stderr == ("WARNING! Using --password via the CLI is insecure. "
                        "Use --password-stdin.\n" + unencrypted(config))


@pytest.mark.parametrize("args, message", [
    (["-u", "x", "-p", "y", "--password-stdin"],
     "--password and --password-stdin are mutually exclusive"),
    (["--password-stdin"], "Must provide --username with --password-stdin"),
    (["-u", "x", "--password-stdin"], "password is empty"),
    (["-u", "x:y", "-p", "z"], "a user name cannot hold a colon"),
])
def test_options_that_do_not_go_together(proa, basic, args, message):
    p = subprocess.run(proa.command("login", *args, basic), stdin=subprocess.DEVNULL,
                       env=proa.env, capture_output=True, text=True, check=False)
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.splitlines()[-1] == f"proa: login: {message}"


def test_no_terminal_to_ask_on(proa, basic):
    p = subprocess.run(proa.command("login", basic), stdin=subprocess.DEVNULL,
                       env=proa.env, capture_output=True, text=True, check=False)
    assert p.returncode == 1
    assert p.stderr == (
        "proa: login: Cannot perform an interactive login from a non TTY device\n"
        "hint: --username NAME --password-stdin reads the password from standard input\n")


class Person:
    """Somebody at a terminal."""

    def __init__(self, command, env):
        self.master, slave = pty.openpty()
        self.slave = os.dup(slave)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(command, env=env, stdin=slave, stdout=slave,
                                        stderr=slave, start_new_session=True)
        os.close(slave)
        self.seen = ""

    def expect(self, text, seconds=20):
        end = time.monotonic() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} did not come: {self.seen!r}"
            self.seen += os.read(self.master, 4096).decode()

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        status = self.process.wait(20)
        after = termios.tcgetattr(self.slave)
        os.close(self.slave)
        os.close(self.master)
        assert after == self.before
        return status


def test_prompts(proa, basic, config):
    person = Person(proa.command("login", basic), proa.env)
    person.expect("Username: ")
    person.type(servers.USER + "\n")
    person.expect("Password: ")
    person.type(servers.PASSWORD + "\n")
    person.expect("Login Succeeded")
    assert person.end() == 0
    assert servers.USER in person.seen and servers.PASSWORD not in person.seen
    assert json.loads(config.read_text())["auths"] == {basic: {"auth": AUTH}}


def test_interrupted_prompt_puts_the_echo_back(proa, basic):
    person = Person(proa.command("login", "-u", "x", basic), proa.env)
    person.expect("Password: ")
    time.sleep(0.2)
    person.process.send_signal(2)
    assert person.end() == -2


def test_stored_credentials_are_tried_first(proa, basic, config):
    put(config, {"auths": {basic: {"auth": AUTH}}})
    p = subprocess.run(proa.command("login", basic), stdin=subprocess.DEVNULL,
                       env=proa.env, capture_output=True, text=True, check=False)
    assert (p.returncode, p.stdout, p.stderr) == (
        0, "Login Succeeded\n", "Authenticating with existing credentials...\n")


def test_stored_credentials_that_fail_are_asked_for_anew(proa, basic, config):
    put(config, {"auths": {basic: {"username": servers.USER, "password": "old"}}})
    person = Person(proa.command("login", basic), proa.env)
    person.expect("Login did not succeed, error: ")
    person.expect(f"Username ({servers.USER}): ")
    person.type("\n")
    person.expect("Password: ")
    person.type(servers.PASSWORD + "\n")
    person.expect("Login Succeeded")
    assert person.end() == 0
    assert json.loads(config.read_text())["auths"] == {basic: {"auth": AUTH}}


# --- helpers ---

HELPER = """#!/usr/bin/python3
import json, os, sys
path = {path!r}
known = json.load(open(path)) if os.path.exists(path) else {{}}
verb, text = sys.argv[1], sys.stdin.read()
with open(path + ".log", "a") as log:
    print(verb, json.loads(text)["ServerURL"] if verb == "store" else text, sys.argv, file=log)
if verb == "store":
    entry = json.loads(text)
    known[entry["ServerURL"]] = [entry["Username"], entry["Secret"]]
elif verb == "list":
    print(json.dumps({{k: v[0] for k, v in known.items()}}))
elif text not in known:
    print("credentials not found in native keychain")
    sys.exit(1)
elif verb == "get":
    print(json.dumps(dict(ServerURL=text, Username=known[text][0], Secret=known[text][1])))
else:
    del known[text]
json.dump(known, open(path, "w"))
"""


@pytest.fixture
def keychain(proa, tmp_path):
    """A helper "test" that keeps things in a file."""
    directory = tmp_path / "bin"
    directory.mkdir()
    program = directory / "docker-credential-test"
    path = tmp_path / "keychain"
    program.write_text(HELPER.format(path=str(path)))
    program.chmod(0o755)
    proa.env["PATH"] = f"{directory}:{proa.env['PATH']}"
    return path


@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_helper_keeps_the_secret(proa, basic, config, keychain, key):
    put(config, {key: "test" if key == "credsStore" else {basic: "test"}})
    p = login(proa, basic)
    assert (p.returncode, p.stdout, p.stderr) == (0, "Login Succeeded\n", "")
    assert json.loads(config.read_text())["auths"] == {basic: {}}
    assert json.loads(keychain.read_text()) == {basic: [servers.USER, servers.PASSWORD]}
    assert proa.pull(f"{basic}/login:1").returncode == 0
    p = proa.run("login", "--get-login", basic)
    assert (p.returncode, p.stdout) == (0, servers.USER + "\n")
    p = proa.run("logout", basic)
    assert (p.returncode, p.stdout) == (0, f"Removing login credentials for {basic}\n")
    assert json.loads(keychain.read_text()) == {}
    assert json.loads(config.read_text())["auths"] == {}
    # The secret went through a pipe.
    assert servers.PASSWORD not in keychain.with_suffix(".log").read_text()


def test_helper_that_knows_the_server_by_a_url(proa, basic, config, keychain):
    put(config, {"credsStore": "test"})
    keychain.write_text(json.dumps({f"https://{basic}": [servers.USER, servers.PASSWORD]}))
    assert proa.pull(f"{basic}/login:1").returncode == 0
    p = proa.run("logout", basic)
    assert (p.returncode, p.stdout) == (0, f"Removing login credentials for {basic}\n")
    assert json.loads(keychain.read_text()) == {}


def test_helper_keeps_an_identity_token(proa, tokens, token_server, config, keychain):
    token_server.refresh_token = "identity-canary"
    put(config, {"credsStore": "test"})
    assert login(proa, tokens).returncode == 0
    assert json.loads(keychain.read_text()) == {tokens: ["<token>", "identity-canary"]}
    assert proa.pull(f"{tokens}/login:1").returncode == 0


def test_helper_that_cannot_store(proa, basic, config, tmp_path):
    directory = tmp_path / "bin"
    directory.mkdir()
    program = directory / "docker-credential-ecr"
    program.write_text("#!/bin/sh\ncat > /dev/null; echo not implemented; exit 1\n")
    program.chmod(0o755)
    put(config, {"credHelpers": {basic: "ecr"}})
    before = config.read_text()
    p = login(proa, basic, env={"PATH": f"{directory}:/usr/bin:/bin"})
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr == ("proa: login: Error saving credentials: docker-credential-ecr: "
                        "credential helper failed with status 1: not implemented\n")
    assert config.read_text() == before


def test_helper_that_is_not_installed(proa, basic, config):
    put(config, {"credsStore": "desktop"})
    p = login(proa, basic)
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr == ("proa: login: Error saving credentials: docker-credential-desktop: "
                        "not found in PATH\n")


# --- other tools ---

def skopeo(proa, *args):
    return subprocess.run(["skopeo", *map(str, args)], env=proa.env, capture_output=True,
                          text=True, timeout=60, check=False)


def test_skopeo_reads_what_was_stored(proa, basic, certificate):
    name = f"docker://{basic}/login:1"
    assert skopeo(proa, "inspect", "--cert-dir", certificate.dir, name).returncode == 1
    assert login(proa, basic).returncode == 0
    p = skopeo(proa, "inspect", "--cert-dir", certificate.dir, name)
    assert p.returncode == 0, p.stderr


def test_what_skopeo_stored_is_read_and_removed(proa, basic, certificate):
    p = skopeo(proa, "login", "-u", servers.USER, "-p", servers.PASSWORD,
               "--cert-dir", certificate.dir, basic)
    assert p.returncode == 0, p.stderr
    assert proa.pull(f"{basic}/login:1").returncode == 0
    assert proa.run("login", "--get-login", basic).stdout == servers.USER + "\n"
    assert proa.run("logout", basic).returncode == 0
    assert skopeo(proa, "login", "--get-login", basic).returncode != 0


# --- --get-login and logout ---

def test_get_login(proa, basic, config):
    put(config, {"auths": {basic: {"auth": AUTH}, HUB: {"auth": "aHViOnA="}}})
    p = proa.run("login", "--get-login", basic)
    assert (p.returncode, p.stdout, p.stderr) == (0, servers.USER + "\n", "")
    assert proa.run("login", "--get-login").stdout == "hub\n"
    assert proa.run("login", "--get-login", "index.docker.io").stdout == "hub\n"
    p = proa.run("login", "--get-login", "other.io")
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr == "proa: login: not logged into other.io\n"


def test_logout_everywhere_it_would_be_found(proa, basic, config):
    podman = proa.home / "run" / "containers" / "auth.json"
    legacy = proa.home / ".dockercfg"
    keep = {"other.io": {"auth": "eDp5"}}
    put(config, {"auths": dict(keep, **{basic: {"auth": AUTH}})})
    put(podman, {"auths": dict(keep, **{f"http://{basic}": {"auth": AUTH}})})
    put(legacy, dict(keep, **{f"https://{basic}": {"auth": AUTH}}))
    p = proa.run("logout", basic)
    assert (p.returncode, p.stdout, p.stderr) == (
        0, f"Removing login credentials for {basic}\n", "")
    assert json.loads(config.read_text()) == json.loads(podman.read_text()) == {"auths": keep}
    assert json.loads(legacy.read_text()) == keep
    assert proa.pull(f"{basic}/login:1").returncode == 1
    p = proa.run("logout", basic)
    assert (p.returncode, p.stdout, p.stderr) == (0, f"Not logged in to {basic}\n", "")


def test_logout_from_hub(proa, config):
    put(config, {"auths": {HUB: {"auth": AUTH}, "docker.io": {"auth": AUTH}}})
    p = proa.run("logout")
    assert (p.returncode, p.stdout) == (0, "Removing login credentials for docker.io\n")
    assert json.loads(config.read_text()) == {"auths": {}}


def test_logout_makes_nothing(proa, basic):
    p = proa.run("logout", basic)
    assert (p.returncode, p.stdout) == (0, f"Not logged in to {basic}\n")
    assert not (proa.home / ".docker").exists()


def test_logout_all(proa, basic, config, keychain):
    put(config, {"credsStore": "test", "auths": {basic: {"auth": AUTH}, HUB: {}}, "x": 1})
    keychain.write_text(json.dumps({HUB: ["a", "b"], "quay.io": ["c", "d"]}))
    p = proa.run("logout", "--all")
    assert (p.returncode, p.stdout) == (0, "Removed login credentials for all registries\n")
    assert json.loads(keychain.read_text()) == {}
    assert json.loads(config.read_text()) == {"credsStore": "test", "auths": {}, "x": 1}


def test_missing_authfile_at_logout(proa, basic, tmp_path):
    p = proa.run("logout", "--authfile", tmp_path / "none", basic)
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr == (f"proa: logout: open {tmp_path}/none: No such file or directory\n")


# --- secrets ---

def test_no_secret_in_the_debug_log(proa, basic, tokens, token_server):
    token_server.refresh_token = "identity-canary"
    for host in (basic, tokens):
        p = subprocess.run(
            proa.command("--debug", "login", "-u", servers.USER, "--password-stdin", host),
            input=servers.PASSWORD, env=proa.env, capture_output=True, text=True, check=False)
        assert p.returncode == 0 and "proa: debug: GET" in p.stderr
        for secret in (servers.PASSWORD, AUTH, "identity-canary"):
            assert secret not in p.stderr + p.stdout
