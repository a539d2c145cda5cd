"""The calls of API v3 that are not about imports: https://developers.activecampaign.com/reference."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from local.activecampaign.call import Call
from local.activecampaign.contacts import Contact, MailingList, Status
from local.activecampaign.exchange import Response, answer, message, unprocessable, web_page
from local.activecampaign.faults import forbidden
from local.activecampaign.fields import FIELD_TYPES, Field
from local.activecampaign.rows import is_email

T = TypeVar("T")

PAGE_DEFAULT = 20
PAGE_MOST = 100

_TAG_ROOM = 1_000_000
"""A contact's tag has the id contact x this + tag, so that none need be stored."""


# The account and its users


def me(call: Call) -> Response:
    """`GET /users/me`."""
    user = call.user
    described = {"id": str(user.id), "username": user.name, "email": user.email, "firstName": user.name.title()}
    return answer(200, {"user": described})


def account_settings(call: Call) -> Response:
    """`GET /settings/account`, for administrators."""
    contacts = call.account.contacts
    limits = {"subscriber_limit": str(contacts.limit), "subscriber_total": str(len(contacts))}
    return answer(200, {"account": limits})


# Lists


def lists(call: Call) -> Response:
    """`GET /lists`."""
    known = call.account.lists.values()
    return answer(200, {"lists": [_list(one) for one in _page(call, known)], **_meta(call, len(known))})


def list_(call: Call) -> Response:
    """`GET /lists/{id}`."""
    found = call.account.lists.get(call.ids[0])
    return answer(200, {"list": _list(found)}) if found else no_result("_List", call.ids[0])


def exclusions(call: Call) -> Response:
    """`GET /lists/exclusions`, whose answer is documented nowhere."""
    form = call.account.variants.exclusions_form
    known = call.account.contacts.exclusions
    paged = {"first_page": known[:PAGE_MOST], "everything": known}.get(form)
    page = list(_page(call, known)) if paged is None else paged
    shown = {
        "texts": {"exclusions": page},
        "patterns": {"listExclusions": [{"id": str(place), "pattern": one} for place, one in enumerate(page, start=1)]},
        "nested": {"exclusions": {"total": len(known), "items": [{"value": one} for one in page]}},
        "bare": page,
        "number": {"exclusions": len(known)},
    }
    if form in ("forbidden", "web_page"):
        return forbidden(403, "message") if form == "forbidden" else web_page(404, "Not found")
    entries = [{"id": str(place), "email": one} for place, one in enumerate(page, start=1)]
    return answer(200, shown.get(form, {"exclusions": entries, **_meta(call, len(known))}))


# Custom fields


def fields(call: Call) -> Response:
    """`GET /fields`."""
    known = call.account.fields.values()
    page = list(_page(call, known))
    options = [option for one in page for option in _options(one)]
    return answer(200, {"fields": [_field(f) for f in page], "fieldOptions": options, **_meta(call, len(known))})


def add_field(call: Call) -> Response:
    """`POST /fields`; nobody is shown the field before `POST /fieldRels`."""
    wanted = call.member("field")
    title, field_type, perstag = wanted.get("title"), wanted.get("type"), wanted.get("perstag")
    if not isinstance(title, str) or not title:
        return unprocessable("The field title is required.", "field_missing", "/data/attributes/title")
    if field_type not in FIELD_TYPES:
        return unprocessable("The field type is not valid.", "field_invalid", "/data/attributes/type")
    if any(known.title.lower() == title.lower() for known in call.account.fields.values()):
        return unprocessable("The field title is already in use.", "duplicate", "/data/attributes/title")
    made = call.account.add_field(
        title,
        field_type,  # type: ignore[arg-type]  # one of FIELD_TYPES, as was just seen
        perstag=perstag if isinstance(perstag, str) else None,
        shown=False,
    )
    return answer(201, {"field": _field(call.account.fields[made]), "fieldOptions": []})


def relate_field(call: Call) -> Response:
    """`POST /fieldRels`."""
    wanted = call.member("fieldRel")
    found = call.account.fields.get(_number(wanted.get("field")))
    if found is None:
        return no_result("_Field", wanted.get("field"))
    found.shown = True
    relation = {"id": str(found.id), "field": str(found.id), "relid": str(wanted.get("relid", 0))}
    return answer(201, {"fieldRel": relation})


# Contacts


