"""What a person sees of a run under way: whole numbers, an honest end, and a line now and then in a file."""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from local.terminal import progress, seconds_left, settled, terminal

NOW = datetime(2026, 8, 24, 9, tzinfo=UTC)


def a_run(*, sent: int = 8_000, ends_in: float | None = 30, **counts: Any) -> dict[str, Any]:
    """A run of 20,000 contacts in 80 imports, as the API shows it."""
    numbers = {"to_send": 20_000, "batches": 80, "sent": sent, "confirmed": 5_925, "failed": 5}
    return {
        "state": "delivering",
        "planned_at": NOW.isoformat(),
        "imports_per_minute": 98.7,
        "estimated_end": (NOW + timedelta(seconds=ends_in)).isoformat() if ends_in is not None else None,
        "counts": numbers | {"refused": {"refused_bounced": 50, "refused_excluded": 20}} | counts,
    }


QUEUED = {"state": "queued", "counts": a_run(to_send=0, batches=0, sent=0, confirmed=0, failed=0)["counts"]}


def shown(run: dict[str, Any], width: int) -> list[str]:
    """The lines of both bars in a terminal of that width, as they are left at the end."""
    file = io.StringIO()
    with progress(Console(file=file, width=width, force_terminal=True, force_interactive=True)) as show:
        show(run)
    lines = [line.strip() for line in re.split(r"[\r\n]", re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", file.getvalue()))]
    return [next(line for line in reversed(lines) if line.startswith(name)) for name in ("sent", "settled")]


def test_refused_and_failed_contacts_are_settled() -> None:
    """The second bar counts whoever it is known of what became of them, and is named after that."""
    assert settled(a_run()) == 6_000
    sent, second = shown(a_run(), 100)
    assert "8,000 of 20,000" in sent
    assert "6,000 of 20,000" in second


@pytest.mark.parametrize(("width", "has_bar"), [(60, False), (80, True), (100, True)])
def test_numbers_are_whole_in_a_narrow_terminal(width: int, has_bar: bool) -> None:
    """Where there is no room for a bar as well, the numbers stay."""
    sent, second = shown(a_run(sent=20_000), width)
    assert "20,000 of 20,000" in sent
    assert "99 imports/min" in sent
    assert "6,000 of 20,000" in second
    assert "s left" in second
    assert any("━" in line for line in (sent, second)) is has_bar


@pytest.mark.parametrize(
    ("run", "seconds"),
    [
        (QUEUED, None),
        (a_run(ends_in=None), None),
        (a_run(), 30 + 3 + 56 / 5),
        (a_run(ends_in=-10, sent=20_000), 3 + 56 / 5),
        (a_run(ends_in=-10, sent=20_000, confirmed=19_925), 0),
    ],
)
def test_the_time_left_is_that_of_sending_and_then_of_settling(run: dict[str, Any], seconds: float | None) -> None:
    """The app's own estimate for what is to be sent, then a look, and a request for each import that is not settled."""
    assert seconds_left(run, NOW) == (None if seconds is None else pytest.approx(seconds))


def test_a_file_has_a_line_now_and_then() -> None:
    """What is not a terminal gets a line at once and every ten seconds, in words, and each on one line."""
    times: Iterator[float] = iter([0, 0, 0, 9, 10, 10])
    file = io.StringIO()
    with progress(Console(file=file, width=60, soft_wrap=True), lambda: next(times)) as show:
        show(QUEUED)
        show(a_run(sent=1))
        show(a_run(ends_in=None))
    assert file.getvalue().splitlines() == ["    queued", "    sent 8,000 of 20,000, 99 imports/min"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_stream_that_lacks_a_letter_breaks_nothing(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever PYTHONIOENCODING says, a letter that cannot be written is a question mark."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", stream)
    terminal().print("✓ ok")
    stream.flush()
    assert stream.buffer.getvalue() == b"? ok\n"
