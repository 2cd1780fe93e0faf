"""Registries on loopback for tests: Debian's docker-registry, a token server, a faulty one.

Everything listens on 127.0.0.1 at a free port and ends with the object that started it; only
processes that were started here are ended.
"""

import base64
import contextlib
import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler

USER, PASSWORD = "alice", "s3cret-canary"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, process=None, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        if process and process.poll() is not None:
            raise RuntimeError(f"server ended with {process.returncode}")
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


class Certificate:
    """A self-signed certificate for localhost and 127.0.0.1, and a certs.d style directory."""

    def __init__(self, directory, name="localhost", days=30):
        directory.mkdir(parents=True, exist_ok=True)
        self.key, self.cert = directory / "tls.key", directory / "tls.crt"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", self.key, "-out", self.cert, "-days", str(days),
             "-subj", f"/CN={name}",
             "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1"],
            check=True, capture_output=True)
        self.dir = directory / "certs"
        self.dir.mkdir()
        shutil.copy(self.cert, self.dir / "ca.crt")

    def server_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        return context


class Registry:
    """docker-registry with its data below `directory`.

    auth: None, "htpasswd" (USER, PASSWORD), or a TokenServer.
    """

    def __init__(self, directory, certificate=None, auth=None, middleware=""):
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.certificate = directory, certificate
        self.port = free_port()
        self.auth = auth
        self.token = None if auth in (None, "htpasswd") else auth
        config = directory / "config.yml"
        config.write_text(self._config(middleware))
        self.log = open(directory / "log", "w")
        self.process = subprocess.Popen(
            ["docker-registry", "serve", config], stdout=self.log, stderr=subprocess.STDOUT)
        wait_for_port(self.port, self.process)

    def _config(self, middleware):
        text = f"""version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {self.directory}/data}}
  delete: {{enabled: true}}
{middleware}
http:
  addr: 127.0.0.1:{self.port}
  secret: not-a-secret
"""
        if self.certificate:
            text += f"  tls: {{certificate: {self.certificate.cert}, key: {self.certificate.key}}}\n"
        if self.auth == "htpasswd":
            line = subprocess.run(["htpasswd", "-Bbn", USER, PASSWORD],
                                  check=True, capture_output=True, text=True).stdout
            (self.directory / "htpasswd").write_text(line)
            text += f"auth:\n  htpasswd: {{realm: test, path: {self.directory}/htpasswd}}\n"
        elif self.token:
            text += ("auth:\n  token: {"
                     f"realm: \"{self.token.url}\", service: {self.token.SERVICE}, "
                     f"issuer: {self.token.ISSUER}, rootcertbundle: {self.token.bundle}}}\n")
        return text

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def _connect(self):
        if not self.certificate:
            return http.client.HTTPConnection("127.0.0.1", self.port)
        context = ssl.create_default_context(cafile=self.certificate.cert)
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context)

    def _authorization(self, repository):
        if self.auth == "htpasswd":
            pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        if self.token:
            access = [{"type": "repository", "name": repository, "actions": ["pull", "push"]}]
            return {"Authorization": f"Bearer {self.token.sign(access, USER)}"}
        return {}

    def _request(self, connection, method, path, body=None, headers=None):
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:200]!r}")
        return answer

    def _push_blob(self, connection, repository, name, data, headers):
        answer = self._request(connection, "POST", f"/v2/{repository}/blobs/uploads/",
                               headers=dict(headers, **{"Content-Length": "0"}))
        url = urllib.parse.urlsplit(answer.headers["Location"])
        self._request(connection, "PUT", f"{url.path}?{url.query}&digest={name}", data,
                      dict(headers, **{"Content-Type": "application/octet-stream"}))

    def push(self, repository, tag, image):
        """An Image or an Index with all its images."""
        headers = self._authorization(repository)
        connection = self._connect()
        for child in getattr(image, "images", [image]):
            for name, data in child.blobs.items():
                self._push_blob(connection, repository, name, data, headers)
            self._request(connection, "PUT", f"/v2/{repository}/manifests/{child.digest}",
                          child.manifest, dict(headers, **{"Content-Type": child.media_type}))
        self._request(connection, "PUT", f"/v2/{repository}/manifests/{tag}",
                      image.manifest, dict(headers, **{"Content-Type": image.media_type}))
        connection.close()

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.log.close()


class QuietServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # clients that hang up are what these tests are about


class Server:
    """A Python HTTP server in a thread; `requests` records what came."""

    def __init__(self, handler, certificate=None):
        self.requests = []
        self.lock = threading.Lock()
        self.certificate = certificate
        self.server = QuietServer(("127.0.0.1", 0), handler)
        self.server.owner = self
        if certificate:
            self.server.socket = certificate.server_context().wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def base(self):
        return ("https://" if self.certificate else "http://") + self.host

    def record(self, handler, body=b""):
        with self.lock:
            self.requests.append((handler.command, handler.path, dict(handler.headers), body))

    def seen(self, pattern, method=None):
        """Requests whose path matches."""
        with self.lock:
            return [r for r in self.requests
                    if re.search(pattern, r[1]) and (method is None or r[0] == method)]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenServer(Server):
    """Docker's token protocol: GET with Basic, POST for OAuth2, RS256 tokens.

    What a test may change: `users`, `identity_tokens`, `public` (prefix of repositories that
    anybody may pull), `lifetime`, `refuse_get` / `refuse_post` (status), `reply` (raw bytes),
    `refresh_token` (given to whoever asks for an offline token).
    """

    SERVICE, ISSUER = "test-registry", "test-auth"

    def __init__(self, directory, certificate=None):
        directory.mkdir(parents=True, exist_ok=True)
        self.key, self.bundle = directory / "jwt.key", directory / "jwt.crt"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key,
             "-out", self.bundle, "-days", "30", "-subj", "/CN=test-auth"],
            check=True, capture_output=True)
        self.kid = self._key_id()
        self.users = {USER: PASSWORD}
        self.identity_tokens = {"identity-canary": USER}
        self.public = "public/"
        self.lifetime = 60
        self.refuse_get = self.refuse_post = None
        self.reply = self.refresh_token = None
        super().__init__(TokenHandler, certificate)

    @property
    def url(self):
        return f"{self.base}/token"

    def _key_id(self):
        """libtrust's: base32 of 30 bytes of the SHA-256 of the public key, in groups of 4."""
        der = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER"],
                             check=True, capture_output=True).stdout
        text = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()
        return ":".join(text[i:i + 4] for i in range(0, len(text), 4))

    def sign(self, access, subject):
        now = int(time.time())
        header = {"typ": "JWT", "alg": "RS256", "kid": self.kid}
        claims = {"iss": self.ISSUER, "aud": self.SERVICE, "sub": subject, "access": access,
                  "iat": now, "nbf": now - 5, "exp": now + self.lifetime,
                  "jti": str(time.time_ns())}
        text = ".".join(unpadded(json.dumps(part).encode()) for part in (header, claims))
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key],
                                   input=text.encode(), check=True, capture_output=True).stdout
        return f"{text}.{unpadded(signature)}"

    def token_for(self, scopes, user):
        access = []
        for scope in " ".join(scopes).split():
            kind, rest = scope.split(":", 1)
            name, actions = rest.rsplit(":", 1)
            actions = actions.split(",")
            if not user:
                actions = [a for a in actions if a == "pull" and name.startswith(self.public)]
            access.append({"type": kind, "name": name, "actions": actions})
        return self.sign(access, user or "")


class TokenHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, document):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        server = self.server.owner
        server.record(self)
        if server.refuse_get:
            return self.answer(server.refuse_get, {"details": "no GET here"})
        user = None
        header = self.headers.get("Authorization", "")
        if header.startswith("Basic "):
            user, _, password = base64.b64decode(header[6:]).decode().partition(":")
            if server.users.get(user) != password:
                return self.answer(401, {"details": "incorrect username or password"})
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        if server.reply is not None:
            return self.answer(200, server.reply)
        token = server.token_for(query.get("scope", []), user)
        answer = {"token": token, "expires_in": server.lifetime}
        if user and server.refresh_token and query.get("offline_token") == ["true"]:
            answer["refresh_token"] = server.refresh_token
        return self.answer(200, answer)

    def do_POST(self):
        server = self.server.owner
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        server.record(self, body)
        if server.refuse_post:
            return self.answer(server.refuse_post, {"details": "no POST here"})
        form = {k: v[0] for k, v in urllib.parse.parse_qs(body).items()}
        user = None
        if form.get("grant_type") == "refresh_token":
            user = server.identity_tokens.get(form.get("refresh_token"))
        elif form.get("grant_type") == "password":
            if server.users.get(form.get("username")) == form.get("password"):
                user = form.get("username")
        if not user:
            return self.answer(401, {"error": "invalid_grant"})
        token = server.token_for([form.get("scope", "")], user)
        return self.answer(200, {"access_token": token, "expires_in": server.lifetime})


