"""Drops of any size, made by the engine in seconds: who is in them follows from a number, nothing from chance."""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from bench.workload import COLUMNS, SEGMENT

ROOT = "CustomerInsights_abcd1234-4312-11f4-93dc-24f72f43e7d5/BlobExport"
TIERS = ("Bronze", "Silver", "Gold", "Platinum")
_FIRST = ("Ada", "Björn", "Chloé", "Dilek", "Emeka", "Fatima", "Gülşen", "Hanako", "Íris", "João", "Kwame", "Łucja")
_LAST = ("Almeida", "Brontë", "Çelik", "DAngelo", "Eriksson", "Fernández", "García", "Haddad", "Ito", "Jørgensen")
_PARTITIONS = 4

_PEOPLE = """
SELECT printf('%032x', number) AS CustomerId,
       'customer' || number || CASE number % 3 WHEN 0 THEN '@example.com' WHEN 1 THEN '@example.org'
                                               ELSE '@EXAMPLE.net' END AS EMail,
       {first}[1 + number % {firsts}] || '{line_end}' AS FirstName,
       {last}[1 + number % {lasts}] AS LastName,
       {tiers}[1 + (number + CASE WHEN number % {every} = 0 THEN {version} ELSE 0 END) % {tier_count}] AS LoyaltyTier
       {more}
FROM generate_series({start}, {end}) AS numbers(number)
"""


@dataclass(frozen=True)
class Drop:
    """That many members. Where ``percent`` of them are at ``version`` 0 .. 3, that share differs between versions.

    ``columns`` beyond those that are mapped are filled with numbers of seven digits. Where ``has_line_ends``, every
    first name has one within it.
    """

    members: int
    percent: int = 0
    version: int = 0
    columns: int = len(COLUMNS)
    has_line_ends: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns."""
        return (*COLUMNS, *(f"Attribute{number:03d}" for number in range(len(COLUMNS), self.columns)))


def make(drop: Drop, container: Path, moment: datetime, segment: str = SEGMENT) -> list[Path]:
    """Write a drop as Customer Insights would, dated ``moment``: a folder of partitions and ``model.json``.

    Returns the partitions. A drop that is there already is replaced in ``model.json``, which names one segment only.
    All of it is on the disk afterwards, so that nobody's time is measured while it gets there.
    """
    folder = container / ROOT / segment / f"{moment:%Y/%m/%d/%H%M}"
    folder.mkdir(parents=True)
    size = -(-drop.members // _PARTITIONS)
    files = []
    with duckdb.connect() as engine:
        for number in range(_PARTITIONS):
            start, end = number * size + 1, min(drop.members, (number + 1) * size)
            files.append(folder / f"{segment}_{number + 1}.csv")
            rows = _rows(drop, start, end)
            engine.execute(f"COPY ({rows}) TO '{files[-1]}' (FORMAT csv, HEADER false, FORCE_QUOTE *)")
    model = container / ROOT / "model.json"
    model.write_bytes(_model(drop.names, files, container, segment))
    os.sync()
    return files


def blobs_in(container: Path) -> list[str]:
    """The names of all blobs of a container, each ``model.json`` last: it says that the others are complete."""
    names = [path.relative_to(container).as_posix() for path in container.rglob("*") if path.is_file()]
    return sorted(names, key=lambda name: (name.endswith("model.json"), name))


def _rows(drop: Drop, start: int, end: int) -> str:
    more = [
        f", printf('%07d', number * {7919 + 2 * place} % 9999991) AS {name}"
        for place, name in enumerate(drop.names[len(COLUMNS) :])
    ]
    return _PEOPLE.format(
        first=list(_FIRST),
        line_end="\nof that name" if drop.has_line_ends else "",
        firsts=len(_FIRST),
        last=list(_LAST),
        lasts=len(_LAST),
        tiers=list(TIERS),
        tier_count=len(TIERS),
        every=100 // drop.percent if drop.percent else drop.members + 1,
        version=drop.version,
        more="".join(more),
        start=start,
        end=end,
    )


def _model(columns: tuple[str, ...], files: list[Path], container: Path, segment: str) -> bytes:
    settings = {"$type": "CsvFormatSettings", "columnHeaders": False, "delimiter": ",", "encoding": "UTF-8"}
    partitions = [
        {
            "name": file.name,
            "location": f"https://contoso.blob.core.windows.net/segments/{file.relative_to(container).as_posix()}",
            "fileFormatSettings": settings,
        }
        for file in files
    ]
    entity = {
        "$type": "LocalEntity",
        "name": segment,
        "annotations": [{"name": "c360:PrimaryKey", "value": "CustomerId"}],
        "attributes": [{"name": column, "dataType": "string"} for column in columns],
        "partitions": partitions,
    }
    return json.dumps({"name": "BlobExport", "version": "1.0", "entities": [entity]}).encode()
