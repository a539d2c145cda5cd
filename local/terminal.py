"""The person at the terminal: what they are shown while a run is under way, and where a file has to do instead."""

import io
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn

from shared.documents import MOST_REQUESTS_PER_SECOND

Run = Mapping[str, Any]
"""A run as the API shows it."""

LINE_SECONDS = 10.0
LOOK_SECONDS = 3.0  # the app looks no more often whether an import is settled
WIDE = 70  # columns in which a bar has room beside the numbers


def terminal() -> Console:
    """Where to write: without breaking lines of what is not a terminal, and with ? for a letter it does not have."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    console = Console(highlight=False)
    console.soft_wrap = not console.is_interactive
    return console


@contextmanager
def progress(console: Console, clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[Run], None]]:
    """What to give a run to each time it has been looked at: bars in a terminal, else a line every LINE_SECONDS."""
    if not console.is_interactive:
        yield _Lines(console, clock).show
        return
    with Progress(*_columns(console.width), console=console) as shown:
        bars = [shown.add_task(name, total=None, count="", note="") for name in ("sent", "settled")]
        yield lambda run: _advance(shown, bars, run)


def settled(run: Run) -> int:
    """How many contacts it is known of what became of them."""
    counts = run["counts"]
    return int(counts["confirmed"] + sum(counts["refused"].values()) + counts["failed"])


def seconds_left(run: Run, now: datetime) -> float | None:
    """Until the run has ended; None before that can be told.

    The app estimates the end of sending. After that, a request asks for each import that is not settled.
    """
    counts = run["counts"]
    if not run.get("estimated_end") or not counts["to_send"]:
        return None
    sending = (datetime.fromisoformat(run["estimated_end"]) - now).total_seconds()
    imports: float = counts["batches"] * (1 - settled(run) / counts["to_send"])
    settling = LOOK_SECONDS + imports / MOST_REQUESTS_PER_SECOND if imports else 0.0
    return max(sending, 0.0) + settling


def _columns(width: int) -> list[ProgressColumn]:
    name, count, note = (TextColumn(f"{{task.{field}}}") for field in ("description", "fields[count]", "fields[note]"))
    bar = [BarColumn(bar_width=None)] if width >= WIDE else []
    return [TextColumn("   "), name, *bar, count, note]


def _advance(shown: Progress, bars: list[TaskID], run: Run) -> None:
    done = (run["counts"]["sent"], settled(run))
    for bar, number, note in zip(bars, done, (_rate(run), _left(run)), strict=True):
        total = run["counts"]["to_send"] if run.get("planned_at") else None
        shown.update(bar, total=total, completed=number, count=_count(number, total), note=note)


class _Lines:
    """A line now and then, for a file that somebody follows or reads afterwards."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._next = clock()

    def show(self, run: Run) -> None:
        """Print a line if it is time for one."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + LINE_SECONDS
        total = run["counts"]["to_send"] if run.get("planned_at") else None
        parts = [f"sent {_count(run['counts']['sent'], total)}", _rate(run), _left(run)] if total else [run["state"]]
        self._console.print(f"    {', '.join(filter(None, parts))}")


def _count(number: int, total: int | None) -> str:
    return "" if total is None else f"{number:,} of {total:,}"


def _rate(run: Run) -> str:
    rate = run.get("imports_per_minute")
    return f"{rate:.0f} imports/min" if rate else str(run["state"])


def _left(run: Run) -> str:
    seconds = seconds_left(run, datetime.now(UTC))
    return "" if seconds is None else f"about {seconds:.0f} s left"
