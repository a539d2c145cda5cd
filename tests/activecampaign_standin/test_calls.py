"""The calls besides the bulk import."""

import pytest

from local.activecampaign.contacts import Status
from local.activecampaign.exchange import Response
from local.activecampaign.variants import ExclusionsForm, Variants
from tests.activecampaign_standin.conftest import MakeWorld, World, person


def error_code(response: Response) -> object:
    """The code of a 422."""
    document = response.document
    assert isinstance(document, dict)
    (error,) = document["errors"]
    assert set(error) == {"title", "detail", "code", "source"}
    return error["code"]


# Paging


@pytest.mark.parametrize("path", ["/lists", "/fields", "/tags", "/contacts"])
@pytest.mark.parametrize(
    ("query", "first", "count"),
    [
        ("", 1, 20),
        ("?limit=100", 1, 100),
        ("?limit=1000", 1, 100),
        ("?limit=50&offset=100", 101, 20),
        ("?offset=110", 111, 10),
        ("?offset=120", None, 0),
        ("?limit=nonsense", 1, 20),
    ],
)
def test_pages_hold_20_and_at_most_100(world: World, path: str, query: str, first: int | None, count: int) -> None:
    """The default that most clients stumble over; `meta.total` is a text and counts everything."""
    for number in range(1, 121):
        world.account.contacts.tag_id(f"tag{number}")
        world.account.contacts.add(f"person{number}@example.com")
        world.account.add_list(f"List {number}", number)
    for number in range(120):
        world.account.add_field(f"Field {number}")
    document = world.get(path + query)
    page = document[path[1:]]
    assert document["meta"] == {"total": "120"}
    assert len(page) == count
    if first is not None:
        assert int(page[0]["id"]) == first + (120 if path == "/fields" else 0)


def test_the_total_can_be_a_number(make_world: MakeWorld) -> None:
    """Both were seen."""
    world = make_world(Variants(total_as_number=True))
    assert world.get("/fields")["meta"] == {"total": 0}


# Lists


def test_a_list_by_its_id(world: World) -> None:
    """Ids are texts."""
    world.account.add_list("Monthly News", 3)
    assert world.get("/lists/3") == {"list": {"id": "3", "name": "Monthly News", "stringid": "monthly-news"}}


def test_a_list_that_is_not_there(world: World) -> None:
    """404 in the documented words, also once it was deleted."""
    world.account.add_list("News", 7)
    world.account.delete_list(7)
    response = world.ask("GET", "/lists/7")
    assert (response.status, response.document) == (404, {"message": "No Result found for _List with id 7"})


def test_exclusions_are_listed(world: World) -> None:
    """Addresses and patterns that the account refuses."""
    world.account.exclude("x@example.com")
    world.account.exclude("*@example.org")
    assert [one["email"] for one in world.get("/lists/exclusions")["exclusions"]] == ["x@example.com", "*@example.org"]


@pytest.mark.parametrize(
    ("form", "page"),
    [
        ("objects", {"exclusions": [{"id": "1", "email": "*@0.example.org"}], "meta": {"total": "130"}}),
        ("texts", {"exclusions": ["*@0.example.org"]}),
        ("patterns", {"listExclusions": [{"id": "1", "pattern": "*@0.example.org"}]}),
        ("nested", {"exclusions": {"total": 130, "items": [{"value": "*@0.example.org"}]}}),
        ("bare", ["*@0.example.org"]),
        ("number", {"exclusions": 130}),
    ],
)
def test_exclusions_come_in_every_shape(make_world: MakeWorld, form: ExclusionsForm, page: object) -> None:
    """What an entry looks like is documented nowhere."""
    world = _excluding(make_world, form)
    assert world.get("/lists/exclusions?limit=1") == page


@pytest.mark.parametrize(("form", "status"), [("forbidden", 403), ("web_page", 404)])
def test_exclusions_are_not_for_everybody(make_world: MakeWorld, form: ExclusionsForm, status: int) -> None:
    """Some are turned away, or find that there is nothing of the kind."""
    assert _excluding(make_world, form).ask("GET", "/lists/exclusions").status == status


@pytest.mark.parametrize(("form", "counts"), [("first_page", [100, 100]), ("everything", [130, 130])])
def test_exclusions_may_disregard_paging(make_world: MakeWorld, form: ExclusionsForm, counts: list[int]) -> None:
    """The same first hundred whatever is asked for, or everything at once."""
    world = _excluding(make_world, form)
    pages = [world.get(f"/lists/exclusions?limit=100&offset={offset}")["exclusions"] for offset in (0, 100)]
    assert [len(page) for page in pages] == counts
    assert pages[0] == pages[1]


