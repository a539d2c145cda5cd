"""People whom ActiveCampaign does not take: counted by reason, and left in peace."""

from itertools import chain, islice
from pathlib import Path

from local.customers import first_day
from local.scene import EXPORT, differences
from shared import names
from shared.documents import RunState, Trigger
from shared.runs.requests import request_run
from tests.runs.playing import adds_up, connected, put_drop, runs_of

PEOPLE = 100_000
BOUNCED, UNSUBSCRIBED, EXCLUDED = 2_000, 1_000, 500


def test_a_hundred_thousand_with_refusals_end_with_exact_numbers_and_are_not_sent_again(tmp_path: Path) -> None:
    """2 % bounced, 1 % unsubscribed, 0.5 % excluded: the run succeeds, says so by code, and the next sends none."""
    world = connected(tmp_path)
    day = first_day(PEOPLE)
    addresses = iter(sorted(day.emails()))
    bounced, unsubscribed, excluded = (list(islice(addresses, number)) for number in (BOUNCED, UNSUBSCRIBED, EXCLUDED))
    for email in bounced:
        world.account.bounce(email, world.stage.list_id)
    for email in unsubscribed:
        world.account.unsubscribe(email, world.stage.list_id)
    for email in excluded:
        world.account.exclude(email)
    put_drop(world, day)
    world.clock.pass_by(60)
    request_run(world.courier, EXPORT, Trigger.REQUEST)
    world.play()
    (run,) = runs_of(world)
    assert run.state is RunState.SUCCEEDED
    assert run.counts.refused == {
        "refused_bounced": BOUNCED,
        "refused_excluded": EXCLUDED,
        "refused_unsubscribed": UNSUBSCRIBED,
    }
    adds_up(run)
    gone = frozenset(chain(bounced, unsubscribed, excluded))
    assert differences(world.stage, day, gone) == []
    rejects = world.state.read(names.rejects(run.id)).data.decode()
    assert sum(f",{code}," in rejects for code in run.counts.refused) == len(run.counts.refused)
    assert rejects.count(",refused_") == len(gone)

    sent = len(world.api.journal.queued)
    request_run(world.courier, EXPORT, Trigger.REQUEST)
    world.play()
    again = runs_of(world)[-1]
    assert (again.state, again.counts.refused_earlier) == (RunState.NOTHING_TO_DO, len(gone))
    assert len(world.api.journal.queued) == sent
