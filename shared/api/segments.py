"""``GET /segments``: what lies in the container of drops."""

from datetime import datetime

from shared import names
from shared.api.calls import Answer, Call, json_answer
from shared.courier import Courier
from shared.documents import Document, Drop, ExportState
from shared.doors.clock import now
from shared.drop.completeness import NotUsable, NotYet
from shared.drop.finding import SegmentOverview, segments_in
from shared.plan.heading import find_columns
from shared.runs.decisions import exports_with_state


class Problem(Document):
    """Why a drop is not exported as it is; ``waiting`` says whether it may still become whole by itself."""

    code: str
    message: str
    waiting: bool


class SegmentShown(Document):
    """The newest drop of a segment.

    ``name`` is what an export calls it. ``columns`` are known where ``model.json`` or the first file names them,
    ``rows`` where a run has counted this very drop. ``size`` is in bytes as stored.
    """

    name: str
    path: str
    whole: bool
    problem: Problem | None = None
    modified: datetime | None = None
    size: int
    files: list[str]
    columns: list[str] | None = None
    rows: int | None = None


class SegmentList(Document):
    """Every segment of the container, by name."""

    container: str
    segments: list[SegmentShown]


def list_segments(courier: Courier, _: Call) -> Answer:
    """Every segment with its newest drop."""
    settings = courier.settings
    found = segments_in(courier.drops, now(courier.clock), settings.drop_settle_seconds, settings.segments_container)
    counted = _counted_rows(courier)
    shown = [_shown(courier, overview, counted) for overview in found]
    return json_answer(SegmentList(container=settings.segments_container, segments=shown))


Versions = frozenset[tuple[str, str]]


def _shown(courier: Courier, overview: SegmentOverview, counted: dict[Versions, int]) -> SegmentShown:
    drop, problem = overview.drop, overview.problem
    return SegmentShown(
        name=overview.name,
        path=overview.path,
        whole=problem is None,
        problem=_problem(problem) if problem else None,
        modified=drop.modified if drop and drop.blobs else None,
        size=overview.size,
        files=[blob.name for blob in drop.blobs] if drop else [],
        columns=_columns(courier, overview),
        rows=counted.get(_versions(drop)) if drop else None,
    )


def _columns(courier: Courier, overview: SegmentOverview) -> list[str] | None:
    columns = overview.columns
    if columns is None and overview.drop:
        columns = find_columns(courier.drops, overview.drop, overview.dialect, courier.workplace)
    return None if columns is None else list(columns)


def _problem(problem: NotYet | NotUsable) -> Problem:
    return Problem(code=problem.code, message=problem.message, waiting=isinstance(problem, NotYet))


def _counted_rows(courier: Courier) -> dict[Versions, int]:
    """How many rows the last run of each export read, where it read one segment alone."""
    counted: dict[Versions, int] = {}
    for export in exports_with_state(courier):
        state = courier.store.find(names.export_state(export), ExportState)
        if state and state.rows is not None and len(state.drops) == 1:
            counted[_versions(state.drops[0])] = state.rows
    return counted


def _versions(drop: Drop) -> Versions:
    return frozenset((blob.name, blob.etag) for blob in drop.blobs)
