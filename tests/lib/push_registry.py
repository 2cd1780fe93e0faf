"""A registry in memory that takes pushes, and misbehaves by plan.

    registry.faults.append(Fault("PUT .*/uploads/", "status", status=503))
    registry.max_body = 1 << 20        413 for more in one request
    registry.uploaded                  digests whose bytes came over the wire

A fault's pattern is for "METHOD PATH LENGTH". Faults: status (before the body is read), late-status (after it), cut (hang up after `at` bytes,
which stay in the session), forget (hang up and lose the session).
"""

import hashlib
import json
import re
import urllib.parse
from http.server import BaseHTTPRequestHandler

from registry import Fault, Server, TokenServer  # noqa: F401  pylint: disable=unused-import

CHUNK = 1 << 16


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class PushRegistry(Server):
    def __init__(self, certificate=None):
        self.blobs = {}  # (repository, digest) -> bytes
        self.manifests = {}  # (repository, tag or digest) -> (bytes, media type)
        self.sessions = {}  # id -> bytearray
        self.faults = []
        self.uploaded = []
        self.mounted = []
        self.deleted = []
        self.location = "relative"  # absolute | http | query
        self.single_use = False  # each answer has a new Location, old ones are unknown
        self.resumable = True  # GET of a session tells its state
        self.max_body = None
        self.min_chunk = None
        self.no_whole = False  # a PUT with a body is refused by 405
        self.mount = True
        self.oci = True  # else manifests of OCI are refused
        self.tokens = None  # a TokenServer: bearer tokens are wanted
        self.accepted = None  # authorizations that are good; None: any from the token server
        self.missing_once = set()  # blobs that the next manifest finds missing
        self.counter = 0
        super().__init__(PushHandler, certificate)

    def take_fault(self, line):
        with self.lock:
            return next((f for f in self.faults if f.takes(line)), None)

    def image(self, repository, tag):
        return json.loads(self.manifests[repository, tag][0])

    def put_image(self, repository, tag, image):
        for name, data in image.blobs.items():
            self.blobs[repository, name] = data
        for name in (tag, image.digest):
            self.manifests[repository, name] = (image.manifest, image.media_type)


class PushHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, document=None, headers=()):
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code, message="", headers=()):
        self.answer(status, {"errors": [{"code": code, "message": message or code.lower()}]},
                    headers)

    def hang_up(self):
        self.close_connection = True
        self.connection.close()

    def refuse_body(self, status, code, message=""):
        """Answered before the body is read: the connection cannot be used any more."""
        self.close_connection = True
        self.error(status, code, message, [("Connection", "close")])
        # As nginx does: what still comes is taken and thrown away, or a reset would eat the answer.
        self.wfile.flush()
        left = self.length
        self.connection.settimeout(2)
        try:
            while left > 0:
                data = self.rfile.read1(min(CHUNK, left))
                if not data:
                    break
                left -= len(data)
        except OSError:
            pass

    def serve(self):
        owner = self.server.owner
        owner.record(self)
        self.length = int(self.headers.get("Content-Length") or 0)
        line = f"{self.command} {self.path} {self.length}"
        if "Expect" in self.headers:
            return self.refuse_body(417, "UNSUPPORTED", "no Expect here")
        self.fault = owner.take_fault(line)
        if owner.tokens and not self.is_known():
            scope = self.scope()
            challenge = (f'Bearer realm="{owner.tokens.url}",service="{TokenServer.SERVICE}"'
                         + (f',scope="{scope}"' if scope else ""))
            self.close_connection = bool(self.length)
            return self.answer(401, {"errors": [{"code": "UNAUTHORIZED"}]},
                               [("WWW-Authenticate", challenge)])
        if self.fault and self.fault.do == "status":
            return self.refuse_body(self.fault.args["status"],
                                    self.fault.args.get("code", "UNAVAILABLE"))
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query))
        m = re.fullmatch(r"/v2/(.+)/blobs/uploads/([^/]*)", url.path)
        if m:
            return self.upload(m[1], m[2])
        m = re.fullmatch(r"/v2/(.+)/(blobs|manifests)/([^/]+)", url.path)
        if m:
            return getattr(self, m[2])(m[1], m[3])
        return self.answer(200 if url.path == "/v2/" else 404, {})

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def is_known(self):
        owner = self.server.owner
        value = self.headers.get("Authorization", "")
        if not value.startswith("Bearer "):
            return False
        return owner.accepted is None or value in owner.accepted

    def scope(self):
        m = re.match(r"/v2/(.+)/(blobs|manifests)/", self.path)
        actions = "pull" if self.command in ("GET", "HEAD") else "pull,push"
        return f"repository:{m[1]}:{actions}" if m else None

    # --- blobs

    def blobs(self, repository, name):
        data = self.server.owner.blobs.get((repository, name))
        if data is None:
            return self.error(404, "BLOB_UNKNOWN")
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Docker-Content-Digest", name)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)
        return None

    def place(self, repository, session):
        owner = self.server.owner
        path = f"/v2/{repository}/blobs/uploads/{session}"
        if owner.location == "query":
            return path + "?_state=a%2Fb%3D%3D&x=1"
        if owner.location == "absolute":
            return owner.base + path
        if owner.location == "http":
            return owner.base.replace("https:", "http:") + path
        return path

    def session_headers(self, repository, session):
        owner = self.server.owner
        data = owner.sessions[session]
        if owner.single_use:
            with owner.lock:
                owner.counter += 1
                del owner.sessions[session]
                session = f"s{owner.counter}"
                owner.sessions[session] = data
        headers = [("Location", self.place(repository, session)),
                   ("Range", f"0-{max(len(data) - 1, 0)}"), ("Docker-Upload-UUID", session)]
        if owner.min_chunk:
            headers.append(("OCI-Chunk-Min-Length", str(owner.min_chunk)))
        return headers

    def upload(self, repository, session):
        owner = self.server.owner
        if self.command == "POST":
            return self.begin(repository)
        data = owner.sessions.get(session)
        if data is None or (owner.location == "query" and self.query.get("_state") != "a/b=="):
            return self.refuse_body(404, "BLOB_UPLOAD_UNKNOWN")
        if self.command == "DELETE":
            owner.deleted.append(session)
            del owner.sessions[session]
            return self.answer(204)
        if self.command == "GET":
            if not owner.resumable:
                return self.error(404, "UNSUPPORTED")
            return self.answer(204, None, self.session_headers(repository, session))
        if owner.max_body is not None and self.length > owner.max_body:
            return self.refuse_body(413, "SIZE_INVALID", "too large")
        if self.command == "PUT" and owner.no_whole and self.length:
            return self.refuse_body(405, "UNSUPPORTED")
        if self.command == "PATCH" and not self.check_range(data):
            return self.refuse_body(416, "RANGE_INVALID")
        return self.take(repository, session, data)

    def begin(self, repository):
        owner = self.server.owner
        wanted, source = self.query.get("mount"), self.query.get("from")
        if wanted and not source:
            return self.error(400, "UNSUPPORTED", "mount without from")
        if wanted and owner.mount and (source, wanted) in owner.blobs:
            owner.blobs[repository, wanted] = owner.blobs[source, wanted]
            owner.mounted.append((wanted, source))
            return self.answer(201, None, [("Docker-Content-Digest", wanted)])
        with owner.lock:
            owner.counter += 1
            session = f"s{owner.counter}"
            owner.sessions[session] = bytearray()
        return self.answer(202, None, self.session_headers(repository, session))

    def check_range(self, data):
        m = re.fullmatch(r"(\d+)-(\d+)", self.headers.get("Content-Range", ""))
        return m and int(m[1]) == len(data) and int(m[2]) - int(m[1]) + 1 == self.length

    def take(self, repository, session, data):
        owner = self.server.owner
        limit = self.length
        cut = self.fault if self.fault and self.fault.do in ("cut", "forget") else None
        if cut:
            limit = min(limit, cut.args["at"])
        while limit > 0:
            part = self.rfile.read(min(CHUNK, limit))
            if not part:
                return self.hang_up()
            data += part
            limit -= len(part)
        if cut:
            if cut.do == "forget":
                del owner.sessions[session]
            return self.hang_up()
        if self.fault and self.fault.do == "late-status":
            return self.error(self.fault.args["status"], "UNAVAILABLE")
        if self.command == "PATCH":
            return self.answer(202, None, self.session_headers(repository, session))
        return self.close(repository, session, bytes(data))

    def close(self, repository, session, data):
        owner = self.server.owner
        del owner.sessions[session]
        wanted = self.query["digest"]
        if digest(data) != wanted:
            return self.error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        owner.blobs[repository, wanted] = data
        with owner.lock:
            owner.uploaded.append(wanted)
        if self.fault and self.fault.do == "lost-answer":
            return self.hang_up()
        return self.answer(201, None, [("Docker-Content-Digest", wanted)])

    # --- manifests

    def manifests(self, repository, name):
        owner = self.server.owner
        if self.command in ("GET", "HEAD"):
            found = owner.manifests.get((repository, name))
            if not found:
                return self.error(404, "MANIFEST_UNKNOWN")
            self.send_response(200)
            self.send_header("Content-Type", found[1])
            self.send_header("Content-Length", str(len(found[0])))
            self.send_header("Docker-Content-Digest", digest(found[0]))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(found[0])
            return None
        data = self.rfile.read(self.length)
        kind = self.headers["Content-Type"]
        if not owner.oci and ".oci." in kind:
            return self.error(415, "MANIFEST_INVALID", "manifest invalid")
        document = json.loads(data)
        names = [d["digest"] for d in document.get("layers", []) if not d.get("urls")]
        if "config" in document:
            names.append(document["config"]["digest"])
        lost = [n for n in names
                if n in owner.missing_once or (repository, n) not in owner.blobs]
        for n in lost:
            owner.missing_once.discard(n)
            owner.blobs.pop((repository, n), None)
        if lost:
            return self.error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
        for child in document.get("manifests", []):
            if (repository, child["digest"]) not in owner.manifests:
                return self.error(400, "MANIFEST_BLOB_UNKNOWN", "child unknown to registry")
        for key in (name, digest(data)):
            owner.manifests[repository, key] = (data, kind)
        if self.fault and self.fault.do == "lie":
            return self.answer(201, None, [("Docker-Content-Digest", "sha256:" + "0" * 64)])
        return self.answer(201, None, [("Docker-Content-Digest", digest(data))])
