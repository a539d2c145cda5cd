"""Every error the API answers: its code, its status and its meaning. This table is the only place that says so."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import Field

from shared.api.calls import Answer, json_answer
from shared.documents import Document
from shared.errors import CourierError


class Problem(NamedTuple):
    """What a code means, and the HTTP status it comes with."""

    status: int
    meaning: str


PROBLEMS: Mapping[str, Problem] = {
    "json_invalid": Problem(400, "the body is not JSON; the message has line and column"),
    "document_invalid": Problem(400, "the body, a parameter or the address breaks its model; details has a line each"),
    "unauthorized": Problem(401, "the function key is missing or wrong; the platform answers this, without a body"),
    "forbidden": Problem(403, "App Service Authentication is on and the caller lacks the app role this takes"),
    "not_found": Problem(404, "nothing has that name"),
    "route_unknown": Problem(404, "the API has no such address"),
    "method_not_allowed": Problem(
        405, "the address exists, but not with this method; the header Allow has those there are"
    ),
    "conflict": Problem(409, "its state does not allow this"),
    "connection_missing": Problem(409, "the export names a connection that does not exist"),
    "in_use": Problem(409, "exports use the connection"),
    "not_enabled": Problem(409, "the export is not enabled"),
    "run_active": Problem(409, "a run has to end first"),
    "rejects_too_large": Problem(409, "the file is too large for one answer: ask for it in ranges"),
    "vault": Problem(409, "the Key Vault does not let the app store or read the key"),
    "precondition_failed": Problem(412, "If-Match or If-None-Match does not hold"),
    "body_too_large": Problem(413, "the body is larger than any document needs to be"),
    "range_not_satisfiable": Problem(416, "the file has no such range"),
    "settings_invalid": Problem(500, "app settings need attention; details names each"),
    "document_unreadable": Problem(500, "a stored document was written by another version of the app, or by hand"),
    "internal": Problem(500, "a defect of the app; details has the id under which it is in the log"),
    "vault_unavailable": Problem(503, "the Key Vault gives no answer: send the call again"),
    "erasure_unfinished": Problem(503, "not everything could be looked through: send the call again"),
    "contended": Problem(503, "others kept changing the same document: send the call again"),
    "storage_unreachable": Problem(503, "storage gave no usable answer: send the call again"),
}

EVERYWHERE = (
    "document_invalid",
    "unauthorized",
    "body_too_large",
    "settings_invalid",
    "document_unreadable",
    "internal",
    "contended",
    "storage_unreachable",
)
"""Codes that any route may answer."""


class ErrorBody(Document):
    """``code`` is stable, ``message`` says what to do, ``details`` has a line per problem where there are several."""

    code: str = Field(json_schema_extra={"enum": [*PROBLEMS]})
    message: str
    details: list[str] | None = None


class ErrorAnswer(Document):
    """The body of every answer that is not a success."""

    error: ErrorBody


def error_answer(
    code: str, message: str, details: Sequence[str] = (), headers: Mapping[str, str] | None = None
) -> Answer:
    """The answer for one of the codes above."""
    body = ErrorBody(code=code, message=message, details=list(details) or None)
    return json_answer(ErrorAnswer(error=body), PROBLEMS[code].status, headers)


def answer_to(error: CourierError) -> Answer | None:
    """The answer an error of the app stands for; ``None`` where it has no place in an API, and so is a defect."""
    if error.code not in PROBLEMS or error.code == "internal":
        return None
    return error_answer(error.code, error.message, error.details)
