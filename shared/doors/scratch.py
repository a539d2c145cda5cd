"""Folders for temporary files: they hold customers' data and fill a small disk, so none is left to itself."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "courier-"
_LOCK = ".lock"


@contextmanager
def scratch_folder(workplace: Path) -> Iterator[Path]:
    """A folder of one's own, gone afterwards; what killed processes left goes before.

    A file beside it is locked while it is there. However a process ends, the system takes its locks away.
    """
    _remove_what_was_left(workplace)
    with tempfile.NamedTemporaryFile(prefix=_PREFIX, suffix=_LOCK, dir=workplace) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = Path(lock.name).with_suffix("")
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_what_was_left(workplace: Path) -> None:
    for folder in workplace.glob(f"{_PREFIX}*/"):
        path = folder.with_suffix(_LOCK)
        with suppress(OSError), path.open() as lock:  # gone by now, locked, or somebody else's
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            path.unlink()