def _excluding(make_world: MakeWorld, form: ExclusionsForm) -> World:
    world = make_world(Variants(exclusions_form=form))
    for number in range(130):
        world.account.exclude(f"*@{number}.example.org")
    return world


# Fields


def test_fields_come_with_the_options_of_the_page(world: World) -> None:
    """Options name their field."""
    tier = world.account.add_field("Loyalty tier", "dropdown", ["Gold", "Silver"])
    document = world.get("/fields")
    assert document["fields"] == [
        {"id": str(tier), "title": "Loyalty tier", "perstag": "LOYALTY_TIER", "type": "dropdown"}
    ]
    assert [(one["field"], one["value"]) for one in document["fieldOptions"]] == [
        (str(tier), "Gold"),
        (str(tier), "Silver"),
    ]


def test_a_field_is_made_and_shown_in_two_steps(world: World) -> None:
    """Without the relation it exists, but nobody sees it."""
    made = world.ask("POST", "/fields", {"field": {"title": "Member", "type": "text"}})
    assert made.status == 201
    (field,) = world.account.fields.values()
    assert not field.shown
    related = world.ask("POST", "/fieldRels", {"fieldRel": {"field": field.id, "relid": 0}})
    assert related.status == 201
    assert field.shown


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"title": "loyalty TIER", "type": "text"}, "duplicate"),
        ({"title": "Other", "type": "nonsense"}, "field_invalid"),
        ({"type": "text"}, "field_missing"),
    ],
)
def test_a_field_that_cannot_be_made(world: World, wanted: object, code: str) -> None:
    """422 with a code; titles are unique whatever their case."""
    world.account.add_field("Loyalty tier")
    response = world.ask("POST", "/fields", {"field": wanted})
    assert response.status == 422
    assert error_code(response) == code


def test_only_a_field_that_exists_can_be_shown(world: World) -> None:
    """404 otherwise."""
    assert world.ask("POST", "/fieldRels", {"fieldRel": {"field": 9, "relid": 0}}).status == 404


# Contacts


def test_a_contact_is_found_by_exactly_its_address(world: World) -> None:
    """Whatever its case; a plus sign has to be encoded, as it means a space otherwise."""
    world.account.add_contact("a+b@example.com")
    assert [one["email"] for one in world.get("/contacts?email=A%2Bb%40example.com")["contacts"]] == ["a+b@example.com"]
    assert world.get("/contacts?email=a+b@example.com")["contacts"] == []
    assert world.get("/contacts?email=b@example.com")["contacts"] == []


