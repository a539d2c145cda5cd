"""Room on the disk, of which an instance has little: a plan that finds none says so."""

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
def room_on_disk(folder: Path) -> Iterator[None]:
    """Raise ``CourierError`` with code ``plan_disk`` where what is done with ``folder`` finds its disk full."""
    try:
        yield
    except (OSError, duckdb.Error) as error:
        if not any(words in str(error) for words in _NO_ROOM):
            raise
        size = shutil.disk_usage(folder).total / 1e9
        raise CourierError(
            f"planning needs more room than the disk of the instance has ({size:.1f} GB): split the segment, export "
            "fewer columns, or host the app with more temporary storage",
            code="plan_disk",
        ) from None