def contacts(call: Call) -> Response:
    """`GET /contacts`, by `email` or by `listid` and `status`; `id_greater` and `limit` page through them."""
    email = call.request.query.get("email")
    if email is not None:
        found = call.account.contacts.find(email)
        if found is None and call.account.variants.email_filter_ignored:
            found = call.account.contacts.get(1)
        shown = [_contact(found)] if found else []
        return answer(200, {"contacts": shown, **_meta(call, len(shown))})
    following = call.account.contacts.after(_number(call.request.query.get("id_greater"), 0))
    if "listid" not in call.request.query:
        page = [_contact(one) for one in _page(call, following)]
        return answer(200, {"contacts": page, **_meta(call, len(call.account.contacts))})
    standing, total = _standing(call)
    page = [_contact(one) for one in _page(call, (one for one in following if standing(one)))]
    return answer(200, {"contacts": page, **_meta(call, total)})


def _standing(call: Call) -> tuple[Callable[[Contact], bool], int]:
    """Who stands on the list asked for in the way asked for (-1 for any), and how many they are."""
    query = call.request.query
    target = call.account.lists.get(_number(query["listid"]))
    if target is None:
        return (lambda _: False), 0
    on_list = target.standing
    status = query.get("status", "-1")
    if status == "-1":
        return (lambda one: one.id in on_list), len(on_list)
    wanted = _number(status)
    total = sum(count for known, count in target.tally.items() if known == wanted)
    return (lambda one: on_list.get(one.id) == wanted), total


def contact(call: Call) -> Response:
    """`GET /contacts/{id}`."""
    found = call.account.contacts.get(call.ids[0])
    if found is None:
        return no_result("Subscriber", call.ids[0])
    values = [_field_value(found, field_id) for field_id in found.fields if field_id in call.account.fields]
    memberships = _memberships(call, found)
    return answer(200, {"contact": _contact(found), "contactLists": memberships, "fieldValues": values})


def contact_lists(call: Call) -> Response:
    """`GET /contacts/{id}/contactLists`."""
    found = call.account.contacts.get(call.ids[0])
    if found is None:
        return no_result("Subscriber", call.ids[0])
    return answer(200, {"contactLists": _memberships(call, found)})


def change_contact(call: Call) -> Response:
    """`PUT /contacts/{id}`: the only way to give a contact another address."""
    known = call.account.contacts
    found = known.get(call.ids[0])
    if found is None:
        return no_result("Subscriber", call.ids[0])
    wanted = call.member("contact")
    email = wanted.get("email", found.email)
    if not is_email(email):
        return _email_invalid()
    taken = known.find(email)
    if taken is not None and taken is not found:
        return unprocessable("Email address already exists in the system", "duplicate", "/data/attributes/email")
    known.rename(found, email)
    found.describe(_text(wanted, "firstName"), _text(wanted, "lastName"), _text(wanted, "phone"))
    return answer(200, {"contact": _contact(found)})


def sync_contact(call: Call) -> Response:
    """`POST /contact/sync`, refused where its inline lists would re-subscribe people."""
    wanted = call.member("contact")
    if "lists" in wanted:
        call.violated("inline_lists")
        return unprocessable("Lists are not taken here.", "field_invalid", "/data/attributes/lists")
    email = wanted.get("email")
    if not is_email(email):
        return _email_invalid()
    values = _field_values(call, wanted.get("fieldValues", []))
    if values is None:
        return unprocessable("A field value is not valid.", "field_invalid", "/data/attributes/fieldValues")
    known = call.account.contacts.find(email)
    if known is None and call.account.contacts.full:
        return unprocessable("The contact limit is reached.", "contact_limit", "/data/attributes/email")
    synced = known or call.account.contacts.add(email)
    synced.describe(_text(wanted, "firstName"), _text(wanted, "lastName"), _text(wanted, "phone"))
    synced.fields.update(values)
    return answer(200 if known else 201, {"contact": _contact(synced)})


def subscribe_contact(call: Call) -> Response:
    """`POST /contactLists`: re-subscribes anybody it is told to, which no client of ours may ask for."""
    wanted = call.member("contactList")
    target = call.account.lists.get(_number(wanted.get("list")))
    person = call.account.contacts.get(_number(wanted.get("contact")))
    status = _number(wanted.get("status"))
    if target is None:
        return no_result("_List", wanted.get("list"))
    if person is None:
        return no_result("Subscriber", wanted.get("contact"))
    if status not in (Status.ACTIVE, Status.UNSUBSCRIBED):
        return unprocessable("The status is not valid.", "field_invalid", "/data/attributes/status")
    if status == Status.ACTIVE and call.account.contacts.are_gone(target, person):
        call.violated("resubscribed")
    target.stand(person, Status(status))
    return answer(200, {"contacts": [_contact(person)], "contactList": _membership(target, person)})


# Tags


def tags(call: Call) -> Response:
    """`GET /tags`."""
    known = call.account.contacts.tags
    shown = [_tag(name, tag_id) for name, tag_id in _page(call, known.items())]
    return answer(200, {"tags": shown, **_meta(call, len(known))})


