"""A bulk import at the door: queued as a whole or refused as a whole."""

import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.activecampaign.exchange import Response
from local.activecampaign.fields import FieldType
from local.activecampaign.rows import is_email
from local.activecampaign.variants import Variants
from tests.activecampaign_standin.conftest import PROCESSED, MakeWorld, World, fresh_world, on, person

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
members = st.sampled_from(
    ["email", "first_name", "last_name", "phone", "tags", "fields", "subscribe", "unsubscribe", "firstName"]
)


def reasons(response: Response) -> Any:
    """Why an import was refused."""
    assert response.status == 400, response
    document = response.document
    assert isinstance(document, dict)
    assert document["success"] == 0
    return document["failureReasons"]


def test_an_accepted_import_is_told_its_id(world: World) -> None:
    """The answer is the documented one, and the id is a UUID."""
    document = world.post_import(person(1), person(2)).document
    assert isinstance(document, dict)
    batch_id = document.pop("batchId")
    assert str(uuid.UUID(batch_id)) == batch_id
    assert document == {"Success": 1, "queued_contacts": 2, "message": "Contact import queued"}


def test_the_name_of_success_may_be_in_lower_case(make_world: MakeWorld) -> None:
    """Both spellings were seen."""
    world = make_world(Variants(success_member="success"))
    document = world.post_import(person(1)).document
    assert isinstance(document, dict)
    assert document["success"] == 1


@pytest.mark.parametrize(("told", "queued"), [("number", 2), ("text", "2"), ("absent", "nothing")])
def test_how_many_were_queued_is_told_in_every_way(make_world: MakeWorld, told: Any, queued: object) -> None:
    """As a number, as a text, or not at all."""
    document = make_world(Variants(queued_told=told)).post_import(person(1), person(2)).document
    assert isinstance(document, dict)
    assert document.get("queued_contacts", "nothing") == queued


def test_an_id_may_be_a_number(make_world: MakeWorld) -> None:
    """The import is found by its digits."""
    world = make_world(Variants(batch_id_told="number"))
    document = world.post_import(person(1)).document
    assert isinstance(document, dict)
    assert isinstance(document["batchId"], int)
    world.clock.sleep(PROCESSED)
    assert world.info(str(document["batchId"]))["status"] == "completed"


@pytest.mark.parametrize(
    "email",
    [
        "a@b.co",
        "first.last+tag@mail.example.com",
        "o'neil@example.com",
        "UPPER@EXAMPLE.COM",
        "!#$%&*/=?^_`{|}~-@example.com",
        "a@xn--bcher-kva.example",
        "a@example.xn--p1ai",
        "jürgen@example.com",
    ],
)
def test_an_address_that_activecampaign_takes(email: str) -> None:
    """One @, something before it, a domain with a dot and at least two letters behind that."""
    assert is_email(email)


@pytest.mark.parametrize(
    "email",
    [
        "",
        "plain",
        "@example.com",
        "a@example",
        "a@example.c",
        "a@example.c1",
        "a@.com",
        "a@example..com",
        "a@example.com.",
        "a@b@example.com",
        "a b@example.com",
        " a@example.com",
        "a@example.com\n",
        "a\u00a0b@example.com",
        *(f"a{character}b@example.com" for character in '"(),:;<>[\\]'),
        "a@exa mple.com",
        "a@exam,ple.com",
        None,
        7,
        ["a@example.com"],
    ],
)
def test_an_address_that_activecampaign_refuses(email: object) -> None:
    """The rules of its help page "Why bulk imports fail"."""
    assert not is_email(email)


