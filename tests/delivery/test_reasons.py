"""Why contacts were refused: named for as many as a bounded number of questions can name."""

from dataclasses import dataclass
from typing import Any

import pytest

from local.activecampaign.account import DEFAULT_KEY, EVERYTHING, Account
from local.activecampaign.contacts import Status
from local.activecampaign.faults import (
    Empty,
    Fault,
    Garbage,
    PaymentRequired,
    RateLimited,
    Reset,
    ServerError,
    TimedOut,
)
from local.activecampaign.variants import Variants
from shared import names
from shared.delivery import deliver
from shared.documents import ReceiptState, RunState
from shared.outcomes.following import follow_imports
from shared.outcomes.inquiry import ASKING_SECONDS, Inquiry
from shared.outcomes.reasons import MOST_LOOKUPS, SEARCHED_FOR, name_refusals
from shared.receipts import (
    REFUSED_BOUNCED,
    REFUSED_CONTACT_LIMIT,
    REFUSED_EXCLUDED,
    REFUSED_INVALID,
    REFUSED_UNKNOWN,
    REFUSED_UNSUBSCRIBED,
    UNNAMED,
)
from tests.delivery.conftest import MakeScene
from tests.delivery.scene import RUN, SECRET, Scene, member, members


def _questions(scene: Scene) -> int:
    """Everything that was asked, but for the imports themselves."""
    return sum(entry.method == "GET" and "import" not in entry.path for entry in scene.api.journal.entries)


def test_every_reason_is_named(scene: Scene) -> None:
    """Unsubscribed here, bounced here or elsewhere, excluded by address or pattern, written with an apostrophe."""
    other = scene.account.add_list("Another list")
    scene.account.unsubscribe(member(0), scene.list_id)
    scene.account.bounce(member(1), scene.list_id)
    scene.account.bounce(member(2), other)
    scene.account.exclude(member(3))
    scene.account.exclude("*@example.org")
    scene.account.unsubscribe(member(4), other)
    scene.plan([[*members(6)[0], "ada@example.org", "o'hara@example.com"]])
    scene.whole()
    codes = {refusal.position: refusal.code for refusal in scene.receipt().refusals}
    assert codes == {
        0: REFUSED_UNSUBSCRIBED,
        1: REFUSED_BOUNCED,
        2: REFUSED_BOUNCED,
        3: REFUSED_EXCLUDED,
        6: REFUSED_EXCLUDED,
        7: REFUSED_INVALID,
    }
    assert scene.receipt().state is ReceiptState.CONFIRMED
    assert scene.active() == {member(4), member(5)}
    assert scene.api.journal.resubscriptions == 0


def test_an_account_without_room_is_a_reason(scene: Scene) -> None:
    """Newcomers are refused, contacts it knows are not."""
    scene.account.add_contact(member(0))
    scene.account.limit_contacts(2)
    scene.plan(members(4))
    scene.whole()
    assert scene.codes() == {REFUSED_CONTACT_LIMIT: 2}
    assert scene.active() == {member(0), member(1)}


def test_a_key_that_may_not_ask_leaves_reasons_open(scene: Scene) -> None:
    """Without the right to see the account's room nobody guesses."""
    scene.account.limit_contacts(2)
    scene.plan(members(4))
    scene.deliver()
    scene.account.add_user("bea", "another-key", EVERYTHING - {"admin"})
    scene.vault.store(SECRET, "another-key")
    scene.move(RunState.CONFIRMING)
    scene.follow()
    assert scene.codes() == {REFUSED_UNKNOWN: 2}


def test_another_lists_unsubscription_is_no_reason(scene: Scene) -> None:
    """Whoever was refused for something that nobody can see is not said to have unsubscribed."""
    scene.account.unsubscribe(member(1), scene.account.add_list("Another list"))
    scene.account.exclude("[m]ember1@*")  # a kind of pattern that nobody documents
    scene.plan(members(3))
    scene.whole()
    assert scene.codes() == {REFUSED_UNKNOWN: 1}


def test_somebody_else_in_an_answer_is_nobody(make: MakeScene) -> None:
    """An account that ignores the filter does not make strangers' standing a reason."""
    scene = make(Variants(email_filter_ignored=True))
    scene.account.bounce("first@example.com", scene.list_id)
    scene.account.limit_contacts(1)
    scene.plan(members(2))
    scene.whole()
    assert scene.codes() == {REFUSED_CONTACT_LIMIT: 2}


