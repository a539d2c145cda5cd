"""Is the newest drop of a segment whole? One decision, made from a listing, ``model.json`` and the time.

Nobody marks a drop as finished and no order of writing is documented, so the evidence is combined. What speaks against
a drop is a doubt; a drop without a doubt is whole once everything about it has stood still for the settle time, or for
five times as long where the evidence is weak.

A doubt about something that may still arrive is waited for; after a day without a change it is ``drop_incomplete``:

| code | it is waited for because |
|---|---|
| ``settling`` | something changed a moment ago (never ends as ``drop_incomplete``) |
| ``folder_empty`` | the newest folder holds no file; older folders are never used in its place |
| ``partition_empty`` | a file has no bytes: some writers create a file before they fill it |
| ``partition_missing`` | ``model.json`` lists a file that is not there |
| ``partition_unlisted`` | the newest folder holds a file that ``model.json`` does not list |
| ``partition_gap`` | files are not numbered from 1 (or 0) without a gap, and no usable ``model.json`` lists them |
| ``model_stale`` | ``model.json`` is older than the newest folder and does not list it yet |
| ``model_mixed`` | ``model.json`` lists files of several folders |
| ``file_unknown`` | the newest folder holds a file of no known kind, and no usable ``model.json`` lists its files |

A doubt that no later arrival removes makes the drop unusable as soon as all has stood still:

| code | because |
|---|---|
| ``location_outside`` | ``model.json`` lists a location outside our container |
| ``dialect_unsupported`` | ``model.json`` describes files that cannot be read |
| ``partitions_mixed`` | without a usable ``model.json``: files of two exports, or one number twice, in one folder |
| ``folder_mixed`` | old and new parts of what looks like one set, or only some files of the last drop replaced |
| ``drop_older`` | it lay there before the drop exported last, which is gone or has lost files |

Weak evidence is: no usable ``model.json``; one that is older than the files by more than the settle time; a plain
folder, which says nothing of how many files there will be.

A plain drop is the newest file of its name, or the newest files of its folder: those written with no pause of more than
an hour between one and the next. Files before such a pause are an earlier drop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.documents import Drop
from shared.doors.ports import Blob
from shared.drop.history import half_replaced, is_older
from shared.drop.layout import Partition, Place, PlainFile, moment_in, parse
from shared.drop.model_json import Entity, Model, Unusable

PATIENCE = timedelta(days=1)
"""How long something that is missing is waited for after the last change."""

WEAK = 5
"""How many settle times a drop must stand still where the evidence is weaker."""

_PAUSE = timedelta(hours=1)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_LONGEST_WAIT = timedelta(minutes=15)
_NAMED = 5
"""How many files a message names."""

_LASTING = frozenset({"location_outside", "dialect_unsupported", "partitions_mixed", "folder_mixed"})


@dataclass(frozen=True)
class Evidence:
    """What is known of the newest drop of one place, all of it from listings and ``model.json``.

    ``files`` are all blobs directly in the newest timestamp folder (``folder``, ending in ``/``, dated ``stamp``), or
    all data files of a plain place. ``model`` is ``None`` where there is no ``model.json`` above the place, and
    ``previous`` where the segment was never exported.
    """

    place: Place
    files: tuple[Blob, ...]
    folder: str = ""
    stamp: datetime | None = None
    model: Model | Unusable | None = None
    model_modified: datetime | None = None
    previous: Drop | None = None


@dataclass(frozen=True)
class Whole:
    """These blobs, in this order, are the drop; ``entity`` is what ``model.json`` says of them."""

    blobs: tuple[Blob, ...]
    entity: Entity | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class NotYet:
    """Look again, best at ``look_at``."""

    code: str
    message: str
    look_at: datetime


@dataclass(frozen=True)
class NotUsable:
    """Waiting does not help: somebody has to do something about the drop."""

    code: str
    message: str
    details: tuple[str, ...] = ()


Verdict = Whole | NotYet | NotUsable


@dataclass(frozen=True)
class _Doubt:
    """``since`` is the last change of what the doubt is about."""

    code: str
    message: str
    since: datetime


@dataclass(frozen=True)
class _Proof:
    """No doubt is left but time; ``changed`` is the last change of anything that counts."""

    whole: Whole
    changed: datetime
    weak: bool


def completeness(evidence: Evidence, now: datetime, settle_seconds: int) -> Verdict:
    """Whether the drop is whole; the module's tables give every other answer."""
    settle = timedelta(seconds=settle_seconds)
    found = _examine(evidence, settle)
    if isinstance(found, _Doubt):
        return _waited(found, now, settle)
    if is_older(evidence.previous, found.whole.blobs):
        return _older(found.whole.blobs)
    quiet = settle * WEAK if found.weak else settle
    if found.changed + quiet > now:
        message = f"it changed at {_when(found.changed)} and must stand still for {quiet.total_seconds():.0f} s"
        return NotYet("settling", message, found.changed + quiet)
    return found.whole


