"""The table of moves that a run may make."""

import pytest

from shared.documents import Run, RunState, Trigger, Watch
from shared.doors.clock import as_datetime
from shared.errors import Conflict
from shared.runs.states import FINAL, MOVES, moved
from tests.fakes import START

NOW = as_datetime(START)


def _run(state: RunState) -> Run:
    return Run(id="r", export="e", trigger=Trigger.REQUEST, state=state, requested_at=NOW, watch=Watch(at=NOW))


def test_every_state_has_its_row() -> None:
    """A state without a row would be one that nobody thought about."""
    assert set(MOVES) == set(RunState)


def test_every_run_can_come_to_an_end() -> None:
    """From every state some final state can be reached, and a person can cancel whatever has not ended."""
    for state in RunState:
        assert state in FINAL or RunState.CANCELLED in MOVES[state]
        assert state in FINAL or RunState.FAILED in MOVES[state]


def test_every_state_can_be_reached() -> None:
    """No row of the table is dead."""
    reached = {RunState.QUEUED}
    while more := {to for state in reached for to in MOVES[state]} - reached:
        reached |= more
    assert reached == set(RunState)


@pytest.mark.parametrize("start", RunState)
@pytest.mark.parametrize("end", RunState)
def test_only_moves_of_the_table_are_made(start: RunState, end: RunState) -> None:
    """Any other move is a conflict that says what the run is."""
    if end in MOVES[start]:
        assert moved(_run(start), end, NOW).state is end
    else:
        with pytest.raises(Conflict, match=start):
            moved(_run(start), end, NOW)


@pytest.mark.parametrize("end", sorted(FINAL))
def test_an_end_has_its_time(end: RunState) -> None:
    """Whoever ends a run notes when."""
    start = next(state for state in RunState if end in MOVES[state])
    assert moved(_run(start), end, NOW).finished_at == NOW
