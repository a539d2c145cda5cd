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


@pytest.mark.parametrize("failing", [0, 1])
def test_once_a_move_has_failed_the_rest_is_left_out(failing: int) -> None:
    """What is under way still ends, and what nobody needs any more is not begun."""
    begun, waits = [], Event()

    def move(number: int) -> None:
        begun.append(number)
        waits.wait(0.1 if number == 0 else 0.01)
        if number == failing:
            raise ValueError(number)

    with pytest.raises(ValueError, match=f"^{failing}$"):
        all_at_once([partial(move, number) for number in range(1000)])
    assert len(begun) < 100


def test_nothing_to_move_is_no_error() -> None:
    """There is nothing to wait for."""
    assert all_at_once([]) == []
