"""The HTTP API as a script would call it."""

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import requests

T = TypeVar("T")
FINAL = frozenset({"succeeded", "partly_succeeded", "nothing_to_do", "failed", "cancelled"})


class Refused(Exception):
    """The API answered with an error; the message is its own."""


class Caller:
    """Calls the app at ``url``, such as ``http://127.0.0.1:7071``."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/api"
        self._session = requests.Session()
        self._session.trust_env = False

    def call(self, method: str, path: str, document: object = None) -> Any:
        """What the API answers, parsed; raises ``Refused`` on an error."""
        answer = self._session.request(method, f"{self._url}{path}", json=document, timeout=60)
        if not answer.ok:
            raise Refused(f"{method} {path} was answered {answer.status_code}: {_words(answer)}")
        return answer.json() if answer.content else None

    def runs(self, export: str) -> list[dict[str, Any]]:
        """The runs of an export, newest first."""
        found: list[dict[str, Any]] = self.call("GET", f"/runs?export={export}")["runs"]
        return found

    def follow(self, run: str, *, seconds: float, pause: float = 1.0) -> Iterator[dict[str, Any]]:
        """The run as it is now, again and again until it has ended or waits for a person.

        Raises ``TimeoutError`` if that does not happen within so many seconds.
        """
        end = time.monotonic() + seconds
        while True:
            found: dict[str, Any] = self.call("GET", f"/runs/{run}")
            yield found
            if rests(found):
                return
            if time.monotonic() >= end:
                raise TimeoutError(f"run {run} is still {found['state']} after {seconds:g} seconds")
            time.sleep(pause)


def _words(answer: requests.Response) -> str:
    """What the app says, or all there is where the host itself refused."""
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return answer.text or answer.reason


def rests(run: dict[str, Any]) -> bool:
    """Whether nothing happens to that run by itself any more."""
    return run["state"] in FINAL or run["state"] == "held"


def wait_for(look: Callable[[], T | None], *, seconds: float, what: str) -> T:
    """The first thing found within that time; ``TimeoutError`` names what did not come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := look()) is not None:
            return found
        time.sleep(0.5)
    raise TimeoutError(f"no {what} within {seconds:g} seconds")
