"""From a container to the newest drop of each segment, listing only the folders on the way there.

The tree is walked level by level. Of a segment's timestamp folders only the newest year, month, day and time are
opened, however many there are; tables that a ``model.json`` names and nobody asked for are not opened at all, and of
others nobody asked for only what tells that they are tables.

The newest folder is the last by name, unless ``model.json`` lists another of which every file was written after all of
those: where ``HHmm`` is local time, the hour that autumn repeats gives the later export the smaller name.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.documents import Drop, DropBlob
from shared.doors.ports import Blob, Blobs
from shared.drop.completeness import Evidence, NotUsable, NotYet, Whole, completeness
from shared.drop.layout import ModelFile, Place, PlainFile, normal, parse, timestamp
from shared.drop.model_json import MAX_BYTES, Entity, Model, Unusable, parse_model, too_large
from shared.drop.shapes import Dialect, SegmentDrop
from shared.errors import BlobChanged, BlobMissing, DropNotReady, DropUnusable

MISSING = "segment_missing"
AMBIGUOUS = "segment_ambiguous"

_DEEPEST = 8
"""Levels of folders that are walked; Customer Insights has a segment's folder on the third."""

_NAMED = 20
"""How many segments a message names; its details name all."""


@dataclass(frozen=True)
class Judged:
    """What became of looking for one segment's newest drop, and the blobs it is about, if there are any."""

    outcome: SegmentDrop | NotYet | NotUsable
    drop: Drop | None


@dataclass(frozen=True)
class SegmentOverview:
    """What a container holds of one segment.

    ``name`` is what an export calls it: the segment's own name, or its path where several have that name. ``drop`` has
    the blobs of the newest drop, whole or not. ``problem`` says why it is not whole, and by its type whether it still
    may become so. ``columns`` are those of ``model.json``, ``None`` where it has none; ``dialect`` is how its files are
    written, as far as that is known. ``size`` is in bytes as stored.
    """

    name: str
    path: str
    drop: Drop | None
    problem: NotYet | NotUsable | None
    columns: tuple[str, ...] | None
    dialect: Dialect
    size: int


@dataclass(frozen=True)
class _ReadModel:
    content: Model | Unusable
    modified: datetime

    def names(self, table: str) -> bool:
        """Whether it describes a table of that name."""
        return isinstance(self.content, Model) and self.content.names(table)

    def folder_of(self, place: Place) -> str | None:
        """The one folder in which it lists the files of that place."""
        entity = self.content.entity_of(place) if isinstance(self.content, Model) else None
        return next(iter(entity.folders)) if entity and len(entity.folders) == 1 else None


@dataclass(frozen=True)
class _Spot:
    """A place that was come across, with the blobs that matter there, and the nearest ``model.json`` above it.

    ``folder`` and ``stamp`` are those of the newest timestamp folder.
    """

    place: Place
    files: tuple[Blob, ...] = ()
    folder: str = ""
    stamp: datetime | None = None
    model: _ReadModel | None = None


@dataclass(frozen=True)
class Survey:
    """What a container held at one moment."""

    container: str
    moment: datetime
    spots: tuple[_Spot, ...]

    def names(self) -> dict[Place, str]:
        """What an export can call each segment that is there."""
        called = Counter(name for spot in self.spots for name in {normal(spot.place.segment), normal(spot.place.label)})
        return {
            spot.place: spot.place.segment if called[normal(spot.place.segment)] == 1 else spot.place.label
            for spot in self.spots
        }

    def judge(self, segment: str, settle_seconds: int, previous: Drop | None = None) -> Judged:
        """Whether the newest drop of that segment is whole; ``previous`` is the one exported last."""
        spots = [spot for spot in self.spots if spot.place.answers_to(segment)]
        if not spots:
            return Judged(self._missing(segment), None)
        if len(spots) > 1:
            files = [blob for spot in spots for blob in spot.files]
            return Judged(_ambiguous(spots), _drop(segment, files) if files else None)
        return self._judge(spots[0], segment, settle_seconds, previous)

    def overview(self, settle_seconds: int) -> tuple[SegmentOverview, ...]:
        """Every segment, by name."""
        names = self.names()
        found = [self._overview(spot, names[spot.place], settle_seconds) for spot in self.spots]
        return tuple(sorted(found, key=lambda overview: (overview.name, overview.path)))

    def _judge(self, spot: _Spot, name: str, settle_seconds: int, previous: Drop | None) -> Judged:
        model = spot.model
        evidence = Evidence(
            place=spot.place,
            files=spot.files,
            folder=spot.folder,
            stamp=spot.stamp,
            model=model.content if model else None,
            model_modified=model.modified if model else None,
            previous=previous,
        )
        verdict = completeness(evidence, self.moment, settle_seconds)
        if isinstance(verdict, Whole):
            whole = _segment_drop(spot.place, name, verdict)
            return Judged(whole, whole.drop)
        return Judged(verdict, _drop(name, spot.files) if spot.files else None)

    def _overview(self, spot: _Spot, name: str, settle_seconds: int) -> SegmentOverview:
        judged = self._judge(spot, name, settle_seconds, None)
        described = spot.model.content if spot.model else None
        entity = described.entity_of(spot.place) if isinstance(described, Model) else None
        return SegmentOverview(
            name=name,
            path=spot.place.label,
            drop=judged.drop,
            problem=None if isinstance(judged.outcome, SegmentDrop) else judged.outcome,
            columns=entity.columns if entity else None,
            dialect=_dialect(spot.place, entity),
            size=sum(blob.size for blob in judged.drop.blobs) if judged.drop else 0,
        )

    def _missing(self, segment: str) -> NotUsable:
        names = tuple(sorted(self.names().values()))
        some = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        there = f"it holds {some}" if names else "it holds no segment yet"
        return NotUsable(MISSING, f"container {self.container} does not hold {segment}: {there}", names)


