"""``POST /contacts/erase``: what the app holds of one person, removed."""

from typing import Annotated

from pydantic import AfterValidator

from shared.api.bodies import read_body
from shared.api.callers import administrators_only
from shared.api.calls import Answer, Call, json_answer
from shared.courier import Courier
from shared.documents import Document, Text
from shared.erasure import Found, erase_contact

NOT_OURS = (
    "neither the drops in the container of segments nor the contact in ActiveCampaign are changed: while the person is "
    "in a segment, its next run sends the person again"
)


def _address(text: str) -> str:
    if text.count("@") != 1 or text.startswith("@") or text.endswith("@"):
        raise ValueError("must be one email address")
    return text


class Contact(Document):
    """The person, by email."""

    email: Annotated[Text, AfterValidator(_address)]


class ContactErased(Document):
    """Where the person was found; nothing of it is left there."""

    found: list[Found]
    note: str = NOT_OURS


def erase_contact_everywhere(courier: Courier, call: Call) -> Answer:
    """Remove one person from every ledger, plan and reject file."""
    administrators_only(call.caller, "erasing a person")
    return json_answer(ContactErased(found=erase_contact(courier, read_body(call, Contact).email)))