def _older(blobs: Sequence[Blob]) -> NotUsable:
    message = (
        f"the newest drop is {_some([blob.name for blob in blobs])}, but a newer one was exported already, and files "
        "of it are gone: upload what is to be exported again"
    )
    return NotUsable("drop_older", message)


def _waited(doubt: _Doubt, now: datetime, settle: timedelta) -> NotYet | NotUsable:
    waited = now - doubt.since
    if doubt.code in _LASTING and waited >= settle * WEAK:
        return NotUsable(doubt.code, doubt.message)
    if doubt.code not in _LASTING and waited >= PATIENCE:
        message = f"{doubt.message}; nothing has changed since {_when(doubt.since)}: export the segment again"
        return NotUsable("drop_incomplete", message, (doubt.code,))
    pause = max(settle, min(waited / 4, _LONGEST_WAIT))
    return NotYet(doubt.code, doubt.message, now + pause)


def _examine(evidence: Evidence, settle: timedelta) -> _Doubt | _Proof:
    if evidence.place.kind == "file":
        return _examine_file(evidence)
    if evidence.place.kind == "folder":
        return _examine_folder(evidence)
    entity = evidence.model.entity_of(evidence.place) if isinstance(evidence.model, Model) else None
    if entity and (entity.partitions or entity.refused):
        return _examine_listed(evidence, entity, settle)
    return _examine_numbered(evidence, entity)


def _examine_listed(evidence: Evidence, entity: Entity, settle: timedelta) -> _Doubt | _Proof:
    """A timestamp folder whose files ``model.json`` lists."""
    written = evidence.model_modified or _last_change(evidence)
    there = {blob.name: blob for blob in evidence.files}
    blobs = tuple(there[name] for name in entity.partitions if name in there)
    if problem := _contradiction(evidence, entity, written):
        return problem
    if doubt := _empty(blobs) or _torn(evidence, blobs):
        return doubt
    newest = _newest(blobs)
    return _Proof(Whole(blobs, entity), max(newest, written), weak=written + settle < newest)


def _contradiction(evidence: Evidence, entity: Entity, written: datetime) -> _Doubt | None:
    """What ``model.json`` says against what lies in the newest folder."""
    changed = max(_last_change(evidence), written)
    if entity.refused:
        return _Doubt("location_outside", f"model.json cannot be followed: {entity.refused}", changed)
    if entity.dialect_problem:
        return _Doubt("dialect_unsupported", f"model.json cannot be followed: {entity.dialect_problem}", changed)
    folders = entity.folders
    if len(folders) > 1:
        return _Doubt("model_mixed", f"model.json lists files of several folders: {_some(folders)}", changed)
    if max(folders) < evidence.folder:
        message = f"model.json does not list folder {evidence.folder} yet: it still lists {max(folders)}"
        return _Doubt("model_stale", message, _last_change(evidence))
    there = {blob.name for blob in evidence.files}
    if missing := set(entity.partitions) - there:
        return _Doubt("partition_missing", f"model.json lists files that are not there: {_some(missing)}", changed)
    if unlisted := {blob.name for blob in _data(evidence)} - set(entity.partitions):
        return _Doubt("partition_unlisted", f"model.json does not list {_some(unlisted)}", changed)
    return None


def _examine_numbered(evidence: Evidence, entity: Entity | None) -> _Doubt | _Proof:
    """A timestamp folder whose files no ``model.json`` lists: only their numbers tell whether one is missing."""
    changed = _last_change(evidence)
    data = _data(evidence)
    doubt = (
        _nothing_there(evidence, changed)
        or _stale(evidence, changed)
        or _unknown(evidence, changed)
        or _empty(data)
        or _misnumbered(data, evidence.folder)
        or _torn(evidence, data)
    )
    if doubt:
        return doubt
    why = evidence.model.message if isinstance(evidence.model, Unusable) else "no model.json lists its files"
    warning = f"whether {evidence.folder} is whole was judged by the numbers of its files: {why}"
    written = evidence.model_modified or changed
    return _Proof(Whole(tuple(data), entity, (warning,)), max(changed, written), weak=True)


def _nothing_there(evidence: Evidence, changed: datetime) -> _Doubt | None:
    if _data(evidence):
        return None
    return _Doubt("folder_empty", f"the newest folder, {evidence.folder}, holds no file", changed)


def _stale(evidence: Evidence, changed: datetime) -> _Doubt | None:
    """A usable ``model.json`` without the segment is about to be rewritten if it is older than the segment's files."""
    if not isinstance(evidence.model, Model) or evidence.model_modified is None or evidence.model_modified > changed:
        return None
    return _Doubt("model_stale", f"model.json does not list segment {evidence.place.segment} yet", changed)


def _unknown(evidence: Evidence, changed: datetime) -> _Doubt | None:
    strangers = [blob.name for blob in evidence.files if _is_stranger(blob.name)]
    return (
        _Doubt("file_unknown", f"files of no known kind lie in it: {_some(strangers)}", changed) if strangers else None
    )


