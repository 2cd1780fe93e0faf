"""Docker Hub: a token host of its own, limits on pulls, 401 for what does not exist."""

from .vendor import Vendor, error
from .wire import Response

LIMIT = 100


def line_feeds_only(wire, response, head):
    """The older limiter, which does not send a single carriage return."""
    wire.wfile.write(b"HTTP/1.1 429 Too Many Requests\nContent-Type: text/plain\n"
                     b"Connection: close\n\nToo Many Requests (abuse limit)\n")
    wire.hang_up()


class Flag(Vendor):
    flag = "hub"
    service = "registry.docker.io"
    token_origin = True
    lifetime = 1

    def __init__(self, simulator):
        super().__init__(simulator)
        self.left = LIMIT
        self.abuse = 0  # manifests that the older limiter answers first

    def token_document(self, token):
        return {"token": token, "access_token": token, "expires_in": self.lifetime,
                "issued_at": "2001-02-03T04:05:06.789Z"}

    def granted(self, user, repository, actions):
        """What does not exist may be made by a push, and is forbidden else."""
        if self.simulator.store.get(repository) is None and "push" not in actions:
            return set()
        return super().granted(user, repository, actions)

    def before_manifest(self, request):
        if request.method == "HEAD":
            return None
        if self.abuse > 0:
            self.abuse -= 1
            return Response(429, play=line_feeds_only)
        if self.left <= 0:
            return self.limits(error(429, "TOOMANYREQUESTS", "You have reached your pull rate "
                                     "limit. You may increase the limit by authenticating."))
        self.left -= 1
        return None

    def limits(self, response):
        response.headers += [("ratelimit-limit", f"{LIMIT};w=21600"),
                             ("ratelimit-remaining", f"{self.left};w=21600"),
                             ("docker-ratelimit-source", "127.0.0.1")]
        return response

    def manifest_response(self, request, response):
        return self.limits(response)

    def mount(self, request, target, source, digest, may_read):
        name = request.first("from")
        if name is not None and not may_read:
            return self.refused(request, f"repository:{name}:pull", "insufficient_scope")
        return super().mount(request, target, source, digest, may_read)