def test_many_reasons_take_few_questions(scene: Scene) -> None:
    """Of 20,000 contacts 700 are refused; all are named by reading the list, a hundred per question."""
    for number in range(0, 20_000, 50):
        scene.account.bounce(member(number), scene.list_id)
    for number in range(1, 20_000, 100):
        scene.account.unsubscribe(member(number), scene.list_id)
    for number in range(2, 20_000, 200):
        scene.account.exclude(member(number))
    scene.plan(members(20_000))
    scene.whole()
    assert scene.codes() == {REFUSED_BOUNCED: 400, REFUSED_UNSUBSCRIBED: 200, REFUSED_EXCLUDED: 100}
    assert (scene.confirmed(), scene.failed()) == (19_300, 0)
    assert _questions(scene) <= 30
    assert scene.api.journal.rate_limit_answers == 0


@pytest.mark.parametrize("as_number", [True, False])
def test_a_few_reasons_do_not_read_a_long_list(make: MakeScene, as_number: Any) -> None:
    """Two questions a contact are cheaper than a hundred pages."""
    scene = make(Variants(total_as_number=as_number))
    for number in range(10_000):
        scene.account.add_contact(f"gone{number}@example.com", scene.list_id, Status.UNSUBSCRIBED)
    scene.account.unsubscribe(member(1), scene.list_id)
    scene.plan(members(3))
    scene.whole()
    assert scene.codes() == {REFUSED_UNSUBSCRIBED: 1}
    assert _questions(scene) <= 8


def test_the_search_is_bounded(scene: Scene) -> None:
    """Whoever is left keeps refused_unknown, and the run comes to its end."""
    other = scene.account.add_list("Another list")
    count = MOST_LOOKUPS + 150
    for number in range(count):
        scene.account.bounce(member(number), other)
    scene.plan(members(count))
    scene.whole()
    assert scene.codes() == {REFUSED_BOUNCED: MOST_LOOKUPS, REFUSED_UNKNOWN: 150}
    assert _questions(scene) <= 2 * MOST_LOOKUPS + 50
    assert all(one.state is ReceiptState.CONFIRMED for one in scene.summaries())


def test_a_search_goes_on_where_it_stopped(scene: Scene) -> None:
    """No call asks for much longer than a minute, and none asks again what an earlier one knows."""
    other = scene.account.add_list("Another list")
    for number in range(200):
        scene.account.bounce(member(number), other)
    scene.plan(members(200))
    scene.deliver()
    scene.move(RunState.CONFIRMING)
    scene.clock.pass_by(10)
    lengths = []
    while any(one.pending or one.unnamed for one in scene.summaries()):
        before = scene.clock.time()
        follow_imports(scene.courier, scene.connection, RUN, scene.summaries(), until=before + 8)
        lengths.append(scene.clock.time() - before)
    assert len(lengths) >= 3
    assert max(lengths) <= ASKING_SECONDS + 10
    assert scene.codes() == {REFUSED_BOUNCED: 200}
    assert scene.courier.store.get(names.inquiry(RUN), Inquiry).lookups == 200
    assert _questions(scene) <= 2 * 200 + 5 * len(lengths)


def test_a_long_list_is_read_on_from_the_last_contact(scene: Scene) -> None:
    """Pages read in an earlier call are not read again."""
    for number in range(30_000):
        scene.account.add_contact(f"gone{number}@example.com", scene.list_id, Status.BOUNCED)
    for number in range(600):
        scene.account.bounce(member(number), scene.list_id)
    scene.plan(members(600))
    scene.whole()
    assert scene.codes() == {REFUSED_BOUNCED: 600}
    assert len(scene.api.journal.requests("GET", "/api/3/contacts")) <= 310


def test_reasons_are_looked_for_once_everything_has_ended(scene: Scene) -> None:
    """Not while batches are being sent, and not while an import is under way: the list would be read twice."""
    scene.account.unsubscribe(member(1), scene.list_id)
    scene.plan(members(6, per_batch=3))
    first, _ = scene.messages()
    deliver(scene.courier, first)
    for _ in range(3):
        scene.clock.pass_by(5)
        follow_imports(scene.courier, scene.connection, RUN, scene.summaries(), until=scene.clock.time() + 8)
    (summary,) = scene.summaries()
    assert (summary.state, summary.pending, summary.unnamed) == (ReceiptState.ACCEPTED, 0, 1)
    assert scene.codes() == {REFUSED_UNKNOWN: 1}
    assert scene.receipt().refusals[0].detail == UNNAMED
    scene.whole()
    assert scene.codes() == {REFUSED_UNSUBSCRIBED: 1}


