"""The picture of a run: imports per minute over its time, with the limit drawn in."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot
from matplotlib.axes import Axes

from bench.posts import rate_over_time, utilisation
from bench.workload import CONTACTS_AN_IMPORT
from shared.documents import MOST_IMPORTS_PER_MINUTE

INK, LIMIT, VIRTUAL, REAL = "#222222", "#c0392b", "#1f6fb2", "#e08a00"


def draw(path: Path, members: int, virtual: Sequence[float], real: Sequence[float]) -> None:
    """Write the picture; both series are moments of accepted imports, in seconds from the first."""
    mpl.use("Agg")
    figure, axes = pyplot.subplots(figsize=(9, 4.4), dpi=160)
    _line(axes, virtual, VIRTUAL, f"{members:,} contacts, {len(virtual):,} imports, in virtual time", 1.8)
    contacts = len(real) * CONTACTS_AN_IMPORT
    _line(axes, real, REAL, f"{contacts:,} contacts, {len(real):,} imports, in real time on one machine", 2.4)
    axes.axhline(MOST_IMPORTS_PER_MINUTE, color=LIMIT, linestyle="--", linewidth=1.4)
    axes.text(
        0.995,
        MOST_IMPORTS_PER_MINUTE + 2,
        f"ActiveCampaign's limit: {MOST_IMPORTS_PER_MINUTE} bulk imports a minute",
        color=LIMIT,
        ha="right",
        va="bottom",
        transform=axes.get_yaxis_transform(),
    )
    minutes, seconds = divmod(round(max(virtual)), 60)
    used = utilisation(virtual, MOST_IMPORTS_PER_MINUTE)
    axes.set_title(
        f"{members:,} contacts in {minutes} min {seconds:02d} s, at {used:.1f} % of the limit", loc="left", color=INK
    )
    axes.set_xlabel("minutes since the first import", color=INK)
    axes.set_ylabel("imports accepted in the minute before", color=INK)
    axes.set_ylim(0, 118)
    axes.set_xlim(0, (max(virtual) + 60) / 60)
    axes.legend(loc="center", frameon=False, labelcolor=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def _line(axes: Axes, moments: Sequence[float], color: str, label: str, width: float) -> None:
    points = rate_over_time(moments)
    minutes, rates = [at / 60 for at, _ in points], [rate for _, rate in points]
    axes.fill_between(minutes, rates, color=color, alpha=0.10, linewidth=0)
    axes.plot(minutes, rates, color=color, linewidth=width, label=label)
