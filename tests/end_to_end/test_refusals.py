"""What the running app says to a call that cannot be right: the status, and what to do."""

from collections.abc import Iterator

import pytest
import requests

from local.host import HostProcess
from tests.end_to_end.conftest import Scene

KEY = "function-key"


@pytest.fixture
def host(scene: Scene) -> Iterator[HostProcess]:
    """The app behind a function key, as in Azure."""
    with scene.world.start_host(function_key=KEY) as process:
        yield process


def _send(host: HostProcess, method: str, path: str, body: bytes, key: str | None = KEY) -> requests.Response:
    headers = {"x-functions-key": key} if key else {}
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, f"{host.url}/api/{path}", data=body, headers=headers, timeout=30)


def test_wrong_calls_are_answered_with_what_to_do(host: HostProcess) -> None:
    """Each gets its status, a stable code and a message; only the host's own refusal of a key is without words."""
    document = b'{"connection": "acme", "list_id": "three", "segment": ["x"]}'
    cases = [
        ("PUT", "exports/high-value", document, 400, "document_invalid"),
        ("PUT", "exports/high-value", b'{"connection": ', 400, "json_invalid"),
        ("PUT", "exports/No%20Name", b"{}", 400, "document_invalid"),
        ("PUT", "exports/high-value", b" " * 2_000_000, 413, "body_too_large"),
        ("GET", "no/such/route", b"", 404, "route_unknown"),
        ("GET", "exports/nobody", b"", 404, "not_found"),
        ("DELETE", "runs", b"", 405, "method_not_allowed"),
        ("POST", "runs/nobody/release", b"", 404, "not_found"),
    ]
    for method, path, body, status, code in cases:
        answer = _send(host, method, path, body)
        assert answer.status_code == status, (method, path, answer.text)
        error = answer.json()["error"]
        assert error["code"] == code, (method, path, error)
        assert len(error["message"]) > 20, error
    assert _send(host, "GET", "exports", b"", key=None).status_code == 401
    assert _send(host, "GET", "health", b"", key=None).status_code == 200