def test_a_list_that_is_gone_is_nobodys_fault(make: MakeScene) -> None:
    """Contacts that failed because their list was deleted are sent again, and not remembered as refused."""
    scene = make(Variants(missing_list="not_found"))
    scene.plan(members(6, per_batch=3))
    scene.deliver()
    scene.account.delete_list(scene.list_id)
    scene.move(RunState.CONFIRMING)
    scene.follow()
    assert scene.codes() == {}
    assert scene.failed() == 6
    reason = scene.receipt().reason
    assert reason is not None
    assert reason.code == "list_gone"


def test_a_name_that_was_found_is_kept_when_the_same_search_runs_twice(scene: Scene) -> None:
    """Two watchers at once, or one that is cut off, change nothing but the number of questions."""
    scene.account.bounce(member(1), scene.list_id)
    scene.plan(members(3))
    scene.whole()
    before = scene.receipt()
    assert name_refusals(scene.courier, scene.client, scene.run) == 0
    assert scene.receipt() == before


# Searches that find no answer

CONTACTS = ("GET", "/api/3/contacts*")
STANDING = ("GET", "/api/3/contacts/*/contactLists")
LIST = ("GET", "/api/3/lists/[0-9]*")


def _followed(scene: Scene) -> float:
    """Follow all imports to their end; returns the seconds that took."""
    before = scene.clock.time()
    scene.follow()
    return scene.clock.time() - before


@pytest.mark.parametrize("state", [RunState.CONFIRMING, RunState.CANCELLED])
@pytest.mark.parametrize(
    "fault",
    [
        ServerError(on=CONTACTS, status=500),
        ServerError(on=CONTACTS, status=404, body="html"),
        ServerError(on=STANDING, status=405, body="json"),
        ServerError(on=LIST),
        RateLimited(on=CONTACTS),
        RateLimited(on=CONTACTS, retry_after="86400"),
        TimedOut(on=CONTACTS),
        Reset(on=CONTACTS),
        Empty(on=CONTACTS),
        Garbage(on=CONTACTS),
    ],
    ids=lambda one: f"{type(one).__name__} {one.on[1]}" if isinstance(one, Fault) else str(one),
)
def test_a_search_without_an_answer_comes_to_an_end(scene: Scene, fault: Fault, state: RunState) -> None:
    """After hours whoever is left stays unknown; what was found by other means is kept, and questions are bounded."""
    scene.account.bounce(member(1), scene.account.add_list("Another list"))
    scene.account.exclude(member(2))
    scene.plan(members(5))
    scene.deliver()
    scene.move(state)
    scene.strike(fault)
    assert _followed(scene) <= SEARCHED_FOR.total_seconds() + 600
    excluded = {} if fault.on == LIST else {REFUSED_EXCLUDED: 1}
    assert scene.codes() == {REFUSED_UNKNOWN: 2 - len(excluded)} | excluded
    assert (scene.confirmed(), scene.failed()) == (3, 0)
    assert _questions(scene) <= 1_000


def test_questions_that_fail_count_all_the_same(scene: Scene) -> None:
    """Every contact that was asked about is one of those that may be, and what was found out before is kept."""
    other = scene.account.add_list("Another list")
    for number in range(400):
        scene.account.bounce(member(number), other)
    scene.plan(members(400))
    scene.strike(_Bursts(on=STANDING))
    scene.whole()
    assert scene.codes()[REFUSED_BOUNCED] >= 200
    assert sum(scene.codes().values()) == 400
    asked = [entry for entry in scene.api.journal.entries if entry.path.endswith("/contactLists")]
    assert len(asked) <= 3 * MOST_LOOKUPS / 2
    assert scene.courier.store.get(names.inquiry(RUN), Inquiry).lookups == MOST_LOOKUPS


@dataclass(frozen=True, kw_only=True)
class _Bursts(ServerError):
    """Every now and then as many answers in a row as no question outlasts."""

    def strikes(self, number: int, chance: float) -> bool:
        """See `Fault`."""
        return number % 20 < 4


