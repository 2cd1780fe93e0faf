"""image tags and search: the real registry, and a scripted one for pages and for what some serve."""

import json
import re
import urllib.parse
from http.server import BaseHTTPRequestHandler

import pytest

import registry as servers
import registry_images as images

CREDS = f"{servers.USER}:{servers.PASSWORD}"


class Lists(servers.Server):
    """`pages`: path with query -> (status, headers, body); what is not there is 404."""

    def __init__(self, certificate=None):
        self.pages = {}
        super().__init__(ListsHandler, certificate)

    def add(self, path, document, link=None, status=200):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.pages[path] = (status, {"Link": link} if link else {}, body)


class ListsHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server.owner
        server.record(self)
        found = (200, {}, b"{}") if self.path == "/v2/" else server.pages.get(self.path)
        status, headers, body = found or (404, {}, json.dumps({"errors": [{
            "code": "NAME_UNKNOWN", "message": "repository name not known to registry"}]}).encode())
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def lists():
    s = Lists()
    yield s
    s.stop()


FIRST = "/v2/x/tags/list?n=1000"


def tags(proa, server, *args):
    p = proa.run("image", "tags", *args, f"{server.host}/x")
    assert (p.returncode, p.stderr) == (0, "")
    return p.stdout.split()


def fails(proa, *args):
    p = proa.run(*args)
    assert (p.returncode, p.stdout) == (1, "")
    return p.stderr


def test_tags_of_a_real_registry(proa, plain_registry, image):
    for tag in ("b", "a", "1.0", "C"):
        plain_registry.push("many/tags", tag, image)
    name = f"{plain_registry.host}/many/tags"
    p = proa.run("image", "tags", name)
    assert (p.returncode, p.stdout, p.stderr) == (0, "1.0\nC\na\nb\n", "")
    rows = [json.loads(line) for line in proa.run("image", "tags", "--json", name).stdout.split("\n")
            if line]
    assert rows[0] == {"Name": name, "Tag": "1.0"}
    p = proa.run("image", "tags", "--format", "table", name)
    assert p.stdout.split("\n")[0].split() == ["NAME", "TAG"]


def test_credentials_go_with_every_request(proa, basic_registry, certificate, image):
    basic_registry.push("private", "1", image)
    args = ("image", "tags", "--cert-dir", certificate.dir, "--tls-verify")
    name = f"{basic_registry.host}/private"
    p = proa.run(*args, "--creds", CREDS, name)
    assert (p.returncode, p.stdout, p.stderr) == (0, "1\n", "")
    message = fails(proa, *args, name)
    assert message.startswith(f"proa: image tags: repository {name}: {basic_registry.host}: "
                              "authentication required")


def test_tokens_have_the_scope_of_the_repository(proa, token_registry, token_server, certificate,
                                                 image):
    token_registry.push("team/app", "7", image)
    p = proa.run("image", "tags", "--cert-dir", certificate.dir, "--creds", CREDS,
                 f"{token_registry.host}/team/app")
    assert (p.returncode, p.stdout, p.stderr) == (0, "7\n", "")
    query = urllib.parse.parse_qs(token_server.seen("/token")[-1][1].partition("?")[2])
    assert query["scope"] == ["repository:team/app:pull"]


def test_unknown_repository(proa, plain_registry):
    name = f"{plain_registry.host}/absent"
    assert fails(proa, "image", "tags", name) == (
        f"proa: image tags: repository {name}: {plain_registry.host} answered 404: "
        "NAME_UNKNOWN: repository name not known to registry\n")


@pytest.mark.parametrize("name", ["x:1", "x@sha256:" + "0" * 64])
def test_a_repository_is_wanted(proa, name):
    assert fails(proa, "image", "tags", name) == (
        f"proa: image tags: {name}: a repository is wanted, without a tag or digest\n")


def test_pages_are_followed(proa, lists):
    """A relative link, one that is absolute, one among others and with strange blanks."""
    lists.add(FIRST, {"name": "x", "tags": ["c", "b"]},
              '</v2/x/tags/list?last=b&n=1000&opaque=a%2Fb>; rel="next"')
    lists.add("/v2/x/tags/list?last=b&n=1000&opaque=a%2Fb", {"tags": ["a"]},
              f'<{lists.base}/v2/x/tags/list?p=3>;rel=next')
    lists.add("/v2/x/tags/list?p=3", {"tags": ["d"]},
              '<list?p=1>; title="a, \\">"; rel=prev , <list?p=4>; REL="last next"')
    lists.add("/v2/x/tags/list?p=4", {"tags": ["e"]}, '<list?p=3>; rel="prev"')
    assert tags(proa, lists) == ["a", "b", "c", "d", "e"]


