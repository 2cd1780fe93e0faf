"""Azure: an OAuth2 exchange, relative Locations, a blob store that answers 403."""

from .vendor import Vendor
from .wire import Response


class Flag(Vendor):
    flag = "acr"
    realm_path = "/oauth2/token"
    password_grant_refused = 400

    @property
    def service(self):
        return self.simulator.registry.host

    def token_document(self, token):
        return {"access_token": token}

    def location(self, path):
        return path

    def target_refusal(self):
        return Response(403, b"Server failed to authenticate the request.",
                        [("Content-Type", "text/plain")])

    def challenge(self, scope, problem=None):
        """Both schemes in one header."""
        return super().challenge(scope, problem) + f', Basic realm="{self.service}"'
