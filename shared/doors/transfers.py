"""Moves of files to and from storage, several at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")

_AT_ONCE = 4
"""Each takes up to two connections, of which the storage library keeps ten open:
https://requests.readthedocs.io/en/latest/_modules/requests/adapters/ (DEFAULT_POOLSIZE)."""


def all_at_once(moves: Sequence[Callable[[], T]]) -> list[T]:
    """Make all moves and return what they return, in order; raises what the first of them in order that failed raises.

    Once one has failed, moves that have not begun are left out, and those that have are waited for. The first is made
    by the thread that calls, since a thread of its own would not use again the memory that planning has given back.
    """
    with ThreadPoolExecutor(max_workers=_AT_ONCE - 1) as pool:
        others = [pool.submit(move) for move in moves[1:]]
        try:
            made = [move() for move in moves[:1]]
            wait(others, return_when=FIRST_EXCEPTION)
        finally:
            for move in others:
                move.cancel()
    return made + [move.result() for move in others]
