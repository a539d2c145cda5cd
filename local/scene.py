"""What the demo, ``make serve`` and the end-to-end tests have in common: an account, a connection, an export."""

from dataclasses import dataclass
from typing import Any

from local.activecampaign.account import Account
from local.activecampaign.contacts import Contact
from local.customers import SEGMENT, Customer, Day

API_KEY = "stand-in-key"
CONNECTION = "acme"
EXPORT = "high-value"
TIER, BIRTHDAY, STATUS = "Loyalty tier", "Birthday", "Segment status"
MEMBER, FORMER = "member", "former"
TAG = "High value"

CONNECTION_DOCUMENT: dict[str, Any] = {
    "display_name": "Marketing",
    "host": "https://acme.api-us1.com/api/3",
    "api_key_secret": "activecampaign-acme",
    "api_key": API_KEY,
    "consent": {"accepted_by": "ada@example.com", "accepted_at": "2026-08-24T09:00:00Z"},
}


@dataclass(frozen=True)
class Stage:
    """The account as prepared: its list and its custom fields by title."""

    account: Account
    list_id: int
    fields: dict[str, int]

    def export_document(self, **changes: Any) -> dict[str, Any]:
        """An export of the customers' segment into the list."""
        return {
            "display_name": "High value customers",
            "connection": CONNECTION,
            "list_id": self.list_id,
            "segments": [SEGMENT],
            "mapping": {
                "email": "EMail",
                "first_name": "FirstName",
                "last_name": "LastName",
                "phone": "Telephone",
                "customer_id": "CustomerId",
                "fields": {TIER: "LoyaltyTier", BIRTHDAY: "BirthDate"},
            },
            "tags": [TAG],
            "leavers": {"action": "mark", "field": STATUS, "member": MEMBER, "former": FORMER},
        } | changes


def prepare(account: Account) -> Stage:
    """An account with a key, a list and the fields of the export, among more fields than one page holds."""
    account.add_user("Ada Lovelace", API_KEY)
    for number in range(30):
        account.add_field(f"Unrelated {number}", "text")
    fields = {
        TIER: account.add_field(TIER, "dropdown", options=("Bronze", "Silver", "Gold", "Platinum")),
        BIRTHDAY: account.add_field(BIRTHDAY, "date"),
        STATUS: account.add_field(STATUS, "text"),
    }
    return Stage(account, account.add_list("High value customers"), fields)


def differences(stage: Stage, day: Day, gone: frozenset[str] = frozenset()) -> list[str]:
    """How the list differs from the truth: nothing, if everybody is there as they should be.

    ``gone`` are addresses ActiveCampaign must not have taken. Former members stay on the list, marked.
    """
    actual = stage.account.contacts_on(stage.list_id)
    members = {customer.email: customer for customer in day.customers if customer.email not in gone}
    wrong = [f"missing from the list: {email}" for email in members.keys() - actual.keys()]
    for email, contact in actual.items():
        status = contact.fields.get(stage.fields[STATUS])
        if email not in members:
            if status != FORMER:
                wrong.append(f"on the list, and not in the segment: {email}")
        elif seen(stage, contact) != wanted(members[email]):
            wrong.append(f"not as in the segment: {email}")
    return sorted(wrong)


def seen(stage: Stage, contact: Contact) -> tuple[str, ...]:
    """What ActiveCampaign holds of a contact."""
    values = (contact.fields.get(stage.fields[title], "") for title in (TIER, BIRTHDAY, STATUS))
    return (contact.first_name, contact.last_name, contact.phone, *values, *sorted(contact.tags))


def wanted(customer: Customer) -> tuple[str, ...]:
    """What it should hold."""
    return (
        customer.first_name,
        customer.last_name,
        customer.phone,
        customer.tier,
        customer.birth_date,
        MEMBER,
        TAG,
    )
