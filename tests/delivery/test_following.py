"""What became of accepted imports: each is followed to its end, and every contact's fate is told."""

import json
import math
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from local.activecampaign.exchange import Request
from local.activecampaign.faults import (
    IMPORT_INFO,
    Forbidden,
    ImportFate,
    PaymentRequired,
    Reset,
    ServerError,
    Slow,
    TimedOut,
)
from local.activecampaign.imports import Fate
from local.activecampaign.variants import Variants
from shared import names, receipts
from shared.delivery import deliver
from shared.documents import Receipt, ReceiptState, RunState
from shared.messages import BatchMessage
from shared.outcomes.following import PENDING_IN_A_ROW, STUCK_AFTER, UNKNOWN_AFTER, follow_imports
from shared.receipts import REFUSED_EXCLUDED, REFUSED_UNSUBSCRIBED
from tests.delivery.conftest import MakeScene
from tests.delivery.scene import RUN, Scene, accepted, member, members

ENDLESS = Fate(stuck=math.inf)


def _infos(scene: Scene) -> int:
    return len(scene.api.journal.requests(*IMPORT_INFO))


def _ask(scene: Scene, *, seconds: float = 8) -> int:
    """One call of the watcher."""
    until = scene.clock.time() + seconds
    return follow_imports(scene.courier, scene.connection, RUN, scene.summaries(), until=until)


def _reason(scene: Scene, batch: int = 0) -> str:
    reason = scene.receipt(batch).reason
    assert reason is not None
    return reason.code


@pytest.mark.parametrize(
    "fate",
    [
        Fate(),
        Fate(unseen=20),
        Fate(stuck=3_600),
        Fate(absent=frozenset({"failure"})),
        Fate(absent=frozenset({"success", "failure"})),
    ],
)
@pytest.mark.parametrize("variants", [Variants(), Variants(success_lists="all", empty_failure_absent=True)])
def test_an_import_that_ends_well_is_confirmed(make: MakeScene, variants: Variants, fate: Fate) -> None:
    """Unseen for a while, slow, or with members missing from the report."""
    scene = make(variants)
    scene.strike(ImportFate(nth=1, fate=fate))
    scene.plan(members(6, per_batch=3))
    scene.whole()
    assert [one.state for one in scene.summaries()] == [ReceiptState.CONFIRMED] * 2
    assert (scene.confirmed(), scene.failed(), scene.codes()) == (6, 0, {})


@pytest.mark.parametrize(
    ("fate", "code", "after"),
    [
        (Fate(ending="failed", share=0.0), "import_failed", timedelta()),
        (Fate(ending="failed", share=0.5), "import_failed", timedelta()),
        (Fate(ending="interrupted", share=0.5), "import_failed", timedelta()),
        (Fate(unknown=True), "import_unknown", UNKNOWN_AFTER),
        (ENDLESS, "import_stuck", STUCK_AFTER),
    ],
)
@pytest.mark.parametrize("unknown", ["not_found", "bad_request", "false", "empty"])
def test_an_import_that_does_not_end_well_leaves_its_members_to_the_next_run(
    make: MakeScene, fate: Fate, code: str, after: timedelta, unknown: Any
) -> None:
    """Failed, interrupted, unknown in every way of saying so, or stuck; the other batches are not affected."""
    scene = make(Variants(unknown_import=unknown))
    scene.strike(ImportFate(nth=2, fate=fate))
    scene.plan(members(9, per_batch=3))
    start = scene.clock.time()
    scene.whole()
    assert [one.state for one in scene.summaries()] == [
        ReceiptState.CONFIRMED,
        ReceiptState.FAILED,
        ReceiptState.CONFIRMED,
    ]
    assert (_reason(scene, 1), scene.failed(), scene.confirmed()) == (code, 3, 6)
    assert after.total_seconds() <= scene.clock.time() - start <= after.total_seconds() + 120


