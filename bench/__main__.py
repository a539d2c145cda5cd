"""``make bench``: measure everything, print one table, and write it as JSON beside the picture for the README.

Exit code 0 when every target was met, 1 when one was missed, 2 when something could not be measured.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from bench import asking, cost, delivery, machine, planning, real
from bench.apart import MeasurementFailed
from bench.figures import Report, shown
from bench.prices import PRICES
from local.caller import Refused
from local.host.process import HostFailed

RESULTS = Path(__file__).parent / "results"
PICTURE = Path(__file__).parent.parent / "docs" / "throughput.png"
WIDTH = 190

T = TypeVar("T")

console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what the app takes.")
    parser.add_argument("--quick", action="store_true", help="at most five minutes, with fewer and smaller cases")
    quick = parser.parse_args().quick
    watch = machine.Stopwatch()
    report = Report()
    found = _measured(report, quick=quick)
    console.print(report.table())
    report.note(f"All of it took {shown(watch.seconds / 60, 'min')} on {_machine()}.")
    for note in report.notes:
        console.print(f"• {note}")
    if found is None:
        return 2
    for path in _write(report, found, quick=quick):
        console.print(f"Written: {path}")
    return 0 if report.all_met else 1


@dataclass(frozen=True)
class _Found:
    """The series behind the picture."""

    members: int
    virtual: list[float]
    real: list[float]


def _measured(report: Report, *, quick: bool) -> _Found | None:
    """All measurements; ``None`` where one failed, with those before it in the report."""
    with tempfile.TemporaryDirectory(prefix="segment-courier-bench-") as folder:
        try:
            return _measure(Path(folder), report, quick=quick)
        except (MeasurementFailed, HostFailed, Refused) as failed:
            console.print(f"[red]{type(failed).__name__}[/red]: {failed}", markup=True)
            return None


def _measure(folder: Path, report: Report, *, quick: bool) -> _Found:
    planned = _step("planning", lambda: planning.measure(folder, report, quick=quick))
    _step(
        "1 % of a million members, real time",
        lambda: real.measure_changed(folder / "changed", report, planned.folder, planning.MILLION),
    )
    delivered = _step("delivery, real time", lambda: real.measure_first(folder / "real", report, quick=quick))
    _step("delivery, scaled", lambda: delivery.measure(folder / "scaled", report, quick=quick))
    days = _step("a segment in virtual time", lambda: asking.measure(folder / "virtual", report, quick=quick))
    cost.measure(report, days, delivered.sample, planned.first_seconds)
    first = days["first time"]
    return _Found(first["counts"]["members"], first["moments"], delivered.moments)


def _step(name: str, measure: Callable[[], T]) -> T:
    watch = machine.Stopwatch()
    console.print(f"[cyan]{datetime.now(UTC):%H:%M:%S}[/cyan] measuring: {name}")
    found = measure()
    console.print(f"         took {shown(watch.seconds, 's')}")
    return found


def _machine() -> str:
    return ", ".join(f"{name} {value}" for name, value in machine.described().items())


def _write(report: Report, found: _Found, *, quick: bool) -> list[Path]:
    """The table as JSON; the picture only after a whole run, whose is the million."""
    path = RESULTS / ("quick.json" if quick else "full.json")
    document: dict[str, Any] = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "mode": "quick" if quick else "full",
        "machine": machine.described(),
        "figures": [figure.document() for figure in report.figures],
        "notes": report.notes,
        "prices": [price.document() for price in PRICES],
    }
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    if quick:
        return [path]
    from bench.plot import draw  # loads for long, and only whole runs have a picture

    PICTURE.parent.mkdir(exist_ok=True)
    draw(PICTURE, found.members, found.virtual, found.real)
    return [path, PICTURE]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
