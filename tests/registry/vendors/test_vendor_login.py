"""Logging in to each vendor: verified, stored, used, forgotten; and refused in its own words."""

import json
import subprocess

import pytest

from simulator import FLAGS

ALL = sorted(set(FLAGS) - {"plain"})
# These hand out a refresh token, which is kept in place of the password.
OFFLINE = [flag for flag in ALL
           if FLAGS[flag].scheme == "Bearer" and not FLAGS[flag].token_post_refused]


def login(proa, sim, password=None):
    return subprocess.run(
        proa.command("login", "-u", sim.vendor.user, "--password-stdin", sim.host),
        input=password or sim.vendor.password, env=proa.env, capture_output=True, text=True,
        timeout=60, check=False)


@pytest.fixture(params=ALL)
def vendor(request, start, image):
    sim = start(request.param)
    sim.add("team/app", "1", image)
    return sim, f"{sim.host}/team/app:1"


@pytest.fixture
def config(proa):
    return proa.home / ".docker" / "config.json"


def test_login_pull_logout(trusting, vendor, config):
    sim, name = vendor
    p = login(trusting, sim)
    assert (p.returncode, p.stdout) == (0, "Login Succeeded\n"), p.stderr
    stored = config.read_text()
    (entry,) = json.loads(stored)["auths"].values()
    assert bool(entry.get("identitytoken")) == (sim.vendor.flag in OFFLINE)
    sim.journal.clear()
    assert trusting.pull("--tls-verify", name).returncode == 0
    assert config.read_text() == stored
    assert trusting.run("logout", sim.host).returncode == 0
    assert sim.host not in config.read_text()
    assert trusting.pull("--tls-verify", f"{sim.host}/team/app:2").returncode == 1


def test_login_with_a_wrong_password(trusting, vendor, config):
    """The vendor's reason, one try, and nothing stored."""
    sim, _ = vendor
    p = login(trusting, sim, "not-the-password")
    text = {
        "ecr": "UNAUTHORIZED: authentication required",
        "ghcr": "DENIED: denied",
    }.get(sim.vendor.flag, "incorrect username or password")
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.splitlines()[0].endswith(text), p.stderr
    assert sim.host in p.stderr.splitlines()[0]
    assert not config.exists()
    assert len([e for e in sim.journal.seen() if e.header("Authorization")]) == 1


def test_login_with_the_password_of_yesterday(trusting, start, config):
    sim = start("ecr")
    sim.vendor.expired = True
    p = login(trusting, sim)
    assert p.returncode == 1
    assert "Your authorization token has expired. Reauthenticate and try again." in p.stderr
    assert not config.exists()
