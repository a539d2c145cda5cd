"""The app's doors with time sped up: same code, same limits, every second lasts a fraction of one.

The real time at which the fast time began, and how many times faster it runs, come from the environment, so that the
stand-in and any number of processes tell the same time.
"""

import os
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from shared.courier import Courier
from shared.doors.ports import Blob, Blobs, Content, Queues
from shared.messages import Message
from shared.opening import opened
from shared.store import Store

SPEED, BEGAN = "BENCH_SPEED", "BENCH_BEGAN"
_RESOLUTION = timedelta(seconds=1)
"""Storage tells when a blob was written in whole seconds, rounded down."""


@dataclass(frozen=True)
class ScaledClock:
    """Runs ``speed`` times as fast as the machine's clock since ``began`` (seconds since 1970)."""

    speed: float
    began: float

    def time(self) -> float:
        """The present moment."""
        return self.at(time.time())

    def at(self, moment: float) -> float:
        """What it showed at that real moment."""
        return self.began + (moment - self.began) * self.speed

    def sleep_until(self, moment: float) -> None:
        """Return at that moment, at once when it has passed."""
        if (seconds := (moment - self.time()) / self.speed) > 0:
            time.sleep(seconds)

    def jitter(self) -> float:
        """A number from 0 up to 1, by chance."""
        return random.random()

    def environment(self) -> dict[str, str]:
        """What makes another process tell the same time."""
        return {SPEED: str(self.speed), BEGAN: repr(self.began)}


class ScaledQueues:
    """Delays are that much shorter. The last second of one is lost, as storage knows whole ones only."""

    def __init__(self, queues: Queues, clock: ScaledClock) -> None:
        self._queues = queues
        self._clock = clock

    def send(self, queue: str, message: Message, *, delay: float = 0) -> None:
        """Send a message that becomes visible after that time."""
        self._queues.send(queue, message, delay=delay / self._clock.speed)


class ScaledBlobs:
    """Blobs tell the fast time at which they were written, and never one too early."""

    def __init__(self, blobs: Blobs, clock: ScaledClock) -> None:
        self._blobs = blobs
        self._clock = clock

    def below(self, prefix: str = "", *, metadata: bool = False) -> Iterator[Blob]:
        """Every blob below a prefix."""
        return map(self._retold, self._blobs.below(prefix, metadata=metadata))

    def level(self, prefix: str = "") -> tuple[list[str], list[Blob]]:
        """One level of the tree."""
        folders, blobs = self._blobs.level(prefix)
        return folders, [self._retold(blob) for blob in blobs]

    def _retold(self, blob: Blob) -> Blob:
        moment = self._clock.at((blob.modified + _RESOLUTION).timestamp())
        return replace(blob, modified=datetime.fromtimestamp(min(moment, self._clock.time()), UTC))

    def read(self, name: str, *, offset: int = 0, length: int | None = None, etag: str | None = None) -> Content:
        """A range of bytes."""
        return self._blobs.read(name, offset=offset, length=length, etag=etag)

    def exists(self, name: str) -> bool:
        """Whether there is such a blob."""
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
        return self._blobs.write(name, data, if_match=if_match, create_only=create_only, metadata=metadata)

    def download(self, name: str, path: Path, *, etag: str | None = None) -> None:
        """Copy a blob into a file."""
        self._blobs.download(name, path, etag=etag)

    def upload(self, name: str, path: Path, *, if_match: str | None = None) -> str:
        """Replace a blob by a file where the condition holds."""
        return self._blobs.upload(name, path, if_match=if_match)

    def stream(self, name: str, pieces: Iterable[bytes]) -> str:
        """Replace a blob by all pieces."""
        return self._blobs.stream(name, pieces)

    def delete(self, name: str, *, if_match: str | None = None) -> None:
        """Remove a blob."""
        self._blobs.delete(name, if_match=if_match)


@cache
def open_scaled() -> Courier:
    """The app's hands for this process, as deployed but for the speed of time."""
    clock = ScaledClock(float(os.environ[SPEED]), float(os.environ[BEGAN]))
    real = opened(os.environ)
    return replace(
        real,
        clock=clock,
        drops=ScaledBlobs(real.drops, clock),
        store=Store(ScaledBlobs(real.store.blobs, clock)),
        queues=ScaledQueues(real.queues, clock),
    )
