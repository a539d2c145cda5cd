"""The HTTP trigger: which function a request is for, what the function is given, and what the client gets back."""

import hmac
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from azure.functions.meta import Datum

from local.host.bindings import HttpTrigger
from local.host.errors import CallFailed
from local.host.load import Function
from local.host.routes import Route
from local.host.worker import Call, Worker

_ADMIN = "/admin/functions/"
_REASON = "This function was programmatically called via the host APIs."
ANSWER_SECONDS = 230.0  # https://learn.microsoft.com/azure/azure-functions/functions-scale#timeout
_SET_BY_SERVER = ("content-length", "transfer-encoding", "connection")

Fire = Callable[[str, str], HTTPStatus]
"""Starts a function by name with an input; says 202, or why not."""


class Refused(Exception):
    """A request that reaches no function; it is answered with a status and no body."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


@dataclass(frozen=True)
class Request:
    """A request; `body` reads it when it is wanted, and raises Refused when it is too large or broken."""

    method: str
    target: str
    host: str
    headers: Mapping[str, str]
    body: Callable[[], bytes]

    @property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query; several values of one name are joined by commas, as the real host does."""
        joined: dict[str, str] = {}
        for name, value in parse_qsl(urlsplit(self.target).query, keep_blank_values=True):
            joined[name] = f"{joined[name]},{value}" if name in joined else value
        return joined


@dataclass(frozen=True)
class Response:
    """An answer."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Front:
    """Answers requests. With a function key, every function that is not anonymous asks for it.

    Of several routes that fit a request, that of the function whose name comes first answers, however general it is,
    as in the real host: https://github.com/Azure/azure-functions-host/issues/9876. A function that takes longer than
    `seconds` runs on, and its client is told 504 by then.
    """

    def __init__(
        self,
        functions: Iterable[Function],
        prefix: str,
        worker: Worker,
        fire: Fire,
        function_key: str | None = None,
        *,
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._routes = [
            (Route(f"{prefix}/{function.trigger.route.template}"), function, function.trigger)
            for function in sorted(functions, key=lambda function: function.name.lower())
            if isinstance(function.trigger, HttpTrigger)
        ]
        self._worker = worker
        self._fire = fire
        self._key = function_key
        self._seconds = seconds

    def answer(self, request: Request) -> Response:
        """Answer one request. Raises Refused, or Stopping when the host stops before the function began."""
        if request.path.startswith(_ADMIN) and request.method == "POST":
            return self._fire_by_hand(request)
        function, trigger, parameters = self._find(request)
        if trigger.auth_level != "ANONYMOUS":
            self._authorize(request)
        try:
            returned = self._call(Call(function, _REASON, _http_datum(request, parameters), {}))
        except CallFailed:
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR) from None
        except TimeoutError:
            raise Refused(HTTPStatus.GATEWAY_TIMEOUT) from None
        return _response(returned)

    def _call(self, call: Call) -> Datum | None:
        """Wait for what the function returns, and no longer than the load balancer does."""
        returned: Future[Datum | None] = Future()

        def answer() -> None:
            try:
                returned.set_result(self._worker.call(call))
            except Exception as error:
                returned.set_exception(error)

        threading.Thread(target=answer, name=f"http-{call.function.name}", daemon=True).start()
        return returned.result(self._seconds)

    def _find(self, request: Request) -> tuple[Function, HttpTrigger, dict[str, str]]:
        for route, function, trigger in self._routes:
            parameters = route.match(request.path)
            if parameters is not None and _accepts(trigger, request.method):
                return function, trigger, parameters
        raise Refused(HTTPStatus.NOT_FOUND)

    def _authorize(self, request: Request) -> None:
        if self._key is None:
            return
        given = request.headers.get("x-functions-key") or request.query.get("code", "")
        if not hmac.compare_digest(given.encode(), self._key.encode()):
            raise Refused(HTTPStatus.UNAUTHORIZED)

    def _fire_by_hand(self, request: Request) -> Response:
        self._authorize(request)
        try:
            body = json.loads(request.body())
        except ValueError:
            raise Refused(HTTPStatus.BAD_REQUEST) from None
        if not isinstance(body, dict):
            raise Refused(HTTPStatus.BAD_REQUEST)
        return Response(self._fire(request.path.removeprefix(_ADMIN), str(body.get("input", ""))))


def _accepts(trigger: HttpTrigger, method: str) -> bool:
    return method in trigger.methods or (method == "HEAD" and "GET" in trigger.methods)


def _http_datum(request: Request, parameters: Mapping[str, str]) -> Datum:
    return Datum(
        {
            "method": Datum(request.method, "string"),
            "url": Datum(f"http://{request.host}{request.target}", "string"),
            "headers": _strings(request.headers),
            "query": _strings(request.query),
            "params": _strings(parameters),
            "body": Datum(request.body(), "bytes"),
        },
        "http",
    )


def _strings(values: Mapping[str, str]) -> dict[str, Datum]:
    return {name: Datum(value, "string") for name, value in values.items()}


def _response(returned: Datum | None) -> Response:
    if returned is None or returned.type != "http":
        text = "" if returned is None else str(returned.value)
        return Response(HTTPStatus.OK, (("content-type", "text/plain; charset=utf-8"),), text.encode())
    value: dict[str, Any] = returned.value
    headers = [(name, header.value) for name, header in value["headers"].items()]
    cookies: list[SimpleCookie] = value["cookies"] or []
    headers += [("set-cookie", morsel.OutputString()) for cookie in cookies for morsel in cookie.values()]
    kept = tuple(header for header in headers if header[0].lower() not in _SET_BY_SERVER)
    return Response(int(value["status_code"].value), kept, value["body"].value)
