"""Exports: stored without running them, stopped at once when deleted, erased when asked."""

from typing import Any

import pytest

from shared import names
from shared.api.connections import NO_CONSENT
from shared.api.exports import SENDS_EVERYBODY
from shared.courier import Courier
from shared.documents import UNSUBSCRIBE_WARNING, Export, ExportState, Run, RunState, Target
from shared.doors.clock import now
from shared.exports import target_of
from shared.messages import PlanMessage
from shared.runs.states import move
from tests.api.client import Client
from tests.api.conftest import CONNECTION, EXPORT, HOST
from tests.fakes import START, ManualClock, MemoryQueues


def _queues(app: Courier) -> MemoryQueues:
    assert isinstance(app.queues, MemoryQueues)
    return app.queues


def _state(app: Courier) -> ExportState:
    return app.store.find(names.export_state("vip"), ExportState) or ExportState()


def test_an_export_is_stored_shown_and_listed_but_not_run(ready: Client, app: Courier) -> None:
    """PUT creates it with its defaults, GET and the list show it, and no message was sent."""
    created = ready("PUT", "exports/second", EXPORT)
    assert created.status == 201
    assert created.json["leavers"] == {"action": "keep", "acknowledge_unsubscribe": False}
    shown = ready("GET", "exports/second")
    assert shown.json == created.json
    assert shown.headers["ETag"] == created.headers["ETag"]
    assert [one["name"] for one in ready.get("exports")["exports"]] == ["second", "vip"]
    assert _queues(app).waiting == []


def test_what_is_shown_may_be_sent_back(ready: Client) -> None:
    """Members that only answers have are ignored."""
    shown = ready.get("exports/vip")
    again = ready("PUT", "exports/vip", {**shown, "enabled": False})
    assert again.status == 200
    assert again.json == {**shown, "enabled": False}


def test_an_export_shows_its_runs(ready: Client) -> None:
    """The active and the waiting run are named."""
    active = ready("POST", "exports/vip/runs").json["id"]
    waiting = ready("POST", "exports/vip/runs").json["id"]
    shown = ready.get("exports/vip")
    assert (shown["active_run"], shown["waiting_run"]) == (active, waiting)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"list_id": 0}, "list_id"),
        ({"list_id": None}, "list_id"),
        ({"segments": []}, "segments"),
        ({"mapping": {}}, "mapping.email"),
        ({"mapping": {"email": "EMail", "fields": {"": "Tier"}}}, "mapping.fields.a name in it"),
        ({"connection": "No Such"}, "connection"),
        ({"automations": "some"}, "automations"),
        ({"leavers": {"action": "mark"}}, "leavers"),
        ({"leavers": {"action": "unsubscribe"}}, "leavers"),
        ({"triggers": {"refrsh": False}}, "triggers.refrsh"),
        ({"guards": {"max_leaver_percent": 101}}, "guards.max_leaver_percent"),
    ],
)
def test_a_wrong_document_is_refused_by_member(ready: Client, changes: dict[str, Any], place: str) -> None:
    """Status 400 with the place, and the export is as it was."""
    before = ready.get("exports/vip")
    response = ready("PUT", "exports/vip", {**EXPORT, **changes})
    assert (response.status, response.code) == (400, "document_invalid")
    assert [line.split(": ")[0] for line in response.json["error"]["details"]] == [place]
    assert ready.get("exports/vip") == before


def test_an_export_needs_its_connection(ready: Client) -> None:
    """The answer names the connections there are."""
    response = ready("PUT", "exports/other", {**EXPORT, "connection": "unknown"})
    assert (response.status, response.code) == (409, "connection_missing")
    assert "there is acme" in response.message


def test_choosing_to_unsubscribe_is_warned_of(ready: Client) -> None:
    """Acknowledged, it is stored, and the answer still says what it does."""
    leavers = {"action": "unsubscribe", "acknowledge_unsubscribe": True}
    assert ready.put("exports/vip", {**EXPORT, "leavers": leavers})["warnings"] == [UNSUBSCRIBE_WARNING]


def test_a_connection_without_consent_is_warned_of(ready: Client) -> None:
    """The export may be prepared before the administrator agrees."""
    ready.put("connections/acme", {**CONNECTION, "consent": None})
    assert ready.put("exports/vip", EXPORT)["warnings"] == [NO_CONSENT]


