"""What tests want to know about the requests that were made."""

import pytest

from local.activecampaign.contacts import Status
from local.activecampaign.faults import BULK_IMPORT, Reset, ServerError
from local.activecampaign.imports import Imports
from local.activecampaign.journal import Entry
from local.activecampaign.limits import LimitRules
from tests.activecampaign_standin.conftest import MakeWorld, World, on, person

IMPORT = "/api/3/import/bulk_import"


def test_every_request_is_noted_in_order(world: World) -> None:
    """With its time, and the number of contacts of an import; nothing in it is personal."""
    start = world.clock.now
    world.ask("GET", "/contacts?email=person1@example.com")
    world.ask("GET", "/nonsense", key="wrong")
    world.post_import(person(1), person(2))
    assert world.api.journal.entries == [
        Entry(start + 0.25, "GET", "/api/3/contacts", 200),
        Entry(start + 0.5, "GET", "/api/3/nonsense", 403),
        Entry(start + 0.75, "POST", IMPORT, 200, contacts=2),
    ]


def test_requests_are_found_by_what_they_asked(world: World) -> None:
    """Method and path, exactly."""
    world.get("/lists")
    world.get("/lists?limit=100")
    world.get("/fields")
    assert len(world.api.journal.requests("GET", "/api/3/lists")) == 2


def test_what_a_limit_turned_away_is_noted_by_the_limit(make_world: MakeWorld) -> None:
    """So that a run can be shown to have stayed within them."""
    world = make_world(limits=LimitRules(single_imports=1, imports=1))
    for contacts in ([person(1)], [person(1)], [person(1), person(2)], [person(1), person(2)]):
        world.post_import(*contacts)
    assert [entry.turned_away for entry in world.api.journal.entries] == [None, "single_imports", None, "imports"]
    assert world.api.journal.rate_limit_answers == 2


def test_accepted_imports_are_counted_whatever_the_client_heard(world: World) -> None:
    """One refused, one lost before it was handled, one lost afterwards."""
    world.strike(ServerError(on=BULK_IMPORT, nth=2), Reset(on=BULK_IMPORT, nth=3, handled=True))
    world.post_import({"email": "nobody"})
    world.post_import(person(1))
    with pytest.raises(ConnectionResetError):
        world.post_import(person(1), person(2))
    assert [contacts for _, contacts in world.api.journal.queued] == [2]


def test_extra_sends_are_counted_by_address(world: World) -> None:
    """Whatever its case; once is not extra."""
    for contacts in ([person(1), person(2)], [person(2)], [{"email": "PERSON2@example.com"}]):
        world.post_import(*contacts)
    assert world.api.journal.extra_sends() == {"person2@example.com": 2}
    assert [world.api.journal.sends(f"person{number}@example.com") for number in range(3)] == [0, 1, 3]


@pytest.mark.parametrize("how", ["unsubscribed", "bounced", "bounced elsewhere"])
@pytest.mark.parametrize("under", ["the old address", "the new address"])
def test_a_person_is_the_same_under_every_address(world: World, how: str, under: str) -> None:
    """Who is gone, and active again as another contact with an address they had, was made active again."""
    list_id, other = world.account.add_list("News"), world.account.add_list("Offers")
    if how == "unsubscribed":
        world.account.unsubscribe("person1@example.com", list_id)
    else:
        world.account.bounce("person1@example.com", list_id if how == "bounced" else other)
    for email in ("person2@example.com", "person3@example.com"):
        assert world.ask("PUT", "/contacts/1", {"contact": {"email": email}}).status == 200
    again = "person1@example.com" if under == "the old address" else "person2@example.com"
    world.imported({"email": again, "subscribe": on(list_id)})
    assert world.account.status(again, list_id) is Status.ACTIVE
    assert world.api.journal.resubscriptions == 1


def test_an_import_that_takes_back_an_unsubscription_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should an account ever do so: it is the person that counts, not the call."""
    list_id = world.account.add_list("News")
    world.account.unsubscribe("person1@example.com", list_id)
    monkeypatch.setattr(Imports, "_has_left", lambda *_: False)
    world.imported(person(1, subscribe=on(list_id)))
    assert world.account.status("person1@example.com", list_id) is Status.ACTIVE
    assert world.api.journal.resubscriptions == 1


def test_who_comes_back_by_themselves_was_not_made_to(world: World) -> None:
    """A form in a web page is their own doing, and an import afterwards changes nothing."""
    list_id = world.account.add_list("News")
    world.account.unsubscribe("person1@example.com", list_id)
    world.account.add_contact("person1@example.com", list_id)
    world.imported(person(1, subscribe=on(list_id)))
    assert world.api.journal.resubscriptions == 0


def test_the_rate_of_imports_over_time(world: World) -> None:
    """Imports a minute in buckets, also in those that had none."""
    world.pause = 0.0
    start = world.clock.now
    for pause in (0, 10, 10, 80):
        world.clock.sleep(pause)
        world.post_import(person(1), person(2))
    assert world.api.journal.imports_per_minute() == [(start, 3.0), (start + 60, 1.0)]
    assert world.api.journal.imports_per_minute(bucket=30.0) == [
        (start, 6.0),
        (start + 30, 0.0),
        (start + 60, 0.0),
        (start + 90, 2.0),
    ]


def test_no_imports_no_rate(world: World) -> None:
    """Nothing to plot."""
    assert world.api.journal.imports_per_minute() == []


def test_a_journal_can_begin_anew(world: World) -> None:
    """To look at one run at a time."""
    world.ask("POST", "/import/bulk_import", {"contacts": [person(1)]}, headers={"User-Agent": ""})
    world.post_import(person(1))
    journal = world.api.journal
    journal.forget()
    assert (journal.entries, journal.violations, journal.queued, journal.extra_sends()) == ([], [], [], {})