class Fault:
    """What to do instead of answering properly, `times` times (None: always).

    pattern   regular expression for "METHOD /path"
    do        status | truncate | reset | stall | slow | ignore-range | wrong-range | corrupt
              | length | endless | redirect | type | header | body | close
    """

    def __init__(self, pattern, do, times=1, **args):
        self.pattern, self.do, self.times, self.args = re.compile(pattern), do, times, args
        self.count = 0

    def takes(self, line):
        if not self.pattern.search(line) or (self.times is not None and self.count >= self.times):
            return False
        self.count += 1
        return True


class FaultyRegistry(Server):
    """A registry of images in memory that misbehaves by plan.

        registry.add("x", "1", image)
        registry.faults.append(Fault("GET .*/blobs/", "truncate", at=1000))
    """

    def __init__(self, certificate=None):
        self.content = {}  # (repository, kind, name) -> (bytes, media type)
        self.faults = []
        self.authorization = None  # required value; 401 Basic without it
        super().__init__(FaultyHandler, certificate)

    def add(self, repository, tag, image):
        for child in getattr(image, "images", [image]):
            for name, data in child.blobs.items():
                self.content[repository, "blobs", name] = (data, "application/octet-stream")
            self.content[repository, "manifests", child.digest] = (
                child.manifest, child.media_type)
        for name in (tag, image.digest):
            self.content[repository, "manifests", name] = (image.manifest, image.media_type)

    def put_blob(self, repository, name, data):
        self.content[repository, "blobs", name] = (data, "application/octet-stream")


class FaultyHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.serve()

    def do_GET(self):
        self.serve()

    def serve(self):
        server = self.server.owner
        server.record(self)
        line = f"{self.command} {self.path}"
        with server.lock:
            fault = next((f for f in server.faults if f.takes(line)), None)
        wanted = server.authorization
        if wanted and self.headers.get("Authorization") != wanted:
            return self.plain(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}',
                              [("WWW-Authenticate", 'Basic realm="test"')])
        if fault and fault.do in ("status", "redirect", "stall", "close", "endless"):
            return getattr(self, "fault_" + fault.do)(**fault.args)
        m = re.fullmatch(r"/v2/(?:(.+)/(blobs|manifests)/([^/]+))?", self.path.split("?")[0])
        if m and not m[1]:
            return self.plain(200, b"{}")
        found = server.content.get((m[1], m[2], m[3])) if m else None
        if not found:
            code = "BLOB_UNKNOWN" if m and m[2] == "blobs" else "MANIFEST_UNKNOWN"
            message = code.lower().replace("_", " ")
            return self.plain(404, json.dumps(
                {"errors": [{"code": code, "message": message}]}).encode())
        return self.content(m[2], *found, fault)

    def plain(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def content(self, kind, data, media_type, fault):
        do, args = (fault.do, fault.args) if fault else (None, {})
        start, status = 0, 200
        headers = []
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if do == "header":
            headers += args["headers"]
        if wanted and do != "ignore-range":
            start, status = int(wanted[1]), 206
            if start >= len(data):
                return self.plain(416, b"")
            shown = start + 1 if do == "wrong-range" else start
            headers.append(("Content-Range", f"bytes {shown}-{len(data) - 1}/{len(data)}"))
        body = data[start:]
        if do == "corrupt":
            at = args.get("at", len(body) // 2)
            body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]
        if do == "body":
            body = args["data"]
        headers.append(("Content-Type", args["value"] if do == "type" else media_type))
        headers.append(("Content-Length", str(args["value"] if do == "length" else len(body))))
        if kind == "manifests" and do != "body":
            name = "sha256:" + hashlib.sha256(data).hexdigest()
            headers.append(("Docker-Content-Digest", name))
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return None
        if do == "slow":
            self.wfile.write(body[:len(body) // 2])
            time.sleep(args.get("seconds", 0.5))
            body = body[len(body) // 2:]
        if do in ("truncate", "reset"):
            self.wfile.write(body[:args["at"]])
            return self.hang_up(do == "reset")
        self.wfile.write(body)
        if do == "length":
            self.hang_up(False)
        return None

    def hang_up(self, reset):
        self.wfile.flush()
        if reset:
            time.sleep(0.05)
            self.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.close()

    def fault_status(self, status=500, body=b"", headers=()):
        self.plain(status, body, headers)

    def fault_redirect(self, to, status=307):
        self.plain(status, b"", [("Location", to)])

    def fault_stall(self, seconds=5):
        time.sleep(seconds)
        self.hang_up(False)

    def fault_close(self):
        self.hang_up(False)

    def fault_endless(self, status=200):
        """No length, and no end before the client has had enough."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.sent = 0
        with contextlib.suppress(OSError):
            while self.sent < 1 << 30:
                self.wfile.write(b" " * 65536)
                self.sent += 65536
        self.close_connection = True


class Recorder(Server):
    """Answers 404 to everything; `requests` tells who came with what."""

    def __init__(self, certificate=None):
        super().__init__(RecorderHandler, certificate)


class RecorderHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.owner.record(self)
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.owner.record(self, body)
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()


def proa_environment(home):
    """A clean environment: nothing of the caller's credentials, proxies or certificates."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "LANG": "C.UTF-8",
    }


class Nginx:
    """nginx before a Registry, as clouds put one there.

    front   blobs are redirected to a store that refuses a second kind of authorization
    slow    two requests a second, then 429 with Retry-After
    """

    def __init__(self, directory, registry):
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.front, self.slow, self.store = free_port(), free_port(), free_port()
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        scheme = "https" if registry.certificate else "http"
        upstream = f"proxy_pass {scheme}://{registry.host}"
        common = ("proxy_ssl_verify off; proxy_http_version 1.1; proxy_set_header Host "
                  "$http_host; proxy_set_header X-Forwarded-Proto http; "
                  "proxy_request_buffering off;")
        paths = "".join(f"{kind}_temp_path {directory}/{kind};\n"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (directory / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 64; }}
http {{
  log_format line '$server_port $status $request_method $uri "$http_authorization"';
  access_log {directory}/access.log line;
  {paths}
  limit_req_zone $binary_remote_addr zone=all:1m rate=2r/s;
  server {{
    listen 127.0.0.1:{self.front};
    location ~ ^/v2/(.+)/blobs/(sha256:[0-9a-f]+)$ {{
      if ($http_authorization = "") {{ {upstream}; }}
      return 307 http://127.0.0.1:{self.store}/$1/$2?X-Amz-Signature=canary;
    }}
    location / {{ {common} {upstream}; }}
  }}
  server {{
    listen 127.0.0.1:{self.slow};
    location / {{
      limit_req zone=all burst=1 nodelay; limit_req_status 429; error_page 429 @limit;
      {common} {upstream};
    }}
    location @limit {{
      internal; default_type application/json; add_header Retry-After 1 always;
      return 429 '{{"errors":[{{"code":"TOOMANYREQUESTS","message":"slow down"}}]}}';
    }}
  }}
  server {{
    listen 127.0.0.1:{self.store};
    location ~ ^/(.+)/(sha256:[0-9a-f]+)$ {{
      if ($http_authorization != "") {{ return 400 'Only one auth mechanism allowed'; }}
      proxy_ssl_verify off; proxy_set_header Authorization "Basic {pair}";
      {upstream}/v2/$1/blobs/$2;
    }}
  }}
}}
""")
        self.process = subprocess.Popen(
            ["nginx", "-e", directory / "error.log", "-c", directory / "nginx.conf"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for port in (self.front, self.slow, self.store):
            wait_for_port(port, self.process)

    def log(self):
        return (self.directory / "access.log").read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
