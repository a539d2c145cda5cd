"""What the app says of itself."""

import json
import logging
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from shared.documents import Counts, Reason, Run, RunState, Trigger, Watch
from shared.doors.clock import as_datetime
from shared.telemetry import (
    QUIETED,
    BatchDelivered,
    DropIncomplete,
    Event,
    Poisoned,
    RunEnded,
    RunHeld,
    RunPlanned,
    RunRequested,
    about,
    name_of,
    quiet,
    record,
)
from tests.fakes import START

AT = as_datetime(START)
RUN = Run(
    id="20260824T090000Z-high-value-0a1b2c3d",
    export="high-value",
    trigger=Trigger.DROP,
    state=RunState.PARTLY_SUCCEEDED,
    reason=Reason(code="batches_failed", message="1 of 80 batches was given up on"),
    requested_at=AT,
    finished_at=AT + timedelta(minutes=2),
    counts=Counts(
        rows=300, rejected={"email_invalid": 20}, sent=280, confirmed=250, refused={"refused_bounced": 5}, failed=25
    ),
    imports_per_minute=96.0,
    watch=Watch(at=AT),
)


def written(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The events in the log."""
    return [json.loads(found.getMessage()) for found in caplog.records]


@pytest.fixture(autouse=True)
def _everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="courier")


def test_an_event_is_one_line_that_starts_with_its_name(caplog: pytest.LogCaptureFixture) -> None:
    """Queries find events by the start of the line, without parsing every line there is."""
    record(Poisoned(queue="run-watch-poison"))
    (line,) = (found.getMessage() for found in caplog.records)
    assert line == '{"event":"poisoned","queue":"run-watch-poison"}'


def test_ids_of_what_is_being_worked_on_stand_in_every_event(caplog: pytest.LogCaptureFixture) -> None:
    """Ids add up from the outside in, and are gone outside."""
    with about(invocation="i", run="r"):
        with about(batch=0, export="e"):
            record(BatchDelivered(contacts=250, refused=0, attempt=0, late=0.1))
        record(RunHeld(code="payment"))
    record(RunHeld(code="payment"))
    inner, outer, none = written(caplog)
    assert (inner["invocation"], inner["run"], inner["export"], inner["batch"]) == ("i", "r", "e", 0)
    assert (outer["invocation"], outer["run"], "export" in outer, "batch" in outer) == ("i", "r", False, False)
    assert none == {"event": "run_held", "code": "payment"}


def test_ids_are_gone_after_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    """A step that raises leaves nothing behind for the next one on its thread."""
    with pytest.raises(ZeroDivisionError), about(run="r"):
        raise ZeroDivisionError
    record(RunHeld(code="payment"))
    assert "run" not in written(caplog)[0]


def test_an_ended_run_says_how_well_it_used_the_limit(caplog: pytest.LogCaptureFixture) -> None:
    """Rate, limit, their share, counts and time: the metrics of a run."""
    record(RunEnded.of(RUN, allowed_per_minute=100))
    (ended,) = written(caplog)
    assert ended == {
        "event": "run_ended",
        "state": "partly_succeeded",
        "code": "batches_failed",
        "dry_run": False,
        "rows": 300,
        "sent": 280,
        "confirmed": 250,
        "refused": {"refused_bounced": 5},
        "failed": 25,
        "imports_per_minute": 96.0,
        "allowed_per_minute": 100,
        "utilisation": 0.96,
        "seconds": 120.0,
    }


def test_a_run_that_sent_nothing_has_no_utilisation(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing sent is not badly used."""
    record(RunEnded.of(RUN.model_copy(update={"imports_per_minute": None}), allowed_per_minute=100))
    assert written(caplog)[0]["utilisation"] is None


def test_requests_and_plans_speak_for_their_run(caplog: pytest.LogCaptureFixture) -> None:
    """What was asked for, and what there was to send."""
    record(RunRequested.of(RUN))
    record(RunPlanned.of(RUN, seconds=1.23456))
    asked, planned = written(caplog)
    assert asked == {"event": "run_requested", "trigger": "drop", "dry_run": False, "full": False}
    assert planned["rejected"] == {"email_invalid": 20}
    assert planned["seconds"] == 1.235


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (RunHeld(code="guard"), logging.WARNING),
        (DropIncomplete(segment="HighValue", code="partition_missing", looks=30, seconds=3600), logging.WARNING),
        (Poisoned(queue="export-runs-poison"), logging.ERROR),
        (BatchDelivered(contacts=1, refused=0, attempt=0, late=0), logging.INFO),
    ],
)
def test_severity_belongs_to_the_event(event: Event, level: int, caplog: pytest.LogCaptureFixture) -> None:
    """What needs a person is not written at the level of what does not."""
    record(event)
    assert caplog.records[0].levelno == level


@pytest.mark.parametrize("kind", Event.__subclasses__(), ids=name_of)
def test_no_event_has_a_place_for_personal_data(kind: type[Event]) -> None:
    """Fields hold ids, codes, counts and times; there is none for an address, a name, a phone number or free text."""
    forbidden = {"email", "name", "phone", "contact", "message", "url", "address", "customer_id", "key", "details"}
    assert {field.name for field in fields(kind)} & forbidden == set()


@pytest.mark.parametrize("kind", Event.__subclasses__(), ids=name_of)
def test_no_field_hides_an_id(kind: type[Event]) -> None:
    """A field named like an id would overwrite it."""
    assert {field.name for field in fields(kind)} & {"event", "run", "export", "batch", "invocation"} == set()


def test_libraries_are_quiet_unless_something_is_wrong() -> None:
    """Azure's SDKs log every request otherwise, with its headers."""
    before = {name: logging.getLogger(name).level for name in QUIETED}
    try:
        quiet()
        assert not any(logging.getLogger(name).isEnabledFor(logging.INFO) for name in QUIETED)
        assert all(logging.getLogger(name).isEnabledFor(logging.ERROR) for name in QUIETED)
        for part in ("connection", "connectionpool", "response", "util.retry"):
            assert not logging.getLogger(f"urllib3.{part}").isEnabledFor(logging.WARNING)
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
