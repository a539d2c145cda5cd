"""A request and its answer as plain data: all that the rules of the stand-in see of HTTP."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl, unquote

JSON_TYPE = "application/json; charset=utf-8"


class NotJson(ValueError):
    """A body that is no JSON."""


@dataclass(frozen=True)
class Request:
    """What a client sent; `target` is path and query as they stood in the request line."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        """The decoded path, without the query."""
        return unquote(self.target.partition("?")[0])

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The decoded parameters; the last one counts where a name is repeated."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @cached_property
    def _headers(self) -> Mapping[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def header(self, name: str) -> str:
        """A header whatever its case; empty when it was not sent."""
        return self._headers.get(name.lower(), "")

    @cached_property
    def document(self) -> object:
        """The body as JSON. Raises `NotJson` when it is none, or is nested beyond reason."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise NotJson("the body is no JSON") from error


@dataclass(frozen=True)
class Response:
    """What is sent back, `delay` seconds after the request was handled."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0

    @property
    def document(self) -> object:
        """The body as JSON. Raises `ValueError` when it is none."""
        return json.loads(self.body)


def answer(status: int, document: object, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON body."""
    return Response(status, json.dumps(document).encode(), {"Content-Type": JSON_TYPE, **(headers or {})})


def message(status: int, text: str) -> Response:
    """An answer that says what is wrong in one sentence."""
    return answer(status, {"message": text})


def unprocessable(title: str, code: str, pointer: str) -> Response:
    """The 422 of API v3: https://developers.activecampaign.com/reference/errors."""
    error = {"title": title, "detail": "", "code": code, "source": {"pointer": pointer}}
    return answer(422, {"errors": [error]})


def web_page(status: int, title: str) -> Response:
    """What a load balancer or a login page answers: HTML, whatever was asked for."""
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Response(status, page.encode(), {"Content-Type": "text/html"})
