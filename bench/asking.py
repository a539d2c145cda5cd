"""What is asked of ActiveCampaign for a segment of which little changed, next to asking for every contact."""

from pathlib import Path
from typing import Any

from bench.apart import apart
from bench.figures import Report, at_least, at_most, shown
from bench.posts import utilisation
from shared.documents import MOST_IMPORTS_PER_MINUTE

SECTION = "requests"
NAIVE_CALLS = (4, 6)
"""Calls a contact of clients that look up, write, tag and subscribe each one by itself."""

UTILISATION = 98.0


def measure(folder: Path, report: Report, *, quick: bool) -> dict[str, Any]:
    """Play the days of a segment in virtual time; returns what each of them took."""
    members = 100_000 if quick else 1_000_000
    days: dict[str, Any] = apart("bench.virtual", members, folder)["days"]
    few, many = (f"{calls * members:,}" for calls in NAIVE_CALLS)
    for name, day in days.items():
        text = f"{few} to {many} of clients that ask for each contact; {day['imports']:,} of these are imports"
        report.add(SECTION, f"{members:,} members, {name}", day["requests"], "", text)
    first = days["first time"]
    report.add(
        SECTION,
        f"{members:,} members, first time: utilisation of the limit",
        utilisation(first["moments"], MOST_IMPORTS_PER_MINUTE),
        "%",
        f"{shown(first['seconds'] / 60, 'min')} from request to end, in virtual time",
        at_least(UTILISATION),
    )
    refused = sum(day["rate_limit_answers"] for day in days.values())
    report.add(SECTION, "rate-limit answers in all of these runs", refused, "", "", at_most(0))
    report.note(
        "Requests are counted in virtual time: the real steps, client and pacing, a simulated clock. They are imports, "
        "questions about what became of each import, and two for the list and the fields."
    )
    return days
