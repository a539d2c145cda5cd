"""Blob storage through Azure's SDK."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobClient, BlobPrefix, BlobProperties, ContainerClient

from shared.doors.ports import Blob, Content
from shared.errors import BlobChanged, BlobMissing

READ_BLOCK_BYTES = 8 * 1024 * 1024
WRITTEN_BLOCK_BYTES = 4 * 1024 * 1024
"""Size of the blocks in which large blobs are moved. Those that are written are in memory next to a plan.

A blob has at most 50,000: https://learn.microsoft.com/azure/storage/blobs/scalability-targets
"""

_BLOCKS_AT_ONCE = 2
"""Of one blob; several blobs are moved at the same time."""

_MARK = "write"
"""Metadata of this door's own: which write a blob came from."""


class AzureBlobs:
    """One container of a storage account; see ``ports.Blobs``. Safe to share between threads."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    def read(self, name: str, *, offset: int = 0, length: int | None = None, etag: str | None = None) -> Content:
        """A range of bytes into memory."""
        wanted: dict[str, Any] = {"offset": offset, "length": length} if offset or length is not None else {}
        with _translated(name):
            stream = self._container.download_blob(name, **wanted, **_only(etag))
            return Content(stream.readall(), stream.properties.etag)

    def exists(self, name: str) -> bool:
        """Whether there is such a blob."""
        return self._container.get_blob_client(name).exists()

    def write(
        self,
        name: str,
        data: bytes,
        *,
        if_match: str | None = None,
        create_only: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Replace the whole blob in one request.

        One whose answer is lost on the way is repeated by the SDK, and fails on its own result: that it was this very
        write shows in its mark. The bytes tell nothing, as two who reserve the same appointments write the same.
        """
        mark = uuid4().hex
        try:
            with _translated(name):
                answer = self._container.get_blob_client(name).upload_blob(
                    data,
                    overwrite=not create_only,
                    metadata={**(metadata or {}), _MARK: mark},
                    **_only(if_match),
                )
        except BlobChanged:
            if etag := self._etag_of(name, mark):
                return etag
            raise
        return str(answer["etag"])

    def _etag_of(self, name: str, mark: str) -> str | None:
        """The ETag of the blob, if it is what the write with that mark left."""
        try:
            found = self._container.get_blob_client(name).get_blob_properties()
        except ResourceNotFoundError:
            return None
        return str(found.etag) if (found.metadata or {}).get(_MARK) == mark else None

    def download(self, name: str, path: Path, *, etag: str | None = None) -> None:
        """Copy a blob into a file, a few blocks at a time."""
        with _translated(name), path.open("wb") as file:
            self._container.download_blob(name, max_concurrency=_BLOCKS_AT_ONCE, **_only(etag)).readinto(file)

    def upload(self, name: str, path: Path, *, if_match: str | None = None) -> str:
        """Replace a blob by the content of a file, a few blocks at a time."""
        with path.open("rb") as file:
            return self._put(name, iter(partial(file.read, WRITTEN_BLOCK_BYTES), b""), if_match)

    def stream(self, name: str, pieces: Iterable[bytes]) -> str:
        """Replace a blob by all pieces, a few blocks at a time."""
        return self._put(name, _in_blocks(pieces))

    def _put(self, name: str, blocks: Iterator[bytes], if_match: str | None = None) -> str:
        """Replace a blob by all blocks; one that has a single block takes a single request.

        The library names blocks by their place. Two who write the same blob at the same time would get each other's, so
        these have names of their own.
        """
        client = self._container.get_blob_client(name)
        first = next(blocks, b"")
        second = next(blocks, None)
        with _translated(name):
            if second is None:
                answer = client.upload_blob(first, overwrite=True, **_only(if_match))
            else:
                listed = _staged(client, chain((first, second), blocks))
                answer = client.commit_block_list(listed, **_only(if_match))
        return str(answer["etag"])

    def below(self, prefix: str = "", *, metadata: bool = False) -> Iterator[Blob]:
        """Every blob below a prefix."""
        include = ["metadata"] if metadata else None
        for found in self._container.list_blobs(name_starts_with=prefix, include=include):
            yield _blob(found)

    def level(self, prefix: str = "") -> tuple[list[str], list[Blob]]:
        """One level of the tree."""
        folders: list[str] = []
        blobs: list[Blob] = []
        for found in self._container.walk_blobs(name_starts_with=prefix, delimiter="/"):
            if isinstance(found, BlobPrefix):
                folders.append(str(found.name))
            else:
                blobs.append(_blob(found))
        return folders, blobs

    def delete(self, name: str, *, if_match: str | None = None) -> None:
        """Remove a blob. One that is not there is not the version that was asked for either."""
        try:
            with _translated(name):
                self._container.delete_blob(name, **_only(if_match))
        except BlobMissing:
            return
        except BlobChanged:
            if self.exists(name):
                raise


def _in_blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of at least ``WRITTEN_BLOCK_BYTES``, but for the last."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= WRITTEN_BLOCK_BYTES:
            block, waiting, size = b"".join(waiting), [], 0
            yield block
    if waiting:
        yield b"".join(waiting)


def _staged(client: BlobClient, blocks: Iterable[bytes]) -> list[BlobBlock]:
    """Send all blocks, several at the same time, and return their list. Without it they are not part of the blob."""
    mark = uuid4().hex
    listed: list[BlobBlock] = []
    moving: deque[Future[object]] = deque()
    with ThreadPoolExecutor(max_workers=_BLOCKS_AT_ONCE) as pool:
        for block in blocks:
            if len(moving) == _BLOCKS_AT_ONCE:
                moving.popleft().result()
            listed.append(BlobBlock(f"{mark}{len(listed):05d}"))
            moving.append(pool.submit(client.stage_block, listed[-1].id, block))
    for move in moving:
        move.result()
    return listed


def _only(etag: str | None) -> dict[str, Any]:
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}


def _blob(found: BlobProperties) -> Blob:
    return Blob(
        name=str(found.name),
        etag=str(found.etag),
        size=int(found.size),
        modified=found.last_modified,
        metadata={name: value for name, value in (found.metadata or {}).items() if name != _MARK},
    )


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except ResourceNotFoundError as error:
        raise BlobMissing(f"there is no blob {name}") from error
    except (ResourceModifiedError, ResourceExistsError) as error:
        raise BlobChanged(f"blob {name} is not the version that was asked for") from error
