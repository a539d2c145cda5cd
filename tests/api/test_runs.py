"""Runs: the newest first, held ones released, others cancelled, their rejects as a file."""

from datetime import timedelta
from typing import Any

import pytest

from shared import names
from shared.api.runs import LARGEST_ANSWER
from shared.courier import Courier
from shared.documents import BatchEntry, Plan, Reason, Run, RunState, Trigger, Watch
from shared.doors.clock import now
from shared.messages import PlanMessage, WatchMessage
from tests.api.client import Client
from tests.fakes import MemoryQueues

UNKNOWN = "20260824T090000Z-vip-0123abcd"
REASON = Reason(code="leavers", message="30 of 100 members left the segment")


def _run(app: Courier, *, state: RunState = RunState.SUCCEEDED, export: str = "vip", minutes: int = 0) -> Run:
    moment = now(app.clock) + timedelta(minutes=minutes)
    run = Run(
        id=f"{moment:%Y%m%dT%H%M%SZ}-{export}-0123abcd",
        export=export,
        trigger=Trigger.DROP,
        state=state,
        reason=REASON if state is RunState.HELD else None,
        requested_at=moment,
        watch=Watch(at=moment, generation=4, next_batch=7),
    )
    app.store.put(names.run(run.id), run)
    return run


def _sent(app: Courier, queue: str) -> list[Any]:
    assert isinstance(app.queues, MemoryQueues)
    return list(app.queues.sent_to(queue))


def _planned(app: Courier, run: Run) -> None:
    entry = BatchEntry(offset=0, length=2, contacts=1)
    plan = Plan(batches=[entry], batches_etag="", planned_etag="", rejects_length=0, columns=[])
    app.store.put(names.plan(run.id), plan)


def test_runs_are_listed_newest_first(client: Client, app: Courier) -> None:
    """Of one export or of all, as many as asked for."""
    made = [_run(app, export=export, minutes=minutes) for minutes, export in enumerate(["vip", "vip-2", "vip", "all"])]
    ids = [run.id for run in reversed(made)]
    assert [run["id"] for run in client.get("runs")["runs"]] == ids
    assert [run["id"] for run in client.get("runs", {"limit": "2"})["runs"]] == ids[:2]
    assert [run["id"] for run in client.get("runs", {"export": "vip"})["runs"]] == [ids[1], ids[3]]
    assert client.get("runs", {"export": "vip", "limit": "1", "code": "key"})["runs"][0]["id"] == ids[1]
    assert client.get("runs", {"export": "none"}) == {"runs": []}


def test_a_list_reads_no_more_runs_than_it_shows(client: Client, app: Courier) -> None:
    """Thousands of old runs cost one listing."""
    for minutes in range(30):
        _run(app, minutes=minutes)
    app.store.blobs.calls.clear()  # type: ignore[attr-defined]  # in memory
    client.get("runs", {"limit": "3"})
    assert app.store.blobs.calls == {"level": 1, "read": 3}  # type: ignore[attr-defined]


def test_a_folder_without_a_run_is_passed_over(client: Client, app: Courier) -> None:
    """A run that is being erased has no document any more."""
    run = _run(app)
    app.store.blobs.write(names.receipt(UNKNOWN, 0), b"{}")
    assert [found["id"] for found in client.get("runs", {"limit": "1"})["runs"]] == [run.id]


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"limit": "many"}, {"export": "A B"}, {"page": "2"}]
)
def test_a_wrong_parameter_is_refused(client: Client, query: dict[str, str]) -> None:
    """By name, with what it has to be."""
    response = client("GET", "runs", query=query)
    assert (response.status, response.code) == (400, "document_invalid")
    assert response.json["error"]["details"][0].startswith(next(iter(query)))


def test_a_run_is_shown_as_it_is_stored(client: Client, app: Courier) -> None:
    """The answer is the document."""
    run = _run(app)
    assert Run.model_validate(client.get(f"runs/{run.id}")) == run


@pytest.mark.parametrize("run", [UNKNOWN, "none", "..", "20260824T090000Z-vip-0123abcd%2F..", "x" * 3000])
@pytest.mark.parametrize(
    ("method", "rest"), [("GET", ""), ("GET", "/rejects"), ("POST", "/release"), ("POST", "/cancel")]
)
def test_what_is_no_run_is_not_found(client: Client, method: str, rest: str, run: str) -> None:
    """Whatever stands in its place in the address."""
    response = client(method, f"runs/{run}{rest}")
    assert (response.status, response.code) == (404, "not_found")