def test_a_write_may_be_bound_to_a_version(ready: Client) -> None:
    """Two administrators do not overwrite each other unseen."""
    etag = ready("GET", "exports/vip").headers["ETag"]
    assert ready("PUT", "exports/vip", {**EXPORT, "enabled": False}, headers={"If-Match": etag}).status == 200
    late = ready("PUT", "exports/vip", {**EXPORT, "list_id": 9}, headers={"If-Match": etag})
    assert (late.status, late.code) == (412, "precondition_failed")
    assert ready.get("exports/vip")["enabled"] is False


@pytest.mark.parametrize(
    ("changes", "anew"),
    [
        ({"list_id": 4}, True),
        ({"connection": "elsewhere"}, True),
        ({"connection": "alias"}, False),
        ({"tags": ["vip"]}, False),
        ({"mapping": {"email": "EMail", "phone": "Telephone"}}, False),
    ],
)
def test_another_list_gets_everybody(ready: Client, app: Courier, changes: dict[str, Any], *, anew: bool) -> None:
    """What was sent to one list says nothing of another, and an answer says so; anything else changes nothing."""
    ready.put("connections/alias", CONNECTION)
    ready.put("connections/elsewhere", {**CONNECTION, "host": "other.api-us1.com"})
    state = ExportState(ledger="20260824T090000Z-vip-00000000", target=Target(host=HOST, list_id=3), columns=["EMail"])
    app.store.put(names.export_state("vip"), state)
    shown = ready.put("exports/vip", {**EXPORT, **changes})
    assert (SENDS_EVERYBODY in shown["warnings"]) is anew
    about = _state(app).about(target_of(app.store, app.store.get(names.export("vip"), Export)))
    assert about.ledger == (None if anew else state.ledger)


def test_a_deleted_export_is_stopped_at_once(ready: Client, app: Courier) -> None:
    """Its active and its waiting run are cancelled, and the answer says what is kept and how to erase it."""
    active = ready("POST", "exports/vip/runs").json["id"]
    waiting = ready("POST", "exports/vip/runs").json["id"]
    response = ready("DELETE", "exports/vip")
    assert response.status == 200
    assert sorted(response.json["cancelled"]) == sorted([active, waiting])
    assert "DELETE /api/exports/vip?erase=true" in response.json["kept"][0]
    assert [app.store.get(names.run(run), Run).state for run in (active, waiting)] == [RunState.CANCELLED] * 2
    assert ready("GET", "exports/vip").status == 404
    assert ready("POST", "exports/vip/runs").code == "not_found"
    assert _state(app).active is None


@pytest.mark.parametrize(("list_id", "anew"), [(3, False), (4, True)])
def test_an_export_made_again_knows_which_list_its_ledger_is_about(
    ready: Client, app: Courier, list_id: int, *, anew: bool
) -> None:
    """Into the same list it goes on where the deleted one ended, and into another one it starts anew."""
    target = Target(host=HOST, list_id=3)
    app.store.put(names.export_state("vip"), ExportState(ledger="20260824T090000Z-vip-00000000", target=target))
    ready("DELETE", "exports/vip")
    shown = ready.put("exports/vip", {**EXPORT, "list_id": list_id})
    assert (SENDS_EVERYBODY in shown["warnings"]) is anew


def _store_everything(client: Client, app: Courier) -> str:
    run = str(client("POST", "exports/vip/runs").json["id"])
    for name in (names.planned(run), names.batches(run), names.rejects(run), names.receipt(run, 0)):
        app.store.blobs.write(name, b"x")
    app.store.blobs.write(names.ledger("vip", run), b"x")
    return run


@pytest.mark.parametrize("twice", [False, True])
def test_erasing_an_export_leaves_nothing(ready: Client, app: Courier, *, twice: bool) -> None:
    """Document, state, ledgers and runs are gone, at once or afterwards; another export's are not."""
    _store_everything(ready, app)
    ready.put("exports/vip-2", EXPORT)
    other = ready("POST", "exports/vip-2/runs").json["id"]
    if twice:
        ready("DELETE", "exports/vip")
    response = ready("DELETE", "exports/vip", query={"erase": "true"})
    assert response.status == 200
    assert response.json["erased"] == {"runs": 1, "files": 7}
    left = [blob.name for blob in app.store.blobs.below()]
    assert [name for name in left if "vip" in name and "vip-2" not in name] == []
    assert names.run(other) in left
    assert ready("DELETE", "exports/vip", query={"erase": "true"}).code == "not_found"


