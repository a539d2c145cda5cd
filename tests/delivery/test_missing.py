"""Contacts that ActiveCampaign says it did not take without saying who: never confirmed, and found where asking can."""

from dataclasses import dataclass
from typing import Any, get_args

import pytest

from local.activecampaign.exchange import Response, answer
from local.activecampaign.faults import BULK_IMPORT, Fault
from local.activecampaign.variants import ExclusionsForm, FailureForm, Variants
from shared.documents import ReceiptState
from shared.outcomes.gaps import LEFT_OUT, UNCLEAR
from shared.outcomes.missing import MOST_CHECKS
from shared.receipts import REFUSED_BOUNCED, REFUSED_EXCLUDED, REFUSED_UNKNOWN, REFUSED_UNSUBSCRIBED
from tests.delivery.conftest import MakeScene
from tests.delivery.scene import Scene, member, members

ODD = "ada+news@xn--bcher-kva.example.com"


@dataclass(frozen=True, kw_only=True)
class Queued(Fault):
    """An accepted import that is said to have queued another number of contacts than it has."""

    on: tuple[str, str] = BULK_IMPORT
    number: object
    handled: bool = True

    def spoil(self, response: Response) -> Response:
        """See `Fault`."""
        document = response.document
        assert isinstance(document, dict)
        return answer(200, document | {"queued_contacts": self.number})


def _questions(scene: Scene) -> int:
    """How often single contacts were asked about."""
    return sum(entry.path.startswith("/api/3/contacts") for entry in scene.api.journal.entries)


# Left out when queueing


@pytest.mark.parametrize("form", [form for form in get_args(ExclusionsForm) if form != "objects"])
@pytest.mark.parametrize("reported", [True, False])
def test_whoever_was_left_out_is_never_confirmed(make: MakeScene, form: ExclusionsForm, reported: bool) -> None:
    """Refused where the exclusion list or the report names them; else they go out with the next run."""
    scene = make(Variants(exclusions_form=form, excluded_reported=reported))
    for number in range(120):
        scene.account.exclude(f"nobody{number}@example.net")
    scene.account.contacts.exclusions[50] = scene.account.contacts.exclusions[49]
    scene.account.exclude(member(4))
    scene.account.unsubscribe(member(7), scene.list_id)
    scene.plan(members(20))
    scene.whole()
    known = form not in ("number", "forbidden", "web_page", "first_page")
    excluded = {REFUSED_EXCLUDED: 1} if known else {REFUSED_UNKNOWN: 1} if reported else {}
    assert scene.codes() == {REFUSED_UNSUBSCRIBED: 1} | excluded
    assert (scene.confirmed(), scene.failed()) == (18, 0 if known or reported else 1)
    assert scene.active() == scene.planned() - {member(4), member(7)}
    assert scene.receipt().reason == (LEFT_OUT if scene.failed() else None)


@pytest.mark.parametrize(("reported", "confirmed"), [(True, 5), (False, 0)])
def test_who_was_on_the_list_before_is_no_proof(make: MakeScene, reported: bool, confirmed: int) -> None:
    """Where everybody stands as asked and somebody was left out all the same, nobody is confirmed."""
    scene = make(Variants(excluded_reported=reported, exclusions_form="forbidden"))
    for number in range(6):
        scene.account.add_contact(member(number), scene.list_id)
    scene.account.exclude(member(4))
    scene.plan(members(6))
    scene.whole()
    assert scene.codes() == ({REFUSED_UNKNOWN: 1} if reported else {})
    assert (scene.confirmed(), scene.failed()) == (confirmed, 5 - confirmed + (not reported))


@pytest.mark.parametrize(
    ("number", "confirmed"),
    [
        *((said, 20) for said in (20, "20", 20.0, -1, 10**30, None, "many", [19], True)),
        *((said, 0) for said in (19, "19", 19.0, 0)),
    ],
)
def test_how_many_were_queued_is_believed_where_it_says_something(scene: Scene, number: object, confirmed: int) -> None:
    """A number in any dress; anything else is as good as silence."""
    scene.strike(Queued(number=number))
    scene.plan(members(20))
    scene.whole()
    assert (scene.confirmed(), scene.failed()) == (confirmed, 20 - confirmed)


# Told without a name


@pytest.mark.parametrize("form", get_args(FailureForm))
@pytest.mark.parametrize("excluded", [False, True])
def test_failures_are_understood_in_every_form(make: MakeScene, form: FailureForm, excluded: bool) -> None:
    """Who failed is refused with the reason, and all others of the import are confirmed."""
    scene = make(Variants(failure_form=form))
    scene.account.unsubscribe(ODD, scene.list_id)
    scene.account.bounce(member(3), scene.list_id)
    if excluded:
        scene.account.exclude(member(5))
    scene.plan([[*members(20)[0], ODD, "o'hara@example.com"]])
    scene.whole()
    assert scene.codes() == {REFUSED_UNSUBSCRIBED: 1, REFUSED_BOUNCED: 1, "refused_invalid": 1} | (
        {REFUSED_EXCLUDED: 1} if excluded else {}
    )
    assert (scene.confirmed(), scene.failed()) == (19 - excluded, 0)
    assert scene.active() == {member(number) for number in range(20)} - {member(3)} - (
        {member(5)} if excluded else set()
    )
    assert scene.receipt().state is ReceiptState.CONFIRMED


@pytest.mark.parametrize("form", ["count", "ids", "strangers"])
def test_contacts_are_looked_up_within_bounds(make: MakeScene, form: Any) -> None:
    """As many as a run may ask about; of whom nobody could be asked, nobody is confirmed."""
    scene = make(Variants(failure_form=form))
    gone = [member(number) for number in (249, 499, 749)]
    for email in gone:
        scene.account.unsubscribe(email, scene.list_id)
    scene.plan(members(750))
    scene.whole()
    assert scene.codes() == {REFUSED_UNSUBSCRIBED: 2}
    assert (scene.confirmed(), scene.failed()) == (498, 250)
    assert _questions(scene) <= 2 * MOST_CHECKS + 10
    assert scene.receipt(2).reason == UNCLEAR
    assert scene.api.journal.rate_limit_answers == 0


def test_a_search_for_somebody_goes_on_where_it_stopped(make: MakeScene) -> None:
    """It takes several calls, and nobody is asked about twice."""
    scene = make(Variants(failure_form="count"))
    scene.account.unsubscribe(member(249), scene.list_id)
    scene.plan(members(250))
    scene.whole()
    assert scene.codes() == {REFUSED_UNSUBSCRIBED: 1}
    assert _questions(scene) <= 2 * 250 + 5


def test_unsubscribed_leavers_are_taken_when_they_are_off_the_list(make: MakeScene) -> None:
    """Who was asked to leave a list stands as asked when they have left it."""
    scene = make(Variants(failure_form="count"))
    for number in range(6):
        scene.account.add_contact(member(number), scene.list_id)
    scene.account.bounce(member(2), scene.list_id)
    scene.plan(members(6), subscribe=[], unsubscribe=[{"listid": scene.list_id}])
    scene.whole()
    assert scene.codes() == {REFUSED_BOUNCED: 1}
    assert (scene.confirmed(), scene.failed()) == (5, 0)
