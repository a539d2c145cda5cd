"""The demo: its story agrees with its table, it ends whatever happens, and leaves nothing behind."""

import io
from pathlib import Path
from typing import Any

from rich.console import Console

from local import demo
from local.activecampaign.account import Account
from local.customers import Customer, first_day
from local.scene import CONNECTION_DOCUMENT, prepare
from local.world import World

SMALL = demo.Script(customers=300, leave=3, change=5, join=7)


def test_a_run_that_waits_for_a_person_ends_the_demo_with_its_reason(tmp_path: Path) -> None:
    """Without consent the first run is held: the demo shows how far it came, says why, and fails."""
    console = Console(file=io.StringIO(), width=200)
    document = {name: value for name, value in CONNECTION_DOCUMENT.items() if name != "consent"}
    script = demo.Script(customers=300, connection=document)
    with World(tmp_path) as world:
        assert demo.show(world, console, script) == 1
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert 'A run ended as held: connection acme has no "consent"' in told
    assert "What happened" in told
    assert "Day 2" not in told


def _by_email(people: tuple[Customer, ...]) -> dict[str, Customer]:
    return {customer.email: customer for customer in people}


def test_who_moves_on_the_second_day_is_who_the_story_says() -> None:
    """Whoever was gone from the list before neither leaves nor changes, so that the table has the story's numbers."""
    today = first_day(300)
    gone = demo.spoil(prepare(Account()), today)
    first, second = demo.acts(SMALL, today, gone)
    before, after = _by_email(first.day.customers), _by_email(second.day.customers)
    left = before.keys() - after.keys()
    changed = {email for email in before.keys() & after.keys() if before[email] != after[email]}
    assert (len(left), len(changed), len(after.keys() - before.keys())) == (3, 5, 7)
    assert not (left | changed) & gone
    assert "3 people have left the segment, 5 have changed, 7 have joined" in second.story
    assert "229 of 304 members" in demo.praise(second.day, gone)
    assert "the other 75" in demo.praise(second.day, gone)


def test_a_run_that_has_not_ended_has_its_lines() -> None:
    """A held run has no time and no rate; what was refused is summed up as well as told apart."""
    counts: dict[str, Any] = dict.fromkeys(
        ("rows", "duplicates", "members", "joiners", "changed", "unchanged", "leavers", "sent", "confirmed"), 0
    )
    counts |= {"failed": 0, "batches": 1, "rejected": {"email_invalid": 2, "email_missing": 3}}
    counts |= {"refused": {"refused_bounced": 25, "refused_excluded": 10}}
    lines = demo.lines({"counts": counts, "requested_at": "2026-08-24T09:00:00Z", "finished_at": None})
    assert (lines["time"], lines["imports per minute"]) == ("-", "-")
    assert (lines["refused"], lines["refused: bounced"], lines["refused: excluded"]) == ("35", "25", "10")
    assert (lines["rejected"], lines["imports"]) == ("5", "1")