@pytest.mark.parametrize(
    ("member", "entry"),
    [
        ("contact", "person1@example.com"),
        ("contact", None),
        ("email", {}),
        ("email", {"email": ""}),
        ("email", {"email": "nobody"}),
        ("email", {"Email": "person1@example.com"}),
        ("first_name", person(1, first_name=7)),
        ("last_name", person(1, last_name=None)),
        ("phone", person(1, phone=["+43"])),
        ("tags", person(1, tags="High value")),
        ("tags", person(1, tags=[7])),
        ("tags", person(1, tags=[""])),
        ("fields", person(1, fields={"1": "gold"})),
        ("fields", person(1, fields=[{"id": "1", "value": "gold"}])),
        ("fields", person(1, fields=[{"id": True, "value": "gold"}])),
        ("fields", person(1, fields=[{"id": 1, "value": 7}])),
        ("fields", person(1, fields=[{"id": 1}])),
        ("fields", person(1, fields=7)),
        ("subscribe", person(1, subscribe=[3])),
        ("subscribe", person(1, subscribe=[{"listid": "3"}])),
        ("subscribe", person(1, subscribe={"listid": 3})),
        ("unsubscribe", person(1, unsubscribe=[{"list": 3}])),
    ],
)
def test_one_contact_of_the_wrong_shape_refuses_all(world: World, member: str, entry: object) -> None:
    """Nothing of the import is queued, and the reason names the contact and the member."""
    list_id = world.account.add_list("Newsletter")
    refused = world.post_import(person(0, subscribe=on(list_id)), entry)
    world.clock.sleep(60)
    assert reasons(refused) == [{"contact": 1, "failureReason": f"Field '{member}' incorrect format"}]
    assert world.account.contacts_on(list_id) == {}
    assert world.api.journal.queued == []


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("wording", ["field", "sentence"])
def test_where_offenders_are_is_counted_from_0_or_1(make_world: MakeWorld, base: Any, wording: Any) -> None:
    """Sources contradict each other about the index, and about the words."""
    world = make_world(Variants(refusal_index_base=base, refusal_wording=wording))
    found = reasons(world.post_import({"email": "x"}, person(1), {"email": "y"}))
    assert [one["contact"] for one in found] == [base, base + 2]
    assert all("email" in one["failureReason"] for one in found)


def test_an_index_can_be_wrong(make_world: MakeWorld) -> None:
    """Every second refusal points at contacts that did nothing wrong, by either way of counting."""
    world = make_world(Variants(refusal_index_wrong_every=2))
    entries = [*(person(number) for number in range(30)), {"email": "x"}]
    indexes = [reasons(world.post_import(*entries))[0]["contact"] for _ in range(4)]
    assert indexes[0::2] == [30, 30]
    assert not {30, 31} & set(indexes[1::2])


