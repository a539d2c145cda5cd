"""Blob storage through Azure's SDK."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobPrefix, BlobProperties, ContainerClient

from shared.doors.ports import Blob, Content
from shared.errors import BlobChanged, BlobMissing

_PARALLEL = 4
"""Blocks of one large blob moved at the same time; each is held in memory."""


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
        """Replace the whole blob in one request."""
        with _translated(name):
            answer = self._container.get_blob_client(name).upload_blob(
                data,
                overwrite=not create_only,
                metadata=dict(metadata) if metadata else None,
                **_only(if_match),
            )
        return str(answer["etag"])

    def download(self, name: str, path: Path, *, etag: str | None = None) -> None:
        """Copy a blob into a file, a few blocks at a time."""
        with _translated(name), path.open("wb") as file:
            self._container.download_blob(name, max_concurrency=_PARALLEL, **_only(etag)).readinto(file)

    def upload(self, name: str, path: Path) -> None:
        """Replace a blob by the content of a file, a few blocks at a time."""
        with path.open("rb") as file:
            self._container.get_blob_client(name).upload_blob(file, overwrite=True, max_concurrency=_PARALLEL)

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

    def delete(self, name: str) -> None:
        """Remove a blob."""
        try:
            self._container.delete_blob(name)
        except ResourceNotFoundError:
            return


def _only(etag: str | None) -> dict[str, Any]:
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}


def _blob(found: BlobProperties) -> Blob:
    return Blob(
        name=str(found.name),
        etag=str(found.etag),
        size=int(found.size),
        modified=found.last_modified,
        metadata=found.metadata or {},
    )


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except ResourceNotFoundError as error:
        raise BlobMissing(f"there is no blob {name}") from error
    except (ResourceModifiedError, ResourceExistsError) as error:
        raise BlobChanged(f"blob {name} is not the version that was asked for") from error
