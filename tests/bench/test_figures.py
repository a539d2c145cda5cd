"""Verdicts, and the table that people read."""

import io

import pytest
from rich.console import Console

from bench.figures import Figure, Report, Target, at_least, at_most, percentile, share, shown


@pytest.mark.parametrize(
    ("value", "target", "met"),
    [
        (3.0, at_most(3.0), True),
        (3.01, at_most(3.0), False),
        (98.0, at_least(98.0), True),
        (97.99, at_least(98.0), False),
        (7.0, None, None),
    ],
)
def test_a_figure_meets_its_target_or_misses_it(value: float, target: Target | None, met: bool | None) -> None:
    """The limit itself is good enough; without a target there is no verdict."""
    assert Figure("planning", "time", value, "s", target=target).met is met


def test_one_missed_target_is_enough() -> None:
    """Figures without a target do not count, a missed one decides."""
    report = Report()
    report.add("planning", "calls", 12, "")
    report.add("planning", "time", 1.0, "s", target=at_most(2.0))
    assert report.all_met
    report.add("delivery", "utilisation", 97.0, "%", target=at_least(98.0))
    assert not report.all_met


def test_the_table_shows_every_figure_with_its_verdict() -> None:
    """Name, value, what it is next to, target and verdict stand in one row; a section is named once."""
    report = Report()
    report.add("planning", "first", 1.234, "s", "bare count 0.50 s", at_most(5.5))
    report.add("planning", "second", 700.0, "MB", "", at_most(600))
    printed = io.StringIO()
    Console(width=140, file=printed).print(report.table())
    text = printed.getvalue()
    (first,) = [line for line in text.splitlines() if "first" in line]
    (second,) = [line for line in text.splitlines() if "second" in line]
    assert all(part in first for part in ("planning", "1.23 s", "bare count 0.50 s", "at most 5.50 s", "✓"))
    assert all(part in second for part in ("700 MB", "at most 600 MB", "✗"))
    assert "planning" not in second


def test_a_figure_is_plain_json() -> None:
    """The verdict and the target travel with the value."""
    document = Figure("cost", "a million", 0.51234, "$", "list prices", at_most(1)).document()
    assert document == {
        "section": "cost",
        "name": "a million",
        "value": 0.5123,
        "unit": "$",
        "compared_to": "list prices",
        "target": {"kind": "at most", "value": 1},
        "met": True,
    }


def test_a_note_is_taken_down_once() -> None:
    """What several measurements have to say is said once."""
    report = Report()
    report.note("on this machine")
    report.note("on this machine")
    assert report.notes == ["on this machine"]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.005, "s", "1.00 s"),
        (1234.5, "MB", "1,234 MB"),
        (99.009, "%", "99.01 %"),
        (0.0123, "$", "$0.0123"),
        (12.345, "$", "$12.35"),
        (4000, "", "4,000"),
        (2.5, "min", "2.50 min"),
    ],
)
def test_values_are_shown_with_their_unit(value: float, unit: str, text: str) -> None:
    """As many digits as a reader can use."""
    assert shown(value, unit) == text


@pytest.mark.parametrize(
    ("values", "percent", "expected"), [([], 99, 0.0), ([5], 99, 5), (list(range(1, 101)), 99, 99), ([3, 1, 2], 50, 2)]
)
def test_a_percentile_is_one_of_the_values(values: list[float], percent: float, expected: float) -> None:
    """The smallest value that so many percent do not exceed."""
    assert percentile(values, percent) == expected


def test_all_of_nothing_is_everything() -> None:
    """A share of nothing is whole, and otherwise in percent."""
    assert share(0, 0) == 100.0
    assert share(1, 4) == 25.0