def test_a_key_that_dies_before_the_reasons_are_known_ends_a_cancelled_run(scene: Scene) -> None:
    """Nobody can be asked, and nobody waits for a person: what is not known stays unknown."""
    scene.account.unsubscribe(member(1), scene.list_id)
    scene.plan(members(3))
    scene.deliver()
    scene.move(RunState.CONFIRMING)
    scene.clock.pass_by(10)
    scene.strike(_Dies(on=LIST, account=scene.account))
    follow_imports(scene.courier, scene.connection, RUN, scene.summaries(), until=scene.clock.time() + 8)
    assert scene.run.state is RunState.HELD
    assert scene.receipt().state is ReceiptState.ACCEPTED
    scene.move(RunState.CANCELLED)
    assert _followed(scene) <= 120
    assert (scene.codes(), scene.confirmed()) == ({REFUSED_UNKNOWN: 1}, 2)


@dataclass(frozen=True, kw_only=True)
class _Dies(Fault):
    """The key is revoked the moment a question arrives."""

    account: Account
    handled: bool = True

    def strikes(self, number: int, chance: float) -> bool:
        """Revoke it, once."""
        if number == 1:
            self.account.revoke_key(DEFAULT_KEY)
        return False


def test_a_search_goes_on_after_a_person_has_acted(scene: Scene) -> None:
    """However long that took: the time a run was held does not count."""
    scene.account.unsubscribe(member(1), scene.list_id)
    scene.plan(members(3))
    scene.deliver()
    scene.move(RunState.CONFIRMING)
    scene.strike(PaymentRequired(on=LIST, nth=1))
    scene.follow()
    assert scene.run.state is RunState.HELD
    scene.clock.pass_by(3 * SEARCHED_FOR.total_seconds())
    scene.move(RunState.CONFIRMING)
    scene.follow()
    assert scene.codes() == {REFUSED_UNSUBSCRIBED: 1}


# Long exclusion lists


def test_a_long_exclusion_list_is_read_bit_by_bit(scene: Scene) -> None:
    """No call lasts for long, no page is read twice, and whoever is on the last page is found."""
    scene.account.contacts.exclusions.extend(f"nobody{number}@example.net" for number in range(20_000))
    scene.account.exclude(member(1))
    scene.plan(members(3))
    scene.deliver()
    scene.move(RunState.CONFIRMING)
    scene.clock.pass_by(10)
    lengths = []
    while any(one.pending or one.unnamed for one in scene.summaries()):
        before = scene.clock.time()
        assert follow_imports(scene.courier, scene.connection, RUN, scene.summaries(), until=before + 8) > 0
        lengths.append(scene.clock.time() - before)
        assert b"@" not in b"".join(scene.blobs.read(blob.name).data for blob in scene.blobs.below(names.inquiry(RUN)))
    assert len(lengths) >= 3
    assert max(lengths) <= ASKING_SECONDS + 10
    assert scene.codes() == {REFUSED_EXCLUDED: 1}
    assert len(scene.api.journal.requests("GET", "/api/3/lists/exclusions")) == 201


def test_an_exclusion_list_is_read_on_after_trouble(scene: Scene) -> None:
    """What was read before an answer failed to come is not read again."""
    scene.account.contacts.exclusions.extend(f"nobody{number}@example.net" for number in range(3_000))
    scene.account.exclude(member(1))
    scene.plan(members(3))
    scene.strike(TimedOut(on=("GET", "/api/3/lists/exclusions"), nth=range(11, 17)))
    scene.whole()
    assert scene.codes() == {REFUSED_EXCLUDED: 1}
    assert len(scene.api.journal.requests("GET", "/api/3/lists/exclusions")) == 31 + 6


def test_an_endless_exclusion_list_is_not_read_to_its_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many entries the search goes on without it."""
    monkeypatch.setattr("shared.outcomes.reasons.MOST_EXCLUSIONS", 500)
    scene.account.contacts.exclusions.extend(f"nobody{number}@example.net" for number in range(3_000))
    scene.account.unsubscribe(member(1), scene.list_id)
    scene.plan(members(3))
    scene.whole()
    assert scene.codes() == {REFUSED_UNSUBSCRIBED: 1}
    assert len(scene.api.journal.requests("GET", "/api/3/lists/exclusions")) == 5
