"""What stops a plan is called by its name, whoever meets it first."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from shared.errors import CourierError
from shared.plan.failures import named_failures

FULL = Path("/dev/full")
"""A file on a disk that is always full."""


def _spill(folder: Path) -> None:
    with duckdb.connect(config={"memory_limit": "20MB", "temp_directory": str(folder)}) as engine:
        engine.execute("SET max_temp_directory_size = '1MB'")
        engine.execute("CREATE TABLE t AS SELECT md5(range::VARCHAR) AS value FROM range(3_000_000)")


def _copy(_: Path) -> None:
    with duckdb.connect() as engine:
        engine.execute(f"COPY (FROM range(1_000_000)) TO '{FULL}' (FORMAT csv)")


def _write(_: Path) -> None:
    with FULL.open("wb") as file:
        file.write(b"x" * 1_000_000)


_needs_full = pytest.mark.skipif(not FULL.exists(), reason="only Linux has it")


@pytest.mark.parametrize(
    "work", [_spill, pytest.param(_copy, marks=_needs_full), pytest.param(_write, marks=_needs_full)]
)
def test_a_full_disk_is_named(tmp_path: Path, work: Callable[[Path], None]) -> None:
    """The engine's temporary files, a file it writes, and one that is written without it."""
    with (
        pytest.raises(CourierError, match="more room than the disk of the instance has") as caught,
        named_failures(tmp_path, 20),
    ):
        work(tmp_path)
    assert caught.value.code == "plan_disk"


def test_what_the_engine_raises_is_named() -> None:
    """Memory that is too small with all room on the disk, and whatever else it gives up for."""
    for statement, code in {
        "SET memory_limit = '1MB'; CREATE TABLE t AS FROM range(3_000_000)": "plan_memory",
        "SELECT missing": "plan_failed",
    }.items():
        with (
            pytest.raises(CourierError) as caught,
            named_failures(Path(), 1),
            duckdb.connect() as engine,
        ):
            engine.execute(statement)
        assert caught.value.code == code


def test_what_else_goes_wrong_stays_what_it_is(tmp_path: Path) -> None:
    """A file that is not there is not the disk's fault."""
    with pytest.raises(FileNotFoundError), named_failures(tmp_path, 20):
        (tmp_path / "missing").read_bytes()