def test_a_refusal_may_name_the_first_offender_only(make_world: MakeWorld) -> None:
    """So mending what was named need not be enough."""
    world = make_world(Variants(refusal_names="first"))
    assert len(reasons(world.post_import({"email": "x"}, {"email": "y"}))) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Unable to parse"),
        (b'{"contacts": [', "Unable to parse"),
        (b"\xff\xfe", "Unable to parse"),
        (b"[" * 100_000, "Unable to parse"),
        (b"[]", "No contacts"),
        (b"{}", "No contacts"),
        (b'{"contacts": {}}', "No contacts"),
        (b'{"contacts": []}', "No contacts"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_in_words(world: World, body: bytes, reason: str) -> None:
    """The reason concerns the whole request, so it is a text and names no contact."""
    (found,) = reasons(world.ask("POST", "/import/bulk_import", body))
    assert found.startswith(reason)


@pytest.mark.parametrize(("count", "status"), [(250, 200), (251, 400)])
def test_an_import_holds_250_contacts(world: World, count: int, status: int) -> None:
    """One more refuses all."""
    assert world.post_import(*(person(number) for number in range(count))).status == status


@pytest.mark.parametrize(("size", "status"), [(399_999, 200), (400_000, 400)])
def test_a_body_holds_399_999_bytes(world: World, size: int, status: int) -> None:
    """Bytes of UTF-8 count, not characters."""
    body = json.dumps({"contacts": [person(1, first_name="ü")]}, ensure_ascii=False).encode()
    padded = body + b" " * (size - len(body))
    assert world.ask("POST", "/import/bulk_import", padded).status == status


@pytest.mark.parametrize(
    ("entry", "variants", "status", "told"),
    [
        (person(1, subscribe=on(7)), Variants(), 404, "No Result found for _List with id 7"),
        (person(1, unsubscribe=on(7)), Variants(), 404, "No Result found for _List with id 7"),
        (person(1, subscribe=on(7)), Variants(missing_list="unprocessable"), 422, "_List with id 7"),
        (person(1, subscribe=on(7)), Variants(missing_list="refused"), 400, '"contact": 1'),
        (person(1, subscribe=on(7)), Variants(missing_list="ignored"), 200, "queued"),
        (person(1, fields=[{"id": 7, "value": "x"}]), Variants(), 422, "_Field with id 7"),
        (person(1, fields=[{"id": 7, "value": "x"}]), Variants(missing_field="not_found"), 404, "_Field with id 7"),
        (person(1, fields=[{"id": 7, "value": "x"}]), Variants(missing_field="refused"), 400, "'fields'"),
        (person(1, fields=[{"id": 7, "value": "x"}]), Variants(missing_field="ignored"), 200, "queued"),
    ],
)
def test_an_import_for_a_list_or_field_that_is_gone(
    make_world: MakeWorld, entry: object, variants: Variants, status: int, told: str
) -> None:
    """How that is answered is documented nowhere: every way can be played."""
    world = make_world(variants)
    response = world.post_import(person(0), entry)
    assert response.status == status
    assert told in response.body.decode()


@pytest.mark.parametrize(
    ("field_type", "options", "good", "bad"),
    [
        ("text", (), "anything || at all", None),
        ("textarea", (), "two\nlines", None),
        ("hidden", (), "x", None),
        ("date", (), "2026-08-24", "24.08.2026"),
        ("date", (), "2024-02-29", "2026-02-29"),
        ("date", (), "2026-08-24", "20260824"),
        ("datetime", (), "2026-08-24T09:00:00+02:00", "2026-08-24T09:00:00"),
        ("datetime", (), "2026-08-24T09:00:00Z", "yesterday"),
        ("number", (), "-12.5", "12,5"),
        ("number", (), "7", "seven"),
        ("dropdown", ("Gold", "Silver"), "Gold", "gold"),
        ("radio", ("Yes", "No"), "No", "Maybe"),
        ("dropdown", (), "whatever", None),
        ("listbox", ("a", "b"), "||a||b||", "a,b"),
        ("checkbox", ("a", "b"), "||b||", "||c||"),
        ("checkbox", ("a",), "||a||", "||"),
    ],
)
def test_a_value_has_to_suit_the_type_of_its_field(
    world: World, field_type: FieldType, options: tuple[str, ...], good: str, bad: str | None
) -> None:
    """What does not is not stored, which the journal notes; the empty value suits every field."""
    field_id = world.account.add_field("Tier", field_type, options)
    for number, value in enumerate(["", good]):
        world.imported(person(number, fields=[{"id": field_id, "value": value}]))
        contact = world.account.contact(f"person{number}@example.com")
        assert contact is not None
        assert contact.fields == {field_id: value}
    assert world.api.journal.violations == []
    if bad is not None:
        world.imported(person(0, first_name="Ada", fields=[{"id": field_id, "value": bad}]))
        contact = world.account.contact("person0@example.com")
        assert contact is not None
        assert (contact.first_name, contact.fields) == ("Ada", {field_id: ""})
        assert world.api.journal.violation_kinds() == {"value_misfit"}


@given(entries=st.lists(json_values | st.dictionaries(members, json_values), max_size=5))
def test_any_contacts_at_all_get_an_answer(entries: list[object]) -> None:
    """No body, however odd, is more than the doorway can judge."""
    assert fresh_world().post_import(*entries).status in (200, 400, 404, 422)


@given(body=st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_body_at_all_gets_an_answer(body: bytes) -> None:
    """No bytes, however odd, are more than the doorway can judge."""
    assert fresh_world().ask("POST", "/import/bulk_import", body).status == 400
