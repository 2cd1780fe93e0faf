"""What a plain registry does wherever vendors differ. One subclass for each flag overrides it."""

import json

from .wire import Response

USER, PASSWORD, IDENTITY = "alice", "password-canary:with-colon", "identity-canary"


def error(status, code, message, headers=(), detail=None):
    entry = {"code": code, "message": message}
    if detail is not None:
        entry["detail"] = detail
    body = json.dumps({"errors": [entry]}).encode()
    return Response(status, body, [("Content-Type", "application/json"), *headers])


class Vendor:
    flag = "plain"
    scheme = "Bearer"  # or "Basic"
    service = "registry"
    realm_path = "/token"
    token_origin = False  # the token service has a host of its own
    storage = True  # blobs are redirected to the object store
    user, password = USER, PASSWORD
    lifetime = 300  # seconds that a token really works
    anonymous = True  # tokens for nobody exist
    token_get_refused = token_post_refused = password_grant_refused = None
    strict_accept = False
    patch_status = 202
    page_max = None  # of `n`
    creates_repositories = True

    def __init__(self, simulator):
        self.simulator = simulator
        self.public = set()  # repositories that nobody in particular may pull
        self.identities = {IDENTITY: self.user}

    # --- who may what ---

    def login(self, user, password):
        return user if (user, password) == (self.user, self.password) else None

    def granted(self, user, repository, actions):
        """Those of the wanted actions that a token will allow."""
        if user:
            return actions
        return actions & {"pull"} if repository in self.public else set()

    def bad_credentials(self):
        """Of the token service."""
        body = json.dumps({"details": "incorrect username or password"}).encode()
        return Response(401, body, [("Content-Type", "application/json")])

    def refuse_scopes(self, scopes):
        """A Response when the token service dislikes what is asked for."""

    def honoured_scopes(self, scopes):
        return scopes

    def token_document(self, token):
        return {"token": token, "expires_in": self.lifetime}

    @property
    def realm(self):
        origin = self.simulator.token_host if self.token_origin else self.simulator.registry
        return origin.base + self.realm_path

    def challenge(self, scope, problem=None):
        if self.scheme == "Basic":
            return f'Basic realm="{self.service}"'
        text = f'Bearer realm="{self.realm}",service="{self.service}"'
        if scope:
            text += f',scope="{scope}"'
        return text + (f',error="{problem}"' if problem else "")

    def challenges_here(self, request):
        """Does a refusal of this request carry the challenge?"""
        return True

    def refused(self, request, scope, problem=None):
        """The registry's own 401. `problem`: "invalid_token", "insufficient_scope"."""
        headers = [("WWW-Authenticate", self.challenge(scope, problem))]
        return error(401, "UNAUTHORIZED", "authentication required",
                     headers if self.challenges_here(request) else ())

    # --- what is not there ---

    def unknown_repository(self, request):
        return error(404, "NAME_UNKNOWN", "repository name not known to registry")

    def unknown_manifest(self, request):
        return error(404, "MANIFEST_UNKNOWN", "manifest unknown")

    def unknown_blob(self, request):
        return error(404, "BLOB_UNKNOWN", "blob unknown to registry")

    def fallback_tag(self, repository, tag):
        """What the referrers' tag "sha256-HEX" resolves to, as Repository.manifest gives it."""
        return repository.manifest(tag)

    # --- manifests ---

    def before_manifest(self, request):
        """A Response in place of a manifest (limits), or None."""

    def manifest_response(self, request, response):
        return response

    def not_accepted(self, request, media_type):
        """A Response when the client's Accept does not name the type."""
        if not self.strict_accept or media_type in request.headers.get("Accept", ""):
            return None
        return error(404, "MANIFEST_UNKNOWN", "OCI manifest found, but accept header does not "
                     "support OCI manifests")

    def before_manifest_put(self, request, repository):
        """A Response in place of taking it, or None."""

    # --- blobs ---

    def target_refusal(self):
        """The object store's answer to a second kind of authorization."""
        return Response(400, b"<Error><Code>InvalidArgument</Code><Message>Only one auth "
                        b"mechanism allowed</Message></Error>", [("Content-Type", "text/xml")])

    # --- uploads ---

    def location(self, path):
        return self.simulator.registry.base + path

    def mount(self, request, target, source, digest, may_read):
        """True when the blob was mounted, False for an upload session, or a Response."""
        if not may_read or source is None or digest not in source.blobs:
            return False
        target.blobs[digest] = source.blobs[digest]
        return True

    def refuse_chunk(self, upload, request):
        """A Response when a PATCH is not to this vendor's taste."""

    def append(self, upload, data):
        upload.data += data

    def put_response(self, repository, digest):
        return Response(201, b"", [("Location", f"/v2/{repository}/blobs/{digest}"),
                                   ("Docker-Content-Digest", digest)])

    # --- lists ---

    def tags_document(self, name, repository):
        return {"name": name, "tags": sorted(repository.tags)}

    def every_response(self, request, response):
        return response
