"""Calls the API as the Functions host does, and holds every answer against what the API says of itself."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import azure.functions as func
from azure.functions.http import HttpResponseConverter
from requests.structures import CaseInsensitiveDict

from shared.api import openapi
from shared.api.blueprint import http_api
from shared.api.calls import JSON
from shared.api.problems import EVERYWHERE
from shared.api.routes import ROUTES, unknown_route
from shared.courier import Courier
from tests.api.schemas import problems

Opener = Callable[[], Courier]
Bindings = dict[str, Any]

DESCRIBED = openapi.describe(ROUTES)


@dataclass(frozen=True)
class Response:
    """An answer as it leaves the app; the case of header names does not matter."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        """The document in the body."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of the error in the body."""
        return str(self.json["error"]["code"])

    @property
    def message(self) -> str:
        """The message of the error in the body."""
        return str(self.json["error"]["message"])


@dataclass(frozen=True)
class Function:
    """A function as it was registered."""

    name: str
    methods: tuple[str, ...]
    template: str
    level: str
    call: Callable[..., func.HttpResponse]

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The parameters of the address, ``None`` where it is not this function's."""
        if method not in self.methods:
            return None
        if self.template == "{*rest}":
            return {"rest": path}
        known, asked = self.template.split("/"), path.split("/")
        if len(known) != len(asked):
            return None
        pairs = list(zip(known, asked, strict=True))
        fits = all(one.startswith("{") or one == other for one, other in pairs)
        return {one.strip("{}"): other for one, other in pairs if one.startswith("{")} if fits else None


def registered(open_courier: Opener, environment: Mapping[str, str]) -> list[Function]:
    """The functions of the API in the order in which the host tries their routes: that of their names."""
    app = func.FunctionApp()
    app.register_functions(http_api(open_courier, environment))
    return sorted(map(_function, app.get_functions()), key=lambda function: function.name)


def _function(declared: func.Function) -> Function:
    bindings: list[Bindings] = json.loads(declared.get_function_json())["bindings"]
    trigger = next(one for one in bindings if one["type"] == "httpTrigger")
    return Function(
        str(declared.get_function_name()),
        tuple(str(method).upper() for method in trigger["methods"]),
        trigger["route"],
        trigger["authLevel"],
        cast("Callable[..., func.HttpResponse]", declared.get_user_function()),
    )


@dataclass
class Client:
    """``courier`` may be replaced by anything that opens one; ``environment`` is the app's."""

    courier: Courier
    environment: dict[str, str] = field(default_factory=dict)
    open_courier: Opener | None = None

    def __post_init__(self) -> None:
        self._functions = registered(lambda: (self.open_courier or (lambda: self.courier))(), self.environment)

    def __call__(
        self,
        method: str,
        path: str,
        body: object = b"",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """One request; a body that is not bytes travels as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        function, parameters = self._route(method, path)
        request = func.HttpRequest(
            method=method,
            url=f"https://courier.example.com/api/{path}",
            headers=dict(headers or {}),
            params=dict(query or {}),
            route_params=parameters,
            body=data,
        )
        answer = function.call(request, SimpleNamespace(invocation_id="0a1b"))
        sent = HttpResponseConverter.encode(answer, expected_type=None).value
        headers = CaseInsensitiveDict({name: datum.value for name, datum in sent["headers"].items()})
        response = Response(int(sent["status_code"].value), sent["body"].value, headers)
        self._check(function.name, response)
        return response

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The document that a good GET brings."""
        response = self("GET", path, query=query)
        assert response.status == 200, response.body
        return response.json

    def put(self, path: str, body: object) -> Any:
        """The document that a good PUT brings."""
        response = self("PUT", path, body)
        assert response.status in (200, 201), response.body
        return response.json

    def _route(self, method: str, path: str) -> tuple[Function, dict[str, str]]:
        for function in self._functions:
            parameters = function.match(method, path)
            if parameters is not None:
                return function, parameters
        raise AssertionError(f"the host has no function for {method} {path}")

    def _check(self, name: str, response: Response) -> None:
        """The description promises this status and this body, and the table this code."""
        if name == unknown_route.__name__:
            assert response.code in ("route_unknown", "method_not_allowed", *EVERYWHERE)
            return
        route = next(route for route in ROUTES if route.name == name)
        promised = DESCRIBED["paths"][f"/{route.template}"][route.method.lower()]["responses"]
        assert str(response.status) in promised, f"{name} does not say that it answers {response.status}"
        content = promised[str(response.status)]["content"]
        media_type = response.headers["Content-Type"].split(";")[0]
        assert media_type in content
        if media_type == JSON:
            schemas = DESCRIBED["components"]["schemas"]
            assert list(problems(response.json, content[JSON]["schema"], schemas)) == []
        if response.status >= 400:
            assert response.code in (*route.problems, *EVERYWHERE), (
                f"{name} does not say that it answers {response.code}"
            )
