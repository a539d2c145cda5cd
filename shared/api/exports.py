"""Exports: ``GET /exports``, ``GET|PUT|DELETE /exports/{name}``, ``POST /exports/{name}/runs``."""

from pydantic import Field

from shared import names
from shared.api.bodies import read_body, read_name, read_query
from shared.api.callers import administrators_only
from shared.api.calls import Answer, Call, json_answer
from shared.api.connections import warnings_of
from shared.api.versions import Condition, Version, find_version, listed, quoted, save
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
from shared.runs.decisions import cancel_all, start_anew
from shared.runs.requests import request_run

SENDS_EVERYBODY = "the account or the list is new to this export: its next run sends every member"


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

    With another account or list, what it has sent so far is forgotten: its next run sends every member.
    """
    name = read_name(call)
    body = read_body(call, ExportDocument)
    export = Export(**body.model_dump(include=set(Export.model_fields)))
    connection = _connection(courier, export.connection)
    _may_write(call, connection)
    anew = False

    def prepare(previous: Version[Export] | None) -> Export:
        nonlocal anew
        if previous:
            _may_write(call, _connection_of(courier, previous))
        anew = not _same_target(courier, previous, export, connection)
        if anew:
            start_anew(courier, name)
        return export

    saved = save(courier, names.export(name), Export, Condition.of(call), prepare)
    shown = _shown(courier, name, export)
    if anew and not saved.created:
        shown = shown.model_copy(update={"warnings": [*(shown.warnings or []), SENDS_EVERYBODY]})
    return json_answer(shown, 201 if saved.created else 200, {"ETag": saved.etag})


def delete_export(courier: Courier, call: Call) -> Answer:
    """Delete an export and stop what it has under way; with ``erase``, also what is left of one deleted before."""
    name = read_name(call)
    erase = read_query(call, Erase).erase
    found = find_version(courier, names.export(name), Export)
    if found is None and not erase:
        raise _no_export(name)
    _may_write(call, _connection_of(courier, found))
    Condition.of(call).check(found)
    courier.store.blobs.delete(names.export(name))
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


def _may_write(call: Call, connection: Connection | None) -> None:
    if connection is None or not connection.allow_contributors:
        administrators_only(call.caller, 'writing an export over a connection without "allow_contributors"')


def _connection_of(courier: Courier, stored: Version[Export] | None) -> Connection | None:
    if stored is None or stored.document is None:
        return None
    return courier.store.find(names.connection(stored.document.connection), Connection)


def _same_target(courier: Courier, previous: Version[Export] | None, export: Export, connection: Connection) -> bool:
    """Whether the export goes on writing to the list it wrote to before."""
    before = _connection_of(courier, previous)
    if previous is None or previous.document is None or before is None:
        return False
    return before.host == connection.host and previous.document.list_id == export.list_id


def _shown(courier: Courier, name: str, export: Export) -> ExportDocument:
    state = courier.store.find(names.export_state(name), ExportState) or ExportState()
    return ExportDocument(
        **export.model_dump(),
        name=name,
        active_run=state.active.run if state.active else None,
        waiting_run=state.waiting.run if state.waiting else None,
        warnings=_warnings(courier, export),
    )


def _warnings(courier: Courier, export: Export) -> list[str]:
    connection = courier.store.find(names.connection(export.connection), Connection)
    found = warnings_of(connection) if connection else [f"there is no connection {export.connection}"]
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
