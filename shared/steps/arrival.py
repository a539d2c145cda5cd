"""The steps behind ``segment_dropped`` and ``look_again``: when every segment of an export is whole, ask for its run.

A segment has one look under way at most, so that fifty partitions that arrive together are looked at once, not fifty
times. The message is sent before ``segments/<hash>.json`` says so: whatever the document promises is on its way, and a
crash in between costs a look too many, never one too few.

Looking ends, and says so in the log, when a drop is whole, or cannot be used, or has kept changing for two days. A drop
that cannot be used, one that never became whole (``drop_incomplete``) among them, is asked to be exported too: that run
fails with its reason before anything is sent, where people look, and only once for each state of the drop.
"""

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from shared import names
from shared.courier import Courier
from shared.documents import Drop, Export, ExportState, Look, Trigger
from shared.doors.clock import now
from shared.drop.completeness import PATIENCE, WEAK, NotUsable, NotYet
from shared.drop.finding import MISSING, Judged, Survey, places_of, survey
from shared.drop.shapes import SegmentDrop
from shared.errors import Conflict, NotFound
from shared.exports import all_exports, target_of
from shared.messages import LookMessage
from shared.runs.requests import request_run
from shared.telemetry import DropIncomplete, DropWaiting, record

logger = logging.getLogger(__name__)

_LONGEST_LOOKING = 2 * PATIENCE
_LONGEST_DELAY_SECONDS = 900


def dropped(courier: Courier, blob_name: str) -> None:
    """A blob was written into the container of the drops: look at every segment it belongs to that an export wants."""
    exports = _listening(courier)
    wanted = {segment for export in exports.values() for segment in export.segments}
    if not wanted:
        return
    places = places_of(courier.drops, blob_name)
    for segment in sorted(name for name in wanted if any(place.answers_to(name) for place in places)):
        moment = now(courier.clock)
        if not _is_looked_at_soon(courier, segment, moment):
            _look(courier, exports, LookMessage(segment=segment, first_seen=moment))


def look_again(courier: Courier, message: LookMessage) -> None:
    """Look at that segment's drop again, unless another look has taken this one's place."""
    under_way = courier.store.find(names.look(message.segment), Look)
    mine = under_way is None or (under_way.first_seen, under_way.looks) == (message.first_seen, message.looks)
    if under_way and not mine and under_way.at >= message.first_seen:
        return
    _look(courier, _listening(courier), message)


def refresh_due(courier: Courier, export_name: str, export: Export, state: ExportState) -> Sequence[Drop] | None:
    """The newest drops of an export's segments, if at least one of them has not been exported yet.

    Whether they are whole is for planning to find out: it waits for what is still being written, and what cannot be
    used ends the run with its reason. A segment that is not there at all, or has nothing in it, asks for nothing; that
    it is so is recorded, where an alert looks.
    """
    found = _survey(courier, export.segments)
    judged = [_judge(courier, found, segment, state) for segment in export.segments]
    for segment, one in zip(export.segments, judged, strict=True):
        if isinstance(one.outcome, NotUsable):
            logger.warning("export %s: segment %s: %s", export_name, segment, one.outcome.message)
            record(DropIncomplete(segment=segment, code=one.outcome.code, looks=0, seconds=0.0))
    drops = _drops(judged)
    return drops if _is_new(drops, state) else None


def remembered(courier: Courier, name: str, export: Export) -> ExportState:
    """What an export remembers of the list that it leads to by now."""
    state = courier.store.find(names.export_state(name), ExportState) or ExportState()
    return state.about(target_of(courier.store, export))


def _listening(courier: Courier) -> dict[str, Export]:
    exports = all_exports(courier.store)
    return {name: export for name, export in exports.items() if export.enabled and export.triggers.drop}


def _is_looked_at_soon(courier: Courier, segment: str, moment: datetime) -> bool:
    """Whether a look is under way that comes no later than one asked for now would."""
    under_way = courier.store.find(names.look(segment), Look)
    latest = moment + timedelta(seconds=courier.settings.drop_settle_seconds * WEAK + 1)
    return under_way is not None and moment < under_way.at <= latest


def _look(courier: Courier, exports: Mapping[str, Export], look: LookMessage) -> None:
    """Ask for the runs that a segment's drop makes possible; send the next look where something may still come."""
    using = {name: export for name, export in exports.items() if look.segment in export.segments}
    found = _survey(courier, sorted({segment for export in using.values() for segment in export.segments}))
    problems: dict[tuple[str, str], NotYet | NotUsable] = {}
    for name, export in using.items():
        state = remembered(courier, name, export)
        judged = {segment: _judge(courier, found, segment, state) for segment in export.segments}
        if _is_decided(judged.values()):
            _ask(courier, name, _drops(judged.values()), state)
        for segment, one in judged.items():
            if not isinstance(one.outcome, SegmentDrop):
                problems[segment, one.outcome.code] = one.outcome
    _follow_up(courier, look, problems, found.moment)


def _follow_up(
    courier: Courier, look: LookMessage, problems: Mapping[tuple[str, str], NotYet | NotUsable], moment: datetime
) -> None:
    waited = moment - look.first_seen
    dues = [problem.look_at for problem in problems.values() if isinstance(problem, NotYet)]
    goes_on = bool(dues) and waited < _LONGEST_LOOKING
    for (segment, code), problem in problems.items():
        if goes_on and isinstance(problem, NotYet):
            record(DropWaiting(segment=segment, code=code, looks=look.looks))
        elif code == MISSING:
            logger.warning("%s", problem.message)
        else:
            record(DropIncomplete(segment=segment, code=code, looks=look.looks, seconds=waited.total_seconds()))
    if goes_on:
        _send_next(courier, look, min(dues), moment)
    else:
        courier.store.blobs.delete(names.look(look.segment))


def _send_next(courier: Courier, look: LookMessage, due: datetime, moment: datetime) -> None:
    delay = min(max(1, math.ceil((due - moment).total_seconds())), _LONGEST_DELAY_SECONDS)
    following = look.model_copy(update={"looks": look.looks + 1, "poisoned": 0})
    courier.queues.send(names.SEGMENT_DROPS, following, delay=delay)
    under_way = Look(
        segment=following.segment,
        first_seen=following.first_seen,
        looks=following.looks,
        at=moment + timedelta(seconds=delay),
    )
    courier.store.put(names.look(look.segment), under_way)


def _is_decided(judged: Iterable[Judged]) -> bool:
    """Whether waiting changes nothing and every segment has blobs: all are whole, or the run will say what is not."""
    return all(one.drop and not isinstance(one.outcome, NotYet) for one in judged)


def _survey(courier: Courier, segments: Sequence[str]) -> Survey:
    return survey(courier.drops, now(courier.clock), courier.settings.segments_container, segments)


def _judge(courier: Courier, found: Survey, segment: str, state: ExportState) -> Judged:
    previous = next((drop for drop in state.drops if drop.segment == segment), None)
    return found.judge(segment, courier.settings.drop_settle_seconds, previous)


def _drops(judged: Iterable[Judged]) -> list[Drop]:
    return [one.drop for one in judged if one.drop]


def _is_new(drops: Sequence[Drop], state: ExportState) -> bool:
    return any(not any(drop.same_as(exported) for exported in state.drops) for drop in drops)


def _ask(courier: Courier, export: str, drops: Sequence[Drop], state: ExportState) -> None:
    if not _is_new(drops, state):
        return
    try:
        request_run(courier, export, Trigger.DROP, drops=drops)
    except (NotFound, Conflict):
        logger.info("export %s was deleted or disabled meanwhile", export)
