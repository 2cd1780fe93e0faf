"""The routes of /v2/, over store, tokens and a vendor's habits."""

import json
import re
import urllib.parse

from .store import Upload, digest_of
from .tokens import parse_basic
from .vendor import error
from .wire import Origin, Response

ROUTES = (
    (r"/v2/", "ping", None),
    (r"/v2/_catalog", "catalog", None),
    (r"/v2/(.+)/tags/list", "tags", "pull"),
    (r"/v2/(.+)/referrers/([^/]+)", "referrers", "pull"),
    (r"/v2/(.+)/manifests/([^/]+)", "manifest", None),
    (r"/v2/(.+)/blobs/uploads/", "start_upload", "push"),
    (r"/v2/(.+)/blobs/uploads/([^/]+)", "upload", "push"),
    (r"/v2/(.+)/blobs/([^/]+)", "blob", None),
)
JSON = ("Content-Type", "application/json")


def ranged(request, data, headers):
    """200 with all of it, or 206 or 416 for "bytes=N-"."""
    wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    if not wanted:
        return Response(200, data, headers)
    start = int(wanted[1])
    if start >= len(data):
        return Response(416, b"", [("Content-Range", f"bytes */{len(data)}")])
    return Response(206, data[start:], [
        *headers, ("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")])


class Registry(Origin):
    def __init__(self, simulator, context, wire):
        self.simulator = simulator
        self.http2_tries = 0
        self.break_http2 = None
        super().__init__("127.0.0.1", simulator.journal, context, wire)

    @property
    def vendor(self):
        return self.simulator.vendor

    @property
    def store(self):
        return self.simulator.store

    def is_token_request(self, request):
        return not self.vendor.token_origin and request.path == self.vendor.realm_path

    def role_of(self, request):
        return "token" if self.is_token_request(request) else "registry"

    def before_body(self, wire):
        return self.vendor.scheme == "Basic" and self.aborts(wire)

    def aborts(self, wire):
        """ECR hangs up on an upload to a repository that does not exist."""
        m = re.match(r"/v2/(.+)/blobs/uploads/", wire.path)
        if not m or self.vendor.creates_repositories or self.store.get(m[1]):
            return False
        if parse_basic(wire.headers.get("Authorization")) is None:
            return False
        wire.hang_up()
        return True

    def answer(self, request):
        return self.simulator.script.apply(request, self.properly)

    def properly(self, request):
        if self.is_token_request(request):
            return self.simulator.tokens.answer(request)
        for pattern, name, action in ROUTES:
            m = re.fullmatch(pattern, request.path)
            if m:
                response = self.guarded(request, name, action, m.groups())
                break
        else:
            response = Response(404, b"404 page not found\n", [("Content-Type", "text/plain")])
        response.headers.append(("Docker-Distribution-Api-Version", "registry/2.0"))
        return self.vendor.every_response(request, response)

    # --- who asks ---

    def guarded(self, request, name, action, args):
        if action is None:
            action = "pull" if request.method in ("GET", "HEAD") else "push"
        repository = args[0] if args else None
        refusal = self.check(request, repository, action)
        return refusal or getattr(self, "do_" + name)(request, *args)

    def check(self, request, repository, action):
        scope = None
        if repository:
            scope = f"repository:{repository}:{'pull' if action == 'pull' else 'pull,push'}"
        header = request.headers.get("Authorization", "")
        if self.vendor.scheme == "Basic":
            pair = parse_basic(header)
            good = pair and self.vendor.login(*pair)
            return None if good else self.vendor.refused(request, scope)
        grant = self.simulator.tokens.grants.get(header.removeprefix("Bearer "))
        if not grant:
            return self.vendor.refused(request, scope)
        if not grant.is_alive():
            return self.vendor.refused(request, scope, "invalid_token")
        if repository and not grant.allows(repository, action):
            return self.vendor.refused(request, scope, "insufficient_scope")
        return None

    def may_read(self, request, repository):
        if self.vendor.scheme == "Basic":
            return True
        header = request.headers.get("Authorization", "")
        grant = self.simulator.tokens.grants.get(header.removeprefix("Bearer "))
        return bool(grant) and grant.allows(repository, "pull")

    # --- lists ---

    def do_ping(self, request):
        return Response(200, b"{}", [JSON])

    def do_catalog(self, request):
        return self.page(request, sorted(self.store.repositories), lambda part: {
            "repositories": part})

    def do_tags(self, request, name):
        repository = self.store.get(name)
        if not repository:
            return self.vendor.unknown_repository(request)
        document = self.vendor.tags_document(name, repository)
        if document["tags"] is None:
            return Response(200, json.dumps(document).encode(), [JSON])
        return self.page(request, document["tags"], lambda part: dict(document, tags=part))

    def page(self, request, names, document):
        limit = self.vendor.page_max
        n = int(request.first("n") or 0)
        if limit and n > limit:
            return error(400, "PAGINATION_NUMBER_INVALID",
                         f"n must be at most {limit}", detail={"n": n})
        if request.first("last"):
            names = [x for x in names if x > request.first("last")]
        headers = [JSON]
        if n and len(names) > n:
            names = names[:n]
            query = urllib.parse.urlencode({"last": names[-1], "n": n})
            headers.append(("Link", f'<{request.path}?{query}>; rel="next"'))
        return Response(200, json.dumps(document(names)).encode(), headers)

    def do_referrers(self, request, name, digest):
        return Response(404, b"404 page not found\n", [("Content-Type", "text/plain")])

    # --- manifests ---

    def do_manifest(self, request, name, reference):
        if request.method == "PUT":
            return self.put_manifest(request, name, reference)
        repository = self.store.get(name)
        if not repository:
            return self.vendor.unknown_repository(request)
        if request.method == "DELETE":
            return self.delete_manifest(request, repository, reference)
        limited = self.vendor.before_manifest(request)
        if limited:
            return limited
        found = self.vendor.fallback_tag(repository, reference)
        if not found:
            return self.vendor.unknown_manifest(request)
        digest, data, media_type = found
        refusal = self.vendor.not_accepted(request, media_type)
        if refusal:
            return refusal
        return self.vendor.manifest_response(request, Response(200, data, [
            ("Content-Type", media_type), ("Docker-Content-Digest", digest)]))

    def put_manifest(self, request, name, reference):
        repository = self.store.get(name)
        if not repository and not self.vendor.creates_repositories:
            return self.vendor.unknown_repository(request)
        repository = repository or self.store.make(name)
        refusal = self.vendor.before_manifest_put(request, repository)
        if refusal:
            return refusal
        missing = repository.missing(request.body)
        if missing:
            return error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry",
                         detail={"digest": missing[0]})
        digest = digest_of(request.body)
        if ":" in reference and reference != digest:
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self.store.put_manifest(name, None if ":" in reference else reference, request.body,
                                request.headers.get("Content-Type"))
        return Response(201, b"", [("Location", f"/v2/{name}/manifests/{digest}"),
                                   ("Docker-Content-Digest", digest)])

    def delete_manifest(self, request, repository, reference):
        found = repository.manifest(reference)
        if not found:
            return self.vendor.unknown_manifest(request)
        del repository.manifests[found[0]]
        repository.tags = {t: d for t, d in repository.tags.items() if d != found[0]}
        return Response(202)

    # --- blobs ---

    def do_blob(self, request, name, digest):
        repository = self.store.get(name)
        if not repository:
            return self.vendor.unknown_repository(request)
        data = repository.blobs.get(digest)
        if data is None:
            return self.vendor.unknown_blob(request)
        headers = [("Content-Type", "application/octet-stream"),
                   ("Docker-Content-Digest", digest)]
        if request.method == "GET" and self.vendor.storage:
            return Response(307, b"", [("Location", self.simulator.storage.sign(data))])
        return ranged(request, data, headers)

    # --- uploads ---

    def do_start_upload(self, request, name):
        digest, source = request.first("mount"), request.first("from")
        target = self.store.make(name)
        if digest is not None:
            readable = source is not None and self.may_read(request, source)
            r = self.vendor.mount(request, target, self.store.get(source), digest, readable)
            if r is True:
                return Response(201, b"", [("Location", f"/v2/{name}/blobs/{digest}"),
                                           ("Docker-Content-Digest", digest)])
            if isinstance(r, Response):
                return r
        upload = Upload()
        target.uploads[upload.name] = upload
        return self.session(name, upload, 202)

    def session(self, name, upload, status):
        """The Location of the next step; an older one is worth nothing any more."""
        upload.state += 1
        path = f"/v2/{name}/blobs/uploads/{upload.name}?_state={upload.state}"
        return Response(status, b"", [
            ("Location", self.vendor.location(path)), ("Docker-Upload-UUID", upload.name),
            ("Range", f"0-{max(len(upload.data) - 1, 0)}")])

    def do_upload(self, request, name, upload_name):
        repository = self.store.get(name)
        upload = repository.uploads.get(upload_name) if repository else None
        if not upload:
            return error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if request.first("_state") != str(upload.state):
            return error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid")
        if request.method == "GET":
            return self.session(name, upload, 204)
        if request.method == "DELETE":
            del repository.uploads[upload_name]
            return Response(204)
        if request.method == "PATCH":
            return self.patch(request, name, upload)
        return self.close_upload(request, name, repository, upload)

    def patch(self, request, name, upload):
        refusal = self.vendor.refuse_chunk(upload, request)
        if refusal:
            return refusal
        start = request.headers.get("Content-Range", "").partition("-")[0]
        if start and int(start) != len(upload.data):
            return self.session(name, upload, 416)
        upload.chunks += 1
        self.vendor.append(upload, request.body)
        return self.session(name, upload, self.vendor.patch_status)

    def close_upload(self, request, name, repository, upload):
        digest = request.first("digest")
        data = upload.data + request.body
        if digest != digest_of(data):
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        del repository.uploads[upload.name]
        repository.blobs[digest] = data
        return self.vendor.put_response(name, digest)
