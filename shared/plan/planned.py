"""``planned.parquet``: what the plan makes of every email of the drop and of the ledger."""

from pathlib import Path

from shared.plan.engine import Engine, text

_ROWS_AT_A_TIME = 500_000
"""What is joined by one part of the statement stays in memory, however many parts there are."""

_FILE = """
CREATE TYPE file_name AS ENUM (SELECT DISTINCT name FROM source);
CREATE TABLE file AS SELECT id, first, name::file_name AS name FROM source
"""
"""Names that all rows have in common are written as such if the engine is told."""

_UNORDERED = "SET preserve_insertion_order = false"

_AS_WRITTEN = "SET disabled_optimizers = 'join_order,build_side_probe_side,compressed_materialization'"
"""The engine takes the last table of a join into memory, and these are narrow; left to itself it takes the wide one.

It takes those of one part after the other where it knows that each has enough rows for all threads, and it knows that
of a table that is joined as it stands only: not of a view, and not of columns that it has made smaller before.
"""

_AS_BEFORE = "RESET preserve_insertion_order; RESET disabled_optimizers"

_MEMBERS = """
SELECT email, customer_id, hash, fate.kind AS kind, batch::INTEGER AS batch, position::INTEGER AS position,
       {since} AS since, file.name AS source, fate.place - file.first + 1 AS line,
       {ledger_state} AS ledger_state, {ledger_hash} AS ledger_hash
FROM record
JOIN (FROM fate WHERE place BETWEEN {first} AND {last}) fate ON fate.place = record.rowid
JOIN file ON record.source = file.id
LEFT JOIN (FROM seat WHERE kind <> 'leaver' AND place BETWEEN {first} AND {last}) seat ON seat.place = fate.place
WHERE record.rowid BETWEEN {first} AND {last}
"""

_KNOWN = {"since": "since", "ledger_state": "ledger_state", "ledger_hash": "ledger_hash"}

_UNKNOWN = {"since": "NULL::TIMESTAMPTZ", "ledger_state": "NULL::state", "ledger_hash": "NULL::UUID"}

_ABSENT = """
SELECT email, customer_id, hash, absent.kind AS kind, batch::INTEGER AS batch, position::INTEGER AS position,
       since, NULL AS source, NULL AS line, state AS ledger_state, hash AS ledger_hash
FROM absent LEFT JOIN (FROM seat WHERE kind = 'leaver') seat ON seat.place = absent.rowid
"""

_WRITE = """
COPY ({rows}) TO {path}
(FORMAT parquet, ROW_GROUP_SIZE 30720, PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 1000, COMPRESSION snappy)
"""
"""Every thread holds a group of rows until it is written; smaller ones take neither more time nor more room."""


def write(engine: Engine, path: Path, *, has_ledger: bool) -> None:
    """Write the file; its rows have no order. Without a ledger, nothing is told of one."""
    engine.run(_FILE)
    told = _KNOWN if has_ledger else _UNKNOWN
    end = engine.number("SELECT max(rowid) FROM record") + 1
    parts = [
        _MEMBERS.format(first=first, last=min(end, first + _ROWS_AT_A_TIME) - 1, **told)
        for first in range(0, end, _ROWS_AT_A_TIME)
    ]
    parts[-1] = f"{parts[-1]} UNION ALL {_ABSENT}"
    engine.run(_UNORDERED)
    engine.run(_AS_WRITTEN)
    engine.run(_WRITE.format(rows=" UNION ALL ".join(parts), path=text(path)))
    engine.run(_AS_BEFORE)
