"""The engine of planning: an in-memory DuckDB that spills to the plan's folder."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat, takewhile
from pathlib import Path
from typing import Any

import duckdb

_MB_PER_THREAD = 128
"""Below this the operators of a thread spill so much that another thread makes the plan slower, not faster."""

_KEPT_SHARE = 66
"""Percent of the memory that is taken from the system for good: to give it back and take it again costs time."""

_BLOCK = 10_000


class Engine:
    """One connection and the statements run on it. Tables live until it is closed, beyond memory in ``folder``."""

    def __init__(self, folder: Path, memory_mb: int) -> None:
        self.memory_mb = memory_mb
        threads = max(1, min(os.cpu_count() or 1, memory_mb // _MB_PER_THREAD))
        self._connection = duckdb.connect(
            config={
                "temp_directory": str(folder / "spill"),
                "memory_limit": f"{memory_mb}MB",
                "threads": threads,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "block_allocator_memory": f"{memory_mb * _KEPT_SHARE // 100}MB",
            }
        )
        self.run("SET TimeZone = 'UTC'")
        self.run("SET enable_progress_bar = false")

    def run(self, statement: str, **values: object) -> None:
        """Execute a statement for its effect."""
        self._connection.execute(statement, values or None)

    def rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        """All rows of a small result; the query knows their types."""
        return self._connection.execute(query, values or None).fetchall()

    def number(self, query: str, **values: object) -> int:
        """The one whole number that a query gives; 0 where it gives ``NULL``."""
        ((value,),) = self.rows(query, **values)
        return value or 0

    def stream(self, query: str, **values: object) -> Iterator[tuple[Any, ...]]:
        """All rows of a large result, one by one. No other statement may run before it is used up."""
        return chain.from_iterable(takewhile(bool, self.blocks(query, repeat(_BLOCK), **values)))

    def blocks(self, query: str, sizes: Iterable[int], **values: object) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a large result, as many at a time as ``sizes`` say, or as there are; see :meth:`stream`."""
        result = self._connection.execute(query, values or None)
        return map(result.fetchmany, sizes)

    def close(self) -> None:
        """Give up the tables and the memory."""
        self._connection.close()


def text(value: str | Path) -> str:
    """A text literal."""
    return "'" + str(value).replace("'", "''") + "'"


def name(value: str) -> str:
    """A quoted identifier."""
    return '"' + value.replace('"', '""') + '"'


def listed(expressions: Sequence[str]) -> str:
    """Expressions as one list of a statement, a line each."""
    return ",\n       ".join(expressions)
