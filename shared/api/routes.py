"""THE table of routes. Functions, OpenAPI and the answer to a wrong address are all made from it."""

import json

from shared.api import connections, contacts, exports, health, openapi, runs, segments, trying
from shared.api.calls import JSON, Answer, Call, Route
from shared.api.problems import error_answer
from shared.courier import Courier
from shared.documents import Run

_BODY = ("json_invalid",)
_WRITTEN = ("forbidden", "precondition_failed")
_DECIDED = ("not_found", "forbidden", "conflict")


def openapi_json(_: Courier, __: Call) -> Answer:
    """The API, described."""
    return Answer(200, json.dumps(openapi.describe(ROUTES)).encode())


ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "connections",
        connections.list_connections,
        "every connection",
        {200: connections.ConnectionList},
    ),
    Route(
        "GET",
        "connections/{name}",
        connections.get_connection,
        "one connection",
        {200: connections.ConnectionDocument},
        answer_headers=("ETag",),
        problems=("not_found",),
    ),
    Route(
        "PUT",
        "connections/{name}",
        connections.put_connection,
        "store a connection; its api_key goes to Key Vault",
        {200: connections.ConnectionDocument, 201: connections.ConnectionDocument},
        body=connections.ConnectionDocument,
        request_headers=("If-Match", "If-None-Match"),
        answer_headers=("ETag",),
        problems=(*_BODY, *_WRITTEN, "vault", "vault_unavailable"),
    ),
    Route(
        "DELETE",
        "connections/{name}",
        connections.delete_connection,
        "delete a connection that no export uses, and stop what runs over it",
        {200: connections.ConnectionDeleted},
        request_headers=("If-Match",),
        problems=("not_found", "forbidden", "precondition_failed", "in_use"),
    ),
    Route(
        "POST",
        "connections/{name}/test",
        trying.try_connection,
        "say what stands between a connection and its first import",
        {200: trying.ConnectionTest},
        problems=("not_found",),
    ),
    Route(
        "GET",
        "exports",
        exports.list_exports,
        "every export",
        {200: exports.ExportList},
    ),
    Route(
        "GET",
        "exports/{name}",
        exports.get_export,
        "one export",
        {200: exports.ExportDocument},
        answer_headers=("ETag",),
        problems=("not_found",),
    ),
    Route(
        "PUT",
        "exports/{name}",
        exports.put_export,
        "store an export; that never runs it",
        {200: exports.ExportDocument, 201: exports.ExportDocument},
        body=exports.ExportDocument,
        request_headers=("If-Match", "If-None-Match"),
        answer_headers=("ETag",),
        problems=(*_BODY, *_WRITTEN, "connection_missing"),
    ),
    Route(
        "DELETE",
        "exports/{name}",
        exports.delete_export,
        "delete an export and stop its runs; erase=true also erases its ledger and runs",
        {200: exports.ExportDeleted},
        query=exports.Erase,
        request_headers=("If-Match",),
        problems=("not_found", "forbidden", "precondition_failed"),
    ),
    Route(
        "POST",
        "exports/{name}/runs",
        exports.run_export,
        "ask for a run, or join the one that waits",
        {202: Run},
        body=exports.RunOptions,
        body_required=False,
        answer_headers=("Location",),
        problems=(*_BODY, "not_found", "not_enabled"),
    ),
    Route(
        "GET",
        "runs",
        runs.list_runs,
        "the newest runs",
        {200: runs.RunList},
        query=runs.RunFilter,
    ),
    Route(
        "GET",
        "runs/{run}",
        runs.get_run,
        "one run, as far as it has got",
        {200: Run},
        problems=("not_found",),
    ),
    Route(
        "POST",
        "runs/{run}/release",
        runs.release_run,
        "let a held run go on where it stopped",
        {202: Run},
        problems=_DECIDED,
    ),
    Route(
        "POST",
        "runs/{run}/cancel",
        runs.cancel_run,
        "stop a run for good; what was confirmed stays in the ledger",
        {202: Run},
        problems=_DECIDED,
    ),
    Route(
        "GET",
        "runs/{run}/rejects",
        runs.get_rejects,
        "every row that did not travel, with its reason",
        {200: "text/csv", 206: "text/csv"},
        request_headers=("Range", "If-Range"),
        answer_headers=("ETag", "Content-Disposition", "Content-Range"),
        problems=("not_found", "conflict", "rejects_too_large", "range_not_satisfiable"),
    ),
    Route(
        "GET",
        "segments",
        segments.list_segments,
        "what lies in the container: each segment's newest drop, and whether it is whole",
        {200: segments.SegmentList},
    ),
    Route(
        "POST",
        "contacts/erase",
        contacts.erase_contact_everywhere,
        "remove one person from every ledger, plan and reject file",
        {200: contacts.ContactErased},
        body=contacts.Contact,
        problems=(*_BODY, "forbidden", "run_active", "erasure_unfinished"),
    ),
    Route(
        "GET",
        "health",
        health.health,
        "whether the app can work",
        {200: health.Health},
        anonymous=True,
    ),
    Route(
        "GET",
        "openapi.json",
        openapi_json,
        "this API, described in OpenAPI 3.1",
        {200: JSON},
    ),
)


def unknown_route(_: Courier, call: Call) -> Answer:
    """What no line of the table answers: a wrong address, or a wrong method."""
    rest = call.route.get("rest", "").strip("/")
    methods = sorted({route.method for route in ROUTES if _fits(route.template, rest)})
    if methods and call.method not in methods:
        allowed = ", ".join(methods)
        message = f"this address has no {call.method}, but {allowed}: GET /api/openapi.json describes them"
        return error_answer("method_not_allowed", message, headers={"Allow": allowed})
    return error_answer("route_unknown", "the API has no such address: GET /api/openapi.json describes those there are")


def _fits(template: str, path: str) -> bool:
    known, asked = template.split("/"), path.split("/")
    return len(known) == len(asked) and all(
        one.startswith("{") or one == other.lower() for one, other in zip(known, asked, strict=True)
    )
