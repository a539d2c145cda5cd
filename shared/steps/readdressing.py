"""People who left under one address and joined under another: their contact gets the new address.

That keeps its history, its standing on lists and its place in automations, which a leaver and a joiner would not.
"""

from collections.abc import Sequence

from shared.activecampaign.client import ActiveCampaign

MOST = 50
"""How many contacts a run gives a new address, two or three requests each; the rest are leavers and joiners."""

Readdressed = tuple[str, str]
"""The old and the new address."""


def readdress(client: ActiveCampaign, wanted: Sequence[Readdressed]) -> list[Readdressed]:
    """Give those contacts their new addresses; returns those who have them now.

    One whose contact is not there under the old address, and is under the new one, was changed before.
    """
    return [pair for pair in wanted[:MOST] if _has_new_address(client, *pair)]


def _has_new_address(client: ActiveCampaign, old: str, new: str) -> bool:
    contact = client.find_contact(old)
    if contact is None:
        return client.find_contact(new) is not None
    return client.change_email(contact.id, new)
