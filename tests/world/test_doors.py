"""Blob storage behind every door: Azure's SDK with the emulator, in memory, in a folder, counted and sped up."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import AzureError, ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobServiceClient, LinearRetry

from bench.counting import Calls, CountedBlobs
from bench.folders import FolderBlobs
from bench.scaled import ScaledBlobs, ScaledClock
from local.azurite import Azurite
from shared.documents import Lanes
from shared.doors.blobs import WRITTEN_BLOCK_BYTES, AzureBlobs
from shared.doors.ports import Blobs
from shared.errors import BlobChanged
from shared.store import Store
from tests.fakes import ManualClock, MemoryBlobs


class _Unsteady(RequestsTransport):  # type: ignore[misc]  # azure-core loads it lazily, and so untyped
    """Does what it is asked, and loses the answer to so many changes."""

    def __init__(self) -> None:
        super().__init__()
        self.losing = 0

    def send(self, request: Any, **options: Any) -> Any:
        answer = super().send(request, **options)
        if self.losing and request.method != "GET":
            self.losing -= 1
            answer.internal_response.close()
            raise ServiceResponseError("the connection was reset")
        return answer


@pytest.fixture(scope="module")
def line() -> _Unsteady:
    """The way to the emulator."""
    return _Unsteady()


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory, line: _Unsteady) -> Iterator[Blobs]:
    """A container of the emulator; what is lost on the way is asked again at once."""
    again = LinearRetry(backoff=0, random_jitter_range=0)
    with (
        Azurite(tmp_path_factory.mktemp("azurite"), in_memory=True) as azurite,
        BlobServiceClient.from_connection_string(
            azurite.connection_string, transport=line, retry_policy=again
        ) as service,
    ):
        yield AzureBlobs(service.create_container("courier"))


def _in_memory(_: Path) -> Blobs:
    return MemoryBlobs(ManualClock())


DOORS: dict[str, Callable[[Path], Blobs]] = {
    "memory": _in_memory,
    "folder": FolderBlobs,
    "counted": lambda folder: CountedBlobs(_in_memory(folder), Calls()),
    "sped up": lambda folder: ScaledBlobs(_in_memory(folder), ScaledClock(2.0, 0.0)),
}


@pytest.fixture(params=["azure", *DOORS])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """Each of them in turn."""
    if request.param == "azure":
        found: Blobs = request.getfixturevalue("container")
        return found
    return DOORS[request.param](tmp_path / "container")


def test_a_delete_may_be_bound_to_a_version(blobs: Blobs) -> None:
    """What was replaced meanwhile stays; the version that was asked for goes."""
    before = blobs.write("bound/a.json", b"before")
    after = blobs.write("bound/a.json", b"after it")
    with pytest.raises(BlobChanged, match=r"bound/a\.json"):
        blobs.delete("bound/a.json", if_match=before)
    assert blobs.read("bound/a.json").data == b"after it"
    blobs.delete("bound/a.json", if_match=after)
    assert not blobs.exists("bound/a.json")


def test_what_is_not_there_is_deleted_already(blobs: Blobs) -> None:
    """Deleting twice is deleting once, bound to a version or not."""
    etag = blobs.write("gone/a.json", b"a")
    blobs.delete("gone/a.json")
    blobs.delete("gone/a.json")
    blobs.delete("gone/a.json", if_match=etag)


# Blobs of several blocks


_BLOCKS = [b"a" * WRITTEN_BLOCK_BYTES, b"b" * WRITTEN_BLOCK_BYTES, b"c"]


@pytest.mark.parametrize("pieces", [[], [b"", b"a"], [b"ab", b"", b"c"], _BLOCKS], ids=["none", "one", "some", "many"])
def test_a_stream_becomes_a_blob(blobs: Blobs, pieces: list[bytes]) -> None:
    """In place of the one before, in order, whatever the size of its pieces; its ETag is the one it is read by.

    A folder of the bench keeps the size.
    """
    whole = b"".join(pieces)
    blobs.write("streamed", b"before")
    etag = blobs.stream("streamed", iter(pieces))
    found = blobs.read("streamed", etag=etag).data
    assert found == (bytes(len(whole)) if isinstance(blobs, FolderBlobs) else whole)


def test_a_stream_that_breaks_leaves_what_was_there(container: Blobs) -> None:
    """However many blocks of it were sent."""

    def breaking() -> Iterator[bytes]:
        yield from _BLOCKS
        raise BrokenPipeError

    container.write("broken", b"before")
    with pytest.raises(BrokenPipeError):
        container.stream("broken", breaking())
    assert container.read("broken").data == b"before"


def test_who_writes_a_blob_meanwhile_gets_nothing_of_mine(container: Blobs) -> None:
    """Each of two is whole, and the last of them stays; the first finds that its blocks are gone."""
    others = [piece.upper() for piece in _BLOCKS]

    def overtaken() -> Iterator[bytes]:
        yield from _BLOCKS[:2]
        container.stream("shared", iter(others))
        yield _BLOCKS[2]

    with pytest.raises(AzureError):
        container.stream("shared", overtaken())
    assert container.read("shared").data == b"".join(others)


def test_a_file_of_several_blocks_may_be_bound_to_a_version(container: Blobs, tmp_path: Path) -> None:
    """The condition counts once all blocks are there."""
    file = tmp_path / "file"
    file.write_bytes(b"".join(_BLOCKS))
    before = container.write("file", b"before")
    after = container.upload("file", file, if_match=before)
    assert container.read("file", etag=after).data == b"".join(_BLOCKS)
    with pytest.raises(BlobChanged):
        container.upload("file", file, if_match=before)


# Answers that are lost on the way


@pytest.mark.parametrize("lost", [1, 2])
def test_a_new_blob_whose_answer_was_lost_is_mine(container: Blobs, line: _Unsteady, lost: int) -> None:
    """The SDK asks again and finds a blob that is there already: it is the one that was to be written."""
    line.losing = lost
    etag = container.write(f"lost/{lost}.json", b"first", create_only=True)
    assert container.read(f"lost/{lost}.json", etag=etag).data == b"first"


@pytest.mark.parametrize("metadata", [None, {"state": "partial"}])
def test_a_change_whose_answer_was_lost_took_effect(
    container: Blobs, line: _Unsteady, metadata: dict[str, str] | None
) -> None:
    """Its ETag is good for the next change, and a listing shows the metadata that was given and no more."""
    name = f"changed/{len(metadata or ())}.json"
    etag = container.write(name, b"first")
    line.losing = 1
    etag = container.write(name, b"second", if_match=etag, metadata=metadata)
    (listed,) = container.below(name, metadata=True)
    assert listed.metadata == (metadata or {})
    container.write(name, b"third", if_match=etag)
    assert container.read(name).data == b"third"


def test_a_modification_whose_answer_was_lost_is_made_once(container: Blobs, line: _Unsteady) -> None:
    """A released run is not found released already, and a receipt counts no send twice."""
    store = Store(container)
    store.put("pacing.json", Lanes(imports=1))
    line.losing = 1
    store.modify("pacing.json", Lanes, lambda lanes: lanes.model_copy(update={"imports": lanes.imports + 1}))
    assert store.get("pacing.json", Lanes).imports == 2
    line.losing = 1
    assert store.create("created-once.json", Lanes())


def test_the_same_words_of_somebody_else_are_not_mine(container: Blobs) -> None:
    """Two who reserve the same stretch write the same bytes, and only one of them has it."""
    etag = container.write("same.json", b"0")
    container.write("same.json", b"30", if_match=etag)
    with pytest.raises(BlobChanged):
        container.write("same.json", b"30", if_match=etag)
    container.write("created.json", b"1", create_only=True)
    with pytest.raises(BlobChanged):
        container.write("created.json", b"1", create_only=True)


def test_a_stream_whose_answers_were_lost_is_whole(container: Blobs, line: _Unsteady) -> None:
    """Blocks that come twice are one, and so is their list."""
    line.losing = len(_BLOCKS)
    container.stream("lost/blocks", iter(_BLOCKS))
    line.losing = 0
    assert container.read("lost/blocks").data == b"".join(_BLOCKS)

    def losing() -> Iterator[bytes]:
        yield from _BLOCKS
        line.losing = 1

    container.stream("lost/list", losing())
    assert container.read("lost/list").data == b"".join(_BLOCKS)


def test_a_delete_whose_answer_was_lost_took_effect(container: Blobs, line: _Unsteady) -> None:
    """The SDK asks again and finds nothing, which is what was wanted."""
    etag = container.write("deleted.json", b"a")
    line.losing = 1
    container.delete("deleted.json", if_match=etag)
    assert not container.exists("deleted.json")
