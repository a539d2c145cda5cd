"""One batch, one post, at its time: and what happens when that is not what happens."""

import logging
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest

from local.activecampaign.account import DEFAULT_KEY
from local.activecampaign.exchange import Request
from local.activecampaign.faults import (
    BULK_IMPORT,
    Fault,
    Forbidden,
    OddSuccess,
    PaymentRequired,
    RateLimited,
    Refused,
    Reset,
    ServerError,
    TimedOut,
)
from local.activecampaign.variants import Variants
from shared import names
from shared.delivery import LONGEST_SLEEP_SECONDS, deliver, give_up
from shared.documents import Reason, ReceiptState, RunState
from shared.doors.clock import now
from shared.messages import BatchMessage
from shared.pacing import LONE_CONTACT_SLOTS, Lane, rates
from shared.receipts import EMAIL_INVALID, REFUSED_INVALID
from shared.repair import HOPELESS_REPAIRS, MOST_REPAIRS
from tests.delivery.conftest import MakeScene
from tests.delivery.scene import RUN, SECRET, Scene, member, members

BIG = 250


def _only(scene: Scene) -> BatchMessage:
    (message,) = scene.messages()
    return message


# The ordinary case


def test_a_run_is_delivered_at_the_limit_and_not_over_it(scene: Scene) -> None:
    """400 imports go out evenly, none is turned away, each receipt knows its import, and everybody is on the list."""
    scene.plan(members(2_000, per_batch=5))
    start = scene.clock.time()
    scene.deliver()
    assert scene.api.journal.rate_limit_answers == 0
    assert scene.clock.time() - start == pytest.approx(399 * rates(scene.connection).imports, abs=0.5)
    assert [one.state for one in scene.summaries()] == [ReceiptState.ACCEPTED] * 400
    scene.move(RunState.CONFIRMING)
    scene.follow()
    assert scene.active() == scene.planned()
    assert scene.api.journal.violation_kinds() == set()
    assert scene.confirmed() == 2_000


def test_posts_keep_their_appointments_on_the_dot(scene: Scene) -> None:
    """A worker that gets its message early sleeps the rest."""
    scene.plan(members(6, per_batch=3))
    for number, message in enumerate(scene.messages()):
        appointment = scene.clock.time() + 7.25
        deliver(scene.courier, message.model_copy(update={"appointment": appointment}))
        assert scene.posts()[number].at == pytest.approx(appointment, abs=0.001)


def test_a_receipt_is_written_once_and_holds_no_address(scene: Scene) -> None:
    """Positions and numbers only, in the document and in its metadata."""
    scene.account.bounce(member(1), scene.list_id)
    scene.plan(members(4))
    scene.whole()
    for name in (blob.name for blob in scene.blobs.below(names.run_folder(RUN))):
        if name != names.batches(RUN):
            assert b"example.com" not in scene.blobs.read(name).data
    listed = list(scene.blobs.below(names.receipts(RUN), metadata=True))
    assert "example.com" not in str(listed)


def test_an_import_is_accepted_whatever_its_success_says(scene: Scene) -> None:
    """Only the batch id counts."""
    scene.strike(OddSuccess(value=0))
    scene.plan(members(3))
    scene.whole()
    assert scene.confirmed() == 3
    assert len(scene.posts()) == 1


# When nothing is sent


@pytest.mark.parametrize("state", [state for state in RunState if state not in ("delivering", "confirming")])
def test_nothing_is_sent_for_a_run_that_does_not_send(scene: Scene, state: RunState) -> None:
    """Held, cancelled, ended or not yet planned: the message is dropped, without a receipt."""
    scene.plan(members(3))
    scene.fan_out()
    scene.move(state)
    scene.play()
    assert scene.posts() == []
    assert scene.summaries() == []


