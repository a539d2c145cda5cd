"""What planning is given, and what it finds: plain data and files in one folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.documents import Counts, Example, Export
from shared.drop.shapes import SegmentDrop


@dataclass(frozen=True)
class CustomField:
    """A custom field of the account; ``type`` as ActiveCampaign names it (text, date, listbox, …)."""

    id: int
    title: str
    perstag: str
    type: str


@dataclass(frozen=True)
class LocalDrop:
    """A drop whose blobs lie in local files, in the order of ``segment.drop.blobs``.

    Planning removes each file once it has read it: an instance has little room on its disk.
    """

    segment: SegmentDrop
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Job:
    """One plan to make. Drops come in the order of the export's segments: the first that has a person wins.

    ``fields`` resolves each key of ``mapping.fields``; ``mark`` is the custom field of ``leavers.field``. ``ledger`` is
    the file of the export's ledger, ``None`` before the first run. ``folder`` is empty and takes all files.
    ``memory_mb`` bounds the engine. ``postponed`` are people whose new address is left for a later run, as their old
    and new email.
    """

    export: Export
    drops: tuple[LocalDrop, ...]
    fields: Mapping[str, CustomField]
    mark: CustomField | None
    ledger: Path | None
    full: bool
    now: datetime
    folder: Path
    memory_mb: int
    known_columns: tuple[str, ...] = ()
    postponed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a plan found.

    ``rejects`` is a CSV file ``source,line,customer_id,email,code,detail`` of the rows that do not travel, in the job's
    folder. ``readdressed`` are the old and the new email of members who left under one and joined under the other; they
    are a leaver and a joiner of this plan all the same. ``columns`` are those of the drop, ``ledger_members`` counts
    the members before this run.
    """

    counts: Counts
    rejects: Path
    readdressed: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    ledger_members: int
    warnings: tuple[str, ...]
    examples: tuple[Example, ...]
