"""The object store that blobs are redirected to. Any credential is an error here, and logged."""

import itertools

from .journal import CREDENTIAL_HEADERS
from .registry import ranged
from .wire import Origin, Response


class Storage(Origin):
    """Addresses are signed for one GET: a second use finds them expired."""

    role = "storage"
    numbers = itertools.count(1)

    def __init__(self, simulator, context):
        self.simulator = simulator
        self.signed = {}  # signature: bytes
        self.single_use = True
        super().__init__("127.0.0.2", simulator.journal, context)

    def sign(self, data):
        signature = f"signature-{next(self.numbers)}"
        self.signed[signature] = data
        return f"{self.base}/bucket/object?X-Amz-Expires=600&X-Amz-Signature={signature}"

    def answer(self, request):
        return self.simulator.storage_script.apply(request, self.properly)

    def properly(self, request):
        if any(request.headers.get(name) for name in CREDENTIAL_HEADERS):
            return self.simulator.vendor.target_refusal()
        signature = request.first("X-Amz-Signature")
        data = self.signed.get(signature)
        if request.method != "GET" or data is None:
            return Response(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired"
                            b"</Message></Error>", [("Content-Type", "text/xml")])
        if self.single_use:
            del self.signed[signature]
        return ranged(request, data, [("Content-Type", "application/octet-stream")])


class TokenHost(Origin):
    """For vendors whose token service has a host of its own."""

    role = "token"

    def __init__(self, simulator, context):
        self.simulator = simulator
        super().__init__("127.0.0.3", simulator.journal, context)

    def answer(self, request):
        return self.simulator.script.apply(request, self.simulator.tokens.answer)