def test_nothing_is_sent_for_a_run_that_is_gone(scene: Scene) -> None:
    """Its message means nothing any more, and giving it up leaves nothing behind."""
    scene.plan(members(3))
    message = _only(scene)
    scene.blobs.delete(names.run(RUN))
    deliver(scene.courier, message)
    give_up(scene.courier, message, Reason(code="given_up", message="x"))
    assert scene.posts() == []
    assert scene.summaries() == []


def test_nothing_is_sent_without_recorded_consent(scene: Scene) -> None:
    """The run is held and says so; with consent stored and the run released it goes on."""
    scene.connect(consent=False)
    scene.plan(members(3))
    scene.deliver()
    assert scene.posts() == []
    assert scene.run.state is RunState.HELD
    assert scene.run.reason is not None
    assert scene.run.reason.code == "consent_missing"
    scene.connect()
    scene.move(RunState.DELIVERING)
    scene.whole()
    assert scene.active() == scene.planned()


def test_nothing_is_sent_over_a_connection_that_was_deleted(scene: Scene) -> None:
    """Also when it disappears while the worker sleeps."""
    scene.plan(members(3))
    message = _only(scene).model_copy(update={"appointment": scene.clock.time() + 10})
    scene.clock.alarms.append((scene.clock.time() + 5, lambda: scene.blobs.delete(names.connection("acme"))))
    deliver(scene.courier, message)
    assert scene.posts() == []
    assert scene.run.reason is not None
    assert scene.run.reason.code == "connection_missing"


def test_a_run_cancelled_while_a_worker_sleeps_sends_nothing(scene: Scene) -> None:
    """The last look is taken shortly before the post."""
    scene.plan(members(3))
    message = _only(scene).model_copy(update={"appointment": scene.clock.time() + 10})
    scene.clock.alarms.append((scene.clock.time() + 8, lambda: scene.move(RunState.CANCELLED)))
    deliver(scene.courier, message)
    assert scene.posts() == []


# Twice, late, half


def test_a_message_that_comes_again_posts_nothing(scene: Scene) -> None:
    """The receipt is there: whether the import was followed or not."""
    scene.plan(members(3))
    message = _only(scene)
    deliver(scene.courier, message)
    deliver(scene.courier, message)
    scene.follow()
    deliver(scene.courier, message)
    assert len(scene.posts()) == 1
    assert scene.queues.waiting == []


def test_copies_that_post_at_the_same_time_count_as_an_extra_send(scene: Scene) -> None:
    """One import is followed, and the receipt admits the other."""
    scene.plan(members(3))
    message = _only(scene)
    copies = [message.model_copy(update={"appointment": scene.clock.time() + 0.9}) for _ in range(2)]
    scene.clock.alarms.append((scene.clock.time() + 0.5, lambda: deliver(scene.courier, copies[0])))
    deliver(scene.courier, copies[1])
    assert len(scene.posts()) == 2
    assert (len(scene.receipt().imports), scene.receipt().extra_sends) == (1, 1)


def test_a_missed_appointment_is_made_anew(scene: Scene) -> None:
    """A message that comes late takes the next free slot instead of closing up on another post."""
    scene.plan(members(6, per_batch=3))
    late, _ = scene.messages()
    scene.clock.pass_by(60)
    scene.courier.pacer(scene.connection).reserve(Lane.IMPORTS, [1, 1])
    before = scene.clock.time()
    deliver(scene.courier, late)
    assert scene.posts()[0].at == pytest.approx(before + 2 * rates(scene.connection).imports, abs=0.01)


def test_an_overslept_appointment_is_made_anew(scene: Scene) -> None:
    """A machine too busy to post on time takes another slot, and does not close up on the next post."""
    scene.plan(members(3))
    message = _only(scene).model_copy(update={"appointment": scene.clock.time() + 5})
    scene.clock.oversleeps = [1.0]
    deliver(scene.courier, message)
    assert scene.posts() == []
    (again,) = scene.queues.sent_to(names.CONTACT_BATCHES)
    assert isinstance(again, BatchMessage)
    assert (again.appointment, again.overslept, again.attempt) == (0.0, 1, 0)
    scene.play()
    assert len(scene.posts()) == 1


