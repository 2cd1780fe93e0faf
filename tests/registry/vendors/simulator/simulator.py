"""All origins of one vendor, started together."""

import base64
import functools

from . import acr, ecr, gcr, ghcr, gitlab, harbor, hub, jfrog, odd, quay
from .faults import Script
from .http2 import BreakingWire
from .journal import Journal, leaks
from .origin import Storage, TokenHost
from .registry import Registry
from .store import Store
from .tokens import TokenService
from .vendor import Vendor
from .wire import Wire

FLAGS = {module.Flag.flag: module.Flag
         for module in (acr, ecr, gcr, ghcr, gitlab, harbor, hub, jfrog, odd, quay)}
FLAGS[Vendor.flag] = Vendor


class Simulator:
    """`authority`: https everywhere; None: plain http. `break_http2`: of http2.py."""

    def __init__(self, flag, authority=None, break_http2=None):
        self.journal = Journal()
        self.script, self.storage_script = Script(), Script()
        self.store = Store()
        self.vendor = FLAGS[flag](self)
        self.tokens = TokenService(self.vendor)
        self.context = authority.context() if authority else None
        self.registry = self._registry(authority, break_http2)
        self.host = self.registry.host

    def _registry(self, authority, break_http2):
        if not break_http2:
            return Registry(self, self.context, Wire)
        registry = Registry(self, authority.context(alpn=("h2", "http/1.1")), BreakingWire)
        registry.break_http2 = break_http2
        return registry

    # These begin to listen when somebody first asks for them.

    @functools.cached_property
    def storage(self):
        return Storage(self, self.context)

    @functools.cached_property
    def token_host(self):
        return TokenHost(self, self.context)

    def add(self, repository, tag, image, public=False):
        self.store.add(repository, tag, image)
        if public:
            self.vendor.public.add(repository)

    @property
    def creds(self):
        return f"{self.vendor.user}:{self.vendor.password}"

    def leaks(self):
        """Where a credential went that had no business there: an empty list is what is wanted."""
        basic = base64.b64encode(self.creds.encode()).decode()
        passwords = {self.vendor.password, basic, *self.vendor.identities}
        refresh = set(self.tokens.refresh)
        bearers = set(self.tokens.grants)
        at_registry = passwords | refresh
        if self.vendor.scheme == "Basic":
            at_registry = refresh
        return leaks(self.journal, {
            "storage": passwords | refresh | bearers,
            "registry": at_registry,
            "token": bearers,
        })

    def stop(self):
        for name in ("registry", "storage", "token_host"):
            if name in vars(self):
                vars(self)[name].stop()
