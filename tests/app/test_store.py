"""Typed documents in blobs: guarded by ETags, and never guessed."""

import threading
from pathlib import Path

import pytest

from shared.documents import ExportState, Lanes
from shared.errors import BlobMissing, CourierError
from tests.fakes import courier


def test_no_change_is_lost_between_writers(tmp_path: Path) -> None:
    """Many threads that add to one document at the same time lose nothing."""
    store = courier(tmp_path).store

    def add() -> None:
        for _ in range(20):
            store.modify(
                "n.json", Lanes, lambda lanes: lanes.model_copy(update={"imports": lanes.imports + 1}), default=Lanes()
            )

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("n.json", Lanes).imports == 80


def test_nothing_is_written_when_nothing_changes(tmp_path: Path) -> None:
    """A modification that changes nothing keeps the ETag."""
    world = courier(tmp_path)
    world.store.put("n.json", Lanes(imports=3))
    before = world.store.blobs.read("n.json").etag
    world.store.modify("n.json", Lanes, lambda lanes: lanes)
    assert world.store.blobs.read("n.json").etag == before


def test_creating_twice_keeps_the_first(tmp_path: Path) -> None:
    """Whoever comes second is told so."""
    store = courier(tmp_path).store
    assert store.create("n.json", Lanes(imports=1))
    assert not store.create("n.json", Lanes(imports=2))
    assert store.get("n.json", Lanes).imports == 1


def test_a_missing_document_needs_a_default_to_be_modified(tmp_path: Path) -> None:
    """What was deleted must not come back by accident."""
    with pytest.raises(BlobMissing):
        courier(tmp_path).store.modify("n.json", Lanes, lambda lanes: lanes)


@pytest.mark.parametrize("text", [b"", b"{}x", b'{"version": 2}', b'{"active": 7}', b'{"unknown": 1}'])
def test_a_document_of_another_version_is_refused_by_name(tmp_path: Path, text: bytes) -> None:
    """The error names the blob, and not what it holds."""
    world = courier(tmp_path)
    world.store.blobs.write("exports/x/state.json", text)
    with pytest.raises(CourierError, match=r"exports/x/state\.json"):
        world.store.find("exports/x/state.json", ExportState)
