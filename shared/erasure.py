"""Erasing what the app holds: of one person, or of one export.

Addresses lie in ledgers, and in three files of each run: the planned members, the batches and the rejects. Everything
else (run documents, receipts, queue messages, logs) holds positions and numbers.

Ledgers and rejects are rewritten without the person. Plan and batches serve no purpose once their run has ended, so
they are removed whole where the person is in them. A run that has not ended and holds the person is in the way: its
batches are read by byte range and its receipts count positions, so it is named, and whoever asks lets it end or cancels
it.

Runs go on meanwhile. So everything is looked through again, until nothing was found, no run held the person, and none
began, ended or brought a new ledger in between. So nobody is sent anything after an erasure that was answered.
"""

import csv
import mmap
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import duckdb
import idna

from shared import names
from shared.courier import Courier
from shared.documents import Document, ExportState, Run, RunState
from shared.doors.ports import Blob
from shared.doors.scratch import scratch_folder
from shared.errors import BlobChanged, BlobMissing, Conflict, CourierError
from shared.plan.domains import ascii_domain
from shared.runs.decisions import exports_with_state
from shared.runs.requests import export_of
from shared.runs.states import FINAL

T = TypeVar("T")

Person = frozenset[str]
"""The spellings of one person's address."""

_SECONDS = 180.0
"""No further file is taken up after that: a call is answered within 230 seconds, or by the platform.

https://learn.microsoft.com/azure/azure-functions/functions-scale#timeout
"""

_MOST_LOOKS = 10
"""How often everything is looked through; runs that begin and end faster than that leave nobody in peace."""


class Found(Document):
    """A file that held the person, and how often."""

    kind: Literal["ledger", "planned", "batches", "rejects"]
    export: str
    run: str
    rows: int


class Erased(Document):
    """What was removed with an export: how many runs, and how many files, with those of the runs, in all."""

    runs: int
    files: int


def erase_contact(courier: Courier, email: str) -> list[Found]:
    """Remove one person, by email, from everything the app holds; returns where the person was.

    Doing it again is harmless. Raises ``Conflict`` where a run that has not ended holds the person, or may come to, and
    ``erasure_unfinished`` where it cannot be brought to an end within one call; what was removed stays removed.
    """
    search = _Search(courier, spellings(email), until=courier.clock.time() + _SECONDS)
    _refuse_while_held(search)
    found: list[Found] = []
    for _ in range(_MOST_LOOKS):
        before = _standing(search)
        removed = [*_from_ledgers(search), *_from_runs(search)]
        found += removed
        _refuse_while_held(search)
        if not removed and _standing(search) == before:
            return found
    raise _unfinished()


def erase_export(courier: Courier, export: str) -> Erased:
    """Remove the ledgers, the runs and the memory of an export whose runs were cancelled."""
    folders, _ = courier.store.blobs.level(names.RUNS)
    runs = [run for run in map(_run_of, folders) if export_of(run) == export]
    files = sum(_remove(courier, names.run_folder(run), last=names.run(run)) for run in runs)
    files += _remove(courier, f"{names.EXPORTS}{export}/", last=names.export_state(export))
    return Erased(runs=len(runs), files=files)


def spellings(email: str) -> Person:
    """The address in lower case: with its domain as given, in ASCII as planning has it, and as a drop may have it."""
    plain = email.strip().lower()
    mailbox, _, domain = plain.rpartition("@")
    encoded = ascii_domain(domain)
    if encoded is None:
        return frozenset({plain})
    return frozenset({plain, f"{mailbox}@{encoded}", f"{mailbox}@{idna.decode(encoded)}"})


# What is looked for


@dataclass(frozen=True)
class _Search:
    """One person who is looked for, until a moment after which no further file is taken up.

    ``settled`` are the runs whose files nobody writes any more, ``clean`` the versions of blobs (name and ETag) that do
    not hold the person. Both only grow.
    """

    courier: Courier
    person: Person
    until: float
    settled: set[str] = field(default_factory=set)
    clean: set[tuple[str, str]] = field(default_factory=set)