def test_a_machine_that_always_oversleeps_posts_all_the_same(scene: Scene) -> None:
    """Late is better than never: the search for a slot it can keep is bounded."""
    scene.plan(members(3))
    scene.clock.oversleeps = [1.0] * 100
    scene.deliver()
    assert len(scene.posts()) == 1
    assert len(scene.clock.oversleeps) > 90


def test_a_new_appointment_far_away_is_waited_for_in_the_queue(scene: Scene) -> None:
    """No worker sleeps for long; the message comes back shortly before its time."""
    scene.plan(members(3))
    message = _only(scene)
    scene.clock.pass_by(60)
    scene.courier.pacer(scene.connection).hold_back(100)
    before = scene.clock.time()
    deliver(scene.courier, message)
    assert scene.clock.time() == before
    assert scene.posts() == []
    (waiting,) = scene.queues.waiting
    assert before + 100 - LONGEST_SLEEP_SECONDS < waiting.visible < before + 100
    scene.play()
    assert scene.posts()[0].at == pytest.approx(before + 100, abs=0.01)


def test_a_contact_that_travels_alone_takes_the_slots_of_its_own_limit(scene: Scene) -> None:
    """Twenty a minute, and no more."""
    scene.plan(members(40, per_batch=1))
    for message in scene.messages():
        scene.queues.send(names.CONTACT_BATCHES, message.model_copy(update={"appointment": 0.0}))
    start = scene.clock.time()
    scene.play()
    assert scene.api.journal.rate_limit_answers == 0
    assert len(scene.posts()) == 40
    slot = rates(scene.connection).imports * LONE_CONTACT_SLOTS
    assert scene.posts()[-1].at - start >= (2 * 40 - 1) * slot - 0.01


def test_a_message_given_up_on_leaves_its_members_to_the_next_run(scene: Scene) -> None:
    """A failed receipt with the reason; where there is a receipt, it stays as it is."""
    scene.plan(members(3))
    message = _only(scene)
    reason = Reason(code="given_up", message="it could not be delivered")
    give_up(scene.courier, message, reason)
    assert (scene.receipt().state, scene.receipt().reason, scene.failed()) == (ReceiptState.FAILED, reason, 3)
    scene.plan(members(3))
    scene.blobs.delete(names.receipt(RUN, 0))
    scene.whole()
    give_up(scene.courier, message, reason)
    assert (scene.receipt().state, scene.failed()) == (ReceiptState.CONFIRMED, 0)


def test_a_message_that_comes_after_it_was_given_up_on_posts_nothing(scene: Scene) -> None:
    """Its members belong to the next run."""
    scene.plan(members(3))
    message = _only(scene)
    give_up(scene.courier, message, Reason(code="given_up", message="it could not be delivered"))
    deliver(scene.courier, message)
    assert scene.posts() == []


# Again


