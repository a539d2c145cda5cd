"""What becomes of accepted imports."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.activecampaign.contacts import Status
from local.activecampaign.faults import ImportFate
from local.activecampaign.imports import Fate, Timing
from local.activecampaign.variants import Variants
from tests.activecampaign_standin.conftest import PROCESSED, MakeWorld, World, fresh_world, on, person


@pytest.fixture
def list_id(world: World) -> int:
    """A list of the ordinary world."""
    return world.account.add_list("Newsletter")


def with_list(make_world: MakeWorld, **variants: Any) -> tuple[World, int]:
    """A world by other variants, and a list in it."""
    world = make_world(Variants(**variants))
    return world, world.account.add_list("Newsletter")


def test_an_import_goes_through_its_states(make_world: MakeWorld) -> None:
    """Boolean false in the first second, then waiting, claimed, active, and completed when its time has come."""
    world = make_world(timing=Timing(unseen=1.0, waiting=1.0, claimed=1.0, active=1.0))
    world.pause = 0.0
    batch_id = world.batch_id(world.post_import(person(1)))
    states = []
    for _ in range(5):
        states.append(world.info(batch_id)["status"])
        world.clock.sleep(1.0)
    assert states == [False, "waiting", "claimed", "active", "completed"]


def test_nothing_is_written_before_an_import_has_ended(world: World, list_id: int) -> None:
    """Contacts appear on their list when it completes, and not a moment earlier."""
    world.post_import(person(1, subscribe=on(list_id)))
    world.clock.sleep(PROCESSED - 0.1)
    assert world.account.contacts_on(list_id) == {}
    world.clock.sleep(0.1)
    assert list(world.account.contacts_on(list_id)) == ["person1@example.com"]


def test_everything_documented_is_written(world: World, list_id: int) -> None:
    """Names, phone, tags, fields and list, all under their snake_case names."""
    tier = world.account.add_field("Tier")
    report = world.imported(
        person(
            1,
            first_name="Ada",
            last_name="Lovelace",
            phone="+43 1 234",
            tags=["vip", "new"],
            fields=[{"id": tier, "value": "gold"}],
            subscribe=on(list_id),
        )
    )
    contact = world.account.contacts_on(list_id)["person1@example.com"]
    assert (contact.first_name, contact.last_name, contact.phone) == ("Ada", "Lovelace", "+43 1 234")
    assert (sorted(contact.tags), contact.fields) == (["new", "vip"], {tier: "gold"})
    assert report == {"status": "completed", "success": [str(contact.id)], "failure": []}


def test_camel_case_and_unknown_members_are_ignored_silently(world: World) -> None:
    """No error tells the client that it used the wrong names."""
    world.imported(person(1, firstName="Ada", lastName="Lovelace", nonsense=[1]), whatever=True)
    contact = world.account.contact("person1@example.com")
    assert contact is not None
    assert (contact.first_name, contact.last_name) == ("", "")


def test_what_is_left_out_stays_and_what_is_empty_overwrites(world: World) -> None:
    """An update touches only the members that were sent."""
    tier = world.account.add_field("Tier")
    world.imported(person(1, first_name="Ada", phone="+43", fields=[{"id": tier, "value": "gold"}]))
    world.imported(person(1, phone="", last_name="Lovelace"))
    contact = world.account.contact("person1@example.com")
    assert contact is not None
    assert (contact.first_name, contact.last_name, contact.phone) == ("Ada", "Lovelace", "")
    assert contact.fields == {tier: "gold"}


def test_tags_are_added_and_never_removed(world: World) -> None:
    """A tag that does not exist yet is made by its name."""
    world.imported(person(1, tags=["old"]))
    world.imported(person(1, tags=["new"]))
    contact = world.account.contact("person1@example.com")
    assert contact is not None
    assert contact.tags == {"old", "new"}
    assert {tag["tag"] for tag in world.get("/tags")["tags"]} == {"old", "new"}


def test_an_address_is_one_contact_whatever_its_case(world: World) -> None:
    """The email is the only key."""
    world.imported({"email": "Person1@Example.com", "first_name": "Ada"})
    world.imported(person(1, last_name="Lovelace"))
    contact = world.account.contact("PERSON1@example.com")
    assert contact is not None
    assert (contact.id, contact.first_name, contact.last_name) == (1, "Ada", "Lovelace")


@pytest.mark.parametrize(("which", "ids"), [("created", ["3"]), ("all", ["1", "2", "3"])])
def test_success_holds_created_or_all_contacts(make_world: MakeWorld, which: str, ids: list[str]) -> None:
    """Sources differ, so nothing can be computed from its length."""
    world, _ = with_list(make_world, success_lists=which)
    world.imported(person(1), person(2))
    assert world.imported(person(1), person(2), person(3))["success"] == ids


# Who is refused


def test_nobody_is_subscribed_again(world: World, list_id: int) -> None:
    """Somebody who unsubscribed stays unsubscribed, is among the failures without a reason, and is not updated."""
    world.account.unsubscribe("person1@example.com", list_id)
    report = world.imported(*(person(number, first_name="Ada", subscribe=on(list_id)) for number in (1, 2)))
    assert report["failure"] == ["person1@example.com"]
    assert world.account.status("person1@example.com", list_id) is Status.UNSUBSCRIBED
    contact = world.account.contact("person1@example.com")
    assert contact is not None
    assert contact.first_name == ""
    assert world.api.journal.resubscriptions == 0


@pytest.mark.parametrize("reported", [True, False])
@pytest.mark.parametrize("updated", [True, False])
def test_what_else_happens_to_the_unsubscribed_is_open(make_world: MakeWorld, reported: bool, updated: bool) -> None:
    """Reported or not, otherwise updated or not: in no case subscribed."""
    world, list_id = with_list(make_world, unsubscribed_reported=reported, unsubscribed_updated=updated)
    world.account.unsubscribe("person1@example.com", list_id)
    report = world.imported(person(1, first_name="Ada", subscribe=on(list_id)))
    contact = world.account.contact("person1@example.com")
    assert contact is not None
    assert report["failure"] == (["person1@example.com"] if reported else [])
    assert contact.first_name == ("Ada" if updated else "")
    assert world.account.contacts_on(list_id) == {}


def test_who_left_one_list_can_join_another(world: World, list_id: int) -> None:
    """An unsubscription counts for its own list."""
    other = world.account.add_list("Offers")
    world.account.unsubscribe("person1@example.com", list_id)
    assert world.imported(person(1, subscribe=on(other)))["failure"] == []
    assert list(world.account.contacts_on(other)) == ["person1@example.com"]


def test_unsubscribe_is_a_real_unsubscription(world: World, list_id: int) -> None:
    """It takes effect, and bars the way back."""
    world.imported(person(1, subscribe=on(list_id)))
    world.imported(person(1, unsubscribe=on(list_id)))
    assert world.account.status("person1@example.com", list_id) is Status.UNSUBSCRIBED
    assert world.imported(person(1, subscribe=on(list_id)))["failure"] == ["person1@example.com"]


def test_who_bounced_is_refused(world: World, list_id: int) -> None:
    """Nothing is written for an address that bounced before, on whichever list that was."""
    world.account.bounce("person1@example.com", list_id)
    other = world.account.add_list("Offers")
    assert world.imported(person(1, subscribe=on(other)))["failure"] == ["person1@example.com"]
    assert world.account.contacts_on(other) == {}
    assert world.account.status("person1@example.com", list_id) is Status.BOUNCED


@pytest.mark.parametrize("reported", [True, False])
def test_excluded_addresses_are_not_queued(make_world: MakeWorld, reported: bool) -> None:
    """Fewer contacts are queued than were sent; in the end they may or may not be among the failures."""
    world, list_id = with_list(make_world, excluded_reported=reported)
    world.account.exclude("person1@example.com")
    world.account.exclude("*@Example.org")
    sent = ["person1@example.com", "person2@example.com", "x@EXAMPLE.org"]
    response = world.post_import(*({"email": email, "subscribe": on(list_id)} for email in sent))
    assert b'"queued_contacts": 1' in response.body
    world.clock.sleep(PROCESSED)
    failure = world.info(world.batch_id(response))["failure"]
    assert sorted(failure) == (["person1@example.com", "x@EXAMPLE.org"] if reported else [])
    assert list(world.account.contacts_on(list_id)) == ["person2@example.com"]


def test_an_apostrophe_passes_the_queue_and_fails_afterwards(world: World) -> None:
    """It is no reason to refuse the import."""
    assert world.imported({"email": "o'neil@example.com"}, person(1))["failure"] == ["o'neil@example.com"]
    assert world.account.contact("o'neil@example.com") is None


def test_a_full_account_takes_updates_but_no_newcomers(world: World) -> None:
    """Contacts beyond the limit are among the failures."""
    world.account.limit_contacts(1)
    assert world.imported(person(1), person(2))["failure"] == ["person2@example.com"]
    assert world.imported(person(1, first_name="Ada"))["failure"] == []


def test_contacts_fail_when_their_list_vanishes_while_they_wait(world: World, list_id: int) -> None:
    """They were accepted, and nothing is written."""
    batch_id = world.batch_id(world.post_import(person(1, subscribe=on(list_id))))
    world.account.delete_list(list_id)
    world.clock.sleep(PROCESSED)
    assert world.info(batch_id)["failure"] == ["person1@example.com"]
    assert world.account.contact("person1@example.com") is None


@pytest.mark.parametrize(
    ("variant", "status", "first_name", "failure"),
    [
        ("last_wins", 200, "Grace", []),
        ("first_wins", 200, "Ada", []),
        ("second_fails", 200, "Ada", ["PERSON1@example.com"]),
        ("refused", 400, None, []),
    ],
)
def test_an_address_twice_in_one_body(
    make_world: MakeWorld, variant: str, status: int, first_name: str | None, failure: list[str]
) -> None:
    """Documented nowhere, so every way can be played; no client of ours may do it."""
    world, _ = with_list(make_world, repeated_email=variant)
    response = world.post_import(person(1, first_name="Ada"), {"email": "PERSON1@example.com", "first_name": "Grace"})
    world.clock.sleep(PROCESSED)
    contact = world.account.contact("person1@example.com")
    assert response.status == status
    assert (contact.first_name if contact else None) == first_name
    assert world.api.journal.violation_kinds() == {"email_repeated"}
    if status == 200:
        assert world.info(world.batch_id(response))["failure"] == failure


steps = st.tuples(
    st.sampled_from(["subscribe", "unsubscribe", "leaves", "bounces"]), st.integers(0, 3), st.integers(0, 60)
)


@given(
    story=st.lists(steps, max_size=30),
    reported=st.booleans(),
    updated=st.booleans(),
    timing=st.builds(Timing, active=st.floats(0, 20)),
)
def test_no_story_of_imports_subscribes_anybody_again(
    story: list[tuple[str, int, int]], reported: bool, updated: bool, timing: Timing
) -> None:
    """Whoever has unsubscribed or bounced stays so, whatever is imported in whatever order."""
    world = fresh_world(Variants(unsubscribed_reported=reported, unsubscribed_updated=updated), timing=timing)
    list_id = world.account.add_list("Newsletter")
    gone: set[str] = set()
    for what, number, pause in story:
        email = f"person{number}@example.com"
        world.clock.sleep(pause)
        if what == "leaves":
            world.account.unsubscribe(email, list_id)
        elif what == "bounces":
            world.account.bounce(email, list_id)
        else:
            world.post_import(person(number, **{what: on(list_id)}))
        gone |= set(world.account.contacts_on(list_id, Status.UNSUBSCRIBED))
        gone |= set(world.account.contacts_on(list_id, Status.BOUNCED))
        assert not gone & set(world.account.contacts_on(list_id))


# Automations


@pytest.mark.parametrize(
    ("inside", "outside", "runs"),
    [({}, {}, 1), ({}, {"exclude_automations": True}, 0), ({"exclude_automations": True}, {}, 1),
     ({}, {"exclude_automations": False}, 1), ({}, {"exclude_automations": "true"}, 1)],
)  # fmt: skip
def test_automations_run_unless_excluded_at_the_top(
    world: World, inside: dict[str, object], outside: dict[str, object], runs: int
) -> None:
    """Inside a contact the member means nothing; every import that lets automations run counts."""
    world.imported(person(1, **inside), **outside)
    contact = world.account.contact("person1@example.com")
    assert contact is not None
    assert contact.automation_runs == runs


@pytest.mark.parametrize(
    ("inside", "outside", "runs"),
    [({}, {}, 1), ({}, {"exclude_automations": True}, 1), ({"exclude_automations": True}, {}, 0),
     ({"exclude_automations": "true"}, {}, 1)],
)  # fmt: skip
def test_automations_may_be_excluded_contact_by_contact(
    make_world: MakeWorld, inside: dict[str, object], outside: dict[str, object], runs: int
) -> None:
    """As the example of the documentation shows it: the member at the top means nothing then."""
    world, _ = with_list(make_world, exclude_automations_in="contact")
    world.imported(person(1, **inside), person(2), **outside)
    counts = [world.account.contact(f"person{number}@example.com") for number in (1, 2)]
    assert [contact and contact.automation_runs for contact in counts] == [runs, 1]


def test_automations_run_again_for_an_import_sent_again(world: World) -> None:
    """That is the harm of sending twice."""
    for _ in range(3):
        world.imported(person(1))
    contact = world.account.contact("person1@example.com")
    assert contact is not None
    assert contact.automation_runs == 3


# How imports end


def test_the_later_end_wins_not_the_later_request(world: World) -> None:
    """Two imports of the same address race."""
    world.strike(ImportFate(nth=1, fate=Fate(stuck=60)))
    world.post_import(person(1, first_name="First"))
    world.post_import(person(1, first_name="Second"))
    world.clock.sleep(100)
    contact = world.account.contact("person1@example.com")
    assert contact is not None
    assert contact.first_name == "First"


def test_an_import_may_overtake_the_one_before_it(make_world: MakeWorld) -> None:
    """Imports are processed in no particular order."""
    world, _ = with_list(make_world, overtaken=30.0)
    world.post_import(person(1, first_name="First"))
    world.post_import(person(1, first_name="Second"))
    world.clock.sleep(10)
    contact = world.account.contact("person1@example.com")
    assert contact is not None
    assert contact.first_name == "Second"
    world.clock.sleep(30)
    with world.account.settled():
        assert contact.first_name == "First"


@pytest.mark.parametrize(
    ("fate", "status", "written"),
    [
        (Fate(ending="failed", share=0.0), "failed", 0),
        (Fate(ending="interrupted", share=0.5), "interrupted", 2),
        (Fate(ending="failed"), "failed", 4),
    ],
)
def test_an_import_can_end_badly(world: World, list_id: int, fate: Fate, status: str, written: int) -> None:
    """With none, some or all of its contacts processed."""
    world.strike(ImportFate(nth=1, fate=fate))
    report = world.imported(*(person(number, subscribe=on(list_id)) for number in range(4)))
    assert report["status"] == status
    assert len(report["success"]) == len(world.account.contacts_on(list_id)) == written


@pytest.mark.parametrize(
    ("fate", "after", "status"),
    [
        (Fate(stuck=7200), 3600, "active"),
        (Fate(stuck=7200), 7200 + PROCESSED, "completed"),
        (Fate(stuck=math.inf), 1e9, "active"),
        (Fate(unseen=600), 600, False),
        (Fate(unseen=600), 600 + PROCESSED, "completed"),
    ],
)
def test_an_import_can_take_its_time(world: World, fate: Fate, after: float, status: object) -> None:
    """Stuck for hours or for ever, or `false` for long."""
    world.strike(ImportFate(fate=fate))
    world.pause = 0.0
    batch_id = world.batch_id(world.post_import(person(1)))
    world.clock.sleep(after)
    assert world.info(batch_id)["status"] == status


@pytest.mark.parametrize(("absent", "left"), [({"failure"}, {"success"}), ({"success", "failure"}, set())])
def test_a_report_can_lack_its_arrays(world: World, absent: set[Any], left: set[str]) -> None:
    """Either may be absent, whatever it would have held."""
    world.strike(ImportFate(fate=Fate(absent=frozenset(absent))))
    assert set(world.imported(person(1), {"email": "o'neil@example.com"})) == {"status"} | left


def test_an_empty_failure_can_be_absent(make_world: MakeWorld) -> None:
    """One that holds somebody is not."""
    world, _ = with_list(make_world, empty_failure_absent=True)
    assert "failure" not in world.imported(person(1))
    assert world.imported({"email": "o'neil@example.com"})["failure"] == ["o'neil@example.com"]


@pytest.mark.parametrize(
    ("variant", "status", "document"),
    [
        ("not_found", 404, {"message": "No Result found for Import with id x"}),
        ("bad_request", 400, {"message": "The batchId is not valid."}),
        ("false", 200, {"status": False}),
        ("empty", 200, {}),
    ],
)
def test_an_id_that_nobody_knows(make_world: MakeWorld, variant: Any, status: int, document: object) -> None:
    """Documented nowhere, so every way can be played."""
    world, _ = with_list(make_world, unknown_import=variant)
    response = world.ask("GET", "/import/info?batchId=x")
    assert (response.status, response.document) == (status, document)


def test_an_id_is_required(world: World) -> None:
    """Asking for no import in particular is a mistake of the client."""
    assert world.ask("GET", "/import/info").status == 400


def test_an_accepted_import_can_be_forgotten(world: World, list_id: int) -> None:
    """Its contacts are written all the same."""
    world.strike(ImportFate(fate=Fate(unknown=True)))
    batch_id = world.batch_id(world.post_import(person(1, subscribe=on(list_id))))
    world.clock.sleep(PROCESSED)
    assert world.ask("GET", f"/import/info?batchId={batch_id}").status == 404
    assert len(world.account.contacts_on(list_id)) == 1


def test_reports_are_kept_for_a_while(make_world: MakeWorld) -> None:
    """How long is documented nowhere."""
    world, _ = with_list(make_world, import_kept=600.0)
    batch_id = world.batch_id(world.post_import(person(1)))
    world.clock.sleep(PROCESSED + 599)
    assert world.info(batch_id)["status"] == "completed"
    world.clock.sleep(1)
    assert world.ask("GET", f"/import/info?batchId={batch_id}").status == 404


def test_the_backlog_is_told_by_day_in_texts(world: World) -> None:
    """Of the whole account: what is outstanding, and what ended lately."""
    world.clock.now = 1_780_000_000.0
    world.imported(person(1))
    world.post_import(person(2), person(3))
    assert world.get("/import/bulk_import") == {
        "outstanding": [{"forDate": "2026-05-28", "batches": "1", "contacts": "2"}],
        "recentlyCompleted": [{"forDate": "2026-05-28", "batches": "1", "contacts": "1"}],
    }


def test_the_same_seed_gives_the_same_ids(make_world: MakeWorld) -> None:
    """A simulation that is run again tells the same story."""
    ids = [world.batch_id(world.post_import(person(1))) for world in (make_world(), make_world())]
    assert ids[0] == ids[1]
