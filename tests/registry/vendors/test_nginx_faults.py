"""A real registry behind nginx, each port with one thing that proxies do wrong."""

import shutil
import subprocess

import pytest

import registry as servers
from cases import last_error, pulls

# name: (listen options, directives)
FAULTS = {
    "http2": ("ssl http2", "{pass}"),
    "http2_slow": ("ssl http2", "limit_rate 4m; {pass}"),
    "range_ignored": ("", "proxy_set_header Range ''; proxy_hide_header Content-Range; {pass}"),
    "head_405": ("", "if ($request_method = HEAD) {{ return 405; }} {pass}"),
    "generic": ("", "proxy_hide_header Content-Type; add_header Content-Type text/plain; {pass}"),
    "no_digest": ("", "proxy_hide_header Docker-Content-Digest; {pass}"),
    "warning": ("", "add_header Warning '299 - \"this registry closes in May\"'; {pass}"),
    "down": ("", "return 503;"),
    "page": ("", "default_type text/html; return 200 '<html><title>Login</title></html>';"),
    "gzip": ("", "gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; {pass}"),
    "client_certificate": ("ssl", "{pass}"),
}


class FaultyNginx:
    def __init__(self, directory, registry, certificate):
        self.directory, self.certificate = directory, certificate
        self.ports = {name: servers.free_port() for name in FAULTS}
        (directory / "nginx.conf").write_text(self.config(registry))
        self.process = subprocess.Popen(
            ["nginx", "-e", directory / "error.log", "-c", directory / "nginx.conf"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for port in self.ports.values():
            servers.wait_for_port(port, self.process)

    def config(self, registry):
        d = self.directory
        forward = (f"proxy_pass http://{registry.host}; proxy_http_version 1.1; "
                   "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;")
        paths = " ".join(f"{kind}_temp_path {d}/{kind};"
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        text = (f"daemon off; worker_processes 1; pid {d}/pid; error_log {d}/error.log;\n"
                "events { worker_connections 256; }\n"
                "http {\nlog_format line '$server_port $status $request_method $uri "
                "$server_protocol $sent_http_content_encoding';\n"
                f"access_log {d}/access.log line; {paths} proxy_max_temp_file_size 0;\n")
        for name, (listen, directives) in FAULTS.items():
            extra = ""
            if "ssl" in listen:
                extra = (f"ssl_certificate {self.certificate.cert}; "
                         f"ssl_certificate_key {self.certificate.key}; ")
            if name == "client_certificate":
                extra += f"ssl_verify_client on; ssl_client_certificate {self.certificate.cert}; "
            body = directives.replace("{pass}", forward).replace("{{", "{").replace("}}", "}")
            text += (f"server {{ listen 127.0.0.1:{self.ports[name]} {listen}; {extra}"
                     f"location / {{ {body} }} }}\n")
        return text + "}\n"

    def host(self, name):
        return f"127.0.0.1:{self.ports[name]}"

    def log(self, name):
        return [line for line in (self.directory / "access.log").read_text().splitlines()
                if line.startswith(f"{self.ports[name]} ")]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def nginx(tmp_path_factory, plain_registry, certificate, image):
    if not shutil.which("nginx"):
        pytest.skip("nginx is not installed")
    plain_registry.push("behind/faults", "1", image)
    server = FaultyNginx(tmp_path_factory.mktemp("nginx"), plain_registry, certificate)
    yield server
    server.stop()


@pytest.fixture
def name(nginx, which):
    return f"{nginx.host(which)}/behind/faults:1"


def fault(which):
    """The test is about this port; `name` is the image there."""
    return pytest.mark.parametrize("which", [which])


@fault("http2")
def test_real_http2(proa, nginx, name, image):
    pulls(proa, name, image)
    assert all("HTTP/2.0" in line for line in nginx.log("http2") if "/manifests/" in line)


@fault("http2_slow")
def test_http2_with_a_narrow_pipe(proa, nginx, name, image):
    pulls(proa, name, image)


@fault("range_ignored")
def test_range_is_ignored(proa, nginx, name, image):
    """What an earlier pull left is passed over, not fetched into the file a second time."""
    assert proa.pull("--retry", "0", f"{nginx.host('down')}/behind/faults:1").returncode == 1
    layer = image.layers[1]
    ingest = proa.root / "ingest" / layer.digest.split(":")[1]
    ingest.write_bytes(layer.blob[:400_000])
    pulls(proa, name, image)
    asked = [line for line in nginx.log("range_ignored") if layer.digest in line]
    assert [line.split()[1] for line in asked] == ["200"]


@fault("head_405")
def test_head_is_not_allowed(proa, nginx, name, image):
    pulls(proa, name, image)
    p = pulls(proa, name, image)
    assert p.stdout.splitlines()[1] == f"Status: Image is up to date for {name}"
    assert any(" 405 HEAD " in line for line in nginx.log("head_405"))


@fault("generic")
def test_type_says_nothing(proa, nginx, name, image):
    pulls(proa, name, image)


@fault("no_digest")
def test_no_digest_header(proa, nginx, name, image):
    pulls(proa, name, image)
    pulls(proa, name, image)


@fault("warning")
def test_warning(proa, nginx, name):
    p = pulls(proa, name)
    assert p.stderr.count("this registry closes in May") == 1


@fault("down")
def test_always_unavailable(proa, nginx, name):
    p = proa.pull("--retry", "1", name)
    assert (p.returncode, last_error(p, name)) == (
        1, f"{nginx.host('down')} answered 503: 503 Service Temporarily Unavailable")


@fault("page")
def test_page_for_everything(proa, nginx, name):
    p = proa.pull(name)
    assert p.returncode == 1
    assert "manifest 1: manifest: " in p.stderr


@fault("gzip")
def test_proxy_that_compresses(proa, nginx, name, image):
    """Only for who wants it; and who does not say so, gets it from others (test_faults_wire)."""
    pulls(proa, name, image)
    assert all(line.split()[-1] == "-" for line in nginx.log("gzip"))


@fault("client_certificate")
def test_client_certificate_is_missing(proa, nginx, name):
    p = proa.pull(name)
    assert p.returncode == 1
    assert last_error(p, name) == (f"{nginx.host('client_certificate')} answered 400: "
                                   "400 No required SSL certificate was sent")