def survey(blobs: Blobs, moment: datetime, container: str, segments: Sequence[str] | None = None) -> Survey:
    """Look for these segments (all where ``None``) in ``blobs``, whose name is ``container``, at the present moment."""
    last_parts = None if segments is None else {normal(segment.rpartition("/")[2]) for segment in segments}
    return Survey(container, moment, tuple(_Walk(blobs, moment, container, last_parts).below("", None, 0)))


def newest_drop(
    blobs: Blobs,
    segment: str,
    now: datetime,
    settle_seconds: int,
    container: str,
    previous: Drop | None = None,
) -> SegmentDrop:
    """The newest drop of a segment, if it is whole; see ``survey`` and ``Survey.judge``.

    Raises ``DropNotReady`` or ``DropUnusable`` with a code of ``completeness``, ``segment_missing`` (its details name
    the segments there are) or ``segment_ambiguous`` (the places it lies in).
    """
    outcome = survey(blobs, now, container, [segment]).judge(segment, settle_seconds, previous).outcome
    if isinstance(outcome, SegmentDrop):
        return outcome
    message = f"segment {segment}: {outcome.message}"
    if isinstance(outcome, NotYet):
        raise DropNotReady(message, code=outcome.code, retry_after=(outcome.look_at - now).total_seconds())
    raise DropUnusable(message, code=outcome.code, details=outcome.details)


def segments_in(blobs: Blobs, now: datetime, settle_seconds: int, container: str) -> tuple[SegmentOverview, ...]:
    """Every segment of a container with its newest drop; see ``survey``."""
    return survey(blobs, now, container).overview(settle_seconds)


def places_of(blobs: Blobs, name: str) -> tuple[Place, ...]:
    """The places that a blob of that name says something about: its own, or every table beside a ``model.json``."""
    parsed = parse(name)
    if parsed is None:
        return ()
    if isinstance(parsed, ModelFile):
        return tuple(_table(folder) for folder in blobs.level(parsed.folder)[0])
    return (parsed.place,)


