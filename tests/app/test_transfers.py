"""Files are moved several at a time."""

from functools import partial
from threading import Barrier, Event

import pytest

from shared.doors.transfers import all_at_once


def test_moves_overlap_and_answer_in_order() -> None:
    """Two that wait for each other both end."""
    met = Barrier(2, timeout=10)

    def move(number: int) -> int:
        met.wait()
        return number

    assert all_at_once([partial(move, number) for number in range(4)]) == [0, 1, 2, 3]


def test_what_the_first_failure_says_is_raised_and_the_rest_left_out() -> None:
    """What nobody needs any more is not begun."""
    begun, moving = [], Event()

    def move(number: int) -> None:
        begun.append(number)
        if number:
            moving.wait(0.01)
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"^0$"):
        all_at_once([partial(move, number) for number in range(1000)])
    assert len(begun) < 1000


def test_nothing_to_move_is_no_error() -> None:
    """There is nothing to wait for."""
    assert all_at_once([]) == []
