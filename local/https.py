"""A small HTTP(S) server on loopback that every stand-in is built on."""

import json
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Self

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 5.0  # a handler still busy after this long is a bug in a stand-in

Json = Mapping[str, object]


class JsonHandler(BaseHTTPRequestHandler):
    """A request handler with keep-alive, one write for each answer, JSON in and out, and no access log.

    A stand-in writes one `answer()` for all methods (`self.command` says which), or a `do_GET` and so on.
    """

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self) -> None:
        """Answer the request that was read."""
        self.send_error(HTTPStatus.NOT_IMPLEMENTED)

    def read_body(self) -> bytes:
        """Read the whole body of the request; empty when none was announced."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send_json(self, status: int, body: Json | None, headers: Mapping[str, str] | None = None) -> None:
        """Send a complete answer with a JSON body, or with an empty one."""
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
        """Say nothing: addresses and bodies of requests may hold personal data."""


class HttpsServer:
    """Serves `handler` on a free port of 127.0.0.1, a thread for each connection; TLS if given a context.

    `stop()` closes every connection, also those kept alive by a client, and leaves no thread behind.
    Raises RuntimeError from `stop()` when a handler does not end within STOP_SECONDS of that.
    """

    def __init__(self, handler: Callable[..., BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> None:
        self._server = _Server(handler, context)
        self._acceptor = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="stand-in-acceptor", daemon=True
        )

    @property
    def port(self) -> int:
        """The port on 127.0.0.1, known before `start()`."""
        return self._server.server_port

    def start(self) -> None:
        """Begin to accept connections."""
        self._acceptor.start()

    def stop(self) -> None:
        """Stop accepting, close every connection, and wait for their threads."""
        if self._acceptor.is_alive():
            self._server.shutdown()
            self._acceptor.join()
        self._server.server_close()
        self._server.hang_up()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    """Keeps track of its connections, so that stopping does not wait for a client to let go of one."""

    request_queue_size = 128

    def __init__(self, handler: Callable[..., BaseHTTPRequestHandler], context: ssl.SSLContext | None) -> None:
        super().__init__((LOOPBACK, 0), handler)
        self._context = context
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._stopping = False

    def server_bind(self) -> None:
        """Bind without the base class's look-up of this machine's name, which can ask the network."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; the TLS handshake is left to its own thread, at its first read."""
        plain, address = super().get_request()
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is None:
            return plain, address
        return self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve the connection in a thread of its own."""
        thread = threading.Thread(target=self._serve, args=(request, client_address), daemon=True)
        with self._lock:
            self._connections[thread] = request
        thread.start()

    def _serve(self, request: socket.socket, client_address: Any) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._connections[threading.current_thread()]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report a stand-in's own mistake; a client that goes away is none."""
        if self._stopping or isinstance(sys.exception(), OSError):
            return
        super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Close every connection and wait for its thread."""
        self._stopping = True
        with self._lock:
            connections = dict(self._connections)
        for connection in connections.values():
            _wake(connection)
        for thread in connections:
            thread.join(STOP_SECONDS)
            if thread.is_alive():
                raise RuntimeError(f"a handler of the stand-in on port {self.server_port} does not end")


def _wake(connection: socket.socket) -> None:
    # The plain socket's own method: that of SSLSocket takes the session away from the thread reading it.
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return