def _look(search: _Search, blob: Blob | None, look: Callable[[Path, Person], T]) -> T | None:
    """What ``look`` finds of the person in a copy of the blob; nothing in a version that is known to be clean."""
    if blob is None or (blob.name, blob.etag) in search.clean:
        return None
    _check_time(search)
    with scratch_folder(search.courier.workplace) as folder:
        copy = folder / "copy"
        found = look(copy, search.person) if _download(search.courier, blob.name, copy) else None
    if not found:
        search.clean.add((blob.name, blob.etag))
    return found


def _files(search: _Search, run: str) -> dict[str, Blob]:
    _check_time(search)
    _, blobs = search.courier.store.blobs.level(names.run_folder(run))
    return {blob.name: blob for blob in blobs}


def _check_time(search: _Search) -> None:
    if search.courier.clock.time() > search.until:
        raise _unfinished()


def _unfinished() -> CourierError:
    message = (
        "not everything could be looked through, because runs kept beginning and ending or because there is so much: "
        "send this again; what was removed stays removed"
    )
    return CourierError(message, code="erasure_unfinished")


# Who is in the way


def _refuse_while_held(search: _Search) -> None:
    if holders := [run.id for run in _unsettled(search) if _holds(search, run)]:
        raise Conflict(
            "runs that have not ended may hold this person: let them end or cancel them, then send this again",
            code="run_active",
            details=holders,
        )


def _unsettled(search: _Search) -> list[Run]:
    """Every run that has not ended, or of which what was confirmed is not in the ledger yet.

    The states are read after the runs: one that had ended, and is not active after that, never is again.
    """
    store = search.courier.store
    folders, _ = store.blobs.level(names.RUNS)
    runs = {run: store.find(names.run(run), Run) for run in map(_run_of, folders) if run not in search.settled}
    active = {run for run, _ in _exports(search.courier).values()}
    search.settled.update(
        run_id for run_id, run in runs.items() if run_id not in active and (run is None or run.state in FINAL)
    )
    return [run for run_id, run in runs.items() if run and run_id not in search.settled]


def _holds(search: _Search, run: Run) -> bool:
    if run.state is RunState.PLANNING:
        return True
    files = _files(search, run.id)
    planned, rejects = files.get(names.planned(run.id)), files.get(names.rejects(run.id))
    return bool(_look(search, planned, _count) or _look(search, rejects, _is_in_lines))


def _standing(search: _Search) -> tuple[dict[str, tuple[str | None, str | None]], int]:
    """How far runs have come: another one once one of them has begun, has ended, or has brought a new ledger."""
    return _exports(search.courier), len(search.settled)


def _exports(courier: Courier) -> dict[str, tuple[str | None, str | None]]:
    """The active run of each export, and the one whose ledger counts; a cancelled run is active until it is settled."""
    found = {
        export: courier.store.find(names.export_state(export), ExportState) for export in exports_with_state(courier)
    }
    return {
        export: (state.active.run if state.active else None, state.ledger) for export, state in found.items() if state
    }


# Where the person lies


def _from_ledgers(search: _Search) -> Iterator[Found]:
    for export in exports_with_state(search.courier):
        for blob in search.courier.store.blobs.below(names.ledgers(export)):
            run = blob.name.removeprefix(names.ledgers(export)).removesuffix(".parquet")
            if rows := _rewritten(search, blob, _without_rows):
                yield Found(kind="ledger", export=export, run=run, rows=rows)


def _from_runs(search: _Search) -> Iterator[Found]:
    for run in sorted(search.settled):
        files = _files(search, run)
        yield from _from_plan(search, run, files)
        rejects = files.get(names.rejects(run))
        if rejects and (rows := _rewritten(search, rejects, _without_lines)):
            yield Found(kind="rejects", export=export_of(run), run=run, rows=rows)


def _from_plan(search: _Search, run: str, files: Mapping[str, Blob]) -> Iterator[Found]:
    """The plan goes last: an erasure that is cut off before finds the person in it again."""
    blobs, planned = search.courier.store.blobs, files.get(names.planned(run))
    if planned is None and names.batches(run) in files:
        blobs.delete(names.batches(run))
    if in_plan := _look(search, planned, _count_in_plan):
        rows, travelled = in_plan
        blobs.delete(names.batches(run))
        if travelled:
            yield Found(kind="batches", export=export_of(run), run=run, rows=travelled)
        blobs.delete(names.planned(run))
        yield Found(kind="planned", export=export_of(run), run=run, rows=rows)


