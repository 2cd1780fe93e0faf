"""Misbehaviour by plan: rules that stand before an origin, and what they can make of an answer.

    script.on("GET /v2/x/blobs/", faults.cut(1000), times=1)

An action is called with the request and a function that gives the proper answer.
"""

import gzip
import re
import threading
import time

from .wire import Response, Wire


class Rule:
    def __init__(self, pattern, action, times, skip):
        self.pattern, self.action = re.compile(pattern), action
        self.times, self.skip, self.count = times, skip, 0

    def takes(self, line):
        if not self.pattern.search(line):
            return False
        self.count += 1
        past = self.count - self.skip
        return past > 0 and (self.times is None or past <= self.times)


class Script:
    def __init__(self):
        self.rules = []
        self.lock = threading.Lock()

    def on(self, pattern, action, times=None, skip=0):
        """`pattern` is searched in "METHOD /path?query"; the first `skip` matches are let pass."""
        self.rules.append(Rule(pattern, action, times, skip))

    def clear(self):
        self.rules.clear()

    def apply(self, request, properly):
        with self.lock:
            rule = next((r for r in self.rules if r.takes(request.line)), None)
        if not rule:
            return properly(request)
        return rule.action(request, lambda: properly(request))


# --- another answer ---


def status(code, body=b"", headers=(), content_type="application/json"):
    def action(request, proper):
        return Response(code, body, [("Content-Type", content_type), *headers])
    return action


def redirect(to, code=307):
    return status(code, headers=[("Location", to)] if to is not None else ())


def document(data, content_type):
    """200 with these bytes and nothing that tells their digest."""
    return status(200, data, content_type=content_type)


# --- the proper answer, changed ---


def header(name, value):
    """Set a header, or take it away with None."""
    def action(request, proper):
        return proper().with_header(name, value)
    return action


def status_line(code):
    """Another status for the same answer."""
    def action(request, proper):
        response = proper()
        response.status = code
        return response
    return action


def played(play):
    """The proper answer, written by play(wire, response, head)."""
    def action(request, proper):
        response = proper()
        response.play = play
        return response
    return action


def both(*actions):
    """One after the other, each on what the one before has made."""
    def action(request, proper):
        make = proper
        for one in actions:
            make = (lambda one, make: lambda: one(request, make))(one, make)
        return make()
    return action


def changed(change):
    """change(bytes) -> bytes of the body; the length follows."""
    def action(request, proper):
        response = proper()
        response.body = change(response.body)
        return response
    return action


def first_big(size, action):
    """Only the first answer whose body is that long."""
    taken = []

    def choose(request, proper):
        response = proper()
        if taken or len(response.body) < size:
            return response
        taken.append(request)
        return action(request, lambda: response)
    return choose


def ignore_range(request, proper):
    del request.headers["Range"]
    return proper()


def encoded(encoding="gzip", encode=None):
    """With a Content-Encoding that nobody asked for."""
    def action(request, proper):
        response = proper().with_header("Content-Encoding", encoding)
        response.body = (encode or (lambda data: gzip.compress(data, 6, mtime=0)))(response.body)
        return response
    return action


# --- on the wire ---


def head_of(response, length=True):
    headers = [h for h in response.headers if h[0].lower() != "content-length"]
    if length:
        headers.append(("Content-Length", str(len(response.body))))
    return headers


def cut(at, reset=False):
    """The connection ends after so many bytes of the body."""
    def play(wire, response, head):
        wire.write_head(response.status, head_of(response))
        wire.wfile.write(response.body[:at])
        if reset:
            wire.wfile.flush()
            time.sleep(0.05)  # or RST overtakes what was sent
        wire.hang_up(reset)
    return played(play)


def raw(data, reset=False):
    """Exactly these bytes, then the end."""
    def action(request, proper):
        def play(wire, response, head):
            wire.wfile.write(data)
            if reset:
                time.sleep(0.05)
            wire.hang_up(reset)
        return Response(play=play)
    return action


def stall(at, seconds):
    """So much of the body, then silence."""
    def play(wire, response, head):
        wire.write_head(response.status, head_of(response))
        wire.wfile.write(response.body[:at])
        wire.wfile.flush()
        time.sleep(seconds)
        wire.hang_up()
    return played(play)


def drip(pause, count):
    """A header block that comes byte by byte and never ends."""
    def action(request, proper):
        def play(wire, response, head):
            for byte in (b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * count)[:count]:
                wire.wfile.write(bytes([byte]))
                wire.wfile.flush()
                time.sleep(pause)
            wire.hang_up()
        return Response(play=play)
    return action


def length(text):
    """A Content-Length that says this, whatever follows."""
    def play(wire, response, head):
        wire.write_head(response.status, [
            *head_of(response, False), ("Content-Length", text), ("Connection", "close")])
        if not head:
            wire.wfile.write(response.body)
        wire.hang_up()
    return played(play)


def until_close(at=None):
    """No length and no chunks: the body ends where the connection does."""
    def play(wire, response, head):
        wire.write_head(response.status, [*head_of(response, False), ("Connection", "close")])
        if not head:
            wire.wfile.write(response.body[:at])
        wire.hang_up()
    return played(play)


def chunked(size=65536, at=None):
    """In chunks and without a length; with `at` the connection ends inside the last one."""
    def play(wire, response, head):
        wire.write_head(response.status, [
            *head_of(response, False), ("Transfer-Encoding", "chunked")])
        if head:
            return
        body = response.body[:at]
        for start in range(0, len(body), size):
            part = body[start:start + size]
            wire.wfile.write(b"%x\r\n" % len(part) + part + b"\r\n")
        if at is None:
            wire.wfile.write(b"0\r\n\r\n")
        else:
            wire.wfile.write(b"ffff\r\nhalf")
            wire.hang_up()
    return played(play)


def endless_chunks(limit=1 << 28):
    def play(wire, response, head):
        wire.write_head(response.status, [
            *head_of(response, False), ("Transfer-Encoding", "chunked")])
        for _ in range(0, limit, 65536):
            wire.wfile.write(b"10000\r\n" + b"\0" * 65536 + b"\r\n")
        wire.hang_up()
    return played(play)


def interim(*codes):
    """1xx answers before the real one."""
    def play(wire, response, head):
        for code in codes:
            wire.wfile.write(b"HTTP/1.1 %d Interim\r\nLink: </x>\r\n\r\n" % code)
        Wire.write(wire, response, head)
    return played(play)


def http10():
    """The protocol before keep-alive."""
    def play(wire, response, head):
        lines = b"".join(f"{k}: {v}\r\n".encode() for k, v in head_of(response))
        wire.wfile.write(b"HTTP/1.0 %d Old\r\n" % response.status + lines + b"\r\n")
        if not head:
            wire.wfile.write(response.body)
        wire.hang_up()
    return played(play)
