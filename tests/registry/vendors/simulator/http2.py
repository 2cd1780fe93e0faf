"""Just enough of HTTP/2 (RFC 9113) to break it: frames are read up to the first request."""

import struct

from .wire import Wire

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RST_STREAM, SETTINGS, GOAWAY = 1, 3, 4, 7
INTERNAL_ERROR, REFUSED_STREAM, ENHANCE_YOUR_CALM = 2, 7, 11
ACK = 1


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(
        ">I", stream) + payload


def read_frame(source):
    head = source.read(9)
    if len(head) < 9:
        raise ConnectionError
    payload = source.read(int.from_bytes(head[:3], "big"))
    return head[3], head[4], int.from_bytes(head[5:9], "big"), payload


def goaway(code, last=0):
    return lambda stream: frame(GOAWAY, 0, 0, struct.pack(">II", last, code))


def reset(code):
    return lambda stream: frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def garbage(stream):
    return b"\0\0\0\xff\0" + b"\xff" * 64


def silence(stream):
    return b""


class BreakingWire(Wire):
    """HTTP/1.1 as always for who asks for it; `owner.break_http2(stream)` bytes for the others."""

    def handle(self):
        self.connection.do_handshake()
        if self.connection.selected_alpn_protocol() != "h2":
            super().handle()
            return
        self.server.owner.http2_tries += 1
        if self.rfile.read(len(PREFACE)) != PREFACE:
            return
        self.wfile.write(frame(SETTINGS, 0, 0))
        kind = stream = None
        while kind != HEADERS:
            kind, flags, stream, _ = read_frame(self.rfile)
            if kind == SETTINGS and not flags & ACK:
                self.wfile.write(frame(SETTINGS, ACK, 0))
        self.wfile.write(self.server.owner.break_http2(stream))
        self.wfile.flush()
