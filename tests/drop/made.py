"""Blobs and ``model.json`` files made for one test each."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shared.doors.ports import Blob
from shared.drop.model_json import Model, parse_model

CONTAINER = "segments"
DESTINATION = "CustomerInsights_abcd1234-4312-11f4-93dc-24f72f43e7d5/BlobExport"
TABLE = f"{DESTINATION}/HighValue"
FOLDER = f"{TABLE}/2026/08/24/0214/"
OLDER = f"{TABLE}/2026/08/23/0214/"
NOW = datetime(2026, 8, 24, 9, 0, tzinfo=UTC)
SETTLE = 120


def blob(name: str, *, age: float = 3600, size: int = 100, etag: str | None = None) -> Blob:
    """A blob written that many seconds ago."""
    modified = NOW - timedelta(seconds=age)
    return Blob(name, etag or f'"{name}@{age}"', size, modified)


def partitions(*numbers: int, folder: str = FOLDER) -> list[str]:
    """The names of those partitions."""
    return [f"{folder}HighValue_{number}.csv" for number in numbers]


def table(name: str, paths: Sequence[str], **members: object) -> dict[str, object]:
    """A table as Customer Insights describes it; ``members`` replace or add some."""
    return {
        "$type": "LocalEntity",
        "name": name,
        "attributes": [{"name": "CustomerId", "dataType": "string"}, {"name": "EMail", "dataType": "string"}],
        "annotations": [{"name": "c360:PrimaryKey", "value": "CustomerId"}],
        "partitions": [{"location": f"https://contoso.blob.core.windows.net/{CONTAINER}/{path}"} for path in paths],
    } | members


def model_bytes(*tables: dict[str, object], member: str = "entities") -> bytes:
    """A ``model.json`` of those tables."""
    return json.dumps({"name": "BlobExport", "version": "1.0", member: tables}).encode()


def model(paths: Sequence[str], **members: object) -> Model:
    """A usable ``model.json`` that lists those partitions of the segment."""
    parsed = parse_model(model_bytes(table("HighValue", paths, **members)), CONTAINER)
    assert isinstance(parsed, Model)
    return parsed