def test_limit_ends_the_paging(proa, lists):
    lists.add(FIRST, {"tags": ["c", "b"]}, '<list?p=2>; rel="next"')
    lists.add("/v2/x/tags/list?p=2", {"tags": ["a", "d"]}, '<list?p=3>; rel="next"')
    assert tags(proa, lists, "--limit", "2") == ["b", "c"]
    assert len(lists.seen("/tags/list")) == 1
    assert tags(proa, lists, "--limit", "3") == ["a", "b", "c"]
    assert [r[1] for r in lists.seen("p=3")] == []


@pytest.mark.parametrize("served, wanted", [
    ({"name": "x", "tags": None}, []),
    ({"name": "x"}, []),
    ({"tags": [None, "1", None]}, ["1"]),
    ({"tags": ["1", "sha256:" + "a" * 64, "x@sha256:" + "b" * 64, "", "-a", "a b", "ok"]},
     ["1", "ok"]),
    ({"tags": ["1", 2, ["3"]], "child": [], "manifest": {"sha256:1": {"tag": ["1"]}}}, ["1"]),
])
def test_what_is_no_tag_is_left_out(proa, lists, served, wanted):
    lists.add(FIRST, served)
    assert tags(proa, lists) == wanted


@pytest.mark.parametrize("body, reason", [
    (b"<html>", "list of tags: invalid JSON at byte 0: "),
    (b"[]", "list of tags: not an object"),
    (b'{"tags": {}}', 'list of tags: "tags" is not an array'),
])
def test_what_is_no_list_is_an_error(proa, lists, body, reason):
    lists.add(FIRST, body)
    assert f": {lists.host}: {reason}" in fails(proa, "image", "tags", f"{lists.host}/x")


def test_the_next_page_stays_at_the_registry(proa, lists, recorder):
    lists.add(FIRST, {"tags": ["1"]}, f'<{recorder.base}/v2/x/tags/list?p=2>; rel="next"')
    message = fails(proa, "image", "tags", f"{lists.host}/x")
    assert message.endswith(": the next page of tags is at another server, 127.0.0.1\n")
    assert recorder.requests == []


def test_pages_cannot_go_in_a_circle(proa, lists):
    lists.add(FIRST, {"tags": ["1"]}, f'<{FIRST}>; rel="next"')
    assert fails(proa, "image", "tags", f"{lists.host}/x").endswith(
        ": the pages of tags go in a circle\n")
    lists.add(FIRST, {"tags": ["1"]}, '<list?p=2>; rel="next"')
    lists.add("/v2/x/tags/list?p=2", {"tags": ["1"]}, f'<{FIRST}>; rel="next"')
    assert fails(proa, "image", "tags", f"{lists.host}/x").endswith(
        ": the pages of tags go in a circle\n")


# search


def search(proa, *args):
    p = proa.run("search", *args)
    assert (p.returncode, p.stderr) == (0, "")
    return p.stdout


RESULTS = {"num_results": 3, "results": [
    {"name": "team/app", "description": "An app\nof the team " + "x" * 60, "star_count": 12,
     "is_official": False, "is_automated": True},
    {"name": "app", "description": "", "star_count": 3, "is_official": True},
    {"name": None}]}


def test_search_by_the_index(proa, lists):
    lists.add("/v1/search?q=app&n=25", RESULTS)
    out = search(proa, f"{lists.host}/app")
    assert [re.split(" {3,}", line) for line in out.splitlines()] == [
        ["NAME", "DESCRIPTION", "STARS", "OFFICIAL"],
        [f"{lists.host}/team/app", "An app of the team " + "x" * 25 + "…", "12"],
        [f"{lists.host}/app", "3", "[OK]"]]
    assert search(proa, "--no-trunc", "--format", "{{.Description}}", "-f", "is-official=false",
                  f"{lists.host}/app") == "An app of the team " + "x" * 60 + "\n"
    assert search(proa, "-f", "stars=10", "--format", "{{.Name}} {{.StarCount}}",
                  f"{lists.host}/app") == f"{lists.host}/team/app 12\n"
    assert json.loads(search(proa, "--json", "-f", "is-official=1", f"{lists.host}/app")) == {
        "Name": f"{lists.host}/app", "Description": "", "StarCount": "3", "IsOfficial": "[OK]",
        "IsAutomated": ""}


