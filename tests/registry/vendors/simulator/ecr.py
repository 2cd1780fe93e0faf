"""Amazon: a password of twelve hours, chunks that get lost, repositories that have to exist."""

from .vendor import Vendor, error

CHUNK_MIN = 5 << 20


class Flag(Vendor):
    flag = "ecr"
    scheme = "Basic"
    user, password = "AWS", "twelve-hour-canary"
    patch_status = 201
    page_max = 1000
    creates_repositories = False

    def __init__(self, simulator):
        super().__init__(simulator)
        self.expired = False
        self.busy = 0  # manifests that are answered 429 first

    def challenge(self, scope, problem=None):
        return f'Basic realm="{self.simulator.registry.base}/",service="ecr.amazonaws.com"'

    def login(self, user, password):
        return None if self.expired else super().login(user, password)

    def refused(self, request, scope, problem=None):
        if self.expired and request.headers.get("Authorization"):
            return error(403, "DENIED", "Your authorization token has expired. "
                         "Reauthenticate and try again.")
        return super().refused(request, scope, problem)

    def unknown_repository(self, request):
        return error(404, "NAME_UNKNOWN", "The repository with this name does not exist in "
                     "the registry with id '123456789012'")

    def mount(self, request, target, source, digest, may_read):
        return False

    def refuse_chunk(self, upload, request):
        upload.short = getattr(upload, "short", False)
        if upload.short:
            return error(400, "BLOB_UPLOAD_INVALID", "a part that is not the last has fewer "
                         f"than {CHUNK_MIN} bytes")
        upload.short = len(request.body) < CHUNK_MIN
        return None

    def append(self, upload, data):
        """Only the first chunk is kept: what this vendor does to several is a known fault."""
        if upload.chunks == 1:
            upload.data += data

    def before_manifest_put(self, request, repository):
        if self.busy > 0:
            self.busy -= 1
            return error(429, "TOOMANYREQUESTS", "Rate exceeded")
        return None