def _rewritten(search: _Search, blob: Blob, rewrite: Callable[[Path, Path, Person], int]) -> int | None:
    """Replace a blob by itself without the person; returns how many rows that were."""

    def replaced(before: Path, person: Person) -> int:
        after = before.with_name("after")
        rows = rewrite(before, after, person)
        if rows:
            with suppress(BlobChanged, BlobMissing):  # the next look finds what has taken its place
                search.courier.store.blobs.upload(blob.name, after, if_match=blob.etag)
        return rows

    return _look(search, blob, replaced)


# Parquet


def _without_rows(before: Path, after: Path, person: Person) -> int:
    rows = _count(before, person)
    if rows:
        with _engine(before.parent) as engine:
            kept = engine.read_parquet(str(before)).filter(f"NOT ({_mentions(engine, before, person)})")
            kept.write_parquet(str(after), compression="zstd")
    return rows


def _count(file: Path, person: Person, what: str = "*") -> int:
    with _engine(file.parent) as engine:
        rows = engine.read_parquet(str(file)).filter(_mentions(engine, file, person))
        ((number,),) = rows.aggregate(f"count({what})").fetchall()
        return int(number)


def _count_in_plan(file: Path, person: Person) -> tuple[int, int] | None:
    """How many rows of a plan, and how many of them travel in a batch."""
    rows = _count(file, person)
    return (rows, _count(file, person, "batch")) if rows else None


def _mentions(engine: duckdb.DuckDBPyConnection, file: Path, person: Person) -> str:
    """A condition: any text of the row is that address, whichever column it stands in."""
    rows = engine.read_parquet(str(file))
    texts = [name for name, kind in zip(rows.columns, rows.types, strict=True) if str(kind) == "VARCHAR"]
    addresses = ", ".join("'" + address.replace("'", "''") + "'" for address in sorted(person))
    return " OR ".join(f'coalesce("{name}" IN ({addresses}), FALSE)' for name in texts) or "FALSE"


@contextmanager
def _engine(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 2, "memory_limit": "512MB", "temp_directory": str(folder)}) as engine:
        yield engine


# CSV


def _without_lines(before: Path, after: Path, person: Person) -> int:
    rows = 0
    if not _mentioned(before, person):
        return rows
    with after.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for row in _rows(before):
            if _is_about(row, person):
                rows += 1
            else:
                writer.writerow(row)
    return rows


def _is_in_lines(file: Path, person: Person) -> bool:
    return _mentioned(file, person) and any(_is_about(row, person) for row in _rows(file))


def _mentioned(file: Path, person: Person) -> bool:
    """Whether the address may stand in a file: what tells a file without it in a moment."""
    if file.stat().st_size == 0:
        return False
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(
            not address.isascii() or re.search(re.escape(address.encode()), content, re.IGNORECASE)
            for address in person
        )


def _rows(file: Path) -> Iterator[list[str]]:
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
        yield from csv.reader(lines)


def _is_about(row: list[str], person: Person) -> bool:
    """Whether the address stands in the row, as it is or inside a longer text such as ``Name <address>``."""
    return any(
        address in value.lower() and re.search(rf"(?<![\w.%+-]){re.escape(address)}(?![\w-]|\.\w)", value.lower())
        for value in row
        for address in person
    )


# Files


def _download(courier: Courier, name: str, path: Path) -> bool:
    try:
        courier.store.blobs.download(name, path)
    except BlobMissing:
        return False
    return True


def _remove(courier: Courier, folder: str, *, last: str) -> int:
    """Remove every blob of a folder, one of them last, so that what is cut off half-way is found again."""
    found = [blob.name for blob in courier.store.blobs.below(folder)]
    for name in sorted(found, key=lambda name: name == last):
        courier.store.blobs.delete(name)
    return len(found)


def _run_of(folder: str) -> str:
    return folder.removeprefix(names.RUNS).rstrip("/")
