"""Temporary files end with whoever made them."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.doors.scratch import scratch_folder

_HOLD = """
import sys
from pathlib import Path
from shared.doors.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "planned.parquet").write_text("ada@example.com")
    print(folder, flush=True)
    sys.stdin.read()
"""


def _process(workplace: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _HOLD, str(workplace)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _folder(process: subprocess.Popen[str]) -> Path:
    assert process.stdout is not None
    return Path(process.stdout.readline().strip())


def test_nothing_is_left(tmp_path: Path) -> None:
    """Neither after the work, nor after it went wrong."""
    with scratch_folder(tmp_path) as folder:
        (folder / "work").mkdir()
        assert folder.stat().st_mode & 0o077 == 0
    with pytest.raises(ZeroDivisionError), scratch_folder(tmp_path) as folder:
        (folder / "file").write_text("x")
        1 / 0  # noqa: B018
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_folder(tmp_path: Path) -> None:
    """With its lock, and what is in use by another process or by this one stays."""
    with _process(tmp_path) as killed, _process(tmp_path) as other:
        left, used = _folder(killed), _folder(other)
        killed.kill()
        killed.wait()
        assert (left / "planned.parquet").exists()
        with scratch_folder(tmp_path) as mine, scratch_folder(tmp_path):
            assert not left.exists()
            assert (used / "planned.parquet").exists()
            assert mine.exists()
        other.communicate()
        assert other.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_what_others_call_so_is_left_alone(tmp_path: Path) -> None:
    """A folder without a lock was not made here."""
    names = ["courier-notes", "plan.csv"]
    for name in names:
        (tmp_path / name).mkdir()
    with scratch_folder(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == names