def test_a_search_in_vain_can_find_somebody_else(make_world: MakeWorld) -> None:
    """So a client has to compare what it got with what it asked for."""
    world = make_world(Variants(email_filter_ignored=True))
    world.account.add_contact("first@example.com")
    assert [one["email"] for one in world.get("/contacts?email=x@example.com")["contacts"]] == ["first@example.com"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [("-1", {0, 1, 2, 3}), ("0", {0}), ("1", {1}), ("2", {2}), ("3", {3}), ("4", set())],
)
def test_a_list_is_read_by_status_page_by_page(world: World, status: str, expected: set[int]) -> None:
    """Ascending ids, each page after the last id of the one before, until one is empty."""
    list_id = world.account.add_list("News")
    for number in range(60):
        world.account.add_contact(f"person{number}@example.com", list_id, Status(number % 4))
        world.account.add_contact(f"other{number}@example.com")
    seen: list[int] = []
    path = f"/contacts?listid={list_id}&status={status}&limit=7&orders[id]=ASC&id_greater="
    for _ in range(60 // 7 + 1):
        page = world.get(path + str(seen[-1] if seen else 0))
        assert page["meta"]["total"] == str(15 * len(expected))
        seen += [int(one["id"]) for one in page["contacts"]]
    assert seen == [number * 2 + 1 for number in range(60) if number % 4 in expected]


def test_the_total_follows_those_who_leave(world: World) -> None:
    """Counted once, as they stand now."""
    list_id = world.account.add_list("News")
    for number in range(3):
        world.account.add_contact(f"person{number}@example.com", list_id)
    world.account.unsubscribe("person0@example.com", list_id)
    totals = [world.get(f"/contacts?listid={list_id}&status={status}")["meta"]["total"] for status in (-1, 1, 2)]
    assert totals == ["3", "2", "1"]


def test_nobody_is_on_a_list_that_is_not_there(world: World) -> None:
    """An empty page, not an error."""
    world.account.add_contact("a@example.com")
    assert world.get("/contacts?listid=9&status=1") == {"contacts": [], "meta": {"total": "0"}}


def test_a_contact_with_all_that_is_known(world: World) -> None:
    """Its lists and field values come along; ids and statuses are texts."""
    list_id, tier = world.account.add_list("News"), world.account.add_field("Tier")
    contact = world.account.add_contact("a@example.com", list_id, fields={tier: "gold"})
    document = world.get(f"/contacts/{contact.id}")
    assert document["contact"]["email"] == "a@example.com"
    assert document["contactLists"] == [{"contact": "1", "list": str(list_id), "status": "1"}]
    assert document["fieldValues"] == [{"contact": "1", "field": str(tier), "value": "gold"}]


@pytest.mark.parametrize("status", list(Status))
def test_how_a_contact_stands_on_its_lists(world: World, status: Status) -> None:
    """What a client looks at to name the reason of a failure."""
    list_id = world.account.add_list("News")
    world.account.add_contact("a@example.com", list_id, status)
    assert world.get("/contacts/1/contactLists") == {
        "contactLists": [{"contact": "1", "list": str(list_id), "status": str(int(status))}]
    }


def test_a_bounce_shows(world: World) -> None:
    """On every list of the contact, and on the contact itself."""
    list_id = world.account.add_list("News")
    world.account.add_contact("a@example.com", list_id)
    world.account.bounce("a@example.com")
    document = world.get("/contacts/1")
    assert document["contact"]["bounced_hard"] == "1"
    assert [one["status"] for one in document["contactLists"]] == ["3"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/contacts/7"), ("PUT", "/contacts/7"), ("GET", "/contacts/7/contactLists")]
)
def test_a_contact_that_is_not_there(world: World, method: str, path: str) -> None:
    """404 in the documented words."""
    response = world.ask(method, path, {"contact": {"email": "a@example.com"}})
    assert (response.status, response.document) == (404, {"message": "No Result found for Subscriber with id 7"})


def test_an_address_can_be_changed(world: World) -> None:
    """The contact keeps its id and its lists; nobody has the old address any more."""
    list_id = world.account.add_list("News")
    world.account.add_contact("old@example.com", list_id)
    response = world.ask("PUT", "/contacts/1", {"contact": {"email": "New@example.com", "firstName": "Ada"}})
    assert response.status == 200
    assert world.account.contact("old@example.com") is None
    assert list(world.account.contacts_on(list_id)) == ["new@example.com"]


@pytest.mark.parametrize(("email", "code"), [("taken@example.com", "duplicate"), ("nonsense", "email_invalid")])
def test_an_address_that_a_contact_cannot_get(world: World, email: str, code: str) -> None:
    """422, and nothing is changed."""
    world.account.add_contact("old@example.com")
    world.account.add_contact("taken@example.com")
    response = world.ask("PUT", "/contacts/1", {"contact": {"email": email}})
    assert response.status == 422
    assert error_code(response) == code
    assert world.account.contact("old@example.com") is not None


def test_a_contact_may_keep_its_address(world: World) -> None:
    """Its own address is not taken by somebody else."""
    world.account.add_contact("a@example.com")
    assert world.ask("PUT", "/contacts/1", {"contact": {"email": "A@example.com"}}).status == 200


# contact/sync and contactLists


def test_sync_creates_then_updates(world: World) -> None:
    """201 the first time, 200 from then on; camelCase here; no list is touched."""
    list_id, tier = world.account.add_list("News"), world.account.add_field("Tier")
    body = {
        "contact": {
            "email": "a@example.com",
            "firstName": "Ada",
            "fieldValues": [{"field": str(tier), "value": "gold"}],
        }
    }
    assert [world.ask("POST", "/contact/sync", body).status for _ in range(2)] == [201, 200]
    contact = world.account.contact("a@example.com")
    assert contact is not None
    assert (contact.first_name, contact.fields) == ("Ada", {tier: "gold"})
    assert world.account.contacts_on(list_id, Status.ACTIVE) == {}


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"email": "nonsense"}, "email_invalid"),
        ({}, "email_invalid"),
        ({"email": "a@example.com", "fieldValues": [{"field": "99", "value": "x"}]}, "field_invalid"),
        ({"email": "a@example.com", "fieldValues": "x"}, "field_invalid"),
    ],
)
def test_sync_refuses_what_it_cannot_take(world: World, members: object, code: str) -> None:
    """422 with a code, and nobody is created."""
    response = world.ask("POST", "/contact/sync", {"contact": members})
    assert response.status == 422
    assert error_code(response) == code
    assert len(world.account.contacts) == 0


