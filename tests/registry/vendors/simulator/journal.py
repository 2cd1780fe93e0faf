"""What every origin was sent, and which secrets turned up where they must not."""

import base64
import dataclasses
import re
import threading
import urllib.parse

CREDENTIAL_HEADERS = ("authorization", "proxy-authorization", "cookie")


@dataclasses.dataclass
class Entry:
    role: str  # "registry", "token", "storage"
    origin: str
    method: str
    target: str
    headers: list  # of pairs, as they came
    body: bytes
    status: int = 0

    def header(self, name):
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)

    def text(self):
        """Everything that came over the wire, for a search."""
        lines = [f"{self.method} {self.target}"] + [f"{k}: {v}" for k, v in self.headers]
        return "\n".join(lines).encode() + b"\n" + self.body


class Journal:
    def __init__(self):
        self.entries = []
        self.lock = threading.Lock()

    def add(self, entry):
        with self.lock:
            self.entries.append(entry)

    def clear(self):
        with self.lock:
            self.entries.clear()

    def seen(self, pattern="", method=None, role=None):
        """Requests whose target matches, in the order of their arrival."""
        with self.lock:
            return [e for e in self.entries
                    if re.search(pattern, e.target)
                    and (method is None or e.method == method)
                    and (role is None or e.role == role)]


def spellings(secret):
    """A secret as it is, in base64, and as a form or a query holds it."""
    raw = secret.encode()
    return {raw, base64.b64encode(raw), urllib.parse.quote(secret, safe="").encode()}


def leaks(journal, forbidden):
    """Lines that tell of a credential in the wrong place.

    forbidden   {role: secrets that an origin of this role must never get}
    """
    found = []
    for e in journal.seen():
        where = f"{e.role} {e.origin} {e.method} {e.target}"
        if e.role == "storage":
            found += [f"{where}: {k}" for k, _ in e.headers if k.lower() in CREDENTIAL_HEADERS]
        text = e.text()
        found += [f"{where}: {secret}" for secret in forbidden[e.role]
                  if any(s in text for s in spellings(secret))]
    return found
