"""The machine under the figures: what it is, how busy it was, and how much memory and disk were taken at most."""

import os
import platform
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Self

import duckdb

from shared.doors.machine import instance_memory_mb

_STATUS = Path("/proc/self/status")
_STAT = Path("/proc/stat")
_LOOK_SECONDS = 0.05
_BLOCK_BYTES = 512
"""What ``st_blocks`` counts, whatever the file system."""


def described() -> dict[str, str | int]:
    """What a reader needs to compare figures with those of another machine."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count() or 1,
        "memory_mb": instance_memory_mb(),
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
    }


def peak_mb() -> float:
    """The most memory this process ever held, in MB of a million bytes.

    ``ru_maxrss`` of a process that was started by a larger one begins with the larger one's memory, so the kernel's own
    mark is read where there is one.
    """
    lines = _STATUS.read_text().splitlines() if _STATUS.exists() else []
    marks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    kibibytes = marks[0] if marks else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes * 1024 / 1e6


@dataclass
class Disk:
    """The most that a folder was seen to take on its disk, in MB of a million bytes."""

    peak_mb: float = 0.0


@contextmanager
def watched_disk(folder: Path) -> Iterator[Disk]:
    """Look at a folder twenty times a second, and once more at the end."""
    disk, ended = Disk(), Event()

    def watch() -> None:
        while not ended.wait(_LOOK_SECONDS):
            disk.peak_mb = max(disk.peak_mb, _taken_mb(folder))

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield disk
    finally:
        ended.set()
        watcher.join()
        disk.peak_mb = max(disk.peak_mb, _taken_mb(folder))


def _taken_mb(folder: Path) -> float:
    taken = 0
    with suppress(FileNotFoundError):  # what is gone since it was listed ends the look
        for path in folder.rglob("*"):
            taken += path.lstat().st_blocks * _BLOCK_BYTES
    return taken / 1e6


@dataclass(frozen=True)
class Busy:
    """Readings of the machine's processors, in the kernel's ticks; both 0 where it has no such file."""

    busy: int
    total: int

    @classmethod
    def now(cls) -> Self:
        """The reading at this moment."""
        if not _STAT.exists():
            return cls(0, 0)
        ticks = [int(text) for text in _STAT.read_text().splitlines()[0].split()[1:9]]
        idle = ticks[3] + ticks[4]
        return cls(sum(ticks) - idle, sum(ticks))

    def percent_since(self, earlier: "Busy") -> float:
        """How busy all processors were in between, from 0 to 100."""
        total = self.total - earlier.total
        return 100.0 * (self.busy - earlier.busy) / total if total else 0.0


class Stopwatch:
    """Seconds since it was made: of time, and of processors by all threads of this process."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._worked = time.process_time()

    @property
    def seconds(self) -> float:
        """So far."""
        return time.perf_counter() - self._began

    @property
    def processor_seconds(self) -> float:
        """So far; less than ``seconds`` times the cores where others kept the machine busy."""
        return time.process_time() - self._worked
