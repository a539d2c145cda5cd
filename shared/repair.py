"""Which contacts a refused import was refused for.

One contact that ActiveCampaign does not like refuses all 250 of an import. Published rules tell most offenders; the
indexes in an answer point to others, from 0 or from 1; whoever is left is found by sending ever smaller parts.

An answer that names no contact means the whole request, and perhaps the moment only: whoever is refused alone by one is
to blame only where others of the batch are accepted meanwhile.
"""

from collections.abc import Sequence

from shared import receipts
from shared.activecampaign.client import ActiveCampaign
from shared.activecampaign.emails import is_email
from shared.documents import Receipt, Refusal
from shared.errors import RunHeld
from shared.lines import Contact, lists_of

MOST_DOUBTS = 2
"""So many refusals that led to no offender, and the indexes in an answer are not believed any more."""

SUSPICIOUS_REFUSALS = 8
"""After so many contacts refused alone and none accepted, large parts are tried: is it for who they are at all?"""

HOPELESS_REPAIRS = 24
"""A batch of which nothing was accepted by then is refused for something else."""

MOST_REPAIRS = 100
"""What bounds the posts of one batch, with the tries that come before each."""

HOPELESS = (
    "ActiveCampaign refuses every contact of a batch, whatever part of it is sent: compare the export's list, fields "
    "and tags with the account, then release the run, or cancel it"
)
TOO_MANY_REFUSALS = (
    f"ActiveCampaign refused {MOST_REPAIRS} parts of one batch; the next run sends the contacts that are left"
)

Contacts = Sequence[Contact]


def known_offenders(part: Sequence[int], contacts: Contacts, *, named: bool) -> list[Refusal]:
    """Those whom ActiveCampaign's published rules forbid, or the one that was refused alone.

    ``contacts`` are those at the positions ``part`` of a batch; ``named`` says that the answer is about contacts.
    """
    pairs = zip(part, contacts, strict=True)
    invalid = [position for position, contact in pairs if not is_email(contact.get("email"))]
    if invalid:
        return [receipts.refusal(position, receipts.EMAIL_INVALID) for position in invalid]
    return [receipts.refusal(part[0], receipts.REFUSED_INVALID)] if named and len(part) == 1 else []


def after_lone_refusal(receipt: Receipt, position: int) -> Receipt:
    """The receipt after a contact was refused alone by an answer that names nobody.

    It is to blame where it was refused alone before, and another part of the batch was accepted in between; or where
    all others of the batch were done with, some accepted: then so were those with whom it was refused before.
    """
    accepted = len(receipt.imports)
    is_last = len(receipts.spoken_for(receipt)) == receipt.contacts - 1
    if receipt.accused.get(position, accepted) < accepted or (is_last and accepted):
        refusals = [*receipt.refusals, receipts.refusal(position, receipts.REFUSED_INVALID)]
        return receipt.model_copy(update={"refusals": refusals})
    return receipt.model_copy(update={"accused": receipt.accused | {position: accepted}})


def is_stuck(receipt: Receipt) -> bool:
    """Whether everybody left was refused alone, and nothing was accepted since: sending them again tells nothing."""
    left = set(range(receipt.contacts)) - receipts.spoken_for(receipt)
    return all(receipt.accused.get(position) == len(receipt.imports) for position in left)


def in_order(parts: Sequence[list[int]], receipt: Receipt) -> list[list[int]]:
    """The parts in the order in which they are sent: those that tell most first, whoever was refused alone last."""
    by_size = sorted(filter(None, parts), key=len, reverse=is_suspicious(receipt))
    return sorted(by_size, key=lambda part: receipt.accused.get(part[0], -1) if len(part) == 1 else -1)


def refused_alone(receipt: Receipt) -> int:
    """How many offenders were found by sending them alone."""
    return sum(refusal.code == receipts.REFUSED_INVALID for refusal in receipt.refusals)


def is_suspicious(receipt: Receipt) -> bool:
    """Whether it is time to find out if the batch is refused for its contacts at all."""
    return not receipt.imports and refused_alone(receipt) >= SUSPICIOUS_REFUSALS


def believed(claimed: tuple[int, ...], repairs: int, receipt: Receipt) -> tuple[int, ...]:
    """The claimed indexes, as long as claims have led to offenders; to find one takes two refusals."""
    doubts = repairs - 2 * refused_alone(receipt)
    return () if is_suspicious(receipt) or doubts >= MOST_DOUBTS else claimed


def split(part: list[int], claimed: tuple[int, ...]) -> list[list[int]]:
    """Smaller parts that hold the same positions; ``part`` has two at least.

    Indexes of claimed offenders count from 0 or from 1: whoever they may mean is parted from the others, alone where
    they are few. Where that says nothing, the part is halved.
    """
    suspects = {index - base for index in claimed for base in (0, 1) if 0 <= index - base < len(part)}
    if not 0 < len(suspects) < len(part):
        half = len(part) // 2
        return [part[:half], part[half:]]
    accused = [part[index] for index in sorted(suspects)]
    others = [position for index, position in enumerate(part) if index not in suspects]
    return [others, *([position] for position in accused)] if len(accused) <= 2 else [others, accused]


def stop_when_gone(client: ActiveCampaign, contacts: Contacts) -> None:
    """Raise ``RunHeld`` where a list or custom field that an import names does not exist any more."""
    lists = {list_id for contact in contacts for _, list_id in lists_of(contact)}
    fields = {one["id"] for contact in contacts for one in contact.get("fields", ())}
    gone = [f"list {one}" for one in sorted(lists) if not client.list_exists(one)]
    if fields:
        gone += [f"custom field {one}" for one in sorted(fields - {known.id for known in client.fields()})]
    if gone:
        raise RunHeld(
            f"the account no longer has {', '.join(gone)}: cancel the run and correct the export",
            code="list_or_field_gone",
        )
