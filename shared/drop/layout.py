"""Which segment a blob belongs to, told by its name alone and read from the right.

    …/<Table>/<yyyy>/<MM>/<dd>/<HHmm>/<stem>_<n>.csv   a partition that Customer Insights wrote
    …/model.json                                        what Customer Insights says about the tables beside it
    …/<Segment>/<anything>.csv                          a plain file in a folder: the folder names the segment
    <Segment>.csv                                       a plain file in the container's root
    <destination>_<Segment>_<unix seconds>.csv          the same with its moment

Of the last form only the segment's name may hold ``_``: the destination ends at the first one, so that a file is of the
same segment whoever looks for it.

``.csv``, ``.csv.gz`` and ``.parquet`` are read, in upper or lower case. Names that begin with ``_`` or ``.`` are the
bookkeeping of whoever writes files (``_SUCCESS``), not data. A timestamp that is no moment of any calendar is an
ordinary folder.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

MODEL = "model.json"

_SUFFIX = re.compile(r"\.(?:csv|csv\.gz|parquet)$", re.IGNORECASE)
_NUMBERED = re.compile(r"(?P<stem>.+)_(?P<number>[0-9]{1,9})", re.DOTALL)
_MOMENT = re.compile(r"(?:(?P<destination>[^_]+)_)?(?P<segment>.+)_(?P<seconds>[1-9][0-9]{9})", re.DOTALL)
_LEVELS = (4, 2, 2, 4)
_START = ("2000", "01", "01", "0000")
"""No Customer Insights export is older; a smaller number is a folder of another kind."""


@dataclass(frozen=True)
class Place:
    """Where one segment lies.

    ``label`` is the path of its folder or, for a plain file in the root, the file's name without moment and extension.
    It tells apart two segments of the same name.
    """

    kind: Literal["tree", "folder", "file"]
    segment: str
    label: str

    def answers_to(self, name: str) -> bool:
        """Whether an export means this place: by the segment's name alone, or with as much of the path as it takes."""
        wanted, label = normal(name), normal(self.label)
        return wanted in (normal(self.segment), label) or label.endswith(f"/{wanted}")


@dataclass(frozen=True)
class Partition:
    """A file in a timestamp folder; ``folder`` ends in ``/``, ``stamp`` is the folder's moment taken as UTC."""

    place: Place
    folder: str
    stamp: datetime
    stem: str
    number: int | None


@dataclass(frozen=True)
class PlainFile:
    """A file of a plain drop; ``written`` is the moment in its name, if that has one."""

    place: Place
    stem: str
    number: int | None
    written: datetime | None = None


@dataclass(frozen=True)
class ModelFile:
    """A ``model.json``; ``folder`` is where its tables lie: empty or ending in ``/``."""

    folder: str


def parse(name: str) -> Partition | PlainFile | ModelFile | None:
    """What the blob of that name is; ``None`` where it is nothing that belongs to a segment."""
    *folders, file = name.split("/")
    if file.lower() == MODEL:
        return ModelFile(name[: -len(file)])
    suffix = _SUFFIX.search(file)
    if suffix is None or file[0] in "_.":
        return None
    stem = file[: suffix.start()]
    if not folders:
        return _in_root(stem)
    stamp = timestamp(folders[-4:]) if len(folders) > 4 and folders[-5] else None
    if stamp:
        place = Place("tree", folders[-5], "/".join(folders[:-4]))
        return Partition(place, name[: -len(file)], stamp, *_numbered(stem))
    if not folders[-1]:
        return None
    return PlainFile(Place("folder", folders[-1], "/".join(folders)), *_numbered(stem))


def moment_in(name: str) -> datetime | None:
    """The moment in the name of a plain file in the root, ``None`` where it has none."""
    parsed = parse(name)
    return parsed.written if isinstance(parsed, PlainFile) else None


def timestamp(parts: Sequence[str]) -> datetime | None:
    """The moment (taken as UTC) at which the first levels of ``yyyy/MM/dd/HHmm`` begin; ``None`` for anything else."""
    if not 0 < len(parts) <= 4:
        return None
    fits = all(
        len(part) == width and part.isascii() and part.isdecimal() for part, width in zip(parts, _LEVELS, strict=False)
    )
    if not fits or parts[0] < _START[0]:
        return None
    year, month, day, time = (*parts, *_START[len(parts) :])
    try:
        return datetime(int(year), int(month), int(day), int(time[:2]), int(time[2:]), tzinfo=UTC)
    except ValueError:
        return None


def normal(name: str) -> str:
    """One spelling for names that look the same: some writers decompose accented letters."""
    return unicodedata.normalize("NFC", name)


def _in_root(stem: str) -> PlainFile:
    moment = _MOMENT.fullmatch(stem)
    if moment is None:
        return PlainFile(Place("file", stem, stem), *_numbered(stem))
    label = stem[: moment.start("seconds") - 1]
    written = datetime.fromtimestamp(int(moment["seconds"]), tz=UTC)
    return PlainFile(Place("file", moment["segment"], label), stem, None, written)


def _numbered(stem: str) -> tuple[str, int | None]:
    match = _NUMBERED.fullmatch(stem)
    return (match["stem"], int(match["number"])) if match else (stem, None)