# Release


def test_a_held_run_with_a_plan_is_delivered(client: Client, app: Courier) -> None:
    """It goes on from its first batch without a receipt, with a new watcher, and remembers who decided."""
    held = _run(app, state=RunState.HELD)
    _planned(app, held)
    response = client("POST", f"runs/{held.id}/release")
    assert (response.status, response.json["state"]) == (202, "delivering")
    run = app.store.get(names.run(held.id), Run)
    assert (run.watch.next_batch, run.watch.generation, run.reason) == (0, 5, None)
    (released,) = run.releases
    assert (released.by, released.reason) == ("function key", REASON)
    assert _sent(app, names.RUN_WATCH) == [WatchMessage(run=held.id, generation=5)]
    assert _sent(app, names.EXPORT_RUNS) == []


def test_a_held_run_without_a_plan_is_planned(client: Client, app: Courier) -> None:
    """It was held before its plan was made: for a missing key, say."""
    held = _run(app, state=RunState.HELD)
    assert client("POST", f"runs/{held.id}/release").json["state"] == "queued"
    assert _sent(app, names.EXPORT_RUNS) == [PlanMessage(run=held.id, generation=5)]
    assert _sent(app, names.RUN_WATCH) == []


@pytest.mark.parametrize("state", [state for state in RunState if state is not RunState.HELD])
def test_only_a_held_run_is_released(client: Client, app: Courier, state: RunState) -> None:
    """Any other stays what it is, and no message is sent."""
    run = _run(app, state=state)
    response = client("POST", f"runs/{run.id}/release")
    assert (response.status, response.code) == (409, "conflict")
    assert str(state) in response.message
    assert app.store.get(names.run(run.id), Run) == run
    assert _sent(app, names.EXPORT_RUNS) == _sent(app, names.RUN_WATCH) == []


# Cancel


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.PLANNING, RunState.HELD])
def test_an_unplanned_run_is_cancelled_and_the_next_one_starts(ready: Client, app: Courier, state: RunState) -> None:
    """There is nothing to settle, so nothing is waited for."""
    active = ready("POST", "exports/vip/runs").json["id"]
    waiting = ready("POST", "exports/vip/runs").json["id"]
    app.store.modify(names.run(active), Run, lambda run: run.model_copy(update={"state": state}))
    response = ready("POST", f"runs/{active}/cancel")
    assert (response.status, response.json["state"]) == (202, "cancelled")
    assert response.json["reason"]["message"] == "cancelled by function key"
    assert response.json["finished_at"]
    shown = ready.get("exports/vip")
    assert (shown["active_run"], shown.get("waiting_run")) == (waiting, None)
    assert _sent(app, names.EXPORT_RUNS)[-1] == PlanMessage(run=waiting, generation=0)


@pytest.mark.parametrize("state", [RunState.DELIVERING, RunState.CONFIRMING, RunState.HELD])
def test_a_planned_run_is_cancelled_and_left_to_its_watcher(ready: Client, app: Courier, state: RunState) -> None:
    """What was confirmed is settled before the next run starts."""
    active = ready("POST", "exports/vip/runs").json["id"]
    run = app.store.modify(names.run(active), Run, lambda run: run.model_copy(update={"state": state}))
    _planned(app, run)
    assert ready("POST", f"runs/{active}/cancel").json["state"] == "cancelled"
    assert _sent(app, names.RUN_WATCH) == [WatchMessage(run=active, generation=1)]
    assert ready.get("exports/vip")["active_run"] == active


def test_a_cancelled_waiting_run_is_not_joined(ready: Client) -> None:
    """Whoever asks after that gets a run that will happen."""
    active = ready("POST", "exports/vip/runs").json["id"]
    waiting = ready("POST", "exports/vip/runs").json["id"]
    ready("POST", f"runs/{waiting}/cancel")
    again = ready("POST", "exports/vip/runs").json
    assert again["state"] == "queued"
    assert again["id"] not in (active, waiting)


def test_cancelling_twice_is_cancelling_once(ready: Client) -> None:
    """The first decision stands."""
    run = ready("POST", "exports/vip/runs").json["id"]
    first = ready("POST", f"runs/{run}/cancel").json
    second = ready("POST", f"runs/{run}/cancel")
    assert second.status == 202
    assert second.json["finished_at"] == first["finished_at"]


