"""Storage that is counted, and storage that is a folder, behave as any other."""

from pathlib import Path

import pytest

from bench.counting import Calls, CountedBlobs, CountedQueues, reads_for, writes_for
from bench.folders import FolderBlobs
from shared.doors.blobs import READ_BLOCK_BYTES, WRITTEN_BLOCK_BYTES
from shared.errors import BlobChanged, BlobMissing
from shared.messages import PlanMessage
from tests.fakes import ManualClock, MemoryBlobs, MemoryQueues


@pytest.mark.parametrize(
    ("size", "requests"), [(0, 1), (READ_BLOCK_BYTES, 1), (READ_BLOCK_BYTES + 1, 2), (10 * READ_BLOCK_BYTES, 10)]
)
def test_large_blobs_are_read_in_blocks(size: int, requests: int) -> None:
    """Each block is a request."""
    assert reads_for(size) == requests


@pytest.mark.parametrize(("size", "requests"), [(0, 1), (WRITTEN_BLOCK_BYTES, 1), (WRITTEN_BLOCK_BYTES + 1, 3)])
def test_large_blobs_are_written_in_blocks_and_a_list(size: int, requests: int) -> None:
    """What fits one request is one."""
    assert writes_for(size) == requests


def test_every_request_is_counted_by_its_kind(tmp_path: Path) -> None:
    """Also one for a blob that is missing; deleting is free."""
    calls = Calls()
    clock = ManualClock()
    blobs = CountedBlobs(MemoryBlobs(clock), calls)
    blobs.write("a/b", b"1")
    blobs.read("a/b")
    with pytest.raises(BlobMissing):
        blobs.read("a/c")
    blobs.exists("a/b")
    blobs.level("a/")
    list(blobs.below("a/"))
    blobs.download("a/b", tmp_path / "b")
    blobs.upload("a/d", tmp_path / "b")
    blobs.stream("a/e", [b"1", b"2"])
    blobs.delete("a/b")
    CountedQueues(MemoryQueues(clock), calls).send("export-runs", PlanMessage(run="r", generation=0))
    assert calls.document() == {"reads": 3, "writes": 3, "lists": 2, "others": 1, "sent to export-runs": 1}
    assert calls.blobs == 9
    calls.forget()
    assert calls.blobs == 0


def test_a_folder_keeps_blobs_and_their_conditions(tmp_path: Path) -> None:
    """Ranges, ETags, levels and missing blobs are as in storage."""
    blobs = FolderBlobs(tmp_path / "container")
    etag = blobs.write("a/one", b"hello")
    assert blobs.read("a/one", offset=1, length=3).data == b"ell"
    with pytest.raises(BlobChanged):
        blobs.write("a/one", b"again", create_only=True)
    blobs.write("a/one", b"other", if_match=etag)
    with pytest.raises(BlobChanged):
        blobs.read("a/one", etag=etag)
    with pytest.raises(BlobMissing):
        blobs.read("a/two")
    blobs.upload("b", tmp_path / "container/a/one")
    assert [blob.name for blob in blobs.below("a")] == ["a/one"]
    folders, files = blobs.level("")
    assert folders == ["a/"]
    assert [file.name for file in files] == ["b"]
    blobs.delete("b")
    assert not blobs.exists("b")
