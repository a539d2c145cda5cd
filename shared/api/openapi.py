"""The description of the API in OpenAPI 3.1, made from the table of routes and the models.

https://spec.openapis.org/oas/v3.1.0
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.api.calls import JSON, Route
from shared.api.problems import EVERYWHERE, PROBLEMS, ErrorAnswer

VERSION = "1.0.0"

_REF = "#/components/schemas/{model}"
_HEADERS = {
    "ETag": "the version of the document, for If-Match",
    "Location": "where the run is found",
    "Content-Disposition": "the name to save the file under",
    "Content-Range": "which bytes these are, and of how many",
}
_REQUEST_HEADERS = {
    "If-Match": "write only if this is the version there is (an ETag, or * for any)",
    "If-None-Match": "* writes only if there is none yet",
    "If-Range": "the ETag of the file whose range is asked for; of any other version the whole file comes",
    "Range": "bytes=first-last, for a part of the file",
}

Json = dict[str, Any]


def describe(routes: Sequence[Route]) -> Json:
    """The whole document."""
    paths: dict[str, Json] = {}
    for route in routes:
        paths.setdefault(f"/{route.template}", {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Segment Courier",
            "version": VERSION,
            "description": "Keeps ActiveCampaign lists in step with customer segments dropped into blob storage.",
        },
        "servers": [{"url": "/api"}],
        "security": [{"key_header": []}, {"key_query": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(routes),
            "securitySchemes": {
                "key_header": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "key_query": {"type": "apiKey", "in": "query", "name": "code"},
            },
        },
    }


def _operation(route: Route) -> Json:
    operation: Json = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.template.split("/")[0]],
        "responses": _responses(route),
    }
    if parameters := [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)]:
        operation["parameters"] = parameters
    if route.body:
        operation["requestBody"] = {"required": route.body_required, "content": _content(route.body)}
    if route.anonymous:
        operation["security"] = []
    return operation


def _responses(route: Route) -> Json:
    responses: Json = {}
    for status, content in route.answers.items():
        responses[str(status)] = {"description": route.summary, "content": _content(content)}
        if route.answer_headers:
            responses[str(status)]["headers"] = {name: _header(name) for name in route.answer_headers}
    for status, codes in sorted(_by_status((*route.problems, *EVERYWHERE)).items()):
        responses[str(status)] = {"description": "; ".join(f"{code}: {PROBLEMS[code].meaning}" for code in codes)}
        if codes != ["unauthorized"]:
            responses[str(status)]["content"] = _content(ErrorAnswer)
    return responses


def _by_status(codes: Iterable[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for code in codes:
        found.setdefault(PROBLEMS[code].status, []).append(code)
    return found


def _content(content: type[BaseModel] | str) -> Json:
    if isinstance(content, str):
        return {content: {"schema": {"type": "object" if content == JSON else "string"}}}
    return {JSON: {"schema": {"$ref": _REF.format(model=content.__name__)}}}


def _header(name: str) -> Json:
    return {"description": _HEADERS[name], "schema": {"type": "string"}}


def _path_parameters(route: Route) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", route.template)
    ]


def _query_parameters(route: Route) -> list[Json]:
    properties: Mapping[str, Json] = route.query.model_json_schema()["properties"] if route.query else {}
    return [{"name": name, "in": "query", "schema": schema} for name, schema in properties.items()]


def _header_parameters(route: Route) -> list[Json]:
    return [
        {"name": name, "in": "header", "description": _REQUEST_HEADERS[name], "schema": {"type": "string"}}
        for name in route.request_headers
    ]


def _schemas(routes: Sequence[Route]) -> Json:
    """Every model once, in the shape in which it may be sent: members of an answer that are absent stay absent."""
    models: dict[type[BaseModel], None] = {ErrorAnswer: None}
    for route in routes:
        for content in (route.body, *route.answers.values()):
            if isinstance(content, type):
                models[content] = None
    _, schema = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    schemas: Json = schema["$defs"]
    return schemas
