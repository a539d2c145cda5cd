"""Exports: ``GET /exports``, ``GET|PUT|DELETE /exports/{name}``, ``POST /exports/{name}/runs``."""

from pydantic import Field

from shared import names
from shared.api.bodies import check_name, read_body, read_name, read_query
from shared.api.callers import writers_only
from shared.api.calls import Answer, Call, json_answer
from shared.api.connections import warnings_of
from shared.api.versions import Condition, Version, find_version, listed, quoted, remove, save
from shared.courier import Courier
from shared.documents import (
    UNSUBSCRIBE_WARNING,
    Connection,
    Document,
    Export,
    ExportState,
    LeaverAction,
    Name,
    Trigger,
)
from shared.erasure import Erased, erase_export
from shared.errors import Conflict, NotFound
from shared.exports import target_over
from shared.runs.decisions import cancel_all
from shared.runs.requests import request_run

SENDS_EVERYBODY = "the last run was into another account or list: the next one sends every member"


class ExportDocument(Export):
    """An export as it is sent and shown."""

    name: Name | None = Field(default=None, json_schema_extra={"readOnly": True})
    active_run: str | None = Field(default=None, json_schema_extra={"readOnly": True})
    waiting_run: str | None = Field(default=None, json_schema_extra={"readOnly": True})
    warnings: list[str] | None = Field(default=None, json_schema_extra={"readOnly": True})


class ExportList(Document):
    """Every export, by name."""

    exports: list[ExportDocument]


class ExportDeleted(Document):
    """What was stopped and erased with an export; ``kept`` says what the app still holds, and how to erase it."""

    deleted: Name
    cancelled: list[str]
    erased: Erased | None = None
    kept: list[str]


class Erase(Document):
    """``erase`` removes the ledger and every run of the export as well."""

    erase: bool = False


class RunOptions(Document):
    """``dry_run`` plans and reports, and sends nothing; ``full`` ignores the ledger and sends every member."""

    dry_run: bool = False
    full: bool = False


def list_exports(courier: Courier, _: Call) -> Answer:
    """Every export."""
    found = [(name, find_version(courier, names.export(name), Export)) for name in listed(courier, names.EXPORTS)]
    return json_answer(ExportList(exports=[_shown(courier, name, one.readable()) for name, one in found if one]))


def get_export(courier: Courier, call: Call) -> Answer:
    """One export, with its ETag."""
    name = read_name(call)
    found = find_version(courier, names.export(name), Export)
    if found is None:
        raise _no_export(name)
    return json_answer(_shown(courier, name, found.readable()), headers={"ETag": quoted(found.etag)})


def put_export(courier: Courier, call: Call) -> Answer:
    """Store an export; that never runs it.

    What it has sent counts for the account and the list that it was sent to: into another one the next run sends every
    member.
    """
    name = read_name(call)
    body = read_body(call, ExportDocument)
    check_name(name, body.name)
    export = Export(**body.model_dump(include=set(Export.model_fields)))
    connection = _connection(courier, export.connection)
    writers_only(call.caller, connection, "writing an export")

    def prepare(previous: Version[Export] | None) -> Export:
        if previous:
            writers_only(call.caller, _connection_of(courier, previous), "writing an export")
        return export

    saved = save(courier, names.export(name), Export, Condition.of(call), prepare)
    return json_answer(_shown(courier, name, export), 201 if saved.created else 200, {"ETag": saved.etag})


def delete_export(courier: Courier, call: Call) -> Answer:
    """Delete an export and stop what it has under way; with ``erase``, also what is left of one deleted before."""
    name = read_name(call)
    erase = read_query(call, Erase).erase

    def allow(found: Version[Export] | None) -> None:
        if found is None and not erase:
            raise _no_export(name)
        writers_only(call.caller, _connection_of(courier, found), "deleting an export")

    found = remove(courier, names.export(name), Export, Condition.of(call), allow)
    cancelled = cancel_all(courier, name, call.caller.label)
    erased = erase_export(courier, name) if erase else None
    if found is None and (erased is None or not erased.files):
        raise _no_export(name)
    kept = _kept(name, erased, cancelled)
    return json_answer(ExportDeleted(deleted=name, cancelled=cancelled, erased=erased, kept=kept))


def run_export(courier: Courier, call: Call) -> Answer:
    """Ask for a run: a new one, or the one already waiting."""
    name = read_name(call)
    options = read_body(call, RunOptions, required=False)
    run = request_run(courier, name, Trigger.REQUEST, dry_run=options.dry_run, full=options.full)
    return json_answer(run, 202, {"Location": f"/api/runs/{run.id}"})


def _connection(courier: Courier, name: str) -> Connection:
    found = find_version(courier, names.connection(name), Connection)
    if found is None:
        known = list(listed(courier, names.CONNECTIONS))
        message = (
            f"there is no connection {name}; there is {', '.join(known) or 'none'}: PUT /api/connections/{name} first"
        )
        raise Conflict(message, code="connection_missing")
    return found.readable()


def _connection_of(courier: Courier, stored: Version[Export] | None) -> Connection | None:
    if stored is None or stored.document is None:
        return None
    return courier.store.find(names.connection(stored.document.connection), Connection)


def _shown(courier: Courier, name: str, export: Export) -> ExportDocument:
    state = courier.store.find(names.export_state(name), ExportState) or ExportState()
    return ExportDocument(
        **export.model_dump(),
        name=name,
        active_run=state.active.run if state.active else None,
        waiting_run=state.waiting.run if state.waiting else None,
        warnings=_warnings(courier, export, state),
    )


def _warnings(courier: Courier, export: Export, state: ExportState) -> list[str]:
    connection = courier.store.find(names.connection(export.connection), Connection)
    found = warnings_of(connection) if connection else [f"there is no connection {export.connection}"]
    if state.ledger and state.target != (target_over(connection, export) if connection else None):
        found = [*found, SENDS_EVERYBODY]
    if export.leavers.action is LeaverAction.UNSUBSCRIBE:
        found = [*found, UNSUBSCRIBE_WARNING]
    return found


def _no_export(name: str) -> NotFound:
    return NotFound(f"there is no export {name}: GET /api/exports lists those there are")


def _kept(name: str, erased: Erased | None, cancelled: list[str]) -> list[str]:
    again = f"DELETE /api/exports/{name}?erase=true"
    if erased is None:
        return [f"its ledger, and its runs until they expire, with the addresses in them: {again} erases them"]
    return [f"what a run that was just stopped still writes: {again} in a few minutes erases it"] if cancelled else []
