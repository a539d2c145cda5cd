"""What planning is given, and what it leaves behind: plain data and files in one folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.documents import BatchEntry, Counts, Example, Export
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

    Files, all in the job's folder:

    - ``batches``: JSON lines, one bulk import per line, ready to post; ``index`` says where each lies.
    - ``planned``: Parquet, one row per email of the drop or the ledger: ``email, customer_id, hash, kind
      (joiner|changed|unchanged|refused|leaver|former), batch, position (0-based, both null where it does not travel),
      since, source, line, ledger_state (null for an email the ledger did not have), ledger_hash``. A member of the
      ledger whose row is a reject is ``unchanged`` without a ``source``, and in none of the counts. ``None`` where
      everything is as it is in the ledger.
    - ``rejects``: CSV ``source,line,customer_id,email,code,detail`` of the rows that do not travel.
    - ``readdressed``: Parquet ``old_email, new_email, customer_id`` of members who left under one email and joined
      under another. They are a leaver and a joiner of this plan all the same.

    ``columns`` are those of the drop, ``ledger_members`` counts the members before this run.
    """

    counts: Counts
    index: tuple[BatchEntry, ...]
    batches: Path
    planned: Path | None
    rejects: Path
    readdressed: Path
    columns: tuple[str, ...]
    ledger_members: int
    warnings: tuple[str, ...]
    examples: tuple[Example, ...]
