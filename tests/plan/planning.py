"""Plans made of small tables: what goes in as files, and everything that comes out as plain values."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from shared.documents import BatchEntry, Drop, DropBlob, Export
from shared.drop.shapes import Dialect, SegmentDrop
from shared.plan.failures import named_failures
from shared.plan.planner import drafted
from shared.plan.shapes import CustomField, Job, LocalDrop, Outcome

NOW = datetime(2026, 8, 24, 9, 0, tzinfo=UTC)
BEFORE = datetime(2026, 8, 23, 9, 0, tzinfo=UTC)
FOLDER = "S/2026/08/24/0214"
PLAIN = Dialect(header=True)
MARK = CustomField(90, "Segment", "SEGMENT", "text")
MARKED = {"action": "mark", "field": "Segment", "member": "in", "former": "out"}
UNSUBSCRIBED = {"action": "unsubscribe", "acknowledge_unsubscribe": True}


@dataclass(frozen=True)
class Segment:
    """The files of one segment, by the last part of their names."""

    files: Mapping[str, bytes]
    dialect: Dialect = PLAIN
    columns: tuple[str, ...] | None = None
    primary_key: str | None = None


@dataclass(frozen=True)
class Planned:
    """What a plan left: ``bodies`` as they would be posted, ``rows`` of ``file`` (planned.parquet) by email.

    ``lines`` are those of batches.jsonl, ``index`` says where they lie. There is neither a file nor a row where the
    ledger stays as it is.
    """

    outcome: Outcome
    file: Path | None
    lines: list[bytes]
    index: list[BatchEntry]
    bodies: list[dict[str, Any]]
    rows: dict[str, dict[str, Any]]
    rejects: list[dict[str, str]]

    @property
    def contacts(self) -> dict[str, dict[str, Any]]:
        """Everybody who is sent, by email."""
        return {contact["email"]: contact for body in self.bodies for contact in body["contacts"]}

    @property
    def codes(self) -> list[tuple[int, str]]:
        """Line and code of every reject."""
        return [(int(reject["line"]), reject["code"]) for reject in self.rejects]

    def of(self, kind: str) -> list[str]:
        """The emails of one kind, sorted."""
        return sorted(email for email, row in self.rows.items() if row["kind"] == kind)


def table(*lines: str, end: str = "\n") -> bytes:
    """Lines as a file in UTF-8."""
    return "".join(line + end for line in lines).encode()


def export(mapping: Mapping[str, Any] | None = None, **changes: Any) -> Export:
    """An export of segment S that maps ``Id`` and ``EMail``, or ``mapping``."""
    document = {
        "connection": "acme",
        "list_id": 3,
        "segments": ["S"],
        "mapping": mapping or {"email": "EMail", "customer_id": "Id"},
    }
    return Export.model_validate(document | changes)


def plan(
    folder: Path,
    segments: Segment | bytes | Sequence[Segment],
    document: Export | None = None,
    *,
    types: Mapping[str, str] | None = None,
    ledger: Sequence[tuple[str, str | None, str, str]] | Path | None = None,
    full: bool = False,
    known_columns: tuple[str, ...] = (),
    memory_mb: int = 256,
) -> Planned:
    """Plan in a fresh folder below ``folder``. ``types`` are those of the custom fields, by key, numbered from 1.

    ``ledger`` has rows of email, customer id, hash and state.
    """
    place = folder / f"plan{len(list(folder.iterdir()))}"
    place.mkdir()
    (place / "work").mkdir()
    if isinstance(segments, bytes):
        segments = Segment({"S.csv": segments})
    if isinstance(segments, Segment):
        segments = [segments]
    job = Job(
        export=document or export(),
        drops=tuple(_local(place, number, segment) for number, segment in enumerate(segments)),
        fields={
            key: CustomField(number, key, key.upper(), kind)
            for number, (key, kind) in enumerate((types or {}).items(), 1)
        },
        mark=MARK,
        ledger=write_ledger(place / "ledger.parquet", ledger) if isinstance(ledger, Sequence) else ledger,
        full=full,
        now=NOW,
        folder=place / "work",
        memory_mb=memory_mb,
        known_columns=known_columns,
    )
    return finished(job)


def finished(job: Job) -> Planned:
    """The whole plan of that job as values."""
    with named_failures(job.folder, job.memory_mb), drafted(job) as draft:
        file, batches = draft.finish()
        lines = list(batches)
    data = b"".join(lines)
    bodies = [json.loads(data[entry.offset : entry.offset + entry.length]) for entry in batches.index]
    with draft.outcome.rejects.open(encoding="utf-8", newline="") as text:
        rejects = list(csv.DictReader(text))
    rows = {row["email"]: row for row in parquet(file)} if file else {}
    return Planned(draft.outcome, file, lines, batches.index, bodies, rows, rejects)


def parquet(path: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet file; moments as text."""
    with duckdb.connect() as engine:
        found = engine.execute(f"SELECT * FROM read_parquet('{path}')")
        names = [column[0] for column in found.description]
        moments = [f"{name}::VARCHAR AS {name}" if name == "since" else name for name in names]
        rows = engine.execute(f"SELECT {', '.join(moments)} FROM read_parquet('{path}')").fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def write_ledger(path: Path, rows: Sequence[tuple[str, str | None, str, str]]) -> Path:
    """A ledger as a run would have left it; a hash that is none stays out."""
    with duckdb.connect() as engine:
        engine.execute(
            "CREATE TABLE ledger (email VARCHAR, customer_id VARCHAR, hash UUID, state VARCHAR, since TIMESTAMPTZ)"
        )
        for row in rows:
            engine.execute("INSERT INTO ledger VALUES (?, ?, try_cast(? AS UUID), ?, ?)", [*row, BEFORE])
        engine.execute(f"COPY ledger TO '{path}' (FORMAT parquet)")
    return path


def next_ledger(path: Path, planned: Planned) -> Path:
    """The ledger after a plan of which everything was confirmed."""
    fates = {"joiner": "member", "changed": "member", "unchanged": "member", "refused": "refused"}
    rows = [
        (email, row["customer_id"], row["hash"], fates.get(row["kind"], "former"))
        for email, row in planned.rows.items()
    ]
    return write_ledger(path, rows)


def _local(place: Path, number: int, segment: Segment) -> LocalDrop:
    home = place / f"drop{number}"
    home.mkdir()
    paths = []
    blobs = []
    for index, (name, data) in enumerate(segment.files.items()):
        paths.append(home / f"{index:05d}")
        paths[-1].write_bytes(data)
        blobs.append(DropBlob(name=f"{FOLDER}/{name}", etag=str(index), size=len(data), modified=NOW))
    drop = Drop(segment="S", blobs=blobs)
    return LocalDrop(SegmentDrop(drop, segment.columns, segment.dialect, primary_key=segment.primary_key), tuple(paths))
