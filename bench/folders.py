"""A container that is a folder: blobs of any size without holding one in memory.

Files come and go by another name for the same file, and of what is streamed only the size is kept. What a copy takes
depends on where storage is; here it would be on the very disk that planning works with, and each would slow down the
other.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from shared.doors.ports import Blob, Content
from shared.errors import BlobChanged, BlobMissing


class FolderBlobs:
    """One container; see ``ports.Blobs``. Safe to share between threads as far as planning goes; keeps no metadata."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, name: str, *, offset: int = 0, length: int | None = None, etag: str | None = None) -> Content:
        """A range of bytes."""
        blob = self._find(name, etag)
        with (self._folder / name).open("rb") as file:
            file.seek(offset)
            return Content(file.read() if length is None else file.read(length), blob.etag)

    def exists(self, name: str) -> bool:
        """Whether there is such a blob."""
        return (self._folder / name).is_file()

    def write(
        self,
        name: str,
        data: bytes,
        *,
        if_match: str | None = None,
        create_only: bool = False,
        metadata: Mapping[str, str] | None = None,  # noqa: ARG002 - planning reads none
    ) -> str:
        """Replace the blob where the condition holds."""
        if create_only and self.exists(name):
            raise BlobChanged(f"blob {name} is there already")
        if if_match is not None:
            self._find(name, if_match)
        self._place(name).write_bytes(data)
        return self._blob(name).etag

    def download(self, name: str, path: Path, *, etag: str | None = None) -> None:
        """Make a blob a file too."""
        self._find(name, etag)
        os.link(self._folder / name, path)

    def upload(self, name: str, path: Path, *, if_match: str | None = None) -> str:
        """Replace a blob by a file, which nobody changes afterwards, where the condition holds."""
        if if_match is not None:
            self._find(name, if_match)
        place = self._place(name)
        place.unlink(missing_ok=True)
        os.link(path, place)
        return self._blob(name).etag

    def stream(self, name: str, pieces: Iterable[bytes]) -> str:
        """Replace a blob by one that is as large, and has none of the pieces."""
        size = sum(map(len, pieces))
        place = self._place(name)
        place.unlink(missing_ok=True)
        with place.open("wb") as file:
            file.truncate(size)
        return self._blob(name).etag

    def below(self, prefix: str = "", *, metadata: bool = False) -> Iterator[Blob]:  # noqa: ARG002 - as above
        """Every blob below a prefix."""
        names = (path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*") if path.is_file())
        return iter([self._blob(name) for name in sorted(names) if name.startswith(prefix)])

    def level(self, prefix: str = "") -> tuple[list[str], list[Blob]]:
        """One level of the tree."""
        below = sorted((self._folder / prefix).glob("*"))
        folders = [f"{prefix}{path.name}/" for path in below if path.is_dir()]
        return folders, [self._blob(f"{prefix}{path.name}") for path in below if path.is_file()]

    def delete(self, name: str, *, if_match: str | None = None) -> None:
        """Remove a blob."""
        if if_match is not None and self.exists(name):
            self._find(name, if_match)
        (self._folder / name).unlink(missing_ok=True)

    def _place(self, name: str) -> Path:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _find(self, name: str, etag: str | None) -> Blob:
        if not self.exists(name):
            raise BlobMissing(f"there is no blob {name}")
        blob = self._blob(name)
        if etag is not None and etag != blob.etag:
            raise BlobChanged(f"blob {name} has changed")
        return blob

    def _blob(self, name: str) -> Blob:
        found = (self._folder / name).stat()
        etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
        return Blob(name, etag, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))
