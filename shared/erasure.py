"""Erasing what the app holds: of one person, or of one export.

Addresses lie in ledgers, and in three files of each run: the planned members, the batches and the rejects. Everything
else (run documents, receipts, queue messages, logs) holds positions and numbers.

Ledgers and rejects are rewritten without the person. Plan and batches serve no purpose once their run has ended, so
they are removed whole where the person is in them. A run that has not ended and holds the person is in the way: its
batches are read by byte range and its receipts count positions, so it is named, and whoever asks lets it end or cancels
it. So nobody is sent anything after an erasure that was answered.
"""

import csv
import mmap
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import duckdb
import idna

from shared import names
from shared.courier import Courier
from shared.documents import Document, ExportState, Run, RunState
from shared.errors import BlobMissing, Conflict
from shared.runs.decisions import exports_with_state
from shared.runs.requests import export_of
from shared.runs.states import FINAL

Person = frozenset[str]
"""The spellings of one person's address."""


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

    Doing it again is harmless. Raises ``Conflict`` where a run that has not ended holds the person, or may come to.
    """
    person = spellings(email)
    before = set(_unfinished(courier))
    _refuse_while_held(courier, before, person)
    found = [*_from_ledgers(courier, person), *_from_runs(courier, person, before)]
    _refuse_while_held(courier, set(_unfinished(courier)) - before, person)
    return found


def erase_export(courier: Courier, export: str) -> Erased:
    """Remove the ledgers, the runs and the memory of an export whose runs were cancelled."""
    folders, _ = courier.store.blobs.level(names.RUNS)
    runs = [run for run in map(_run_of, folders) if export_of(run) == export]
    files = sum(_remove(courier, names.run_folder(run), last=names.run(run)) for run in runs)
    files += _remove(courier, f"{names.EXPORTS}{export}/", last=names.export_state(export))
    return Erased(runs=len(runs), files=files)


def spellings(email: str) -> Person:
    """The address in lower case, and with its domain in ASCII: one of them is how planning writes it."""
    plain = email.strip().lower()
    mailbox, _, domain = plain.rpartition("@")
    try:
        return frozenset({plain, f"{mailbox}@{idna.encode(domain, uts46=True).decode()}"})
    except idna.IDNAError:
        return frozenset({plain})


# Who is in the way


def _unfinished(courier: Courier) -> Iterator[str]:
    """The active run of each export; a cancelled one is among them until it is settled."""
    for export in exports_with_state(courier):
        state = courier.store.find(names.export_state(export), ExportState)
        if state and state.active:
            yield state.active.run


def _refuse_while_held(courier: Courier, runs: set[str], person: Person) -> None:
    holders = [run for run in sorted(runs) if _holds(courier, run, person)]
    if holders:
        raise Conflict(
            "runs that have not ended may hold this person: let them end or cancel them, then send this again",
            code="run_active",
            details=holders,
        )


def _holds(courier: Courier, run_id: str, person: Person) -> bool:
    run = courier.store.find(names.run(run_id), Run)
    if run is None or run.state is RunState.PLANNING:
        return run is not None
    with _folder(courier) as folder:
        planned, rejects = folder / "planned.parquet", folder / "rejects.csv"
        if _download(courier, names.planned(run_id), planned) and _count(planned, person):
            return True
        if not _download(courier, names.rejects(run_id), rejects) or not _mentioned(rejects, person):
            return False
        return any(_is_about(row, person) for row in _rows(rejects))


# Where the person lies


def _from_ledgers(courier: Courier, person: Person) -> Iterator[Found]:
    for export in exports_with_state(courier):
        for blob in courier.store.blobs.below(names.ledgers(export)):
            run = blob.name.removeprefix(names.ledgers(export)).removesuffix(".parquet")
            if rows := _rewrite(courier, blob.name, person, _without_rows):
                yield Found(kind="ledger", export=export, run=run, rows=rows)


def _from_runs(courier: Courier, person: Person, unfinished: set[str]) -> Iterator[Found]:
    folders, _ = courier.store.blobs.level(names.RUNS)
    for run_id in map(_run_of, folders):
        run = courier.store.find(names.run(run_id), Run)
        if run_id not in unfinished and (run is None or run.state in FINAL):
            yield from _from_plan(courier, run_id, person)
            if rows := _rewrite(courier, names.rejects(run_id), person, _without_lines):
                yield Found(kind="rejects", export=export_of(run_id), run=run_id, rows=rows)


def _from_plan(courier: Courier, run: str, person: Person) -> Iterator[Found]:
    """The plan goes last: an erasure that is cut off before finds the person in it again."""
    blobs = courier.store.blobs
    with _folder(courier) as folder:
        planned = folder / "planned.parquet"
        if not _download(courier, names.planned(run), planned):
            blobs.delete(names.batches(run))
            return
        rows, travelled = _count(planned, person), _count(planned, person, "batch IS NOT NULL")
    if travelled:
        blobs.delete(names.batches(run))
        yield Found(kind="batches", export=export_of(run), run=run, rows=travelled)
    if rows:
        blobs.delete(names.planned(run))
        yield Found(kind="planned", export=export_of(run), run=run, rows=rows)


def _rewrite(courier: Courier, name: str, person: Person, rewrite: Callable[[Path, Path, Person], int]) -> int:
    """Replace a blob by itself without the person; returns how many rows that were."""
    with _folder(courier) as folder:
        before, after = folder / "before", folder / "after"
        if not _download(courier, name, before):
            return 0
        rows = rewrite(before, after, person)
        if rows:
            courier.store.blobs.upload(name, after)
        return rows


# Parquet


def _without_rows(before: Path, after: Path, person: Person) -> int:
    rows = _count(before, person)
    if rows:
        with _engine(before.parent) as engine:
            kept = engine.read_parquet(str(before)).filter(f"NOT ({_mentions(engine, before, person)})")
            kept.write_parquet(str(after), compression="zstd")
    return rows


def _count(file: Path, person: Person, among: str = "TRUE") -> int:
    with _engine(file.parent) as engine:
        where = f"({_mentions(engine, file, person)}) AND ({among})"
        (row,) = engine.read_parquet(str(file)).filter(where).aggregate("count(*)").fetchall()
        return int(row[0])


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


@contextmanager
def _folder(courier: Courier) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="erase-", dir=courier.workplace))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


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
