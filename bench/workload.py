"""The export that every measurement works with, and the columns of its segment."""

from typing import Any

from local.scene import TIER, Stage

SEGMENT = "HighValueSegment"
COLUMNS = ("CustomerId", "EMail", "FirstName", "LastName", "LoyaltyTier")
CONTACTS_AN_IMPORT = 250


def export_document(stage: Stage, **changes: Any) -> dict[str, Any]:
    """An export with a custom field, a tag and a field that marks members; it is asked for unless changed."""
    mapping = {
        "email": "EMail",
        "first_name": "FirstName",
        "last_name": "LastName",
        "customer_id": "CustomerId",
        "fields": {TIER: "LoyaltyTier"},
    }
    plain: dict[str, Any] = {"mapping": mapping, "triggers": {"refresh": False, "drop": False}}
    return stage.export_document(**plain | changes)
