"""Runs: ``GET /runs``, ``GET /runs/{run}``, ``POST /runs/{run}/release|cancel``, ``GET /runs/{run}/rejects``."""

import re
from collections.abc import Callable, Iterator

from pydantic import Field

from shared import names
from shared.api.bodies import read_query
from shared.api.callers import writers_only
from shared.api.calls import Answer, Call, json_answer
from shared.api.versions import quoted
from shared.courier import Courier
from shared.documents import Connection, Document, Export, Name, Run
from shared.doors.ports import Blob
from shared.errors import BlobChanged, BlobMissing, CallerError, Conflict, NotFound
from shared.runs.decisions import cancel, release
from shared.runs.requests import export_of

LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes of a file in one answer: it passes through the worker's memory more than once."""

_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[a-z0-9-]{1,63}-[0-9a-f]{8}")
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


class RunFilter(Document):
    """``limit`` is how many runs the answer has at most."""

    export: Name | None = None
    limit: int = Field(default=20, ge=1, le=100)


class RunList(Document):
    """The newest runs first."""

    runs: list[Run]


def list_runs(courier: Courier, call: Call) -> Answer:
    """The newest runs, of one export or of all."""
    wanted = read_query(call, RunFilter)
    return json_answer(RunList(runs=list(_newest(courier, wanted))))


def get_run(courier: Courier, call: Call) -> Answer:
    """One run, as far as it has got."""
    return json_answer(_found(courier, call))


def release_run(courier: Courier, call: Call) -> Answer:
    """Let a held run go on where it stopped."""
    return _decided(courier, call, release)


def cancel_run(courier: Courier, call: Call) -> Answer:
    """Stop a run for good; what was confirmed stays in the ledger."""
    return _decided(courier, call, cancel)


def get_rejects(courier: Courier, call: Call) -> Answer:
    """The file of rejects, or the range of it that the header Range asks for."""
    run = _found(courier, call)
    blob = next(courier.store.blobs.below(names.rejects(run.id)), None)
    if blob is None:
        raise NotFound(f"run {run.id} has no rejects file: it is {run.state}, and a run has one once it was planned")
    etag = quoted(blob.etag)
    unchanged = call.headers.get("if-range", etag) == etag
    asked = _range(call.headers.get("range"), blob.size) if unchanged else None
    start, end = asked or (0, blob.size)
    if end - start > LARGEST_ANSWER:
        message = f'the file has {blob.size} bytes: ask for a part, as "Range: bytes=0-{LARGEST_ANSWER - 1}"'
        raise Conflict(message, code="rejects_too_large")
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="{run.id}-rejects.csv"',
        "ETag": etag,
    }
    if asked:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{blob.size}"
    body = _read(courier, blob, start, end)
    return Answer(206 if asked else 200, body, "text/csv", headers)


def _newest(courier: Courier, wanted: RunFilter) -> Iterator[Run]:
    """Ids begin with the time, so that the newest are the last of the listing."""
    folders, _ = courier.store.blobs.level(names.RUNS)
    ids = (folder.removeprefix(names.RUNS).rstrip("/") for folder in sorted(folders, reverse=True))
    left = wanted.limit
    for run_id in ids:
        if left == 0:
            return
        if wanted.export in (None, export_of(run_id)) and (run := courier.store.find(names.run(run_id), Run)):
            left -= 1
            yield run


def _decided(courier: Courier, call: Call, decide: Callable[[Courier, str, str], Run]) -> Answer:
    """The run after a decision of whoever may write its export."""
    run = _found(courier, call)
    if not call.caller.administrator:
        for connection in _connections(courier, run):
            writers_only(call.caller, connection, "deciding about a run")
    return json_answer(decide(courier, run.id, call.caller.label), 202)


def _connections(courier: Courier, run: Run) -> Iterator[Connection | None]:
    """The one that the run's export has, and the one that the run was planned for."""
    export = courier.store.find(names.export(run.export), Export)
    yield courier.store.find(names.connection(export.connection), Connection) if export else None
    if run.connection:
        yield courier.store.find(names.connection(run.connection), Connection)


def _run_id(call: Call) -> str:
    run_id = call.route.get("run", "")
    if not _RUN_ID.fullmatch(run_id):
        raise NotFound("there is no such run: GET /api/runs lists those there are")
    return run_id


def _found(courier: Courier, call: Call) -> Run:
    run_id = _run_id(call)
    run = courier.store.find(names.run(run_id), Run)
    if run is None:
        raise NotFound(f"there is no run {run_id}: GET /api/runs lists those there are")
    return run


def _range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last; ``None`` for the whole file, which is also how to answer what is no range.

    https://www.rfc-editor.org/rfc/rfc9110#name-range
    """
    asked = _RANGE.fullmatch((header or "").strip())
    if asked is None or asked[1] == asked[2] == "":
        return None
    if asked[1] == "":
        start, end = max(0, size - int(asked[2])), size
    else:
        start, end = int(asked[1]), min(size, int(asked[2]) + 1 if asked[2] else size)
    if start >= end:
        raise CallerError(f"the file has {size} bytes", code="range_not_satisfiable")
    return start, end


def _read(courier: Courier, blob: Blob, start: int, end: int) -> bytes:
    if start == end:
        return b""
    try:
        return courier.store.blobs.read(blob.name, offset=start, length=end - start, etag=blob.etag).data
    except (BlobMissing, BlobChanged):
        raise Conflict("the file was replaced while it was being read: ask again") from None
