"""Every trap of the corpus, through the real planner."""

from pathlib import Path

import pytest

from shared.errors import DropUnusable
from tests.plan.corpus import TRAPS
from tests.plan.corpus.trap import Trap
from tests.plan.planning import FOLDER, Segment, export, plan

NAMED = export({"email": "EMail", "customer_id": "Id", "first_name": "Name"})


def _segment(trap: Trap) -> Segment:
    files = {"S.csv": trap.files} if isinstance(trap.files, bytes) else trap.files
    return Segment(files, trap.dialect, trap.attributes)


@pytest.mark.parametrize("trap", [trap for trap in TRAPS if trap.stops is None], ids=lambda trap: trap.name)
def test_a_readable_drop_gives_its_members_and_its_rejects(tmp_path: Path, trap: Trap) -> None:
    """Members with their values and lines, rejects with their lines and codes, warnings where due, and nothing else."""
    planned = plan(tmp_path, _segment(trap), NAMED)
    assert {email: contact.get("first_name") for email, contact in planned.contacts.items()} == trap.members
    assert tuple(planned.rows[email]["line"] for email in sorted(planned.contacts)) == trap.lines
    assert tuple(planned.codes) == trap.rejects
    assert bool(planned.outcome.warnings) == trap.warns


@pytest.mark.parametrize("trap", [trap for trap in TRAPS if trap.stops], ids=lambda trap: trap.name)
def test_an_unreadable_drop_stops_with_file_line_and_reason(tmp_path: Path, trap: Trap) -> None:
    """Where reading on would be guessing, the plan ends with a code and a place, and quotes no values."""
    with pytest.raises(DropUnusable) as caught:
        plan(tmp_path, _segment(trap), NAMED)
    assert caught.value.code == trap.stops
    assert trap.at is None or f", line {trap.at}:" in caught.value.message.replace(" has NUL", ": has NUL")
    assert "@" not in caught.value.message
    assert not trap.files or FOLDER in caught.value.message or trap.stops == "drop_empty"


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    """At least sixty traps, each with a name of its own."""
    assert len({trap.name for trap in TRAPS}) == len(TRAPS) >= 60
