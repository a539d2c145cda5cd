"""What is read out of moments and logs."""

from pathlib import Path

import pytest

from bench.posts import (
    Execution,
    busy_seconds,
    executions,
    fair_share,
    lateness,
    most_in_a_window,
    rate_over_time,
    utilisation,
)

AT_THE_LIMIT = [number * 0.6 for number in range(401)]


def test_posts_exactly_at_the_limit_use_all_of_it() -> None:
    """A hundred intervals of 0.6 s are a minute; one percent wider is one percent less."""
    assert utilisation(AT_THE_LIMIT, 100) == pytest.approx(100.0)
    assert utilisation([moment * 1.01 for moment in AT_THE_LIMIT], 100) == pytest.approx(100 / 1.01)


def test_a_pause_costs_what_it_lasts() -> None:
    """Half a minute of silence in four and a half is a ninth of the limit."""
    moments = AT_THE_LIMIT[:201] + [moment + 30 for moment in AT_THE_LIMIT[201:]]
    assert utilisation(moments, 100) == pytest.approx(100 * 240 / 270)


@pytest.mark.parametrize("moments", [[], [1.0]])
def test_what_has_no_length_has_no_utilisation(moments: list[float]) -> None:
    """One post, or none, says nothing about a rate."""
    assert utilisation(moments, 100) == 0.0


def test_a_window_is_half_open() -> None:
    """A post is out of the window that began with another one exactly when its length has passed."""
    assert most_in_a_window([0.0, 59.9, 60.0, 60.1], 60.0) == 3
    assert most_in_a_window([], 60.0) == 0


def test_the_rate_over_time_grows_stands_and_falls() -> None:
    """It is what came in the minute before: nothing at the start, the limit in the middle, nothing at the end."""
    points = dict(rate_over_time(AT_THE_LIMIT))
    assert points[0.0] == 1
    assert points[120.0] == 100
    assert points[max(points)] == 0


def test_even_turns_are_fair_and_uneven_ones_are_not() -> None:
    """Only the time in which both send counts."""
    early, late = [float(number) for number in range(0, 100, 2)], [float(number) for number in range(51, 150, 2)]
    assert fair_share(early, late) == pytest.approx(50, abs=2)
    assert fair_share(early, [60.0, 90.0]) == pytest.approx(100 * 2 / 18)


def test_overlapping_executions_share_their_time() -> None:
    """An instance is busy while at least one runs; a gap is not counted."""
    runs = [Execution("f", 0, 3), Execution("f", 2, 4), Execution("f", 2.5, 3), Execution("f", 10, 11)]
    assert busy_seconds(runs) == 5
    assert busy_seconds([]) == 0


def test_executions_are_read_from_the_log_across_midnight(tmp_path: Path) -> None:
    """Function and length come from the host's lines; lines of the app are passed over."""
    log = tmp_path / "host.log"
    log.write_text(
        "[23:59:59.500Z] INFO Executed 'Functions.watch_run' (Succeeded, Id=a, Duration=1500ms)\n"
        '[23:59:59.600Z] INFO deliver_batch: {"event":"batch_delivered","run":"r","late":0.25}\n'
        "[00:00:01.000Z] INFO Executed 'Functions.deliver_batch' (Failed, Id=b, Duration=2000ms)\n"
        "[00:00:01.000Z] INFO Executing 'Functions.deliver_batch' (Reason='New message', Id=c)\n"
    )
    assert executions([log]) == [
        Execution("watch_run", 86_398.0, 86_399.5),
        Execution("deliver_batch", 86_399.0, 86_401.0),
    ]
    assert lateness([log]) == [0.25]
