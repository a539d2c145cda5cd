"""Which columns an export asks for, and where a file has them."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import DropUnusable, ExportRefused, RunHeld
from shared.plan.dialect import some
from shared.plan.shapes import Job, LocalDrop

PREVIOUS_IDS = "PreviousCustomerId"
"""Customer Insights names the profiles that were merged into one here, separated by semicolons."""

IDENTITY = ("email", "customer_id", "previous_ids")
"""Places of the values that tell who a person is."""

_PLAIN = ("first_name", "last_name", "phone")


@dataclass(frozen=True)
class Wanted:
    """``column`` of the drop goes to ``place``; ``member`` of the mapping asks for it.

    Without a ``member`` nobody asked: it is read where there is one.
    """

    place: str
    column: str
    member: str | None


def field_places(job: Job) -> dict[str, str]:
    """The place of each mapped custom field, by its key in the mapping; in the order of the fields' ids."""
    keys = sorted(job.export.mapping.fields, key=lambda key: job.fields[key].id)
    return {key: f"field_{number}" for number, key in enumerate(keys)}


def plain_places(job: Job) -> list[str]:
    """The places that are mapped to what every contact has beside the email."""
    mapped = job.export.mapping.columns()
    return [place for place in _PLAIN if place in mapped]


def detail_places(job: Job) -> list[str]:
    """The places of all that is sent of a member beside the email."""
    return [*plain_places(job), *field_places(job).values()]


def wanted_columns(job: Job, drop: LocalDrop) -> list[Wanted]:
    """What is read of a drop."""
    places = {f"fields.{key}": place for key, place in field_places(job).items()}
    mapped = job.export.mapping.columns()
    wanted = [Wanted(places.get(member, member), column, member) for member, column in mapped.items()]
    if job.export.mapping.customer_id is None and drop.segment.primary_key:
        wanted.append(Wanted("customer_id", drop.segment.primary_key, None))
    return [*wanted, Wanted("previous_ids", PREVIOUS_IDS, None)]


@dataclass(frozen=True)
class Columns:
    """The columns of a file. ``are_named`` says that these are names; if not, they may be the values of a first row."""

    file: str
    names: Sequence[str]
    are_named: bool


def locate(job: Job, wanted: Sequence[Wanted], columns: Columns, segment: str) -> dict[str, int]:
    """Where a file has each place (0-based). A column that nobody asked for is left out where it is there twice.

    Raises ``RunHeld`` where a mapped column has vanished since it was last seen, ``ExportRefused`` where it never was
    there, and ``DropUnusable`` where it is there twice.
    """
    names = columns.names
    missing = [want for want in wanted if want.member and want.column not in names]
    if missing:
        raise _missing(job, missing, columns, segment)
    for want in wanted:
        if want.member and names.count(want.column) > 1:
            raise DropUnusable(f"{columns.file} has several columns named {want.column}", code="column_ambiguous")
    return {want.place: names.index(want.column) for want in wanted if names.count(want.column) == 1}


def _missing(job: Job, missing: Sequence[Wanted], columns: Columns, segment: str) -> ExportRefused | RunHeld:
    details = [f"mapping.{want.member}: there is no column {want.column}" for want in missing]
    expected = {*job.export.mapping.columns().values(), *job.known_columns}
    has = (
        f"it has {some(columns.names)}"
        if columns.are_named or expected & set(columns.names)
        else f"line 1 of {columns.file} is no header that names any of the mapped columns"
    )
    sentence = f"segment {segment} has no column {some([want.column for want in missing])}; {has}"
    vanished = [want.column for want in missing if want.column in job.known_columns]
    if vanished:
        return RunHeld(
            f"{sentence}. It was there before ({some(vanished)}): bring it back into the drop or correct the mapping, "
            "then release the run",
            code="column_vanished",
            details=details,
        )
    return ExportRefused(sentence, code="column_unknown", details=details)
