"""Artifactory: POST for a token refused, 403 in place of 404 on HEAD, Locations without TLS."""

from .vendor import Vendor, error


class Flag(Vendor):
    flag = "jfrog"
    service = "artifactory"
    realm_path = "/artifactory/api/docker/local/v2/token"
    token_post_refused = 401
    storage = False

    def hidden(self, request, response):
        if request.method == "HEAD":
            return error(403, "DENIED", "Forbidden")
        return response

    def unknown_repository(self, request):
        return self.hidden(request, super().unknown_repository(request))

    def unknown_manifest(self, request):
        return self.hidden(request, super().unknown_manifest(request))

    def unknown_blob(self, request):
        return self.hidden(request, super().unknown_blob(request))

    def location(self, path):
        """What it says when nobody told it of the proxy in front."""
        return "http://" + self.simulator.host + path

    def tags_document(self, name, repository):
        document = super().tags_document(name, repository)
        document["tags"] += sorted(repository.manifests)
        return document