def test_search_with_a_limit(proa, lists):
    lists.add("/v1/search?q=app&n=1", RESULTS)
    assert search(proa, "--limit", "1", "--format", "{{.Name}}", f"{lists.host}/app") == (
        f"{lists.host}/team/app\n")


def test_search_by_the_catalog(proa, plain_registry, image):
    for repository in ("find/me", "find/other", "me"):
        plain_registry.push(repository, "1", image)
    host = plain_registry.host
    assert search(proa, "--format", "{{.Name}}", f"{host}/find/") == (
        f"{host}/find/me\n{host}/find/other\n")
    assert f"{host}/me\n" in search(proa, "--format", "{{.Name}}", "--limit", "100", f"{host}/")


def test_search_that_is_refused(proa, lists):
    assert fails(proa, "search", f"{lists.host}/app") == (
        f"proa: search: registry {lists.host}: neither /v1/search nor the catalog can be had: "
        f"{lists.host} answered 404: NAME_UNKNOWN: repository name not known to registry\n")


@pytest.mark.parametrize("text, reason", [
    ("stars=x", "invalid filter 'stars=x': "),
    ("is-official=perhaps", "invalid filter 'is-official=perhaps': "),
    ("color=red", "invalid filter 'color=red': known are is-official, stars"),
])
def test_filters_of_search(proa, text, reason):
    assert reason in fails(proa, "search", "-f", text, "x")


# pull --all-tags and its neighbours


def test_pull_of_all_tags(proa, plain_registry, image):
    other = images.Image([images.Layer({"other": b"x"})])
    plain_registry.push("all/of", "1", image)
    plain_registry.push("all/of", "2", other)
    name = f"{plain_registry.host}/all/of"
    p = proa.pull("-q", "--all-tags", name)
    assert (p.returncode, sorted(p.stdout.split()), p.stderr) == (
        0, [f"{name}:1", f"{name}:2"], "")
    assert len(proa.references()) == 2
    assert fails(proa, "pull", "-a", f"{name}:1") == (
        f"proa: pull: repository {name}:1: tag can't be used with --all-tags/-a: {name}:1\n")
    message = fails(proa, "pull", "-a", f"{plain_registry.host}/absent")
    assert "NAME_UNKNOWN" in message


def test_pull_for_another_architecture(proa, plain_registry):
    pair = [images.Image([images.Layer({"f": a.encode()})], architecture=a)
            for a in ("amd64", "arm64")]
    plain_registry.push("arch", "1", images.Index([
        (pair[0], {"os": "linux", "architecture": "amd64"}),
        (pair[1], {"os": "linux", "architecture": "arm64", "variant": "v8"})]))
    name = f"{plain_registry.host}/arch:1"
    for args in (("--arch", "arm64"), ("--os", "linux", "--arch", "arm64", "--variant", "v8")):
        assert proa.pull("-q", *args, name).returncode == 0
        p = proa.run("inspect", "-f", "{{.Id}}", name)
        assert p.stdout == pair[1].id + "\n"
    assert fails(proa, "pull", "--platform", "arm64", "--arch", "arm64", name) == (
        "proa: pull: --platform excludes --os, --arch and --variant\n")


def test_pull_by_policy(proa, plain_registry, image):
    plain_registry.push("policy", "1", image)
    name = f"{plain_registry.host}/policy:1"
    assert fails(proa, "pull", "--policy", "never", name) == (
        f"proa: pull: No such image: {name}\n")
    p = proa.pull("-q", "--policy", "missing", name)
    assert (p.returncode, p.stdout) == (0, f"{name}\n")
    for policy in ("missing", "never"):
        p = proa.pull("--policy", policy, name)
        assert (p.returncode, p.stdout, p.stderr) == (0, f"{name}\n", "")
    p = proa.pull("--policy", "newer", name)
    assert f"Status: Image is up to date for {name}\n" in p.stdout
