"""The proxy: known names reach their stand-ins, every other is refused and remembered."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from local.authority import Authority
from local.https import HttpsServer, JsonHandler
from local.proxy import Proxy


class Length(JsonHandler):
    """Answers with the length of what was sent, as often, so that both directions carry weight."""

    def answer(self) -> None:
        """Send back a string as long as the body."""
        self.send_json(200, {"echo": "x" * len(self.read_body())})


@pytest.fixture
def proxy(authority: Authority) -> Iterator[Proxy]:
    """A proxy that knows one family of names."""
    with (
        HttpsServer(Length, authority.certificate.context()) as stand_in,
        Proxy({"*.api-us1.com": ("127.0.0.1", stand_in.port)}) as proxy,
    ):
        yield proxy


@pytest.fixture(autouse=True)
def proxied(proxy: Proxy, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process use the proxy as the app does: by its environment alone."""
    for name, value in (proxy.environment | {"REQUESTS_CA_BUNDLE": str(authority.bundle)}).items():
        monkeypatch.setenv(name, value)


def test_a_known_name_reaches_its_stand_in(proxy: Proxy) -> None:
    """An unchanged https client gets the stand-in's answer under the public name."""
    assert requests.post("https://acme.api-us1.com/api/3/", data=b"four", timeout=5).json() == {"echo": "xxxx"}
    assert proxy.refused == []


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.com/", "example.com:443"),
        ("https://api-us1.com/", "api-us1.com:443"),
        ("https://acme.api-us1.com.example.com/", "acme.api-us1.com.example.com:443"),
        ("https://acme.api-us1.com:8443/", "acme.api-us1.com:8443"),
        ("http://acme.api-us1.com/", "acme.api-us1.com:80"),
    ],
)
def test_another_name_is_refused_and_remembered(proxy: Proxy, url: str, name: str) -> None:
    """A name outside the table, another port, or plain http gets no further than the proxy."""
    try:
        assert requests.get(url, timeout=5).status_code == 403
    except requests.exceptions.ProxyError:
        assert url.startswith("https")
    assert set(proxy.refused) == {name}


def test_loopback_does_not_need_the_proxy(proxy: Proxy) -> None:
    """Addresses of this machine are reached directly."""
    with HttpsServer(Length) as direct:
        assert requests.get(f"http://127.0.0.1:{direct.port}/", timeout=5).ok
        assert requests.get(f"http://localhost:{direct.port}/", timeout=5).ok
    assert proxy.refused == []


def test_a_stand_in_that_is_down_is_not_a_refused_name(proxy: Proxy) -> None:
    """Nobody listening behind a known name is a connection error, and no reason to suspect the app."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        proxy.routes = {"acme.api-us1.com": closed.getsockname()}
    with pytest.raises(requests.ConnectionError):
        requests.get("https://acme.api-us1.com/", timeout=5)
    assert proxy.refused == []


def test_many_connections_at_once_get_their_own_answers() -> None:
    """Fifty clients with bodies of every size up to the largest import are served side by side."""

    def ask(length: int) -> bool:
        answer = requests.post("https://acme.api-us1.com/", data=b"x" * length, timeout=30)
        return len(answer.json()["echo"]) == length

    with ThreadPoolExecutor(50) as clients:
        assert all(clients.map(ask, range(0, 400_000, 8_000)))


def test_a_call_does_not_wait_for_an_acknowledgement() -> None:
    """Calls over a kept connection take a few milliseconds, not the 40 of a delayed acknowledgement."""
    with requests.Session() as session:
        session.post("https://acme.api-us1.com/", data=b"x" * 2_000, timeout=5)
        took = []
        for _ in range(20):
            started = time.perf_counter()
            session.post("https://acme.api-us1.com/", data=b"x" * 2_000, timeout=5)
            took.append(time.perf_counter() - started)
    assert min(took) < 0.03


def test_a_side_that_has_said_its_last_still_hears_the_other(proxy: Proxy) -> None:
    """Half-closed connections are carried as such, in both directions."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.routes = {"acme.api-us1.com": listener.getsockname()}
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            client.sendall(b"CONNECT acme.api-us1.com:443 HTTP/1.1\r\n\r\nearly ")
            served, _ = listener.accept()
            with served, served.makefile("rb") as heard, client.makefile("rb") as answer:
                client.sendall(b"question")
                client.shutdown(socket.SHUT_WR)
                assert heard.read() == b"early question"
                served.sendall(b"answer")
                served.shutdown(socket.SHUT_WR)
                assert answer.read().endswith(b"\r\n\r\nanswer")


def test_a_broken_connection_breaks_the_other_side(proxy: Proxy) -> None:
    """A stand-in that resets its connection does not leave the client waiting."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.routes = {"acme.api-us1.com": listener.getsockname()}
        with socket.create_connection(("127.0.0.1", proxy.port), 5) as client:
            client.sendall(b"CONNECT acme.api-us1.com:443 HTTP/1.1\r\n\r\n")
            served, _ = listener.accept()
            assert client.recv(100).startswith(b"HTTP/1.1 200")
            served.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            served.close()
            assert client.recv(1) == b""


def test_stopping_cuts_open_tunnels(authority: Authority) -> None:
    """Tunnels that both sides would keep open end with the proxy, and no thread is left."""
    before = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with Proxy({"acme.api-us1.com": listener.getsockname()}) as proxy:
            client = socket.create_connection(("127.0.0.1", proxy.port), 5)
            client.sendall(b"CONNECT acme.api-us1.com:443 HTTP/1.1\r\n\r\n")
            served, _ = listener.accept()
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        with client, served:
            assert threading.active_count() == before
            assert client.recv(1) == served.recv(1) == b""