def _is_stranger(name: str) -> bool:
    file = name.rpartition("/")[2]
    return not isinstance(parse(name), Partition) and file[:1] not in ("", "_", ".")


def _misnumbered(blobs: Sequence[Blob], folder: str) -> _Doubt | None:
    changed = _newest(blobs)
    parts = [_part(blob) for blob in blobs]
    numbers = [number for _, number in parts if number is not None]
    if len(parts) == 1 and not numbers:
        return None
    numbered = len(numbers) == len(parts)
    if numbered and (len({stem for stem, _ in parts}) > 1 or len(set(numbers)) < len(numbers)):
        return _Doubt("partitions_mixed", f"{folder} holds files of more than one export", changed)
    if not numbered or not _contiguous(numbers):
        message = f"the files in {folder} are not numbered from 1 without a gap, and no model.json lists them"
        return _Doubt("partition_gap", message, changed)
    return None


def _examine_file(evidence: Evidence) -> _Doubt | _Proof:
    """Plain files of one name in the root: the newest one, by the moment in its name or else by when it was written."""
    newest = max(evidence.files, key=lambda blob: (moment_in(blob.name) or blob.modified, blob.modified, blob.name))
    return _empty([newest]) or _Proof(Whole((newest,)), newest.modified, weak=False)


def _examine_folder(evidence: Evidence) -> _Doubt | _Proof:
    """Plain files in one folder."""
    newest, older = _since_pause(evidence.files)
    doubt = _empty(newest) or _parts_doubt(newest, older, evidence.place) or _torn(evidence, newest)
    if doubt:
        return doubt
    return _Proof(Whole(tuple(sorted(newest, key=_order))), _newest(newest), weak=True)


def _since_pause(blobs: Sequence[Blob]) -> tuple[list[Blob], list[Blob]]:
    """The files of the newest drop of a plain folder, and the rest."""
    latest_first = sorted(blobs, key=lambda blob: (blob.modified, blob.name), reverse=True)
    for place in range(1, len(latest_first)):
        if latest_first[place - 1].modified - latest_first[place].modified > _PAUSE:
            return latest_first[:place], latest_first[place:]
    return latest_first, []


def _parts_doubt(newest: Sequence[Blob], older: Sequence[Blob], place: Place) -> _Doubt | None:
    """Numbered parts of one set must all be there, and all be new."""
    stems = {_part(blob)[0] for blob in newest}
    numbers = [_part(blob)[1] for blob in newest]
    if len(stems) > 1 or None in numbers:
        return None
    new = [number for number in numbers if number is not None]
    old = [number for stem, number in map(_part, older) if number is not None and stem in stems]
    if old and _contiguous({*new, *old}):
        message = f"folder {place.label} holds parts of one set that were not written together: remove the old ones"
        return _Doubt("folder_mixed", message, _newest(newest))
    if len(new) > 1 and min(new) <= 1 and not _contiguous(new):
        return _Doubt("partition_gap", f"the parts in folder {place.label} are numbered with a gap", _newest(newest))
    return None


def _torn(evidence: Evidence, blobs: Sequence[Blob]) -> _Doubt | None:
    """A person who moved from one file to another is in neither where only the one was replaced."""
    if not (old := half_replaced(evidence.previous, blobs, evidence.files)):
        return None
    message = f"other files of the drop exported last were replaced, but not {_some(old)}: replace or remove it"
    return _Doubt("folder_mixed", message, _newest(blobs))


def _empty(blobs: Sequence[Blob]) -> _Doubt | None:
    empty = [blob.name for blob in blobs if blob.size == 0]
    return _Doubt("partition_empty", f"there is not one byte in {_some(empty)}", _newest(blobs)) if empty else None


def _data(evidence: Evidence) -> list[Blob]:
    return sorted((blob for blob in evidence.files if isinstance(parse(blob.name), Partition)), key=_order)


def _order(blob: Blob) -> tuple[int, str]:
    return _part(blob)[1] or 0, blob.name


def _part(blob: Blob) -> tuple[str, int | None]:
    parsed = parse(blob.name)
    return (parsed.stem, parsed.number) if isinstance(parsed, Partition | PlainFile) else (blob.name, None)


def _contiguous(numbers: Sequence[int] | set[int]) -> bool:
    return min(numbers) <= 1 and max(numbers) - min(numbers) == len(set(numbers)) - 1


def _last_change(evidence: Evidence) -> datetime:
    """Of the files; an empty folder has only the moment in its name."""
    return _newest(evidence.files) if evidence.files else evidence.stamp or _LONG_AGO


def _newest(blobs: Sequence[Blob]) -> datetime:
    return max(blob.modified for blob in blobs)


def _some(names: Sequence[str] | set[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:_NAMED]) + (f" and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else "")


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
