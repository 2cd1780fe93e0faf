"""Harbor: 404s of its own kind, HEAD without a length, a session cookie with everything."""

import json

from .vendor import Vendor
from .wire import Response


def without_length(wire, response, head):
    wire.write_head(response.status, [h for h in response.headers if h[0] != "Content-Length"])


class Flag(Vendor):
    flag = "harbor"
    service = "harbor-registry"
    realm_path = "/service/token"
    user = "robot$project+builder"
    storage = False

    def not_found(self, what):
        body = json.dumps({"errors": [{"code": "UNKNOWN", "message": f"{what} not found"}]})
        return Response(404, body.encode(), [("Content-Type", "application/json")])

    def unknown_repository(self, request):
        return self.not_found("repository")

    def unknown_manifest(self, request):
        return self.not_found("artifact")

    def every_response(self, request, response):
        response.headers.append(("Set-Cookie", "sid=cookie-canary; Path=/; HttpOnly"))
        if request.method == "HEAD" and response.play is None:
            response.play = without_length
        return response
