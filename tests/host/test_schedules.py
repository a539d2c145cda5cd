"""NCRONTAB expressions: when a timer is due."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host.schedules import Schedule


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "moment", "following"),
    [
        ("0 0 3 * * *", "2026-08-24T02:59:59.999999", "2026-08-24T03:00:00"),
        ("0 0 3 * * *", "2026-08-24T03:00:00", "2026-08-25T03:00:00"),
        ("0 */5 * * * *", "2026-08-24T10:57:31", "2026-08-24T11:00:00"),
        ("*/10 * * * * *", "2026-12-31T23:59:50", "2027-01-01T00:00:00"),
        ("*/5 * * * *", "2026-08-24T10:57:31", "2026-08-24T11:00:00"),
        ("0 30 9 * Jan Mon", "2026-08-24T00:00:00", "2027-01-04T09:30:00"),
        ("0 0 0 13 * Fri", "2026-08-24T00:00:00", "2026-11-13T00:00:00"),
        ("0 0 0 29 2 *", "2026-08-24T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 0 * * 0", "2026-08-24T00:00:00", "2026-08-30T00:00:00"),
        ("5,8,10 * * * * *", "2026-08-24T10:00:05", "2026-08-24T10:00:08"),
        ("0 0 9-17 * * mon-FRI", "2026-08-28T17:00:00", "2026-08-31T09:00:00"),
        ("0 20/15 * * * *", "2026-08-24T10:35:00", "2026-08-24T10:50:00"),
        ("0 */90 * * * *", "2026-08-24T10:35:00", "2026-08-24T11:00:00"),
    ],
)
def test_the_next_time_is_the_first_that_all_fields_match(expression: str, moment: str, following: str) -> None:
    """A timer is due at the first whole second, later than now, that all six fields match, in UTC."""
    assert Schedule(expression).after(at(moment)) == at(following)


@pytest.mark.parametrize(
    "expression",
    [
        *("", "0 0 3 * * * *", "01:00:00", "0 0 0 30 2 *"),
        *("60 * * * * *", "* * 24 * * *", "* * * 0 * *", "* * * * 13 *", "* * * * * 7"),
        *("x * * * * *", "-1 * * * * *", "5-1 * * * * *", "*/0 * * * * *", "1, * * * * *", "* * * * * ٣"),
    ],
)
def test_an_expression_that_means_nothing_is_refused(expression: str) -> None:
    """An expression out of range, backwards, or for a day that never comes is refused when it is read."""
    with pytest.raises(ValueError, match=r"."):
        Schedule(expression)


@pytest.mark.parametrize(("expression", "is_frequent"), [("*/20 * * * * *", True), ("0 * * * * *", False)])
def test_a_schedule_is_frequent_below_a_minute(expression: str, *, is_frequent: bool) -> None:
    """Whether two times lie less than a minute apart decides if missed ones are made up for."""
    assert Schedule(expression).is_frequent(at("2026-08-24T10:00:01")) is is_frequent


def field(first: int, last: int) -> st.SearchStrategy[tuple[str, frozenset[int]]]:
    """A field's text with the values it stands for."""
    everything = st.just(("*", frozenset(range(first, last + 1))))
    step = st.integers(1, last).map(lambda n: (f"*/{n}", frozenset(range(first, last + 1, n))))
    several = st.sets(st.integers(first, last), min_size=1, max_size=3).map(
        lambda values: (",".join(map(str, values)), frozenset(values))
    )
    return everything | step | several


MOMENTS = st.timedeltas(timedelta(), timedelta(days=36_525)).map(lambda since: at("2000-01-01") + since)


@given(fields=st.tuples(field(0, 59), field(0, 59), field(0, 23)), moment=MOMENTS, data=st.data())
def test_no_time_between_is_skipped(
    fields: tuple[tuple[str, frozenset[int]], ...], moment: datetime, data: st.DataObject
) -> None:
    """The next time matches every field, and no second before it does."""
    seconds, minutes, hours = (values for _, values in fields)
    following = Schedule(" ".join([*(text for text, _ in fields), "* * *"])).after(moment)

    def matches(time: datetime) -> bool:
        return time.second in seconds and time.minute in minutes and time.hour in hours

    assert matches(following)
    first = moment.replace(microsecond=0) + timedelta(seconds=1)
    gap = int((following - first).total_seconds())
    if gap:
        assert not matches(first + timedelta(seconds=data.draw(st.integers(0, gap - 1))))
