"""People who left under one address and joined under another: their contact gets the new address.

That keeps its history, its place in automations and, above all, its standing on the list: somebody who unsubscribed
under the old address must not be subscribed under the new one. So where a run has more of them than it may change,
those who unsubscribed come first, and whoever may have done so waits; only the others are leavers and joiners.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.activecampaign.client import UNSUBSCRIBED, ActiveCampaign

MOST = 50
"""How many contacts a run gives a new address, two or three requests each."""

_MOST_PAGES = 100
"""Pages of unsubscribed contacts that are read to tell who is among them: ten thousand people, in under a minute."""

Readdressed = tuple[str, str]
"""The old and the new address."""


@dataclass(frozen=True)
class Readdressing:
    """Who has the new address now, and who waits for a later run; all others are a leaver and a joiner."""

    done: tuple[Readdressed, ...]
    postponed: tuple[Readdressed, ...]


def readdress(
    client: ActiveCampaign, list_id: int, wanted: Sequence[Readdressed], may_go_on: Callable[[], object]
) -> Readdressing:
    """Give those contacts their new addresses, as many as a run may.

    ``may_go_on`` is called before each change, and raises where there must be none any more.
    """
    chosen, others = list(wanted[:MOST]), list[Readdressed]()
    if len(wanted) > MOST:
        unsubscribed = _unsubscribed(client, list_id)
        if unsubscribed is None:
            others = list(wanted[MOST:])
        else:
            first = sorted(wanted, key=lambda pair: pair[0] not in unsubscribed)
            chosen, others = first[:MOST], [pair for pair in first[MOST:] if pair[0] in unsubscribed]
    done: list[Readdressed] = []
    waiting = others
    for pair in chosen:
        may_go_on()
        outcome = _change(client, list_id, *pair)
        if outcome is not None:
            (done if outcome else waiting).append(pair)
    return Readdressing(tuple(done), tuple(waiting))


def _change(client: ActiveCampaign, list_id: int, old: str, new: str) -> bool | None:
    """Whether the contact has its new address; ``None`` where there is no such contact, and nothing to keep.

    One whose contact is not there under the old address, and is under the new one, was changed before.
    """
    contact = client.find_contact(old)
    if contact is None:
        return True if client.find_contact(new) else None
    if client.change_email(contact.id, new):
        return True
    standing = client.contact_lists(contact.id)
    return False if any(one.list == list_id and one.status == UNSUBSCRIBED for one in standing) else None


def _unsubscribed(client: ActiveCampaign, list_id: int) -> set[str] | None:
    """Everybody who unsubscribed from the list; ``None`` where they are too many to be read."""
    found: set[str] = set()
    after = 0
    for _ in range(_MOST_PAGES):
        page, _ = client.contacts_on(list_id, UNSUBSCRIBED, after=after)
        last = max((contact.id for contact in page), default=0)
        if last <= after:
            return found
        found.update(contact.email.casefold() for contact in page)
        after = last
    return None
