"""Guards: what a plan must not do without a person having looked at it."""

from shared.documents import Counts, Export, Reason

FEW_LEAVERS = 10
"""Fewer than this never hold a run."""


GUARDS = ("too_many_contacts", "segment_empty", "too_many_leavers")
"""The codes of their reasons."""


def check(counts: Counts, export: Export, ledger_members: int, *, readdressed: int = 0) -> Reason | None:
    """Why the run has to wait for a person, if it has to; ``ledger_members`` were there before, 0 in the first run.

    ``readdressed`` of the leavers have not left: they get a new address.
    """
    guards, leavers = export.guards, counts.leavers - readdressed
    if counts.members > guards.max_contacts:
        return Reason(
            code="too_many_contacts",
            message=f"the segment has {counts.members} members, more than the {guards.max_contacts} of "
            "guards.max_contacts: check the segment, then release or cancel the run",
        )
    if leavers < FEW_LEAVERS:
        return None
    if counts.members == 0:
        return Reason(
            code="segment_empty",
            message=f"the segment is empty and all {leavers} members would leave: check the segment, then "
            "release or cancel the run",
        )
    if leavers * 100 > guards.max_leaver_percent * ledger_members:
        percent = leavers * 100 / ledger_members
        return Reason(
            code="too_many_leavers",
            message=f"{leavers} of {ledger_members} members ({percent:.1f} %) would leave, more than the "
            f"{guards.max_leaver_percent} % of guards.max_leaver_percent: check the segment, then release or cancel "
            "the run",
        )
    return None
