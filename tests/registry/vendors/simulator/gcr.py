"""Google: the challenge is at /v2/ only, upload Locations are good for one use."""

import itertools

from .vendor import Vendor, error


class Flag(Vendor):
    flag = "gcr"
    realm_path = "/v2/token"
    service = "gcr.io"
    user = "_json_key"
    password = '{"type":"service_account",\n"private_key":"json-canary: with colon"}'
    token_post_refused = 404
    patch_status = 204
    numbers = itertools.count(1)

    def challenges_here(self, request):
        return request.path == "/v2/"

    def refused(self, request, scope, problem=None):
        """403 to strangers where a token is missing the right, 401 elsewhere: never a challenge."""
        response = super().refused(request, scope, problem)
        if not self.challenges_here(request) and not request.headers.get("Authorization"):
            return error(403, "DENIED", "Unauthenticated request. Unauthenticated requests do "
                         "not have permission for this repository.")
        return response

    def location(self, path):
        return super().location(f"{path}&upload_id={next(self.numbers)}")

    def tags_document(self, name, repository):
        return dict(super().tags_document(name, repository), child=[], manifest={
            digest: {"imageSizeBytes": "1", "mediaType": media_type, "tag": []}
            for digest, (_, media_type) in repository.manifests.items()})
