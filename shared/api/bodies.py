"""From the bytes and parameters of a call to models; problems name the place and what to do, never the value."""

import codecs
import re
from collections.abc import Sequence
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from shared.api.calls import Call
from shared.documents import Document, Name
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
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error, "the document") from None


def read_query(call: Call, model: type[M]) -> M:
    """The parameters after the question mark; unknown ones are refused, as members of documents are."""
    given = {name: value for name, value in call.query.items() if name.lower() not in _PLATFORM_PARAMETERS}
    try:
        return model.model_validate_strings(given)
    except ValidationError as error:
        raise _refusal(error, "the query") from None


def read_name(call: Call) -> str:
    """The name of a connection or an export in the address."""
    try:
        return _NAME.validate_python(call.route.get("name"))
    except ValidationError:
        problem = "name: must be 1 to 63 lower-case letters, digits and inner hyphens"
        raise invalid("the address", [problem]) from None


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
    place = ".".join(str(part) for part in problem["loc"])[:200] or what
    return f"{place}: {_SAYINGS.get(problem['type']) or _said(problem['msg'])}"


def _said(message: str) -> str:
    plain = message.removeprefix("Value error, ")
    return re.sub(r"^(Input|String|List|Dictionary|Value) should ", "must ", plain)