def add_tag(call: Call) -> Response:
    """`POST /tags`."""
    name = call.member("tag").get("tag")
    known = call.account.contacts
    if not isinstance(name, str) or not name:
        return unprocessable("The tag is required.", "field_missing", "/data/attributes/tag")
    if name in known.tags:
        return unprocessable("The tag already exists.", "duplicate", "/data/attributes/tag")
    return answer(201, {"tag": _tag(name, known.tag_id(name))})


def tag_contact(call: Call) -> Response:
    """`POST /contactTags`."""
    wanted = call.member("contactTag")
    known = call.account.contacts
    person = known.get(_number(wanted.get("contact")))
    name = _tag_name(call, _number(wanted.get("tag")))
    if person is None:
        return no_result("Subscriber", wanted.get("contact"))
    if name is None:
        return no_result("Tag", wanted.get("tag"))
    known.tag(person, person.tags | {name})
    made = {"id": str(person.id * _TAG_ROOM + known.tags[name]), "contact": str(person.id)}
    return answer(201, {"contactTag": {**made, "tag": str(known.tags[name])}})


def untag_contact(call: Call) -> Response:
    """`DELETE /contactTags/{id}`."""
    contact_id, tag_id = divmod(call.ids[0], _TAG_ROOM)
    person = call.account.contacts.get(contact_id)
    name = _tag_name(call, tag_id)
    if person is None or name not in person.tags:
        return no_result("SubscriberTag", call.ids[0])
    call.account.contacts.tag(person, person.tags - {name})
    return answer(200, {})


# How things are written and read


def _page(call: Call, everything: Iterable[T]) -> Iterable[T]:
    query = call.request.query
    limit = min(_number(query.get("limit"), PAGE_DEFAULT), PAGE_MOST)
    return islice(everything, _number(query.get("offset"), 0), _number(query.get("offset"), 0) + limit)


def _meta(call: Call, total: int) -> dict[str, object]:
    return {"meta": {"total": total if call.account.variants.total_as_number else str(total)}}


def _number(value: object, default: int = -1) -> int:
    """An id, a status or a count, which come as numbers and as text; `default` for anything else."""
    if type(value) is int and value >= 0:
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else default


def _text(members: dict[str, object], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) else None


def _field_values(call: Call, wanted: object) -> dict[int, str] | None:
    """The `fieldValues` of a contact by field id; None where one of them cannot be taken."""
    values: dict[int, str] = {}
    for one in wanted if isinstance(wanted, list) else [None]:
        members = one if isinstance(one, dict) else {}
        found, value = call.account.fields.get(_number(members.get("field"))), members.get("value")
        if found is None or not isinstance(value, str) or not found.takes(value):
            return None
        values[found.id] = value
    return values


def no_result(kind: str, wanted: object) -> Response:
    """The 404 for something that there is not."""
    return message(404, f"No Result found for {kind} with id {wanted}")


def _email_invalid() -> Response:
    return unprocessable("Email address is not valid", "email_invalid", "/data/attributes/email")


def _list(one: MailingList) -> dict[str, object]:
    return {"id": str(one.id), "name": one.name, "stringid": one.name.lower().replace(" ", "-")}


def _field(one: Field) -> dict[str, object]:
    return {"id": str(one.id), "title": one.title, "perstag": one.perstag, "type": one.type}


def _options(one: Field) -> list[dict[str, object]]:
    return [
        {"id": f"{one.id}{place:03}", "field": str(one.id), "value": option, "label": option, "orderid": str(place)}
        for place, option in enumerate(one.options, start=1)
    ]


def _contact(one: Contact) -> dict[str, object]:
    return {
        "id": str(one.id),
        "email": one.email,
        "firstName": one.first_name,
        "lastName": one.last_name,
        "phone": one.phone,
        "bounced_hard": "1" if one.bounced else "0",
        "deleted": "0",
    }


def _field_value(contact: Contact, field_id: int) -> dict[str, object]:
    return {"contact": str(contact.id), "field": str(field_id), "value": contact.fields[field_id]}


def _membership(target: MailingList, person: Contact) -> dict[str, object]:
    return {
        "contact": str(person.id),
        "list": str(target.id),
        "status": str(int(target.standing[person.id])),
    }


def _memberships(call: Call, person: Contact) -> list[dict[str, object]]:
    joined = [one for one in call.account.lists.values() if person.id in one.standing]
    return [_membership(one, person) for one in joined]


def _tag(name: str, tag_id: int) -> dict[str, object]:
    return {"id": str(tag_id), "tag": name, "tagType": "contact"}


def _tag_name(call: Call, tag_id: int) -> str | None:
    return next((name for name, known in call.account.contacts.tags.items() if known == tag_id), None)
