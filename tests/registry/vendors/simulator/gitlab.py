"""GitLab: short tokens, only the last scope counts, a fallback tag that names the subject."""

import re

from .vendor import Vendor


class Flag(Vendor):
    flag = "gitlab"
    service = "container_registry"
    realm_path = "/jwt/auth"
    user = "gitlab-ci-token"
    lifetime = 5
    strict_accept = True

    def honoured_scopes(self, scopes):
        return scopes[-1:]

    def fallback_tag(self, repository, tag):
        m = re.fullmatch(r"sha256-([0-9a-f]{64})", tag)
        return repository.manifest(f"sha256:{m[1]}" if m else tag)
