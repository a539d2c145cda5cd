"""Virtual environments beside the one that runs the tests, built once and kept until what they hold changes."""

import fcntl
import hashlib
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def environment(name: str, requirements: Path) -> Path:
    """The folder of the virtual environment ``.venv-<name>``, which holds those requirements and nothing else."""
    folder = ROOT / f".venv-{name}"
    stamp = folder / ".installed"
    wanted = hashlib.sha256(sys.version.encode() + requirements.read_bytes()).hexdigest()
    with _alone(ROOT / f".venv-{name}.lock"):
        if not stamp.exists() or stamp.read_text() != wanted:
            venv.create(folder, clear=True, with_pip=True)
            pip: list[str | Path] = [python(folder), "-m", "pip", "--disable-pip-version-check"]
            subprocess.run([*pip, "install", "--quiet", "-r", requirements], check=True)
            stamp.write_text(wanted)
    return folder


def python(folder: Path) -> Path:
    """The interpreter of a virtual environment."""
    return folder / "bin" / "python"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Test workers that need the same environment wait for the one that builds it."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
