"""HTTP/1.1 on one loopback address, with or without TLS: requests in, answers out."""

import contextlib
import socket
import socketserver
import struct
import subprocess
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler

import ssl

from .journal import Entry

ADDRESSES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


class Authority:
    """A throw-away CA and one server certificate for all addresses that are used here."""

    def __init__(self, directory, names=ADDRESSES):
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.ca, self.ca_key = directory / "ca.crt", directory / "ca.key"
        self.cert, self.key = directory / "server.crt", directory / "server.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-keyout", self.ca_key, "-out", self.ca, "-days", "2",
                      "-subj", "/CN=throw-away")
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-keyout", self.key, "-out", directory / "server.csr",
                      "-subj", "/CN=simulator")
        self.issue(self.cert, names)

    @staticmethod
    def _openssl(*args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)

    def issue(self, path, names, days=2):
        """Sign the server's key again, for other names or (days < 0) for a time that is over."""
        extensions = self.directory / "extensions"
        kinds = ("IP:" + n if n[0].isdigit() else "DNS:" + n for n in names)
        extensions.write_text("subjectAltName=" + ",".join(kinds))
        self._openssl("x509", "-req", "-in", self.directory / "server.csr", "-CA", self.ca,
                      "-CAkey", self.ca_key, "-set_serial", "1", "-days", days,
                      "-extfile", extensions, "-out", path)
        return path

    def context(self, cert=None, alpn=()):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert or self.cert, self.key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


class Request:
    def __init__(self, method, target, headers, body):
        split = urllib.parse.urlsplit(target)
        self.method, self.target, self.path = method, target, split.path
        self.raw_query = split.query
        self.query = urllib.parse.parse_qs(split.query, keep_blank_values=True)
        self.headers, self.body = headers, body

    def first(self, name):
        return self.query.get(name, [None])[0]

    @property
    def line(self):
        return f"{self.method} {self.target}"


class Response:
    """`play(wire, response, head)`, when set, writes the answer in place of Wire.write."""

    def __init__(self, status=200, body=b"", headers=(), play=None):
        self.status, self.body, self.headers = status, body, list(headers)
        self.play = play

    def with_header(self, name, value):
        """Replaces a header of that name."""
        self.headers = [h for h in self.headers if h[0].lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))
        return self


class Wire(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def log_message(self, *args):
        pass

    def read_body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(iter(self.read_chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def read_chunk(self):
        size = int(self.rfile.readline().split(b";")[0], 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data

    def serve(self):
        owner = self.server.owner
        if owner.before_body(self):
            return
        request = Request(self.command, self.path, self.headers, self.read_body())
        entry = Entry(owner.role_of(request), owner.host, self.command, self.path,
                      list(self.headers.items()), request.body)
        owner.journal.add(entry)
        response = owner.answer(request)
        entry.status = response.status
        head = self.command == "HEAD"
        (response.play or Wire.write)(self, response, head)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = serve

    def write_head(self, status, headers):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def write(self, response, head):
        headers = list(response.headers)
        names = [name.lower() for name, _ in headers]
        if "content-length" not in names and response.status not in (204, 304):
            headers.append(("Content-Length", str(len(response.body))))
        self.write_head(response.status, headers)
        if not head:
            self.wfile.write(response.body)

    def hang_up(self, reset=False):
        """The connection ends now: by FIN, or by RST."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
        with contextlib.suppress(OSError):
            if reset:
                self.connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                self.connection.shutdown(socket.SHUT_RDWR)
            self.connection.close()


class Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # clients that hang up are what these tests are about


class Origin:
    """One address and port. Subclasses answer."""

    role = "registry"

    def __init__(self, address, journal, context=None, wire=Wire):
        self.journal = journal
        self.context = context
        self.server = Listener((address, 0), wire)
        self.server.owner = self
        if context:
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.host = f"{address}:{self.server.server_address[1]}"
        self.base = ("https://" if context else "http://") + self.host
        self.thread = threading.Thread(
            target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def role_of(self, request):
        return self.role

    def before_body(self, wire):
        """True when the request was dealt with before its body was read."""
        return False

    def answer(self, request):
        raise NotImplementedError

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