def test_sync_respects_the_contact_limit(world: World) -> None:
    """A full account takes no newcomers."""
    world.account.limit_contacts(0)
    assert world.ask("POST", "/contact/sync", {"contact": {"email": "a@example.com"}}).status == 422


def test_sync_with_lists_is_refused_and_noted(world: World) -> None:
    """The real one would re-subscribe people with them: no client of ours may use that."""
    list_id = world.account.add_list("News")
    world.account.unsubscribe("a@example.com", list_id)
    body = {"contact": {"email": "a@example.com", "lists": [{"listid": list_id, "status": 1}]}}
    assert world.ask("POST", "/contact/sync", body).status == 422
    assert world.api.journal.violation_kinds() == {"inline_lists"}
    assert world.account.status("a@example.com", list_id) is Status.UNSUBSCRIBED


@pytest.mark.parametrize(
    ("before", "status", "violations"),
    [
        (None, "1", 0),
        (Status.ACTIVE, "1", 0),
        (Status.ACTIVE, "2", 0),
        (Status.UNSUBSCRIBED, "2", 0),
        (Status.UNSUBSCRIBED, "1", 1),
        (Status.BOUNCED, "1", 1),
    ],
)
def test_a_standing_is_overwritten_as_told(world: World, before: Status | None, status: str, violations: int) -> None:
    """As the real one does; making somebody active again is noted as what no client of ours may do."""
    list_id = world.account.add_list("News")
    world.account.add_contact("a@example.com", None if before is None else list_id, before or Status.ACTIVE)
    body = {"contactList": {"list": str(list_id), "contact": "1", "status": status}}
    response = world.ask("POST", "/contactLists", body)
    assert response.status == 200
    assert world.account.status("a@example.com", list_id) == int(status)
    assert world.api.journal.resubscriptions == violations


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"list": "1", "contact": "9", "status": "1"}, 404),
        ({"list": "9", "contact": "1", "status": "1"}, 404),
        ({"list": "1", "contact": "1", "status": "3"}, 422),
        ({}, 404),
    ],
)
def test_a_standing_that_cannot_be_set(world: World, wanted: object, status: int) -> None:
    """Nothing comes of a list, contact or status that there is not."""
    world.account.add_list("News", 1)
    world.account.add_contact("a@example.com")
    assert world.ask("POST", "/contactLists", {"contactList": wanted}).status == status


# Tags and the account


def test_tags_of_one_contact_come_and_go(world: World) -> None:
    """One at a time, by the id of the contact's tag."""
    world.imported(person(1, tags=["old"]))
    tag_id = world.ask("POST", "/tags", {"tag": {"tag": "vip", "tagType": "contact"}}).document["tag"]["id"]  # type: ignore[index]
    made = world.ask("POST", "/contactTags", {"contactTag": {"contact": "1", "tag": tag_id}})
    contact = world.account.contact("person1@example.com")
    assert contact is not None
    assert (made.status, sorted(contact.tags)) == (201, ["old", "vip"])
    path = f"/contactTags/{made.document['contactTag']['id']}"  # type: ignore[index]
    assert [world.ask("DELETE", path).status for _ in range(2)] == [200, 404]
    assert sorted(contact.tags) == ["old"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/tags", {"tag": {"tag": "known"}}, 422),
        ("/tags", {"tag": {}}, 422),
        ("/contactTags", {"contactTag": {"contact": "9", "tag": "1"}}, 404),
        ("/contactTags", {"contactTag": {"contact": "1", "tag": "9"}}, 404),
    ],
)
def test_tags_that_cannot_be_set(world: World, path: str, body: object, status: int) -> None:
    """A name that is taken or missing, a contact or tag that there is not."""
    world.account.add_contact("a@example.com", tags=["known"])
    assert world.ask("POST", path, body).status == status


def test_how_much_room_the_account_has(world: World) -> None:
    """For administrators only, as texts."""
    world.account.limit_contacts(500)
    world.account.add_contact("a@example.com")
    assert world.get("/settings/account") == {"account": {"subscriber_limit": "500", "subscriber_total": "1"}}
