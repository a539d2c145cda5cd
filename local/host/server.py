"""HTTP/1.1 on loopback: reads requests, writes answers, keeps connections."""

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer

from local.host.errors import Stopping
from local.host.http import Refused, Request, Response
from local.host.work import Work

LOOPBACK = "127.0.0.1"
LARGEST_BODY = 104_857_600  # https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger
_LONGEST_LINE = 65_536
_DISCARD_SECONDS = 5.0
_POLL_SECONDS = 0.1  # until a stop is noticed
_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)

_log = logging.getLogger(__name__)

Answer = Callable[[Request], Response]


class HttpServer(ThreadingHTTPServer):
    """Serves on a port of 127.0.0.1 (0: a free one), a thread for each connection."""

    request_queue_size = 128
    block_on_close = False

    def __init__(self, answer: Answer, work: Work, port: int = 0) -> None:
        self.answer = answer
        self.work = work
        super().__init__((LOOPBACK, port), _Handler)

    def server_bind(self) -> None:
        """Bind without the base class's look-up of this machine's name, which can ask the network."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  # the base class's
        """Report a mistake of ours; a client that goes away is none."""
        if not isinstance(sys.exception(), OSError):
            _log.exception("a request could not be answered")

    def start(self) -> None:
        """Begin to accept connections."""
        threading.Thread(target=self.serve_forever, args=(_POLL_SECONDS,), name="http", daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: HttpServer

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Serve every method alike, also those that no function takes."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        self._body_is_read = not self._announces_body()
        try:
            with self.server.work.taken():
                self._send(self._answer())
        except Stopping:
            self._send(Response(HTTPStatus.SERVICE_UNAVAILABLE))
        if not self._body_is_read:
            self._discard()

    def _answer(self) -> Response:
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            joined = headers.get(name.lower())
            headers[name.lower()] = value if joined is None else f"{joined},{value}"
        host = headers.get("host") or f"{LOOPBACK}:{self.server.server_port}"
        try:
            return self.server.answer(Request(self.command, self.path, host, headers, self._read_body))
        except Refused as refusal:
            return Response(refusal.status)
        except Stopping:
            return Response(HTTPStatus.SERVICE_UNAVAILABLE)

    def _send(self, response: Response) -> None:
        if not self._body_is_read:
            self.close_connection = True
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        if response.status not in _BODILESS:
            self.send_header("content-length", str(len(response.body)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD" and response.status not in _BODILESS:
            self.wfile.write(response.body)
        self.wfile.flush()

    def handle_expect_100(self) -> bool:
        """Tell a client that asks first to send its body, at once."""
        go_on = super().handle_expect_100()
        self.wfile.flush()
        return go_on

    def _announces_body(self) -> bool:
        return "transfer-encoding" in self.headers or self.headers.get("content-length", "0") != "0"

    def _read_body(self) -> bytes:
        if "transfer-encoding" in self.headers:
            body = self._read_chunks()
        else:
            body = self._read(_number(self.headers.get("content-length", "0"), 10))
        self._body_is_read = True
        return body

    def _read_chunks(self) -> bytes:
        if self.headers["transfer-encoding"].strip().lower() != "chunked":
            raise Refused(HTTPStatus.NOT_IMPLEMENTED)
        body = bytearray()
        while size := _number(self.rfile.readline(_LONGEST_LINE).split(b";")[0].decode("latin-1"), 16):
            body += self._read(size, already=len(body))
            self.rfile.readline(_LONGEST_LINE)
        while self.rfile.readline(_LONGEST_LINE).strip():  # trailers
            continue
        return bytes(body)

    def _read(self, size: int, already: int = 0) -> bytes:
        if already + size > LARGEST_BODY:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        data = self.rfile.read(size)
        if len(data) < size:
            raise Refused(HTTPStatus.BAD_REQUEST)
        return data

    def _discard(self) -> None:
        """Read on for a while: a client that is still sending would not see the answer if the connection broke."""
        deadline = time.monotonic() + _DISCARD_SECONDS
        self.connection.settimeout(_DISCARD_SECONDS)
        try:
            self.connection.shutdown(socket.SHUT_WR)
            while self.rfile.read1(_LONGEST_LINE) and time.monotonic() < deadline:
                continue
        except OSError:
            return

    def version_string(self) -> str:
        """Name the server as the real host does."""
        return "Kestrel"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
        """Say nothing: an address may hold a key, and every call has its own lines in the log."""


def _number(text: str, base: int) -> int:
    try:
        number = int(text, base)
    except ValueError:
        raise Refused(HTTPStatus.BAD_REQUEST) from None
    if number < 0:
        raise Refused(HTTPStatus.BAD_REQUEST)
    return number
