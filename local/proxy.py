"""The only way out of the world on one machine: known names lead to stand-ins, every other is refused."""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, urlsplit
from weakref import WeakSet

from local.https import LOOPBACK, HttpsServer, JsonHandler

Address = tuple[str, int]

CONNECT_SECONDS = 10.0
CHUNK_BYTES = 65536
HTTPS_PORT = 443


class Proxy(HttpsServer):
    """A CONNECT proxy on 127.0.0.1, as a context manager.

    `routes` maps patterns of host names (`*.vault.azure.net`) to the addresses of stand-ins, for port 443; the
    first that matches counts, and the table may be replaced at any time. Whatever else is asked for is answered
    403 and remembered in `refused` as `host:port`. A stand-in that does not listen is answered 502.
    """

    def __init__(self, routes: Mapping[str, Address]) -> None:
        super().__init__(partial(_Handler, self))
        self.routes = routes
        self.refused: list[str] = []
        self._stopped = False
        self._tunnels: WeakSet[socket.socket] = WeakSet()
        self._lock = threading.Lock()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make a process use this proxy for all but loopback.

        Names come in both cases: a library that reads both prefers the lower one, which may be set already.
        """
        url = f"http://{LOOPBACK}:{self.port}"
        variables = {"HTTPS_PROXY": url, "HTTP_PROXY": url, "NO_PROXY": f"{LOOPBACK},localhost"}
        return variables | {name.lower(): value for name, value in variables.items()}

    def connect(self, target: SplitResult) -> socket.socket | None:
        """Open a connection to the stand-in for a target; None if there is none, OSError if it is down."""
        host = target.hostname or ""
        address = next((to for pattern, to in self.routes.items() if fnmatchcase(host, pattern)), None)
        if address is None or target.port != HTTPS_PORT:
            return None
        stand_in = socket.create_connection(address, CONNECT_SECONDS)
        stand_in.settimeout(None)
        stand_in.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._tunnels.add(stand_in)
            if self._stopped:
                _cut(stand_in)
        return stand_in

    def stop(self) -> None:
        """Cut every tunnel and stop listening."""
        with self._lock:
            self._stopped = True
            for stand_in in self._tunnels:
                _cut(stand_in)
        super().stop()


class _Handler(JsonHandler):
    rbufsize = 0  # what a client sends right behind its CONNECT belongs to the stand-in, not into a buffer here

    def __init__(self, proxy: Proxy, *connection: Any) -> None:
        self._proxy = proxy
        super().__init__(*connection)

    def answer(self) -> None:
        self.close_connection = True
        target = urlsplit(f"//{self.path}" if self.command == "CONNECT" else self.path)
        try:
            stand_in = self._proxy.connect(target)
        except OSError:
            self.send_json(HTTPStatus.BAD_GATEWAY, {"error": f"the stand-in for {target.hostname} does not listen"})
            return
        if stand_in is None:
            self._refuse(target)
        else:
            self._tunnel(stand_in)

    def _tunnel(self, stand_in: socket.socket) -> None:
        with stand_in:
            self.send_response_only(HTTPStatus.OK, "Connection established")
            self.end_headers()
            self.wfile.flush()
            _join(self.connection, stand_in)

    def _refuse(self, target: SplitResult) -> None:
        name = f"{target.hostname}:{target.port or 80}"
        self._proxy.refused.append(name)
        self.send_json(HTTPStatus.FORBIDDEN, {"error": f"{name} is not part of this world"}, {"Connection": "close"})


def _join(client: socket.socket, stand_in: socket.socket) -> None:
    """Carry bytes both ways until both sides have said their last."""
    answers = threading.Thread(target=_carry, args=(stand_in, client), name="proxy-answers", daemon=True)
    answers.start()
    _carry(client, stand_in)
    answers.join()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    """Copy one direction; its end is passed on as such, and a broken connection breaks the other."""
    try:
        while data := source.recv(CHUNK_BYTES):
            _acknowledge(source)
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        _cut(source)
        _cut(sink)


def _acknowledge(source: socket.socket) -> None:
    # A sender that holds back a small packet until the one before is acknowledged would wait 40 ms. Linux forgets
    # the option at will, so it is set after each read; other systems do not have it.
    if hasattr(socket, "TCP_QUICKACK"):
        source.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
