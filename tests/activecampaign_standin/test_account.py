"""How a test sets an account up and looks at it."""

import pytest

from local.activecampaign.account import Account
from local.activecampaign.contacts import Status
from tests.activecampaign_standin.conftest import PROCESSED, World, on, person


def test_ids_are_never_given_twice() -> None:
    """A list's id does not pass for a field's, nor for that of a list that is gone."""
    account = Account()
    first, second = account.add_list("News"), account.add_field("Tier")
    account.delete_list(first)
    account.delete_field(second)
    assert len({first, second, account.add_list("Offers"), account.add_field("Points")}) == 4


def test_a_list_can_have_the_id_that_a_test_names() -> None:
    """And those that follow do not get in its way."""
    account = Account()
    assert [account.add_list("News", 3), account.add_list("Offers")] == [3, 4]


def test_contacts_by_how_they_stand_on_a_list() -> None:
    """Active ones unless another status is asked for."""
    account = Account()
    list_id = account.add_list("News")
    for status in Status:
        account.add_contact(f"person{int(status)}@example.com", list_id, status)
    assert list(account.contacts_on(list_id)) == ["person1@example.com"]
    assert [list(account.contacts_on(list_id, status)) for status in Status] == [
        [f"person{int(status)}@example.com"] for status in Status
    ]


def test_strangers_have_no_standing() -> None:
    """Neither somebody unknown nor somebody who never was on the list."""
    account = Account()
    list_id = account.add_list("News")
    account.add_contact("known@example.com")
    assert account.status("known@example.com", list_id) is None
    assert account.status("stranger@example.com", list_id) is None


def test_what_happens_to_contacts_happens_after_what_was_due(world: World) -> None:
    """An unsubscription between two imports comes after the first, although nobody looked in between."""
    list_id = world.account.add_list("News")
    world.post_import(person(1, subscribe=on(list_id)))
    world.clock.sleep(PROCESSED)
    world.account.unsubscribe("person1@example.com", list_id)
    assert world.account.status("person1@example.com", list_id) is Status.UNSUBSCRIBED
    assert world.imported(person(1, subscribe=on(list_id)))["failure"] == ["person1@example.com"]


def test_a_bounce_takes_nothing_back() -> None:
    """It shows where the contact was active; an unsubscription stays one."""
    account = Account()
    news, offers, other = (account.add_list(name) for name in ("News", "Offers", "Other"))
    account.add_contact("a@example.com", news)
    account.unsubscribe("a@example.com", offers)
    account.bounce("a@example.com")
    standing = [account.status("a@example.com", list_id) for list_id in (news, offers, other)]
    assert standing == [Status.BOUNCED, Status.UNSUBSCRIBED, None]


def test_a_contact_put_on_a_list_as_bounced_has_bounced(world: World) -> None:
    """So imports are refused for it."""
    list_id = world.account.add_list("News")
    world.account.add_contact("person1@example.com", list_id, Status.BOUNCED)
    assert world.imported(person(1, subscribe=on(list_id)))["failure"] == ["person1@example.com"]
    assert world.account.contacts_on(list_id) == {}


@pytest.mark.parametrize(
    ("pattern", "email", "refused"),
    [
        ("a@example.com", "A@Example.com", True),
        ("a@example.com", "ba@example.com", False),
        ("a@example.com", "a@example.com.example.org", False),
        ("*@example.com", "anybody@example.com", True),
        ("*@example.com", "anybody@sub.example.com", False),
        ("info@*", "info@example.org", True),
        ("a.b@example.com", "axb@example.com", False),
    ],
)
def test_addresses_and_patterns_are_refused(pattern: str, email: str, refused: bool) -> None:
    """The whole address has to fit, whatever its case."""
    account = Account()
    account.exclude("unrelated@example.org")
    account.exclude(pattern)
    assert account.contacts.excluded(email) is refused


def test_equal_sets_of_tags_are_kept_once() -> None:
    """A million contacts with the same tags cost one set."""
    account = Account()
    first, second = (account.add_contact(email, tags=["a", "b"]) for email in ("x@example.com", "y@example.com"))
    assert first.tags is second.tags