@pytest.mark.parametrize(
    "state", [RunState.SUCCEEDED, RunState.PARTLY_SUCCEEDED, RunState.NOTHING_TO_DO, RunState.FAILED]
)
def test_what_has_ended_is_not_cancelled(client: Client, app: Courier, state: RunState) -> None:
    """Its end stays as it was."""
    run = _run(app, state=state)
    assert client("POST", f"runs/{run.id}/cancel").code == "conflict"
    assert app.store.get(names.run(run.id), Run) == run


# Rejects

CSV = "source,line,customer_id,email,code,detail\nday.csv,7,C7,,email_missing,müßte\n".encode()


def test_rejects_come_as_a_file(client: Client, app: Courier) -> None:
    """CSV in UTF-8, with a name to save it under."""
    run = _run(app)
    app.store.blobs.write(names.rejects(run.id), CSV)
    response = client("GET", f"runs/{run.id}/rejects")
    assert (response.status, response.body) == (200, CSV)
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{run.id}-rejects.csv"'
    assert response.headers["Cache-Control"] == "no-store"


def test_a_run_without_rejects_file_says_so(client: Client, app: Courier) -> None:
    """It has none before it was planned."""
    run = _run(app, state=RunState.QUEUED)
    response = client("GET", f"runs/{run.id}/rejects")
    assert (response.status, response.code) == (404, "not_found")
    assert "it is queued" in response.message


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-4", 0, 5),
        ("bytes=5-", 5, len(CSV)),
        ("bytes=-6", len(CSV) - 6, len(CSV)),
        ("bytes=10-99999", 10, len(CSV)),
        ("bytes=-99999", 0, len(CSV)),
    ],
)
def test_rejects_come_in_ranges(client: Client, app: Courier, asked: str, start: int, end: int) -> None:
    """A file of any size can be fetched part by part."""
    run = _run(app)
    app.store.blobs.write(names.rejects(run.id), CSV)
    response = client("GET", f"runs/{run.id}/rejects", headers={"Range": asked})
    assert (response.status, response.body) == (206, CSV[start:end])
    assert response.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(CSV)}"


@pytest.mark.parametrize("asked", ["bytes=-", "lines=1-2", "bytes=0-1,3-4", "bytes=one-two", ""])
def test_what_is_no_single_range_brings_the_whole_file(client: Client, app: Courier, asked: str) -> None:
    """As HTTP says of ranges a server does not know."""
    run = _run(app)
    app.store.blobs.write(names.rejects(run.id), CSV)
    response = client("GET", f"runs/{run.id}/rejects", headers={"Range": asked})
    assert (response.status, response.body) == (200, CSV)


def test_a_range_of_another_version_brings_the_whole_file(client: Client, app: Courier) -> None:
    """Parts of two versions would make no file."""
    run = _run(app)
    app.store.blobs.write(names.rejects(run.id), CSV)
    path = f"runs/{run.id}/rejects"
    etag = client("GET", path).headers["ETag"]
    for version, status in ((etag, 206), ('"another"', 200)):
        headers = {"Range": "bytes=0-4", "If-Range": version}
        assert client("GET", path, headers=headers).status == status


@pytest.mark.parametrize("asked", ["bytes=99999-", "bytes=5-4", "bytes=-0"])
def test_a_range_outside_the_file_is_refused(client: Client, app: Courier, asked: str) -> None:
    """The answer says how large the file is."""
    run = _run(app)
    app.store.blobs.write(names.rejects(run.id), CSV)
    response = client("GET", f"runs/{run.id}/rejects", headers={"Range": asked})
    assert (response.status, response.code) == (416, "range_not_satisfiable")
    assert str(len(CSV)) in response.message


def test_a_huge_file_is_only_given_in_ranges(client: Client, app: Courier) -> None:
    """The answer passes through the worker's memory, so it says how to ask for parts instead."""
    run = _run(app)
    app.store.blobs.write(names.rejects(run.id), bytes(LARGEST_ANSWER + 1))
    response = client("GET", f"runs/{run.id}/rejects")
    assert (response.status, response.code) == (409, "rejects_too_large")
    most = f"bytes=0-{LARGEST_ANSWER - 1}"
    assert f"Range: {most}" in response.message
    assert client("GET", f"runs/{run.id}/rejects", headers={"Range": most}).status == 206


def test_an_empty_file_is_an_empty_answer(client: Client, app: Courier) -> None:
    """Azure refuses to read a range of an empty blob."""
    run = _run(app)
    app.store.blobs.write(names.rejects(run.id), b"")
    assert client("GET", f"runs/{run.id}/rejects").body == b""
