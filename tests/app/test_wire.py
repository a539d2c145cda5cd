"""What libraries say of answers that are none, over a real socket: nothing, as they would quote the address."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from shared.courier import Courier
from shared.documents import Connection, Notify
from shared.errors import CourierError
from shared.notify import send
from shared.telemetry import QUIETED, quiet
from tests.fakes import MemoryVault, courier

BODY = b'{"contacts":[]}'
GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\nConnection: close\r\n"
ANSWERS = {
    "a header without a colon": GOOD.replace(b"OK\r\n", b"OK\r\nServer nginx\r\n") + b"\r\n" + BODY,
    "a header that goes on from nowhere": GOOD.replace(b"OK\r\n", b"OK\r\n  folded: yes\r\n") + b"\r\n" + BODY,
    "two lengths": GOOD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f\r\n" + BODY + b"\r\n0\r\n\r\n",
    "half a body": GOOD + b"\r\n" + BODY[:7],
    "no status line": b"<html>\r\n\r\n",
    "nothing": b"",
}


class _Loopback(HTTPAdapter):
    """The wire without TLS: an answer is read in the same way."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Turn to the loopback, wherever the request was to go."""
        path = str(request.path_url)
        request.url = f"http://127.0.0.1:{self._port}{path}"
        return super().send(request, *args, **options)


@pytest.fixture
def quieted() -> Iterator[None]:
    """Logging as the app has it."""
    before = {name: logging.getLogger(name).level for name in QUIETED}
    quiet()
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(params=ANSWERS)
def session(request: pytest.FixtureRequest) -> Iterator[requests.Session]:
    """A session whose every request gets that answer."""
    with socket.create_server(("127.0.0.1", 0)) as server, requests.Session() as session:
        server.settimeout(10)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(ANSWERS[request.param])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        session.trust_env = False
        session.mount("https://", _Loopback(server.getsockname()[1]))
        yield session
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _ask_for_a_contact(app: Courier) -> None:
    client = app.activecampaign(Connection(host="acme.api-us1.com", api_key_secret="key"))
    with suppress(CourierError):
        client.find_contact("ada.lovelace@example.com")


def _tell_a_webhook(app: Courier) -> None:
    send(app, Notify(shape="slack", url_secret="webhook"), "the run is held")


@pytest.mark.usefixtures("quieted")
@pytest.mark.parametrize("call", [_ask_for_a_contact, _tell_a_webhook])
def test_a_malformed_answer_leaves_no_address_in_the_log(
    tmp_path: Path, session: requests.Session, caplog: pytest.LogCaptureFixture, call: Callable[[Courier], None]
) -> None:
    """Neither the email that was asked for, nor the signature of a webhook: nothing is logged at all."""
    caplog.set_level(logging.DEBUG)
    vault = MemoryVault(key="the-key", webhook="https://hooks.example.com/workflows/1?sig=the-signature")
    call(courier(tmp_path, vault=vault, session=lambda: session))
    assert [record.getMessage() for record in caplog.records] == []
