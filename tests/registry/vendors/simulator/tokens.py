"""A token service: docker's GET with Basic, OAuth2 by POST, anonymous tokens."""

import base64
import itertools
import json
import threading
import time
import urllib.parse

from .wire import Response


class Grant:
    def __init__(self, access, user, expires, uses):
        self.access, self.user = access, user
        self.expires, self.uses = expires, uses

    def allows(self, repository, action):
        return action in self.access.get(repository, ()) or "*" in self.access.get(repository, ())

    def is_alive(self):
        """Each question counts where a test has limited the number of uses."""
        if self.uses is not None:
            self.uses -= 1
            if self.uses < 0:
                return False
        return time.monotonic() < self.expires


def parse_scope(scope):
    """"repository:h:5000/x:pull,push" to ("h:5000/x", {"pull", "push"})."""
    _, rest = scope.split(":", 1)
    name, actions = rest.rsplit(":", 1)
    return name, set(actions.split(","))


def parse_basic(header):
    if not header or not header.startswith("Basic "):
        return None
    user, _, password = base64.b64decode(header[6:]).decode().partition(":")
    return user, password


class TokenService:
    numbers = itertools.count(1)

    def __init__(self, vendor):
        self.vendor = vendor
        self.grants = {}  # token: Grant
        self.refresh = {}  # refresh token: user
        self.lock = threading.Lock()
        self.uses = None  # how often each new token works; None: until it expires
        self.script_reply = None  # raw bytes in place of a reply

    def issue(self, scopes, user):
        access = {}
        for scope in scopes:
            name, actions = parse_scope(scope)
            access.setdefault(name, set()).update(self.vendor.granted(user, name, actions))
        token = f"bearer-canary-{next(self.numbers)}"
        with self.lock:
            self.grants[token] = Grant(
                access, user, time.monotonic() + self.vendor.lifetime, self.uses)
        return token

    def revoke_all(self):
        with self.lock:
            for grant in self.grants.values():
                grant.expires = 0

    def answer(self, request):
        if request.method == "POST":
            return self.post(request)
        if self.vendor.token_get_refused:
            return Response(self.vendor.token_get_refused, b"")
        pair = parse_basic(request.headers.get("Authorization"))
        user = None
        if pair:
            user = self.vendor.login(*pair)
            if not user:
                return self.vendor.bad_credentials()
        elif not self.vendor.anonymous:
            return self.vendor.bad_credentials()
        return self.reply(request.query.get("scope", []), user,
                          request.first("offline_token") == "true")

    def post(self, request):
        if self.vendor.token_post_refused:
            return Response(self.vendor.token_post_refused, b"")
        form = {k: v[0] for k, v in urllib.parse.parse_qs(request.body.decode()).items()}
        user = None
        if form.get("grant_type") == "refresh_token":
            user = self.vendor.identities.get(form.get("refresh_token"))
            user = user or self.refresh.get(form.get("refresh_token"))
        elif form.get("grant_type") == "password":
            if self.vendor.password_grant_refused:
                return Response(self.vendor.password_grant_refused, b"")
            user = self.vendor.login(form.get("username"), form.get("password"))
        if not user:
            return self.vendor.bad_credentials()
        return self.reply(form.get("scope", "").split(), user,
                          form.get("access_type") == "offline")

    def reply(self, scopes, user, offline):
        refusal = self.vendor.refuse_scopes(scopes)
        if refusal:
            return refusal
        token = self.issue(self.vendor.honoured_scopes(scopes), user)
        document = self.vendor.token_document(token)
        if offline and user and not self.vendor.token_post_refused:
            refresh = f"refresh-canary-{next(self.numbers)}"
            self.refresh[refresh] = user
            document["refresh_token"] = refresh
        body = self.script_reply or json.dumps(document).encode()
        return Response(200, body, [("Content-Type", "application/json")])
