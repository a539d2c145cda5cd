"""The picture of a run: imports per minute over its time, with the limit drawn in."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot

from bench.posts import rate_over_time
from shared.documents import MOST_IMPORTS_PER_MINUTE

INK, LIMIT, VIRTUAL, REAL = "#222222", "#c0392b", "#1f6fb2", "#e08a00"


def draw(path: Path, members: int, virtual: Sequence[float], real: Sequence[float]) -> None:
    """Write the picture; both series are moments of accepted imports, in seconds from the first."""
    mpl.use("Agg")
    figure, axes = pyplot.subplots(figsize=(9, 4.2), dpi=160)
    _line(axes, virtual, VIRTUAL, f"{members:,} contacts, {len(virtual):,} imports: virtual time", 1.8)
    _line(axes, real, REAL, f"{len(real) * 250:,} contacts, {len(real):,} imports: real time", 2.6)
    axes.axhline(MOST_IMPORTS_PER_MINUTE, color=LIMIT, linestyle="--", linewidth=1.4)
    axes.text(
        0.995,
        MOST_IMPORTS_PER_MINUTE + 2,
        "ActiveCampaign's limit: 100 bulk imports in a minute",
        color=LIMIT,
        ha="right",
        va="bottom",
        transform=axes.get_yaxis_transform(),
    )
    axes.set_xlabel("minutes since the first import")
    axes.set_ylabel("imports in the minute before")
    axes.set_ylim(0, 118)
    axes.set_xlim(0, (max(virtual) + 60) / 60)
    axes.legend(loc="lower center", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def _line(axes: pyplot.Axes, moments: Sequence[float], color: str, label: str, width: float) -> None:
    points = rate_over_time(moments)
    axes.plot([at / 60 for at, _ in points], [rate for _, rate in points], color=color, linewidth=width, label=label)
