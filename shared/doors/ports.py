"""What the app asks of blob storage, queues and Key Vault, without saying whose they are.

Implementations: ``blobs.py``, ``queues.py`` and ``vault.py`` beside this file; tests bring their own in memory.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from shared.messages import Message


@dataclass(frozen=True)
class Blob:
    """A blob in a listing; ``size`` in bytes, ``metadata`` only where the listing asked for it."""

    name: str
    etag: str
    size: int
    modified: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Content:
    """What was read, and the version it was read from."""

    data: bytes
    etag: str


class Blobs(Protocol):
    """One container. ``BlobMissing`` and ``BlobChanged`` are raised as in ``shared.errors``."""

    def read(self, name: str, *, offset: int = 0, length: int | None = None, etag: str | None = None) -> Content:
        """A range of bytes (all of them by default) into memory; with ``etag``, of that version only."""

    def exists(self, name: str) -> bool:
        """Whether there is such a blob."""

    def write(
        self,
        name: str,
        data: bytes,
        *,
        if_match: str | None = None,
        create_only: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Replace the whole blob and return its ETag; ``BlobChanged`` where a condition does not hold."""

    def download(self, name: str, path: Path, *, etag: str | None = None) -> None:
        """Copy a blob into a file without holding it in memory; ``BlobChanged`` when it is not that version."""

    def upload(self, name: str, path: Path, *, if_match: str | None = None) -> str:
        """Replace a blob by the content of a file without holding it in memory, and return its ETag.

        ``BlobChanged`` where it is not that version.
        """

    def stream(self, name: str, pieces: Iterable[bytes]) -> str:
        """Replace a blob by all pieces, a few blocks of which are in memory at a time, and return its ETag.

        Where a piece cannot be had, the blob stays what it was.
        """

    def below(self, prefix: str = "", *, metadata: bool = False) -> Iterator[Blob]:
        """Every blob below a prefix, in the order of their names."""

    def level(self, prefix: str = "") -> tuple[list[str], list[Blob]]:
        """One level of the tree: the folders (each ending in ``/``) and the blobs directly below a prefix."""

    def delete(self, name: str, *, if_match: str | None = None) -> None:
        """Remove a blob; nothing happens where there is none.

        With ``if_match`` in that version only; ``BlobChanged`` where it is another.
        """


class Queues(Protocol):
    """The app's queues by name."""

    def send(self, queue: str, message: Message, *, delay: float = 0) -> None:
        """Send a message that becomes visible after ``delay`` seconds (whole ones count, up to 7 days)."""


class Vault(Protocol):
    """The secrets of one Key Vault."""

    def secret(self, name: str, *, fresh: bool = False) -> str:
        """Its current value, minutes old at most; ``fresh`` reads it again.

        ``RunHeld`` where a person has to act before it can be read, ``Unavailable`` while the vault gives no answer.
        """

    def store(self, name: str, value: str) -> None:
        """Make that the current value. Raises ``RunHeld`` when the app may not."""
