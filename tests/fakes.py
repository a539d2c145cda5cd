"""Storage, queues, vault and clock in memory: the same ports as the real ones, in virtual time."""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import requests

from shared.courier import Courier
from shared.doors.clock import as_datetime
from shared.doors.ports import Blob, Content
from shared.errors import BlobChanged, BlobMissing, RunHeld
from shared.messages import Message
from shared.settings import Settings, read_settings
from shared.store import Store

START = datetime(2026, 8, 24, 9, 0, tzinfo=UTC).timestamp()

ENVIRONMENT = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "SegmentStorage": "UseDevelopmentStorage=true",
    "SEGMENTS_CONTAINER": "segments",
    "KEY_VAULT_URL": "https://courier.vault.azure.net",
    "REFRESH_SCHEDULE": "0 0 3 * * *",
    "BLOB_TRIGGER_SOURCE": "LogsAndContainerScan",
}


class ManualClock:
    """Time that passes only when somebody sleeps or a test says so."""

    def __init__(self, start: float = START) -> None:
        self._now = start
        self._lock = threading.Lock()

    def time(self) -> float:
        """The present moment."""
        return self._now

    def sleep_until(self, moment: float) -> None:
        """Make it that moment."""
        with self._lock:
            self._now = max(self._now, moment)

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.sleep_until(self._now + seconds)

    def jitter(self) -> float:
        """Always half: tests want no chance."""
        return 0.5


@dataclass
class _Kept:
    data: bytes
    etag: str
    modified: datetime
    metadata: dict[str, str]


class MemoryBlobs:
    """A container in memory; counts its calls by name in ``calls``."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._blobs: dict[str, _Kept] = {}
        self._versions = itertools.count(1)
        self._lock = threading.RLock()
        self.calls: dict[str, int] = {}

    def read(self, name: str, *, offset: int = 0, length: int | None = None, etag: str | None = None) -> Content:
        """A range of bytes."""
        self._count("read")
        kept = self._get(name, etag)
        end = None if length is None else offset + length
        return Content(kept.data[offset:end], kept.etag)

    def exists(self, name: str) -> bool:
        """Whether there is such a blob."""
        self._count("exists")
        return name in self._blobs

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
        self._count("write")
        with self._lock:
            if create_only and name in self._blobs:
                raise BlobChanged(f"blob {name} is there already")
            if if_match is not None and self._get(name).etag != if_match:
                raise BlobChanged(f"blob {name} has changed")
            etag = f'"{next(self._versions):#x}"'
            self._blobs[name] = _Kept(bytes(data), etag, as_datetime(self._clock.time()), dict(metadata or {}))
            return etag

    def download(self, name: str, path: Path, *, etag: str | None = None) -> None:
        """Copy a blob into a file."""
        self._count("download")
        path.write_bytes(self._get(name, etag).data)

    def upload(self, name: str, path: Path, *, if_match: str | None = None) -> str:
        """Replace a blob by a file."""
        return self.write(name, path.read_bytes(), if_match=if_match)

    def stream(self, name: str, pieces: Iterable[bytes]) -> str:
        """Replace a blob by all pieces."""
        return self.write(name, b"".join(pieces))

    def below(self, prefix: str = "", *, metadata: bool = False) -> Iterator[Blob]:
        """Every blob below a prefix."""
        self._count("below")
        with self._lock:
            names = sorted(name for name in self._blobs if name.startswith(prefix))
            found = [self._blob(name, metadata=metadata) for name in names]
        yield from found

    def level(self, prefix: str = "") -> tuple[list[str], list[Blob]]:
        """One level of the tree."""
        self._count("level")
        with self._lock:
            names = sorted(name for name in self._blobs if name.startswith(prefix))
            folders = {prefix + name[len(prefix) :].split("/")[0] + "/" for name in names if "/" in name[len(prefix) :]}
            blobs = [self._blob(name, metadata=False) for name in names if "/" not in name[len(prefix) :]]
            return sorted(folders), blobs

    def delete(self, name: str, *, if_match: str | None = None) -> None:
        """Remove a blob."""
        self._count("delete")
        with self._lock:
            if if_match is not None and name in self._blobs:
                self._get(name, if_match)
            self._blobs.pop(name, None)

    def _get(self, name: str, etag: str | None = None) -> _Kept:
        kept = self._blobs.get(name)
        if kept is None:
            raise BlobMissing(f"there is no blob {name}")
        if etag is not None and etag != kept.etag:
            raise BlobChanged(f"blob {name} has changed")
        return kept

    def _blob(self, name: str, *, metadata: bool) -> Blob:
        kept = self._blobs[name]
        return Blob(name, kept.etag, len(kept.data), kept.modified, dict(kept.metadata) if metadata else {})

    def _count(self, call: str) -> None:
        self.calls[call] = self.calls.get(call, 0) + 1


@dataclass(order=True)
class Waiting:
    """A message on its way: visible from that moment on."""

    visible: float
    number: int
    queue: str = field(compare=False)
    message: Message = field(compare=False)


class MemoryQueues:
    """All queues in memory, in the order in which messages become visible."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self.waiting: list[Waiting] = []

    def send(self, queue: str, message: Message, *, delay: float = 0) -> None:
        """Keep a message until its time."""
        again = type(message).model_validate_json(message.model_dump_json(exclude_none=True))
        with self._lock:
            visible = self._clock.time() + int(max(0, delay))
            self.waiting.append(Waiting(visible, next(self._numbers), queue, again))

    def take(self, queue: str | None = None) -> Waiting | None:
        """The next message of a queue, or of all queues; time moves on to when it becomes visible."""
        with self._lock:
            ready = [waiting for waiting in self.waiting if queue in (None, waiting.queue)]
            if not ready:
                return None
            first = min(ready)
            self.waiting.remove(first)
        self._clock.sleep_until(first.visible)
        return first

    def sent_to(self, queue: str) -> list[Message]:
        """What waits in that queue, in order."""
        return [waiting.message for waiting in sorted(self.waiting) if waiting.queue == queue]


class MemoryVault:
    """Secrets in memory, never kept by anybody: ``reads`` counts how often each was asked for."""

    def __init__(self, **secrets: str) -> None:
        self.secrets = dict(secrets)
        self.reads: dict[str, int] = {}

    def secret(self, name: str, *, fresh: bool = False) -> str:
        """Its current value."""
        self.reads[name] = self.reads.get(name, 0) + 1
        if name not in self.secrets:
            raise RunHeld(f"the Key Vault has no secret {name}", code="vault")
        return self.secrets[name]

    def store(self, name: str, value: str) -> None:
        """Make that the current value."""
        self.secrets[name] = value


def settings(**changes: str) -> Settings:
    """Settings that are in order, but for the changes."""
    return read_settings(ENVIRONMENT | changes)


def courier(
    workplace: Path,
    *,
    clock: ManualClock | None = None,
    vault: MemoryVault | None = None,
    session: Callable[[], requests.Session] = requests.Session,
    **changes: str,
) -> Courier:
    """The app's hands with everything in memory; ``changes`` are app settings."""
    clock = clock or ManualClock()
    return Courier(
        settings=settings(**changes),
        clock=clock,
        drops=MemoryBlobs(clock),
        store=Store(MemoryBlobs(clock)),
        queues=MemoryQueues(clock),
        vault=vault or MemoryVault(),
        session=session,
        workplace=workplace,
        planning=threading.Lock(),
    )
