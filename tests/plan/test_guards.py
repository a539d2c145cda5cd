"""When a person has to look before anything is sent."""

import pytest

from shared.documents import Counts
from shared.plan.guards import check
from tests.plan.planning import export


@pytest.mark.parametrize(
    ("members", "leavers", "before", "code"),
    [
        (100, 0, 0, None),
        (0, 0, 0, None),
        (90, 10, 100, None),
        (89, 11, 100, "too_many_leavers"),
        (11, 9, 20, None),
        (0, 9, 9, None),
        (0, 10, 10, "segment_empty"),
        (0, 100, 100, "segment_empty"),
        (1001, 0, 0, "too_many_contacts"),
        (1001, 0, 1001, "too_many_contacts"),
        (1000, 0, 1000, None),
        (1000, 200, 1200, "too_many_leavers"),
    ],
)
def test_guards_hold_what_looks_wrong(members: int, leavers: int, before: int, code: str | None) -> None:
    """Ten per cent of leavers at most, never an empty segment, a thousand contacts at most; few leavers never hold."""
    document = export(guards={"max_leaver_percent": 10, "max_contacts": 1000})
    reason = check(Counts(members=members, leavers=leavers), document, before)
    assert (reason.code if reason else None) == code


def test_a_guard_tells_its_numbers() -> None:
    """The reason has what was counted and what was allowed."""
    document = export(guards={"max_leaver_percent": 5})
    reason = check(Counts(members=800, leavers=200), document, 1000)
    assert reason is not None
    assert all(number in reason.message for number in ("200 of 1000", "20.0 %", "5 %"))


def test_no_leavers_are_tolerated_where_none_are_allowed() -> None:
    """Zero per cent holds ten leavers of a million."""
    document = export(guards={"max_leaver_percent": 0})
    reason = check(Counts(members=999_990, leavers=10), document, 1_000_000)
    assert reason is not None