@pytest.mark.parametrize("fault", [ServerError(), Reset(), TimedOut(), Forbidden()], ids=lambda one: type(one).__name__)
def test_an_answer_that_does_not_come_is_asked_for_later(scene: Scene, fault: Any) -> None:
    """Trouble on the way to a report is no report."""
    scene.plan(members(3))
    scene.deliver()
    scene.strike(replace(fault, on=IMPORT_INFO, nth=range(1, 12)))
    scene.clock.pass_by(5)
    _ask(scene)
    if scene.run.state is RunState.HELD:
        scene.move(RunState.CONFIRMING)
    assert scene.receipt().state is ReceiptState.ACCEPTED
    scene.strike()
    for _ in range(12):
        scene.clock.pass_by(5)
        _ask(scene)
        if scene.run.state is RunState.HELD:
            scene.move(RunState.CONFIRMING)
    assert scene.receipt().state is ReceiptState.CONFIRMED


def test_an_account_that_turns_us_away_holds_the_run(scene: Scene) -> None:
    """A person sees to it, and the release goes on asking."""
    scene.plan(members(3))
    scene.deliver()
    scene.move(RunState.CONFIRMING)
    scene.strike(PaymentRequired(on=IMPORT_INFO, nth=1))
    scene.clock.pass_by(5)
    _ask(scene)
    assert scene.run.reason is not None
    assert scene.run.reason.code == "payment"
    scene.move(RunState.CONFIRMING)
    scene.follow()
    assert scene.receipt().state is ReceiptState.CONFIRMED


def test_nothing_is_asked_about_for_ever(scene: Scene) -> None:
    """A cancelled run whose account cannot be asked any more comes to its end."""
    scene.plan(members(3))
    scene.deliver()
    scene.strike(ServerError(on=("GET", "*")))
    scene.move(RunState.CANCELLED)
    for _ in range(10):
        scene.clock.pass_by(STUCK_AFTER.total_seconds() / 9)
        _ask(scene)
    assert (scene.receipt().state, _reason(scene), scene.failed()) == (ReceiptState.FAILED, "import_stuck", 3)
    assert _infos(scene) <= 50


@pytest.mark.parametrize("reported", [True, False])
def test_addresses_that_were_left_out_when_queueing_are_found(make: MakeScene, reported: bool) -> None:
    """Whether the report names them or only the number of queued contacts gives them away."""
    scene = make(Variants(excluded_reported=reported))
    scene.account.exclude(member(4))
    scene.account.exclude("*@example.org")
    scene.account.unsubscribe(member(2), scene.list_id)
    scene.plan([[*members(8)[0], "ada@example.org", "bea@example.org"]])
    scene.whole()
    assert scene.codes() == {REFUSED_EXCLUDED: 3, REFUSED_UNSUBSCRIBED: 1}
    assert (scene.confirmed(), scene.failed()) == (6, 0)


def test_a_report_in_another_spelling_finds_its_contacts(scene: Scene) -> None:
    """Case is no part of an address."""
    scene.account.unsubscribe("ada.lovelace@example.com", scene.list_id)
    scene.plan([["Ada.Lovelace@Example.com", member(1)]])
    scene.whole()
    assert scene.codes() == {REFUSED_UNSUBSCRIBED: 1}
    assert scene.receipt().refusals[0].position == 0


def test_one_question_without_an_answer_does_not_keep_the_others_waiting(scene: Scene) -> None:
    """Whoever cannot be asked about goes to the end of the line; all others are confirmed in the next call."""
    scene.plan(members(12, per_batch=3))
    scene.deliver()
    scene.strike(_About(batch_id=scene.receipt(0).imports[0].batch_id))
    scene.clock.pass_by(60)
    assert [_ask(scene), _ask(scene)] == [0, 3]
    states = [one.state for one in scene.summaries()]
    assert states == [ReceiptState.ACCEPTED] + [ReceiptState.CONFIRMED] * 3


@dataclass(frozen=True, kw_only=True)
class _About(ServerError):
    """No answer about one import."""

    batch_id: str

    def matches(self, request: Request) -> bool:
        """See `Fault`."""
        return request.query.get("batchId") == self.batch_id


