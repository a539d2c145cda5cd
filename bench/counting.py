"""Storage that counts requests as they are billed, in front of any other.

Which operation is of which kind:
https://learn.microsoft.com/azure/storage/blobs/map-rest-apis-transaction-categories. Deleting is free.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from shared.doors.blobs import READ_BLOCK_BYTES, WRITTEN_BLOCK_BYTES
from shared.doors.ports import Blob, Blobs, Content, Queues
from shared.messages import Message

PAGE = 5000
"""Blobs in one answer to a listing."""


@dataclass
class Calls:
    """Requests so far: to blobs by kind, and messages sent by queue."""

    reads: int = 0
    writes: int = 0
    lists: int = 0
    others: int = 0
    sends: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def add(self, *, reads: int = 0, writes: int = 0, lists: int = 0, others: int = 0) -> None:
        """Count so many more; files are moved by several threads at a time."""
        with self._lock:
            self.reads += reads
            self.writes += writes
            self.lists += lists
            self.others += others

    @property
    def blobs(self) -> int:
        """All requests to blob storage."""
        return self.reads + self.writes + self.lists + self.others

    def forget(self) -> None:
        """Begin anew."""
        self.reads = self.writes = self.lists = self.others = 0
        self.sends.clear()

    def document(self) -> dict[str, int]:
        """The numbers as JSON."""
        return {
            "reads": self.reads,
            "writes": self.writes,
            "lists": self.lists,
            "others": self.others,
            **{f"sent to {queue}": number for queue, number in sorted(self.sends.items())},
        }


def reads_for(size: int) -> int:
    """Requests that read so many bytes."""
    return max(1, -(-size // READ_BLOCK_BYTES))


def writes_for(size: int) -> int:
    """Requests that write a blob of so many bytes: one, or its blocks and the list of them."""
    return 1 if size <= WRITTEN_BLOCK_BYTES else -(-size // WRITTEN_BLOCK_BYTES) + 1


class CountedBlobs:
    """One container; see ``ports.Blobs``."""

    def __init__(self, blobs: Blobs, calls: Calls) -> None:
        self._blobs = blobs
        self._calls = calls

    def read(self, name: str, *, offset: int = 0, length: int | None = None, etag: str | None = None) -> Content:
        """A range of bytes; a blob that is missing is a request as well."""
        self._calls.add(reads=1)
        content = self._blobs.read(name, offset=offset, length=length, etag=etag)
        self._calls.add(reads=reads_for(len(content.data)) - 1)
        return content

    def exists(self, name: str) -> bool:
        """Whether there is such a blob."""
        self._calls.add(others=1)
        return self._blobs.exists(name)

    def write(
        self,
        name: str,
        data: bytes,
        *,
        if_match: str | None = None,
        create_only: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Replace the blob where the condition holds."""
        self._calls.add(writes=writes_for(len(data)))
        return self._blobs.write(name, data, if_match=if_match, create_only=create_only, metadata=metadata)

    def download(self, name: str, path: Path, *, etag: str | None = None) -> None:
        """Copy a blob into a file."""
        self._blobs.download(name, path, etag=etag)
        self._calls.add(reads=reads_for(path.stat().st_size))

    def upload(self, name: str, path: Path, *, if_match: str | None = None) -> str:
        """Replace a blob by a file where the condition holds."""
        self._calls.add(writes=writes_for(path.stat().st_size))
        return self._blobs.upload(name, path, if_match=if_match)

    def stream(self, name: str, pieces: Iterable[bytes]) -> str:
        """Replace a blob by all pieces."""
        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for piece in pieces:
                size += len(piece)
                yield piece

        etag = self._blobs.stream(name, counted())
        self._calls.add(writes=writes_for(size))
        return etag

    def below(self, prefix: str = "", *, metadata: bool = False) -> Iterator[Blob]:
        """Every blob below a prefix."""
        found = list(self._blobs.below(prefix, metadata=metadata))
        self._calls.add(lists=max(1, -(-len(found) // PAGE)))
        return iter(found)

    def level(self, prefix: str = "") -> tuple[list[str], list[Blob]]:
        """One level of the tree."""
        folders, blobs = self._blobs.level(prefix)
        self._calls.add(lists=max(1, -(-(len(folders) + len(blobs)) // PAGE)))
        return folders, blobs

    def delete(self, name: str, *, if_match: str | None = None) -> None:
        """Remove a blob."""
        self._blobs.delete(name, if_match=if_match)


class CountedQueues:
    """The queues; see ``ports.Queues``."""

    def __init__(self, queues: Queues, calls: Calls) -> None:
        self._queues = queues
        self._calls = calls

    def send(self, queue: str, message: Message, *, delay: float = 0) -> None:
        """Send a message."""
        self._calls.sends[queue] += 1
        self._queues.send(queue, message, delay=delay)
