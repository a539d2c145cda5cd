"""From the bytes and parameters of a call to models; problems name the place and what to do, never the value."""

import codecs
import re
from collections.abc import Sequence
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from shared.api.calls import Call, Route
from shared.documents import NAME_PATTERN, VAULT_NAME_PATTERN, Document, Name
from shared.errors import BodyTooLarge, CallerError, DocumentInvalid

M = TypeVar("M", bound=Document)

LARGEST_BODY = 1_048_576
"""Bytes; the largest export a person could write is a tenth of it."""

_MOST_LINES = 50
_PLATFORM_PARAMETERS = ("code", "clientid")
"""Query parameters that carry the function key and its name: https://learn.microsoft.com/azure/azure-functions/function-keys-how-to"""

_SAYINGS = {
    "missing": "is missing",
    "extra_forbidden": "is not a member of this document",
    "model_type": "must be a JSON object",
}
_PATTERNS = {
    NAME_PATTERN: "must be 1 to 63 lower-case letters, digits and inner hyphens",
    VAULT_NAME_PATTERN: "must be the name of a Key Vault secret: 1 to 127 letters, digits and hyphens",
}
_NAME = TypeAdapter(Name)


def check_size(call: Call) -> None:
    """Refuse a body that nobody needs, before anything reads it."""
    if len(call.body) > LARGEST_BODY:
        raise BodyTooLarge(f"the body has {len(call.body)} bytes: a document of this API has at most {LARGEST_BODY}")


def read_body(call: Call, model: type[M], *, required: bool = True) -> M:
    """The document in the body, whatever its Content-Type says; no body is ``{}`` where none is required."""
    body = call.body.removeprefix(codecs.BOM_UTF8)
    if not body.strip():
        if required:
            raise CallerError("the body is empty: send a JSON document", code="json_invalid")
        body = b"{}"
    try:
        return model.model_validate_json(body, strict=True)  # a text is no number, and "yes" is not true
    except ValidationError as error:
        raise _refusal(error, "the document") from None


def check_query(call: Call, route: Route) -> None:
    """Refuse parameters that the route does not have: whoever sends one expects it to do something."""
    given = _given(call)
    known = (route.query or Document).model_fields
    in_body = route.body.model_fields if route.body else {}
    if unknown := [name for name in given if name not in known]:
        raise invalid(
            "the query",
            [
                f'{name}: goes into the body, as {{"{name}": …}}'
                if name in in_body
                else f"{name}: is no parameter here"
                for name in unknown
            ],
        )


def read_query(call: Call, model: type[M]) -> M:
    """The parameters after the question mark."""
    try:
        return model.model_validate_strings(_given(call))
    except ValidationError as error:
        raise _refusal(error, "the query") from None


def _given(call: Call) -> dict[str, str]:
    return {name: value for name, value in call.query.items() if name.lower() not in _PLATFORM_PARAMETERS}


def read_name(call: Call) -> str:
    """The name of a connection or an export in the address."""
    try:
        return _NAME.validate_python(call.route.get("name"))
    except ValidationError:
        raise invalid("the address", [f"name: {_PATTERNS[NAME_PATTERN]}"]) from None


def check_name(name: str, written: str | None) -> None:
    """Refuse a document that calls itself otherwise than its address."""
    if written not in (None, name):
        raise invalid("the document", [f"name: is {written}, and the address says {name}: leave it out"])


def invalid(what: str, problems: Sequence[str]) -> DocumentInvalid:
    """The error that names those problems, each as ``place: what to do``."""
    more = len(problems) - _MOST_LINES
    lines = [*problems[:_MOST_LINES], *([f"and {more} more"] if more > 0 else [])]
    return DocumentInvalid(f"{what} needs attention: {'; '.join(lines)}", details=lines)


def _refusal(error: ValidationError, what: str) -> CallerError:
    problems = error.errors(include_url=False, include_input=False)
    for problem in problems:
        if problem["type"] == "json_invalid":
            return CallerError(f"the body is not JSON: {problem['ctx']['error']}", code="json_invalid")
    return invalid(what, [_line(problem, what) for problem in problems])


def _line(problem: ErrorDetails, what: str) -> str:
    parts = [str(part) for part in problem["loc"]]
    if parts[-1:] == ["[key]"]:
        parts = [*parts[:-2], "a name in it"]
    place = ".".join(parts)[:200] or what
    return f"{place}: {_SAYINGS.get(problem['type']) or _said(problem)}"


def _said(problem: ErrorDetails) -> str:
    if pattern := _PATTERNS.get(problem.get("ctx", {}).get("pattern", "")):
        return pattern
    plain = problem["msg"].removeprefix("Value error, ")
    plain = re.sub(r" after validation, not \d+$", "", plain)
    return re.sub(r"^(Input|String|List|Dictionary|Value) should ", "must ", plain)
