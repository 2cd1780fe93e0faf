"""Proxies as docker reads them: HTTP_PROXY, HTTPS_PROXY, NO_PROXY; loopback never goes through."""

import base64
import re
import select
import socket

import pytest

import registry as servers

NAME = "registry.test/app:1"


class ProxyHandler(servers.FaultyHandler):
    """Plain requests are answered here; CONNECT leads to `target`, whatever was asked for."""

    def serve(self):
        self.server.owner.asked.append((self.command, self.path.split("?")[0],
                                        self.headers.get("Proxy-Authorization")))
        self.path = re.sub(r"^http://[^/]*", "", self.path)
        super().serve()

    def do_CONNECT(self):
        owner = self.server.owner
        owner.asked.append(("CONNECT", self.path, self.headers.get("Proxy-Authorization")))
        if not owner.target:
            return self.plain(503, b"")
        upstream = socket.create_connection(("127.0.0.1", owner.target))
        self.send_response(200)
        self.end_headers()
        ends = {self.connection: upstream, upstream: self.connection}
        while True:
            for end in select.select(list(ends), [], [])[0]:
                data = end.recv(65536)
                if not data:
                    upstream.close()
                    self.close_connection = True
                    return None
                ends[end].sendall(data)


@pytest.fixture
def proxy():
    class Proxy(servers.FaultyRegistry):
        def __init__(self):
            self.asked, self.target = [], None
            super().__init__()
            self.server.RequestHandlerClass = ProxyHandler

    p = Proxy()
    yield p
    p.stop()


@pytest.fixture
def insecure(proa):
    conf = proa.home / ".config" / "containers" / "registries.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text('[[registry]]\nlocation = "registry.test"\ninsecure = true\n')


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy"])
def test_plain_http(proa, proxy, insecure, image, variable):
    proxy.add("app", "1", image)
    p = proa.pull(NAME, env={variable: f"http://u:proxy-canary@{proxy.host}"})
    assert p.returncode == 0, p.stderr
    assert {a[1].split("/v2/")[0] for a in proxy.asked} == {"http://registry.test"}
    secret = base64.b64encode(b"u:proxy-canary").decode()
    assert {a[2] for a in proxy.asked} == {f"Basic {secret}"}


def test_https_through_connect(proa, proxy, faulty_tls, image):
    faulty_tls.add("app", "1", image)
    proxy.target = faulty_tls.port
    p = proa.run("--debug", "pull", "--tls-verify=false", NAME,
                 env={"HTTPS_PROXY": f"http://u:proxy-canary@{proxy.host}"})
    assert p.returncode == 0, p.stderr
    assert {a[:2] for a in proxy.asked} == {("CONNECT", "registry.test:443")}
    # What is meant for the proxy is not the registry's to know, nor the log's.
    assert all("Proxy-Authorization" not in r[2] for r in faulty_tls.requests)
    assert "proxy-canary" not in p.stderr


@pytest.mark.parametrize("no_proxy", ["registry.test", ".test", "*", "other,registry.test"])
def test_no_proxy(proa, proxy, insecure, no_proxy):
    """Straight to a name that does not exist."""
    p = proa.pull("--retry", "0", NAME, env={
        "HTTP_PROXY": proxy.base, "HTTPS_PROXY": proxy.base, "NO_PROXY": no_proxy})
    assert p.returncode == 1 and "Could not resolve host" in p.stderr
    assert proxy.asked == []


def test_loopback_is_not_proxied(proa, proxy, faulty, image):
    faulty.add("app", "1", image)
    p = proa.pull(f"{faulty.host}/app:1",
                  env={"HTTP_PROXY": proxy.base, "HTTPS_PROXY": proxy.base})
    assert (p.returncode, proxy.asked) == (0, [])


def test_proxy_that_refuses(proa, proxy):
    p = proa.pull("--retry", "0", NAME, env={"HTTPS_PROXY": proxy.base})
    assert (p.returncode, p.stdout) == (1, "")
    assert "503" in p.stderr.splitlines()[-1]
