"""Figures with what they are compared to and what they have to be: one table for people, one JSON for machines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rich.table import Table


@dataclass(frozen=True)
class Target:
    """What a figure has to be, in the figure's own unit."""

    kind: Literal["at most", "at least"]
    value: float

    def met_by(self, value: float) -> bool:
        """Whether that is good enough."""
        return value <= self.value if self.kind == "at most" else value >= self.value


@dataclass(frozen=True)
class Figure:
    """One measurement. ``unit`` is ``s``, ``MB``, ``%``, ``$`` or the name of what is counted."""

    section: str
    name: str
    value: float
    unit: str
    compared_to: str = ""
    target: Target | None = None

    @property
    def met(self) -> bool | None:
        """The verdict; ``None`` where there is no target."""
        return None if self.target is None else self.target.met_by(self.value)

    def document(self) -> dict[str, Any]:
        """The figure as JSON."""
        wanted = {"kind": self.target.kind, "value": round(self.target.value, 4)} if self.target else None
        return {
            "section": self.section,
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "compared_to": self.compared_to,
            "target": wanted,
            "met": self.met,
        }


@dataclass
class Report:
    """What one run of the benchmark found. ``notes`` say what a reader has to know to believe the figures."""

    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def all_met(self) -> bool:
        """Whether no target was missed."""
        return all(figure.met is not False for figure in self.figures)

    def add(
        self, section: str, name: str, value: float, unit: str, compared_to: str = "", target: Target | None = None
    ) -> None:
        """Take down one figure."""
        self.figures.append(Figure(section, name, value, unit, compared_to, target))

    def note(self, text: str) -> None:
        """Take down what belongs below the table; once is enough."""
        if text not in self.notes:
            self.notes.append(text)

    def table(self) -> Table:
        """All figures, a section below the other."""
        table = Table(title="Segment Courier: what it takes", show_lines=False)
        for name in ("", "what", "measured", "next to", "target", ""):
            table.add_column(name, justify="right" if name == "measured" else "left", overflow="fold")
        section = ""
        for figure in self.figures:
            if figure.section != section:
                table.add_section()
            table.add_row("" if figure.section == section else figure.section, *_cells(figure))
            section = figure.section
        return table


def at_most(value: float) -> Target:
    """No more than that."""
    return Target("at most", value)


def at_least(value: float) -> Target:
    """No less than that."""
    return Target("at least", value)


def shown(value: float, unit: str) -> str:
    """A value as people read it."""
    if unit == "$":
        return f"${value:,.4f}" if abs(value) < 0.1 else f"${value:,.2f}"
    digits = {"s": 2, "MB": 0, "%": 2, "GB-s": 0, "x": 1}.get(unit, 0 if value == int(value) else 2)
    return f"{value:,.{digits}f} {unit}".rstrip()


def share(part: float, whole: float) -> float:
    """How many percent of the whole a part is; all of nothing is 100."""
    return 100.0 * part / whole if whole else 100.0


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that is not below that many percent of all; 0 where there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0


def _cells(figure: Figure) -> tuple[str, ...]:
    target = f"{figure.target.kind} {shown(figure.target.value, figure.unit)}" if figure.target else ""
    verdict = {None: "", True: "[green]✓[/green]", False: "[red]✗[/red]"}[figure.met]
    return figure.name, shown(figure.value, figure.unit), figure.compared_to, target, verdict
