"""The machine under the figures is looked at, not guessed."""

from pathlib import Path

from bench.machine import watched_disk


def test_the_most_that_a_folder_took_counts(tmp_path: Path) -> None:
    """Also when it is gone at the end, and what comes after the last look."""
    first, last = tmp_path / "first", tmp_path / "below" / "last"
    last.parent.mkdir()
    with watched_disk(tmp_path) as disk:
        first.write_bytes(b"x" * 2_000_000)
        while disk.peak_mb < 2:
            pass
        first.unlink()
    assert 2 <= disk.peak_mb < 3
    with watched_disk(tmp_path) as disk:
        last.write_bytes(b"x" * 5_000_000)
    assert 5 <= disk.peak_mb < 6
