"""The server under every stand-in: keep-alive, TLS, and a clean end."""

import socket
import threading
from collections.abc import Iterator

import pytest
import requests

from local.authority import Authority
from local.https import HttpsServer, JsonHandler


class Echo(JsonHandler):
    """Answers with what was sent."""

    def answer(self) -> None:
        """Tell the method, the path and the body's length."""
        sent = {"method": self.command, "path": self.path, "length": len(self.read_body())}
        self.send_json(200, sent, {"X-Stand-In": "echo"})


class Broken(JsonHandler):
    """Fails on every request."""

    def answer(self) -> None:
        """Raise."""
        raise LookupError("a mistake in a stand-in")


@pytest.fixture
def session(authority: Authority) -> Iterator[requests.Session]:
    """A client that trusts the authority and nothing of this machine's settings."""
    with requests.Session() as session:
        session.verify = str(authority.bundle)
        session.trust_env = False
        yield session


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_serves_many_requests(authority: Authority, session: requests.Session, scheme: str) -> None:
    """Several requests of one client travel over one connection, whatever their method and size."""
    context = authority.certificate.context() if scheme == "https" else None
    with HttpsServer(Echo, context) as server:
        before = threading.active_count()
        for method, length in (("GET", 0), ("PUT", 1), ("POST", 300_000)):
            url = f"{scheme}://localhost:{server.port}/a/b"
            answer = session.request(method, url, data=b"x" * length, timeout=5)
            assert answer.json() == {"method": method, "path": "/a/b", "length": length}
            assert answer.headers["X-Stand-In"] == "echo"
        assert threading.active_count() == before + 1


def test_a_method_without_an_answer_is_not_implemented(session: requests.Session) -> None:
    """A handler that says nothing about a method answers 501."""
    with HttpsServer(JsonHandler) as server:
        assert session.delete(f"http://localhost:{server.port}/", timeout=5).status_code == 501


def test_stopping_hangs_up_on_idle_clients(authority: Authority, session: requests.Session) -> None:
    """A client that keeps its connection open does not hold up the end, and no thread is left."""
    before = threading.active_count()
    with HttpsServer(Echo, authority.certificate.context()) as server:
        url = f"https://127.0.0.1:{server.port}/"
        session.post(url, timeout=5)
    assert threading.active_count() == before
    with pytest.raises(requests.ConnectionError):
        session.post(url, timeout=5)


def test_a_server_that_was_never_started_can_be_stopped() -> None:
    """Clean-up after a failed start needs no special case."""
    HttpsServer(Echo).stop()


def test_only_those_with_the_bundle_trust_the_certificate(authority: Authority, session: requests.Session) -> None:
    """A client that knows public authorities only breaks off the handshake."""
    session.verify = True
    with HttpsServer(Echo, authority.certificate.context()) as server, pytest.raises(requests.exceptions.SSLError):
        session.post(f"https://localhost:{server.port}/", timeout=5)


def test_a_client_that_never_speaks_delays_nobody(authority: Authority, session: requests.Session) -> None:
    """The TLS handshake of one connection happens beside the others, not before them."""
    with (
        HttpsServer(Echo, authority.certificate.context()) as server,
        socket.create_connection(("127.0.0.1", server.port)),
    ):
        assert session.post(f"https://localhost:{server.port}/", timeout=5).ok


def test_a_mistake_in_a_stand_in_is_reported(session: requests.Session, capfd: pytest.CaptureFixture[str]) -> None:
    """An exception in a handler is printed and the connection closed: it cannot pass for an answer."""
    with HttpsServer(Broken) as server, pytest.raises(requests.ConnectionError):
        session.get(f"http://127.0.0.1:{server.port}/", timeout=5)
    assert "a mistake in a stand-in" in capfd.readouterr().err


def test_the_private_key_is_for_its_owner_only(authority: Authority) -> None:
    """Other users of the machine cannot read the key of the certificate."""
    assert authority.certificate.key.stat().st_mode & 0o077 == 0