def test_erasing_under_a_run_says_to_erase_again(ready: Client) -> None:
    """A step that was under way may still write something."""
    ready("POST", "exports/vip/runs")
    kept = ready("DELETE", "exports/vip", query={"erase": "true"}).json["kept"]
    assert "DELETE /api/exports/vip?erase=true" in kept[0]


def test_what_a_stopped_run_still_wrote_is_erased_the_second_time(ready: Client, app: Courier) -> None:
    """The second call finds it by its run's id, although nothing else is left of the export."""
    run = ready("POST", "exports/vip/runs").json["id"]
    ready("DELETE", "exports/vip", query={"erase": "true"})
    app.store.blobs.write(names.planned(run), b"x")
    assert ready("DELETE", "exports/vip", query={"erase": "true"}).json["erased"] == {"runs": 1, "files": 1}
    assert list(app.store.blobs.below(names.RUNS)) == []


@pytest.mark.parametrize("query", [{"erase": "perhaps"}, {"erace": "true"}])
def test_a_mistyped_parameter_erases_nothing(ready: Client, query: dict[str, str]) -> None:
    """Parameters are checked as documents are."""
    assert ready("DELETE", "exports/vip", query=query).code == "document_invalid"
    assert ready("GET", "exports/vip").status == 200


# Asking for a run


def test_a_run_is_asked_for(ready: Client, app: Courier) -> None:
    """Status 202, where to find the run, and a message that starts it."""
    response = ready("POST", "exports/vip/runs", {"dry_run": True, "full": True})
    assert response.status == 202
    run = response.json
    assert response.headers["Location"] == f"/api/runs/{run['id']}"
    assert (run["state"], run["trigger"], run["dry_run"], run["full"]) == ("queued", "request", True, True)
    assert _queues(app).sent_to(names.EXPORT_RUNS) == [PlanMessage(run=run["id"], generation=0)]


@pytest.mark.parametrize("body", [b"", b"{}", b" \n", b"\xef\xbb\xbf{}"])
def test_the_body_of_a_run_may_be_left_out(ready: Client, body: bytes) -> None:
    """Nothing said is an ordinary run."""
    run = ready("POST", "exports/vip/runs", body).json
    assert (run["dry_run"], run["full"]) == (False, False)


def test_whoever_asks_later_joins_the_waiting_run(ready: Client, clock: ManualClock) -> None:
    """One run is active and one waits; the waiting one does what all asked for."""
    active = ready("POST", "exports/vip/runs").json["id"]
    waiting = ready("POST", "exports/vip/runs", {"dry_run": True}).json
    clock.sleep_until(START + 60)
    joined = ready("POST", "exports/vip/runs", {"full": True}).json
    assert active != waiting["id"] == joined["id"]
    assert (joined["dry_run"], joined["full"]) == (False, True)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("exports/unknown/runs", b"", 404, "not_found"),
        ("exports/off/runs", b"", 409, "not_enabled"),
        ("exports/vip/runs", {"dryrun": True}, 400, "document_invalid"),
        ("exports/vip/runs", {"full": "perhaps"}, 400, "document_invalid"),
        ("exports/vip/runs", b"[]", 400, "document_invalid"),
        ("exports/vip/runs", b"{", 400, "json_invalid"),
    ],
)
def test_a_run_that_cannot_be_asked_for(ready: Client, path: str, body: object, status: int, code: str) -> None:
    """Nothing is started by a mistake."""
    ready.put("exports/off", {**EXPORT, "enabled": False})
    response = ready("POST", path, body)
    assert (response.status, response.code) == (status, code)
    assert ready.get("runs") == {"runs": []}


def test_a_finished_run_is_not_cancelled_with_its_export(ready: Client, app: Courier, clock: ManualClock) -> None:
    """What has ended keeps its end."""
    run = ready("POST", "exports/vip/runs").json["id"]
    move(app.store, run, RunState.FAILED, now(clock))
    assert ready("DELETE", "exports/vip").json["cancelled"] == []
    assert ready.get(f"runs/{run}")["state"] == "failed"


def test_leavers_are_marked_otherwise_than_members(ready: Client) -> None:
    """The same mark for both would tell nobody anything."""
    leavers = {"action": "mark", "field": "Segment", "member": "in", "former": "in"}
    response = ready("PUT", "exports/vip", {**EXPORT, "leavers": leavers})
    assert response.code == "document_invalid"
    assert "nobody could tell members from leavers" in response.message