def test_a_batch_of_many_parts_is_asked_about_part_by_part(scene: Scene) -> None:
    """A call ends in time however many parts there are and however slow the answers; none is asked about twice."""
    scene.plan([[member(number) for number in range(80)]])
    imports = []
    for start in range(0, 80, 2):
        scene.clock.pass_by(1)
        body = json.dumps({"contacts": scene.contacts[0][start : start + 2]}).encode()
        batch_id = scene.client.post_import(body).batch_id or ""
        imports.append(accepted(batch_id, contacts=2, positions=[start, start + 1]))
    receipt = Receipt(run=RUN, batch=0, state=ReceiptState.ACCEPTED, contacts=80, imports=imports)
    receipts.write(scene.blobs, receipt)
    scene.strike(Slow(on=IMPORT_INFO, seconds=5))
    lengths = []
    while scene.receipt().state is ReceiptState.ACCEPTED:
        scene.clock.pass_by(5)
        before = scene.clock.time()
        assert _ask(scene) == 1
        lengths.append(scene.clock.time() - before)
    assert max(lengths) <= 15
    assert _infos(scene) == 40
    assert scene.confirmed() == 80


def test_imports_behind_a_backlog_are_not_pestered(scene: Scene) -> None:
    """After a few that have not ended the round is over; those asked the longest ago come first in the next."""
    scene.strike(ImportFate(fate=Fate(stuck=1_000)))
    scene.plan(members(90, per_batch=3))
    scene.deliver()
    scene.clock.pass_by(60)
    for rounds in range(1, 4):
        assert _ask(scene) == 0
        assert _infos(scene) == rounds * PENDING_IN_A_ROW
    asked = [one.batch for one in sorted(scene.summaries(), key=lambda one: one.written)][-15:]
    assert asked == list(range(15))


def test_an_import_is_not_asked_about_before_it_can_have_ended(scene: Scene) -> None:
    """Nor twice within a moment."""
    scene.plan(members(3))
    scene.deliver()
    assert _ask(scene) == 0
    assert _infos(scene) == 0


def test_a_round_ends_in_time(scene: Scene) -> None:
    """A watcher reports progress every few seconds, however many imports there are."""
    scene.plan(members(300, per_batch=3))
    scene.deliver()
    before = scene.clock.time()
    assert 15 <= _ask(scene, seconds=8) <= 25
    assert scene.clock.time() - before <= 9


def test_one_stuck_import_does_not_keep_the_others_waiting(scene: Scene) -> None:
    """All others are confirmed within a minute."""
    scene.strike(ImportFate(nth=range(1, 9), fate=ENDLESS))
    scene.plan(members(60, per_batch=3))
    scene.deliver()
    for _ in range(12):
        scene.clock.pass_by(5)
        _ask(scene)
    states = [one.state for one in scene.summaries()]
    assert states.count(ReceiptState.CONFIRMED) == 12


def test_a_cancelled_run_is_settled_with_what_was_confirmed(scene: Scene) -> None:
    """Also of a batch that was still being sent in parts; its other contacts count as not delivered."""
    scene.plan(members(8), flawed=[member(3)])
    scene.fan_out()
    for _ in range(3):
        waiting = scene.queues.take(names.CONTACT_BATCHES)
        assert waiting is not None
        assert isinstance(waiting.message, BatchMessage)
        deliver(scene.courier, waiting.message)
    assert scene.receipt().state is ReceiptState.PARTIAL
    sent = sum(one.contacts for one in scene.receipt().imports)
    scene.move(RunState.CANCELLED)
    scene.play()
    scene.follow()
    assert len(scene.posts()) == 3
    assert scene.receipt().state is ReceiptState.FAILED
    assert scene.confirmed() == sent == len(scene.active())
    assert scene.confirmed() + scene.failed() + sum(scene.codes().values()) == 8


def test_a_listing_is_all_that_it_takes_when_nothing_is_open(scene: Scene) -> None:
    """No question and no write."""
    scene.plan(members(3))
    scene.whole()
    before = len(scene.api.journal.entries), scene.blobs.calls["write"]
    assert _ask(scene) == 0
    assert (len(scene.api.journal.entries), scene.blobs.calls["write"]) == before
