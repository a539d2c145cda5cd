"""Moves of files to and from storage, several at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")

_AT_ONCE = 4
"""A download takes up to two connections and an upload up to four, of which a plan has two large ones; the storage
library keeps ten open: https://requests.readthedocs.io/en/latest/_modules/requests/adapters/ (DEFAULT_POOLSIZE)."""


def all_at_once(moves: Sequence[Callable[[], T]]) -> list[T]:
    """Make all moves and return what they return, in order; raises what the first of them in order that failed raises.

    Once one has failed, moves that have not begun are left out, and those that have are waited for.
    """
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        begun = [pool.submit(move) for move in moves]
        wait(begun, return_when=FIRST_EXCEPTION)
        for move in begun:
            move.cancel()
    return [move.result() for move in begun]
