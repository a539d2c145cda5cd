"""What goes wrong with the engine and the disk while a run is planned, by its name."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from shared.errors import CourierError

_NO_ROOM = (os.strerror(errno.ENOSPC), "max_temp_directory_size")
"""What the engine's errors say of a full disk: the system's words, or those of its own limit, nine tenths of it."""


@contextmanager
def named_failures(folder: Path, memory_mb: int) -> Iterator[None]:
    """Raise ``CourierError`` in place of what the engine raises, and of what says that the disk of ``folder`` is full.

    Its code is ``plan_disk`` where the disk is full, ``plan_memory`` where the engine needs more than ``memory_mb``, or
    ``plan_failed`` where it gives up for another reason.
    """
    try:
        yield
    except (OSError, duckdb.Error) as error:
        if any(words in str(error) for words in _NO_ROOM):
            raise _disk_is_full(folder) from None
        if isinstance(error, OSError):
            raise
        if isinstance(error, duckdb.OutOfMemoryException):
            raise CourierError(f"planning needs more than {memory_mb} MB of memory", code="plan_memory") from None
        raise CourierError(f"the planning engine gave up: {type(error).__name__}", code="plan_failed") from None


def _disk_is_full(folder: Path) -> CourierError:
    size = shutil.disk_usage(folder).total / 1e9
    return CourierError(
        f"planning needs more room than the disk of the instance has ({size:.1f} GB): split the segment, export "
        "fewer columns, or host the app with more temporary storage",
        code="plan_disk",
    )
