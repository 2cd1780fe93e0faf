"""Quay: strict about scopes and mounts, schema 1 for clients that do not name OCI types."""

import json

from .vendor import Vendor, error
from .wire import Response

SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"


class Flag(Vendor):
    flag = "quay"
    service = "quay.io"
    realm_path = "/v2/auth"
    user = "team+robot"

    def challenge(self, scope, problem=None):
        """No scope, and no reason."""
        return super().challenge(None)

    def refuse_scopes(self, scopes):
        if any("delete" in scope.rsplit(":", 1)[1].split(",") for scope in scopes):
            return error(400, "BAD_REQUEST", "Unable to decode repository and actions")
        return None

    def not_accepted(self, request, media_type):
        if media_type in request.headers.get("Accept", ""):
            return None
        body = json.dumps({"schemaVersion": 1, "name": "x", "tag": "1", "fsLayers": []})
        return Response(200, body.encode(), [("Content-Type", SCHEMA1)])

    def mount(self, request, target, source, digest, may_read):
        if request.first("from") is None:
            return error(400, "BAD_REQUEST", "mount needs from")
        return super().mount(request, target, source, digest, may_read)
