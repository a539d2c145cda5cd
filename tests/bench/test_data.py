"""Drops that are made are what they claim to be, and can be planned."""

import csv
from datetime import UTC, datetime
from pathlib import Path

from bench.data import Drop, blobs_in, make
from bench.folders import FolderBlobs
from bench.workload import COLUMNS, SEGMENT
from shared.drop.finding import newest_drop

MOMENT = datetime(2026, 8, 24, 2, 14, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)


def _rows(files: list[Path]) -> list[list[str]]:
    return [row for file in files for row in csv.reader(file.read_text().splitlines())]


def test_a_drop_has_its_members_once(tmp_path: Path) -> None:
    """As many rows as members, each with an address and an id of its own."""
    rows = _rows(make(Drop(1001), tmp_path, MOMENT))
    assert len(rows) == 1001
    assert len({row[0] for row in rows}) == len({row[1] for row in rows}) == 1001
    assert {len(row) for row in rows} == {len(COLUMNS)}


def test_a_drop_has_as_many_columns_as_asked_for(tmp_path: Path) -> None:
    """Those beyond the mapped ones are filled too."""
    rows = _rows(make(Drop(10, columns=20), tmp_path, MOMENT))
    assert {len(row) for row in rows} == {20}
    assert all(all(row) for row in rows)


def test_versions_differ_in_their_share_of_members(tmp_path: Path) -> None:
    """One percent, and then ten percent more than that, changed; nobody joined or left."""
    days = [
        _rows(make(Drop(1000, percent, version), tmp_path / str(version), MOMENT))
        for version, percent in enumerate((0, 1, 10))
    ]
    differing = [sum(one != other for one, other in zip(days[day], days[day + 1], strict=True)) for day in (0, 1)]
    assert differing == [10, 100]


def test_a_drop_is_whole_and_the_newest_one_counts(tmp_path: Path) -> None:
    """The app finds all partitions of the later of two drops, with the names of their columns."""
    make(Drop(10), tmp_path, MOMENT)
    newest = make(Drop(12), tmp_path, MOMENT.replace(minute=15))
    found = newest_drop(FolderBlobs(tmp_path), SEGMENT, LATER, 0, "segments")
    assert [blob.name for blob in found.drop.blobs] == [file.relative_to(tmp_path).as_posix() for file in newest]
    assert found.columns == COLUMNS
    assert blobs_in(tmp_path)[-1].endswith("model.json")