@pytest.mark.parametrize(
    ("fault", "extra", "queued"),
    [
        (ServerError(on=BULK_IMPORT), 2, False),
        (ServerError(on=BULK_IMPORT, handled=True), 2, True),
        (Reset(on=BULK_IMPORT), 2, False),
        (Reset(on=BULK_IMPORT, handled=True), 2, True),
        (TimedOut(on=BULK_IMPORT), 2, False),
        (TimedOut(on=BULK_IMPORT, handled=True), 2, True),
        (RateLimited(on=BULK_IMPORT, status=400), 0, False),
        (RateLimited(on=BULK_IMPORT, status=429, retry_after="9"), 0, False),
        (RateLimited(on=BULK_IMPORT, status=503), 0, False),
        (Forbidden(on=BULK_IMPORT), 0, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Fault) else None,
)
def test_what_passes_is_sent_again_and_what_may_have_been_queued_is_counted(
    scene: Scene, fault: Any, extra: int, queued: bool
) -> None:
    """After two failures the third post is accepted; extra sends are those whose outcome is unknown."""
    scene.strike(replace(fault, nth=range(1, 3)))
    scene.plan(members(3))
    scene.whole()
    assert scene.active() == scene.planned()
    assert len(scene.posts()) == 3
    assert scene.receipt().extra_sends == extra
    assert scene.api.journal.extra_sends() == ({member(n): 2 for n in range(3)} if queued else {})
    assert (scene.confirmed(), scene.failed()) == (3, 0)


def test_the_time_between_tries_grows(scene: Scene) -> None:
    """So that an account that is down is not hammered."""
    scene.strike(ServerError(on=BULK_IMPORT))
    scene.plan(members(3))
    scene.deliver()
    moments = [entry.at for entry in scene.posts()]
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert gaps == sorted(gaps)
    assert gaps[0] >= 5
    assert gaps[-1] <= 122
    assert moments[-1] - moments[0] < 15 * 60


def test_what_never_passes_ends_in_a_failed_receipt(scene: Scene) -> None:
    """After eight posts; the reason says what went wrong, and the next run sends everybody."""
    scene.strike(ServerError(on=BULK_IMPORT))
    scene.plan(members(3))
    scene.deliver()
    assert len(scene.posts()) == 8
    receipt = scene.receipt()
    assert (receipt.state, receipt.extra_sends, scene.failed()) == (ReceiptState.FAILED, 7, 3)
    assert receipt.reason is not None
    assert receipt.reason.code == "unavailable"


@pytest.mark.parametrize("status", [400, 429, 503])
def test_a_rate_limit_answer_makes_everybody_wait(scene: Scene, status: Any) -> None:
    """As long as it says, and for a while where it does not say; nobody posts in between."""
    retry_after = None if status == 400 else "33"
    scene.strike(RateLimited(on=BULK_IMPORT, nth=1, status=status, retry_after=retry_after))
    scene.plan(members(6, per_batch=3))
    first, second = scene.messages()
    deliver(scene.courier, first)
    struck = scene.posts()[0].at
    scene.queues.send(names.CONTACT_BATCHES, second.model_copy(update={"appointment": 0.0}))
    scene.play()
    assert scene.posts()[1].at - struck >= (10 if status == 400 else 33)
    assert len(scene.posts()) == 3


def test_a_rate_limit_answer_makes_appointments_void(scene: Scene) -> None:
    """Whoever has one before the wait is over makes a new one instead of running into the same wall."""
    scene.strike(RateLimited(on=BULK_IMPORT, nth=1, retry_after="33"))
    scene.plan(members(60, per_batch=3))
    scene.deliver()
    assert len(scene.posts()) == 21
    assert scene.posts()[1].at - scene.posts()[0].at >= 33
    assert scene.api.journal.rate_limit_answers == 0


def test_whoever_sleeps_for_an_appointment_hears_of_a_rate_limit_answer(scene: Scene) -> None:
    """Its appointment is void when it wakes up: it makes another one after the wait."""
    scene.plan(members(3))
    start = scene.clock.time()
    message = _only(scene).model_copy(update={"appointment": start + 10})
    scene.clock.alarms.append((start + 5, lambda: scene.courier.pacer(scene.connection).hold_back(30)))
    deliver(scene.courier, message)
    assert scene.posts() == []
    scene.play()
    assert [entry.at for entry in scene.posts()] == [pytest.approx(start + 35, abs=0.01)]


def test_an_empty_vault_holds_the_run(scene: Scene) -> None:
    """Nothing is sent without a key."""
    scene.vault.secrets.clear()
    scene.plan(members(3))
    scene.deliver()
    assert scene.posts() == []
    assert scene.run.reason is not None
    assert scene.run.reason.code == "vault"


# Held


def test_a_wrong_key_holds_the_run_after_a_few_tries(scene: Scene) -> None:
    """Three posts a batch at most; the right key and a release make it go on exactly where it stopped."""
    scene.plan(members(9, per_batch=3))
    first, *others = scene.messages()
    deliver(scene.courier, first)
    scene.vault.store(SECRET, "wrong-key")
    for message in others:
        scene.queues.send(names.CONTACT_BATCHES, message)
    scene.play()
    assert scene.run.state is RunState.HELD
    assert scene.run.reason is not None
    assert scene.run.reason.code == "credentials"
    assert len(scene.posts()) <= 1 + 2 * 3
    scene.vault.store(SECRET, DEFAULT_KEY)
    scene.move(RunState.DELIVERING)
    scene.whole()
    assert scene.active() == scene.planned()
    assert scene.api.journal.extra_sends() == {}


def test_an_unpaid_account_holds_the_run_at_once(scene: Scene) -> None:
    """One post, and no other after it."""
    scene.strike(PaymentRequired(on=BULK_IMPORT))
    scene.plan(members(9, per_batch=3))
    scene.deliver()
    assert len(scene.posts()) == 1
    assert scene.run.reason is not None
    assert scene.run.reason.code == "payment"
    assert scene.summaries() == []


@pytest.mark.parametrize("how", ["not_found", "unprocessable", "refused"])
@pytest.mark.parametrize("names_contacts", ["all", "first"])
def test_a_list_that_is_gone_holds_the_run(make: MakeScene, how: Any, names_contacts: Any) -> None:
    """However ActiveCampaign says it, the sentence names the list, and nobody is taken for refused."""
    scene = make(Variants(missing_list=how, refusal_names=names_contacts))
    scene.plan(members(BIG))
    scene.account.delete_list(scene.list_id)
    scene.deliver()
    assert len(scene.posts()) == 1
    assert scene.run.state is RunState.HELD
    assert scene.run.reason is not None
    assert scene.run.reason.code == "list_or_field_gone"
    assert f"list {scene.list_id}" in scene.run.reason.message
    assert scene.summaries() == []


@pytest.mark.parametrize("how", ["not_found", "unprocessable", "refused"])
def test_a_field_that_is_gone_holds_the_run(make: MakeScene, how: Any) -> None:
    """The sentence names the field."""
    scene = make(Variants(missing_field=how))
    kept, gone = scene.account.add_field("Tier"), scene.account.add_field("Birthday")
    scene.plan(members(BIG), fields=[{"id": kept, "value": "Gold"}, {"id": gone, "value": "x"}])
    scene.account.delete_field(gone)
    scene.deliver()
    assert scene.run.reason is not None
    assert scene.run.reason.message.startswith(f"the account no longer has custom field {gone}:")


def test_a_question_without_an_answer_delays_a_repair(scene: Scene) -> None:
    """Whether the list still exists is asked again later; the batch is repaired then."""
    scene.strike(ServerError(on=("GET", "/api/3/lists/*"), nth=range(1, 9)))
    scene.plan(members(8), flawed=[member(3)])
    scene.whole()
    assert scene.codes() == {REFUSED_INVALID: 1}
    assert scene.confirmed() == 7


def test_a_question_that_is_never_answered_ends_in_a_failed_receipt(scene: Scene) -> None:
    """Bounded as everything else."""
    scene.strike(ServerError(on=("GET", "/api/3/lists/*")))
    scene.plan(members(8), flawed=[member(3)])
    scene.deliver()
    assert scene.receipt().state is ReceiptState.FAILED
    assert len(scene.posts()) == 8


# Repair


@pytest.mark.parametrize("place", [0, 1, 17, 124, 125, 248, 249])
@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("wrong_every", [0, 1, 2])
def test_one_offender_is_found_wherever_it_is(make: MakeScene, place: int, base: Any, wrong_every: int) -> None:
    """With indexes in either base, wrong ones now and then or always; the other 249 arrive, in a handful of posts."""
    scene = make(Variants(refusal_index_base=base, refusal_index_wrong_every=wrong_every))
    scene.plan(members(BIG), flawed=[member(place)])
    scene.whole()
    (refused,) = scene.receipt().refusals
    assert (refused.position, refused.code) == (place, REFUSED_INVALID)
    assert scene.active() == scene.planned() - {member(place)}
    assert (scene.confirmed(), scene.failed()) == (249, 0)
    assert len(scene.posts()) <= (4 if not wrong_every else 30)
    assert scene.api.journal.rate_limit_answers == 0
    assert scene.api.journal.extra_sends() == {}
    assert scene.receipt().extra_sends == 0


@pytest.mark.parametrize("names_contacts", ["all", "first"])
@pytest.mark.parametrize("wording", ["field", "sentence"])
@pytest.mark.parametrize("offenders", [[0, 60, 61, 130, 249], list(range(14))])
def test_several_offenders_are_found(make: MakeScene, names_contacts: Any, wording: Any, offenders: list[int]) -> None:
    """All of them named or only the first, in whatever words, far apart or side by side."""
    scene = make(Variants(refusal_names=names_contacts, refusal_wording=wording))
    scene.plan(members(BIG), flawed=[member(place) for place in offenders])
    scene.whole()
    assert sorted(one.position for one in scene.receipt().refusals) == offenders
    assert scene.active() == scene.planned() - {member(place) for place in offenders}
    assert len(scene.posts()) <= 60
    assert scene.api.journal.rate_limit_answers == 0


def test_addresses_against_the_published_rules_are_refused_without_a_search(scene: Scene) -> None:
    """Should planning ever let one through: all of them leave at once, and the rest is sent in one more post."""
    scene.plan([[member(1), "no-at-sign.example.com", member(2), "two@@example.com"]])
    scene.whole()
    assert scene.codes() == {EMAIL_INVALID: 2}
    assert len(scene.posts()) == 2
    assert scene.active() == {member(1), member(2)}


def test_a_batch_of_one_that_is_refused_is_done(scene: Scene) -> None:
    """Nobody is left to send."""
    scene.plan(members(1), flawed=[member(0)])
    scene.whole()
    assert (scene.receipt().state, scene.codes()) == (ReceiptState.CONFIRMED, {REFUSED_INVALID: 1})
    assert len(scene.posts()) == 1


def test_an_import_that_is_too_large_travels_in_halves(scene: Scene) -> None:
    """Nobody is refused for the size of others."""
    scene.strike(ServerError(on=BULK_IMPORT, nth=1, status=413))
    scene.plan(members(10))
    scene.whole()
    assert scene.active() == scene.planned()
    assert len(scene.posts()) == 3
    assert scene.codes() == {}


@pytest.mark.parametrize("names_contacts", ["all", "first"])
def test_a_batch_that_is_refused_whatever_is_sent_holds_the_run(make: MakeScene, names_contacts: Any) -> None:
    """Nobody is blamed for what cannot be their fault, and the search is short."""
    scene = make(Variants(refusal_names=names_contacts))
    scene.plan(members(BIG), flawed=[member(number) for number in range(BIG)])
    scene.deliver()
    assert scene.run.reason is not None
    assert scene.run.reason.code == "everything_refused"
    assert len(scene.posts()) == HOPELESS_REPAIRS + 1
    assert scene.codes() == {}


@dataclass(frozen=True, kw_only=True)
class _Wordless(Refused):
    """An import with that contact is refused as a whole: no contact is named."""

    email: str

    def matches(self, request: Request) -> bool:
        """See `Fault`."""
        return super().matches(request) and f'"{self.email}"'.encode() in request.body

    @classmethod
    def of(cls, number: int) -> "_Wordless":
        """For that member."""
        return cls(on=BULK_IMPORT, email=member(number), text="Some contact is not valid.")


@pytest.mark.parametrize("posts", [1, 2, 5, 12, 40, 71])
@pytest.mark.parametrize("batches", [1, 3])
def test_nobody_is_blamed_while_whole_requests_are_refused(scene: Scene, posts: int, batches: int) -> None:
    """A text that names no contact means all of them, and passes: everybody arrives or goes out with the next run."""
    scene.strike(Refused(on=BULK_IMPORT, nth=range(1, posts + 1)))
    scene.plan(members(batches * 40, per_batch=40))
    scene.whole()
    assert scene.codes() == {}
    assert scene.run.state is RunState.CONFIRMING
    assert scene.confirmed() == len(scene.active())
    assert scene.confirmed() + scene.failed() == batches * 40
    assert scene.api.journal.extra_sends() == {}
    assert scene.failed() == 0 or posts > 3 * HOPELESS_REPAIRS - 3


def test_a_few_tries_come_before_a_search(scene: Scene) -> None:
    """Where the next try is accepted, the batch travels whole."""
    scene.strike(Refused(on=BULK_IMPORT, nth=range(1, 3)))
    scene.plan(members(BIG))
    scene.whole()
    assert [entry.contacts for entry in scene.posts()] == [BIG] * 3
    assert scene.confirmed() == BIG


def test_a_refusal_of_everything_without_a_word_is_given_up(scene: Scene) -> None:
    """A bounded number of posts and a failed receipt with its reason; the next run sends everybody."""
    scene.strike(Refused(on=BULK_IMPORT))
    scene.plan(members(BIG))
    scene.whole()
    receipt = scene.receipt()
    assert receipt.reason is not None
    assert (receipt.state, receipt.reason.code) == (ReceiptState.FAILED, "import_refused")
    assert (scene.failed(), scene.codes()) == (BIG, {})
    assert len(scene.posts()) <= 3 * (HOPELESS_REPAIRS + 1)


@pytest.mark.parametrize("places", [[0], [17], [124], [125], [249], [3, 200], [0, 1], [100, 101, 102]])
def test_an_offender_that_nobody_names_is_found(scene: Scene, places: list[int]) -> None:
    """Refused alone, and again after others of its batch were accepted: it is not the service."""
    scene.strike(*map(_Wordless.of, places))
    scene.plan(members(BIG))
    scene.whole()
    assert sorted(refused.position for refused in scene.receipt().refusals) == places
    assert scene.codes() == {REFUSED_INVALID: len(places)}
    assert scene.active() == scene.planned() - {member(place) for place in places}
    assert scene.api.journal.extra_sends() == {}
    assert len(scene.posts()) <= 40 * (1 + len(places))


@pytest.mark.parametrize("begins", range(1, 60, 7))
def test_innocents_are_not_blamed_when_the_service_fails_in_the_middle_of_a_search(scene: Scene, begins: int) -> None:
    """Only the offender is refused, whenever everything else is refused too for a while."""
    scene.strike(_Wordless.of(17), Refused(on=BULK_IMPORT, nth=range(begins, begins + 40)))
    scene.plan(members(BIG))
    scene.whole()
    assert {refused.position for refused in scene.receipt().refusals} <= {17}
    assert scene.active() <= scene.planned() - {member(17)}
    assert scene.confirmed() == len(scene.active())
    assert scene.confirmed() + scene.failed() + sum(scene.codes().values()) == BIG


@pytest.mark.parametrize("contacts", [1, 2])
def test_somebody_refused_alone_is_not_blamed_without_a_comparison(scene: Scene, contacts: int) -> None:
    """Where nobody else of the batch is accepted, it may be for anything: the next run tries again."""
    scene.strike(*map(_Wordless.of, range(contacts)))
    scene.plan(members(contacts))
    scene.whole()
    assert (scene.codes(), scene.failed()) == ({}, contacts)
    assert len(scene.posts()) <= 3 * (1 + contacts)


def test_a_contact_that_is_too_large_alone_is_not_sent_for_ever(scene: Scene) -> None:
    """It is no offender as far as anybody says: its batch comes to an end without it."""
    scene.strike(ServerError(on=BULK_IMPORT, status=413))
    scene.plan(members(2))
    scene.whole()
    assert (scene.codes(), scene.failed()) == ({}, 2)
    assert len(scene.posts()) <= 10


def test_a_search_that_takes_too_long_is_given_up(scene: Scene) -> None:
    """What was accepted and refused stays so; the others go out with the next run."""
    scene.plan(members(BIG), flawed=[member(number) for number in range(0, BIG, 3)])
    scene.whole()
    assert len(scene.posts()) <= 2 * MOST_REPAIRS
    assert scene.receipt().state is ReceiptState.FAILED
    assert scene.receipt().reason is not None
    assert scene.failed() > 0
    assert scene.confirmed() + scene.failed() + sum(scene.codes().values()) == BIG
    assert len(scene.active()) == scene.confirmed()


def test_a_crash_between_parts_sends_no_accepted_part_again(scene: Scene) -> None:
    """The receipt knows what was taken: the first message, coming again, sends only what is left."""
    scene.plan(members(8), flawed=[member(3)])
    message = _only(scene)
    deliver(scene.courier, message)
    waiting = scene.queues.take()
    assert waiting is not None
    assert isinstance(waiting.message, BatchMessage)
    deliver(scene.courier, waiting.message)
    assert scene.receipt().state is ReceiptState.PARTIAL
    scene.queues.waiting.clear()
    scene.queues.send(names.CONTACT_BATCHES, message)
    scene.play()
    scene.follow()
    assert scene.active() == scene.planned() - {member(3)}
    assert scene.api.journal.extra_sends() == {}
    assert scene.codes() == {REFUSED_INVALID: 1}


def test_every_part_has_its_own_tries(scene: Scene) -> None:
    """Trouble with one part is not held against the next one."""
    scene.plan(members(8), flawed=[member(3)])
    scene.strike(ServerError(on=BULK_IMPORT, nth=range(2, 9)), ServerError(on=BULK_IMPORT, nth=range(10, 17)))
    scene.whole()
    assert scene.active() == scene.planned() - {member(3)}
    assert (scene.codes(), scene.failed()) == ({REFUSED_INVALID: 1}, 0)


def test_a_release_goes_on_with_the_parts_that_are_left(scene: Scene) -> None:
    """A run held in the middle of a repair sends nobody again."""
    scene.plan(members(8), flawed=[member(3)])
    scene.strike(PaymentRequired(on=BULK_IMPORT, nth=3))
    scene.deliver()
    assert scene.run.state is RunState.HELD
    assert scene.receipt().state is ReceiptState.PARTIAL
    scene.move(RunState.DELIVERING)
    scene.whole()
    assert scene.active() == scene.planned() - {member(3)}
    assert scene.api.journal.extra_sends() == {}


def test_automations_of_a_part_are_those_of_the_whole(scene: Scene) -> None:
    """Members of the import beside its contacts are kept: nobody's automations start by accident."""
    scene.plan(members(8), flawed=[member(3)])
    scene.whole()
    assert {contact.automation_runs for contact in scene.account.contacts_on(scene.list_id).values()} == {0}


# Logs


def test_delivery_logs_no_address_and_no_key(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Not at any level, not in any trouble."""
    caplog.set_level(logging.DEBUG)
    scene.strike(
        TimedOut(on=BULK_IMPORT, nth=1), RateLimited(on=BULK_IMPORT, nth=2), ServerError(on=("GET", "*"), nth=2)
    )
    scene.account.unsubscribe(member(1), scene.list_id)
    scene.plan(members(8), flawed=[member(3)])
    scene.whole()
    assert '"event":"rate_limited"' in caplog.text
    assert '"event":"batch_delivered"' in caplog.text
    assert "example.com" not in caplog.text
    assert DEFAULT_KEY not in caplog.text


def test_imports_are_dated_by_the_clock(scene: Scene) -> None:
    """When an import was accepted decides how long it is followed."""
    scene.plan(members(3))
    scene.deliver()
    assert scene.receipt().imports[0].accepted_at == now(scene.clock)
