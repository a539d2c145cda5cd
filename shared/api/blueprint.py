"""The rim: one Azure function per line of the table of routes, from the host's request to its response."""

import os
from collections.abc import Callable, Mapping

import azure.functions as func
from azure.core.exceptions import AzureError, HttpResponseError

from shared.api.answering import answer
from shared.api.callers import read_caller
from shared.api.calls import Answer, Call, Handler, Route
from shared.api.routes import ROUTES, unknown_route
from shared.courier import Courier
from shared.errors import Unavailable
from shared.telemetry import about

_ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_EVERY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def http_api(open_courier: Callable[[], Courier], environment: Mapping[str, str] = os.environ) -> func.Blueprint:
    """The functions of the HTTP API. Nothing is opened before the first call."""
    blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions leaves it untyped
    for route in ROUTES:
        level = func.AuthLevel.ANONYMOUS if route.anonymous else func.AuthLevel.FUNCTION
        function = _function(route.handler, open_courier, environment, route)
        _register(blueprint, function, route.name, route.template, [route.method], level)
    # The host tries routes in the order of their functions' names, so that this name has to be the last of all:
    # https://github.com/Azure/azure-functions-host/issues/9876
    function = _function(unknown_route, open_courier, environment)
    _register(blueprint, function, unknown_route.__name__, "{*rest}", list(_EVERY_METHOD), func.AuthLevel.FUNCTION)
    return blueprint


Function = Callable[[func.HttpRequest, func.Context], func.HttpResponse]


def _function(
    handler: Handler,
    open_courier: Callable[[], Courier],
    environment: Mapping[str, str],
    route: Route | None = None,
) -> Function:
    def function(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        with about(invocation=context.invocation_id):
            call = _call(req, environment)
            return _response(answer(_guarded(handler), open_courier, call, context.invocation_id, route))

    return function


def _register(
    blueprint: func.Blueprint, function: Function, name: str, route: str, methods: list[str], level: func.AuthLevel
) -> None:
    blueprint.function_name(name)(blueprint.route(route=route, methods=methods, auth_level=level)(function))


def _call(req: func.HttpRequest, environment: Mapping[str, str]) -> Call:
    headers = {name.lower(): value for name, value in req.headers.items()}
    authentication = environment.get("WEBSITE_AUTH_ENABLED", "").lower() == "true"
    return Call(
        method=req.method,
        caller=read_caller(headers, authentication=authentication),
        route=req.route_params,
        query=req.params,
        headers=headers,
        body=req.get_body(),
    )


def _guarded(handler: Handler) -> Handler:
    """Storage that cannot be reached is an outage, and not a defect."""

    def guarded(courier: Courier, call: Call) -> Answer:
        try:
            return handler(courier, call)
        except AzureError as error:
            said = (
                f"{error.status_code} {error.reason}" if isinstance(error, HttpResponseError) else type(error).__name__
            )
            message = (
                f"storage gave no usable answer ({said}): send the call again; if it stays so, check the app's roles, "
                "and that the containers of SEGMENTS_CONTAINER and STATE_CONTAINER exist"
            )
            raise Unavailable(message, code="storage_unreachable") from error

    return guarded


def _response(result: Answer) -> func.HttpResponse:
    headers = {**_ALWAYS, **result.headers}
    return func.HttpResponse(result.body, status_code=result.status, headers=headers, mimetype=result.content_type)
