"""GitHub: a token even for public images, 403 for bad passwords, pauses in microseconds."""

from .vendor import Vendor, error


class Flag(Vendor):
    flag = "ghcr"
    service = "ghcr.io"
    strict_accept = True

    def __init__(self, simulator):
        super().__init__(simulator)
        self.busy = 0  # manifests that are answered 429 first

    def bad_credentials(self):
        return error(403, "DENIED", "denied")

    def before_manifest(self, request):
        if self.busy > 0:
            self.busy -= 1
            pause = "880.092µs".encode().decode("latin-1")
            return error(429, "TOOMANYREQUESTS", "retry-after: 880.092µs, allowed: 44000/minute",
                         [("Retry-After", pause)])
        return None
