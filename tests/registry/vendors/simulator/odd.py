"""What no vendor does all of, but each thing some server has done."""

from .vendor import Vendor
from .wire import Response


class Flag(Vendor):
    flag = "odd"
    realm_path = "/token"
    storage = False

    @property
    def realm(self):
        return super().realm + "?tenant=a%20b&plan=free"

    def challenge(self, scope, problem=None):
        return ('Negotiate, Basic realm="x, y", '
                + super().challenge(scope, problem).replace("Bearer", "bEARER"))

    def put_response(self, repository, digest):
        return Response(303, b"", [("Location", f"/v2/{repository}/blobs/{digest}"),
                                   ("Docker-Content-Digest", digest)])

    def tags_document(self, name, repository):
        tags = [None, *sorted(repository.tags), "not a tag!"] if repository.tags else None
        return {"name": name, "tags": tags}