@dataclass(frozen=True)
class _Walk:
    """``wanted`` are the last parts of the segments' names, ``None`` where all are wanted."""

    blobs: Blobs
    moment: datetime
    container: str
    wanted: set[str] | None

    def below(self, prefix: str, model: _ReadModel | None, depth: int) -> Iterator[_Spot]:
        """Every place below a prefix; tables that are not wanted come unopened, without files."""
        folders, files = self.blobs.level(prefix)
        model = self._model_among(files) or model
        is_table = bool(prefix) and not self._is_wanted(_name(prefix)) and self._has_months(prefix, folders)
        newest = self._newest(prefix, folders, model) if prefix and not is_table else None
        if newest:
            yield _Spot(_table(prefix), newest.files, newest.folder, newest.stamp, model)
        elif is_table:
            yield _Spot(_table(prefix))
        yield from _plain(files)
        for folder in folders:
            name = _name(folder)
            if not name or depth == _DEEPEST or ((newest or is_table) and timestamp([name])):
                continue
            if model and model.names(name) and not self._is_wanted(name):
                yield _Spot(_table(folder))
            else:
                yield from self.below(folder, model, depth + 1)

    def _is_wanted(self, name: str) -> bool:
        return self.wanted is None or normal(name) in self.wanted

    def _has_months(self, prefix: str, folders: Sequence[str]) -> bool:
        """Whether there are months below the newest year of a folder."""
        years = [name for name in map(_name, folders) if timestamp([name])]
        below = self.blobs.level(f"{prefix}{max(years)}/")[0] if years else []
        return any(timestamp([max(years), _name(month)]) for month in below)

    def _newest(self, prefix: str, folders: Sequence[str], model: _ReadModel | None) -> "_Newest | None":
        newest = _newest_below(self.blobs, prefix, (), folders)
        listed = model.folder_of(_table(prefix)) if model else None
        if newest is None or listed is None or listed == newest.folder or not newest.files:
            return newest
        last = max(blob.modified for blob in newest.files)
        files = tuple(blob for blob in self.blobs.level(listed)[1] if blob.name != listed)
        stamp = timestamp(listed.removeprefix(prefix).split("/")[:-1])
        if stamp and files and min(blob.modified for blob in files) > last:
            return _Newest(listed, stamp, files)
        return newest

    def _model_among(self, files: Sequence[Blob]) -> _ReadModel | None:
        """A ``model.json`` that is replaced between listing and reading has changed at this very moment."""
        blob = next((blob for blob in files if isinstance(parse(blob.name), ModelFile)), None)
        if blob is None:
            return None
        if blob.size > MAX_BYTES:
            return _ReadModel(too_large(blob.size), blob.modified)
        try:
            data = self.blobs.read(blob.name, etag=blob.etag).data
        except (BlobChanged, BlobMissing):
            return _ReadModel(Unusable("model_changing", "model.json was replaced while it was read"), self.moment)
        return _ReadModel(parse_model(data, self.container), blob.modified)


@dataclass(frozen=True)
class _Newest:
    folder: str
    stamp: datetime
    files: tuple[Blob, ...]


def _newest_below(blobs: Blobs, prefix: str, above: tuple[str, ...], folders: Sequence[str]) -> _Newest | None:
    """The newest timestamp folder below a table's folder, or the newest part of one that has nothing in it.

    ``above`` are the levels of ``yyyy/MM/dd/HHmm`` that the prefix ends in. A folder without any timestamp below it is
    no timestamp folder itself, so the one before it is the newest.
    """
    for name in sorted(filter(None, map(_name, folders)), reverse=True):
        levels = (*above, name)
        stamp = timestamp(levels)
        if stamp is None:
            continue
        folder = f"{prefix}{name}/"
        below, files = blobs.level(folder)
        files = [blob for blob in files if blob.name != folder]
        if len(levels) == 4 or not (below or files):
            return _Newest(folder, stamp, tuple(files))
        if newest := _newest_below(blobs, folder, levels, below):
            return newest
    return None


def _plain(files: Sequence[Blob]) -> Iterator[_Spot]:
    """The plain drops among the files of one folder."""
    by_place: dict[Place, list[Blob]] = {}
    for blob in files:
        parsed = parse(blob.name)
        if isinstance(parsed, PlainFile):
            by_place.setdefault(parsed.place, []).append(blob)
    for place, found in by_place.items():
        yield _Spot(place, tuple(found))


def _table(folder: str) -> Place:
    return Place("tree", _name(folder), folder[:-1])


def _name(folder: str) -> str:
    """The last part of a folder's path, which ends in ``/``; empty where there are two in a row."""
    return folder[:-1].rpartition("/")[2]


def _ambiguous(spots: Sequence[_Spot]) -> NotUsable:
    paths = tuple(sorted(spot.place.label for spot in spots))
    message = f"it lies in several places, {', '.join(paths)}: name one by its path, or remove the others"
    return NotUsable(AMBIGUOUS, message, paths)


def _segment_drop(place: Place, name: str, whole: Whole) -> SegmentDrop:
    entity = whole.entity
    return SegmentDrop(
        drop=_drop(name, whole.blobs),
        columns=entity.columns if entity else None,
        dialect=_dialect(place, entity),
        primary_key=entity.primary_key if entity else None,
        warnings=whole.warnings,
    )


def _dialect(place: Place, entity: Entity | None) -> Dialect:
    """How the files of a place are written: as ``model.json`` says; plain ones have a header row always."""
    if place.kind != "tree":
        return Dialect(header=True)
    return entity.dialect if entity else Dialect()


def _drop(segment: str, blobs: Sequence[Blob]) -> Drop:
    found = [DropBlob(name=blob.name, etag=blob.etag, size=blob.size, modified=blob.modified) for blob in blobs]
    return Drop(segment=segment, blobs=found)
