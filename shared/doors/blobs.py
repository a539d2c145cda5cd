"""Blob storage through Azure's SDK."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobPrefix, BlobProperties, ContainerClient

from shared.doors.ports import Blob, Content
from shared.errors import BlobChanged, BlobMissing

_READ_AT_ONCE = 2
_WRITTEN_AT_ONCE = 4
"""Blocks of one large blob moved at the same time; each is held in memory. More files are read than written at once."""

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
            self._container.download_blob(name, max_concurrency=_READ_AT_ONCE, **_only(etag)).readinto(file)

    def upload(self, name: str, path: Path, *, if_match: str | None = None) -> str:
        """Replace a blob by the content of a file, a few blocks at a time."""
        with _translated(name), path.open("rb") as file:
            answer = self._container.get_blob_client(name).upload_blob(
                file, overwrite=True, max_concurrency=_WRITTEN_AT_ONCE, **_only(if_match)
            )
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
