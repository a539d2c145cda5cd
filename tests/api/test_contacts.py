"""Erasing a person: found everywhere the app keeps addresses, gone from there, and nobody else with them."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from shared import names
from shared.api.contacts import NOT_OURS
from shared.courier import Courier
from shared.documents import ExportState, Run, RunRequest, RunState, Trigger, Watch
from shared.doors.clock import now
from tests.api.client import Client
from tests.fakes import ManualClock

ADA = "ada@example.com"
BOB = "bob@example.com"
FIRST, SECOND = "20260824T090000Z-vip-00000001", "20260825T090000Z-vip-00000002"
REJECTS = "source,line,customer_id,email,code,detail\n"


def _parquet(app: Courier, name: str, columns: str, rows: Sequence[tuple[object, ...]]) -> None:
    path = app.workplace / "rows.parquet"
    with duckdb.connect() as engine:
        engine.execute(f"CREATE TABLE rows ({columns})")
        engine.executemany(f"INSERT INTO rows VALUES ({', '.join('?' * len(rows[0]))})", rows)
        engine.table("rows").write_parquet(str(path))
    app.store.blobs.upload(name, path)


def _rows(app: Courier, name: str) -> list[Any]:
    path = app.workplace / "read.parquet"
    app.store.blobs.download(name, path)
    with duckdb.connect() as engine:
        return engine.read_parquet(str(path)).fetchall()


def _run(app: Courier, run_id: str, state: RunState, *people: str) -> None:
    """A run with these people in its plan, a batch each, and its files."""
    moment = now(app.clock)
    run = Run(id=run_id, export="vip", trigger=Trigger.DROP, state=state, requested_at=moment, watch=Watch(at=moment))
    app.store.put(names.run(run_id), run)
    if people:
        planned: list[tuple[object, ...]] = [
            (email, f"C{place}", "joiner", place, 0) for place, email in enumerate(people)
        ]
        planned.append(("unchanged@example.com", "C9", "unchanged", None, None))
        _parquet(app, names.planned(run_id), _PLANNED, planned)
        app.store.blobs.write(names.batches(run_id), b"{}\n" * len(people))
        app.store.blobs.write(names.rejects(run_id), REJECTS.encode())


_PLANNED = "email VARCHAR, customer_id VARCHAR, kind VARCHAR, batch INTEGER, position INTEGER"


def _ledger(app: Courier, run_id: str, *people: str) -> None:
    _parquet(app, names.ledger("vip", run_id), "email VARCHAR, state VARCHAR", [(one, "member") for one in people])


def _erase(client: Client, email: str = ADA) -> Any:
    response = client("POST", "contacts/erase", {"email": email})
    assert response.status == 200, response.body
    assert email.strip().encode() not in response.body
    return response.json["found"]


@pytest.fixture
def state(app: Courier) -> None:
    """An export that has run before."""
    app.store.put(names.export_state("vip"), ExportState(ledger=FIRST))


def _found(kind: str, run: str = FIRST, rows: int = 1) -> dict[str, Any]:
    return {"kind": kind, "export": "vip", "run": run, "rows": rows}


@pytest.mark.usefixtures("state")
def test_a_person_is_removed_from_everything_we_hold(client: Client, app: Courier) -> None:
    """Ledger, plan, batches and rejects: the answer says where, and others stay where they are of use."""
    _run(app, FIRST, RunState.SUCCEEDED, ADA, BOB)
    _ledger(app, FIRST, ADA, BOB)
    lines = f"day.csv,2,C1,{ADA},duplicate_email,again\nday.csv,3,C2,{BOB},duplicate_email,again\n"
    app.store.blobs.write(names.rejects(FIRST), (REJECTS + lines).encode())
    assert _erase(client) == [_found("ledger"), _found("batches"), _found("planned"), _found("rejects")]
    assert _rows(app, names.ledger("vip", FIRST)) == [(BOB, "member")]
    assert not app.store.blobs.exists(names.planned(FIRST))
    assert not app.store.blobs.exists(names.batches(FIRST))
    rejects = app.store.blobs.read(names.rejects(FIRST)).data.decode()
    assert rejects == f"{REJECTS}day.csv,3,C2,{BOB},duplicate_email,again\n"
    for blob in app.store.blobs.below():
        assert ADA.encode() not in app.store.blobs.read(blob.name).data
    assert _erase(client) == []


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize("email", [" ADA@Example.com ", "ada@EXAMPLE.COM"])
def test_the_address_is_taken_as_planning_writes_it(client: Client, app: Courier, email: str) -> None:
    """Case and spaces around it do not matter."""
    _ledger(app, FIRST, ADA, BOB)
    assert _erase(client, email) == [_found("ledger")]


@pytest.mark.usefixtures("state")
def test_a_domain_is_found_in_either_spelling(client: Client, app: Courier) -> None:
    """Ledgers have internationalised domains in ASCII."""
    _ledger(app, FIRST, "ada@xn--mller-kva.example.com", BOB)
    assert _erase(client, "ada@müller.example.com") == [_found("ledger")]


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize(
    ("written", "is_hers"),
    [
        (ADA, True),
        ("ADA@example.com", True),
        (f"Ada Lovelace <{ADA}>", True),
        (f"'{ADA}", True),
        (f"mailto:{ADA}; {BOB}", True),
        (f"{ADA}.", True),
        ("xada@example.com", False),
        ("x.ada@example.com", False),
        ("ada@example.com.example.org", False),
        ("ada@example.community", False),
        ("ada@example.com-mail.example.org", False),
    ],
)
def test_rejects_are_searched_for_the_address_and_no_other(
    client: Client, app: Courier, written: str, *, is_hers: bool
) -> None:
    """A rejected email is as it stood in the drop; a longer address is somebody else's."""
    _run(app, FIRST, RunState.SUCCEEDED, BOB)
    line = f'day.csv,2,C1,"{written}",email_invalid,"a\nb ""c"""\n'
    app.store.blobs.write(names.rejects(FIRST), (REJECTS + line).encode())
    assert _erase(client) == ([_found("rejects")] if is_hers else [])
    left = app.store.blobs.read(names.rejects(FIRST)).data.decode()
    assert left == (REJECTS if is_hers else REJECTS + line)


@pytest.mark.usefixtures("state")
def test_an_address_outside_ascii_is_found_in_any_case(client: Client, app: Courier) -> None:
    """Rejects have addresses as they stood in the drop."""
    _run(app, FIRST, RunState.SUCCEEDED, BOB)
    line = "day.csv,2,C1,MÜLLER@example.com,duplicate_email,\n"
    app.store.blobs.write(names.rejects(FIRST), (REJECTS + line).encode())
    assert _erase(client, "müller@example.com") == [_found("rejects")]


@pytest.mark.usefixtures("state")
def test_an_address_the_person_had_before_leads_to_the_plan(client: Client, app: Courier) -> None:
    """A planned row may hold two addresses of one person."""
    _run(app, FIRST, RunState.SUCCEEDED)
    columns = "email VARCHAR, old_email VARCHAR, batch INTEGER, position INTEGER"
    _parquet(app, names.planned(FIRST), columns, [(BOB, ADA, None, None), (BOB, None, None, None)])
    assert _erase(client) == [_found("planned")]
    assert not app.store.blobs.exists(names.planned(FIRST))


def test_a_deleted_export_is_searched_too(ready: Client, app: Courier) -> None:
    """What was kept of it still holds people."""
    app.store.put(names.export_state("vip"), ExportState())
    _ledger(app, FIRST, ADA, BOB)
    ready("DELETE", "exports/vip")
    assert _erase(ready) == [_found("ledger")]


def test_nobody_is_found_where_nothing_is_held(client: Client) -> None:
    """That is a good answer, and it says what the app cannot do."""
    response = client("POST", "contacts/erase", {"email": ADA})
    assert response.json == {"found": [], "note": NOT_OURS}


@pytest.mark.usefixtures("state")
def test_batches_without_a_plan_are_removed(client: Client, app: Courier) -> None:
    """A run that ended half-way through its planning left batches that nobody can look into or will send."""
    _run(app, FIRST, RunState.CANCELLED)
    app.store.blobs.write(names.batches(FIRST), ADA.encode())
    assert _erase(client) == []
    assert not app.store.blobs.exists(names.batches(FIRST))


def _active(app: Courier, run_id: str) -> None:
    request = RunRequest(run=run_id, trigger=Trigger.DROP, requested_at=now(app.clock))
    app.store.put(names.export_state("vip"), ExportState(ledger=FIRST, active=request))


@pytest.mark.parametrize(
    "state", [RunState.PLANNING, RunState.DELIVERING, RunState.CONFIRMING, RunState.HELD, RunState.CANCELLED]
)
def test_a_person_in_an_unfinished_run_is_not_half_erased(client: Client, app: Courier, state: RunState) -> None:
    """The answer names the run, also a cancelled one that is not settled, and nothing has changed."""
    _run(app, SECOND, state, *(() if state is RunState.PLANNING else (ADA, BOB)))
    _ledger(app, FIRST, ADA, BOB)
    _active(app, SECOND)
    response = client("POST", "contacts/erase", {"email": ADA})
    assert (response.status, response.code) == (409, "run_active")
    assert response.json["error"]["details"] == [SECOND]
    assert _rows(app, names.ledger("vip", FIRST)) == [(ADA, "member"), (BOB, "member")]


def test_a_reject_of_an_unfinished_run_is_in_the_way_too(client: Client, app: Courier) -> None:
    """Its end appends to that file at a known place."""
    _run(app, SECOND, RunState.DELIVERING, BOB)
    app.store.blobs.write(names.rejects(SECOND), f"{REJECTS}day.csv,2,C1,{ADA},duplicate_email,\n".encode())
    _active(app, SECOND)
    assert client("POST", "contacts/erase", {"email": ADA}).code == "run_active"


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.DELIVERING])
def test_an_unfinished_run_without_the_person_is_left_alone(client: Client, app: Courier, state: RunState) -> None:
    """A run of a million others does not keep one person from being erased."""
    _run(app, SECOND, state, *(() if state is RunState.QUEUED else (BOB,)))
    _ledger(app, FIRST, ADA, BOB)
    _active(app, SECOND)
    assert _erase(client) == [_found("ledger")]
    assert app.store.blobs.exists(names.batches(SECOND)) is (state is RunState.DELIVERING)


def test_a_run_that_no_export_calls_active_is_in_the_way_too(client: Client, app: Courier) -> None:
    """Whatever has not ended may still send, whether or not its export remembers it."""
    _run(app, SECOND, RunState.DELIVERING, ADA, BOB)
    response = client("POST", "contacts/erase", {"email": ADA})
    assert (response.status, response.json["error"]["details"]) == (409, [SECOND])


# What happens meanwhile


def _meanwhile(app: Courier, happens: Iterable[Callable[[], object]]) -> None:
    """Right after each file that the erasure replaces, the next of these happens."""
    upload, left = app.store.blobs.upload, iter(happens)

    def uploaded(name: str, path: Path, *, if_match: str | None = None) -> str:
        etag = upload(name, path, if_match=if_match)
        app.store.blobs.upload = upload  # type: ignore[method-assign]  # in memory
        next(left, lambda: None)()
        app.store.blobs.upload = uploaded  # type: ignore[method-assign]
        return etag

    app.store.blobs.upload = uploaded  # type: ignore[method-assign]


def _runs_through(app: Courier, run_id: str, *people: str) -> Callable[[], None]:
    """A run that read the ledger before the person was removed, and has ended with a ledger of its own."""

    def run_through() -> None:
        _run(app, run_id, RunState.SUCCEEDED)
        _ledger(app, run_id, *people)
        app.store.put(names.export_state("vip"), ExportState(ledger=run_id))

    return run_through


@pytest.mark.usefixtures("state")
def test_a_run_that_begins_meanwhile_is_noticed(client: Client, app: Courier) -> None:
    """It may have read the ledger before the person was removed, so the answer asks to erase again."""
    _ledger(app, FIRST, ADA, BOB)

    def begin() -> None:
        _run(app, SECOND, RunState.PLANNING)
        _active(app, SECOND)

    _meanwhile(app, [begin])
    response = client("POST", "contacts/erase", {"email": ADA})
    assert (response.status, response.code) == (409, "run_active")
    assert _rows(app, names.ledger("vip", FIRST)) == [(BOB, "member")]


@pytest.mark.usefixtures("state")
def test_a_queued_run_that_is_planned_meanwhile_is_noticed(client: Client, app: Courier) -> None:
    """It held nobody when it was looked at first, and holds the person now: the answer names it."""
    _run(app, SECOND, RunState.QUEUED)
    _active(app, SECOND)
    _ledger(app, FIRST, ADA, BOB)
    _meanwhile(app, [lambda: _run(app, SECOND, RunState.DELIVERING, ADA, BOB)])
    response = client("POST", "contacts/erase", {"email": ADA})
    assert (response.status, response.code) == (409, "run_active")
    assert response.json["error"]["details"] == [SECOND]


@pytest.mark.usefixtures("state")
def test_a_run_that_begins_and_ends_meanwhile_carries_nobody_past(client: Client, app: Courier) -> None:
    """Its ledger is searched as well, before the answer."""
    _ledger(app, FIRST, ADA, BOB)
    _meanwhile(app, [_runs_through(app, SECOND, ADA, BOB)])
    assert _erase(client) == [_found("ledger"), _found("ledger", SECOND)]
    for run in (FIRST, SECOND):
        assert _rows(app, names.ledger("vip", run)) == [(BOB, "member")]


@pytest.mark.usefixtures("state")
def test_a_run_that_was_planned_and_ends_meanwhile_is_searched(client: Client, app: Courier) -> None:
    """It was left alone as long as it had not ended, and what it leaves behind is not."""
    _run(app, SECOND, RunState.QUEUED)
    _active(app, SECOND)
    _ledger(app, FIRST, ADA, BOB)

    def end() -> None:
        _run(app, SECOND, RunState.CANCELLED, ADA, BOB)
        app.store.put(names.export_state("vip"), ExportState(ledger=FIRST))

    _meanwhile(app, [end])
    assert _erase(client) == [_found("ledger"), _found("batches", SECOND), _found("planned", SECOND)]


@pytest.mark.usefixtures("state")
def test_a_person_who_comes_back_meanwhile_is_removed_again(client: Client, app: Courier) -> None:
    """Two erasures that replace the same ledger at the same time do not undo each other."""
    _ledger(app, FIRST, ADA, BOB)
    _meanwhile(app, [lambda: _ledger(app, FIRST, ADA, "cia@example.com")])
    assert _erase(client) == [_found("ledger"), _found("ledger")]
    assert _rows(app, names.ledger("vip", FIRST)) == [("cia@example.com", "member")]


@pytest.mark.usefixtures("state")
def test_runs_without_end_are_not_searched_without_end(client: Client, app: Courier) -> None:
    """Where every look finds another run gone by, the answer says to send it again; what was removed stays removed."""
    _ledger(app, FIRST, ADA, BOB)
    runs = (f"20260826T090000Z-vip-{number:08d}" for number in range(12))
    _meanwhile(app, (_runs_through(app, run, ADA, BOB) for run in runs))
    response = client("POST", "contacts/erase", {"email": ADA})
    assert (response.status, response.code) == (503, "erasure_unfinished")
    assert ADA.encode() not in response.body
    assert _rows(app, names.ledger("vip", FIRST)) == [(BOB, "member")]
    assert len(_erase(client)) == 3
    for blob in app.store.blobs.below(names.ledgers("vip")):
        assert _rows(app, blob.name) == [(BOB, "member")]


@pytest.mark.usefixtures("state")
def test_an_erasure_answers_before_the_platform_does(client: Client, app: Courier, clock: ManualClock) -> None:
    """An HTTP call is given up on after 230 s, however much there is to look through."""
    for number in range(100):
        _ledger(app, f"20260826T090000Z-vip-{number:08d}", ADA, BOB)
    download, before = app.store.blobs.download, clock.time()

    def slowly(name: str, path: Path, *, etag: str | None = None) -> None:
        clock.pass_by(20)
        download(name, path, etag=etag)

    app.store.blobs.download = slowly  # type: ignore[method-assign]  # in memory
    response = client("POST", "contacts/erase", {"email": ADA})
    assert (response.status, response.code) == (503, "erasure_unfinished")
    assert 150 < clock.time() - before < 230


@pytest.mark.usefixtures("state")
def test_what_did_not_change_is_read_once(client: Client, app: Courier) -> None:
    """Looking again costs listings: files that do not hold the person are not copied a second time."""
    _run(app, FIRST, RunState.SUCCEEDED, BOB)
    _run(app, SECOND, RunState.DELIVERING, BOB)
    _active(app, SECOND)
    _ledger(app, FIRST, BOB)
    _ledger(app, SECOND, ADA, BOB)
    app.store.blobs.calls.clear()  # type: ignore[attr-defined]  # in memory
    assert _erase(client) == [_found("ledger", SECOND)]
    copied_twice = 1
    assert app.store.blobs.calls["download"] == 6 + copied_twice  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "email"),
        ({"email": ""}, "email"),
        ({"email": "ada"}, "email"),
        ({"email": "@example.com"}, "email"),
        ({"email": f"{ADA} {BOB}"}, "email"),
        ({"email": 7}, "email"),
        ({"email": ADA, "why": "asked"}, "why"),
    ],
)
def test_what_is_no_address_erases_nothing(client: Client, body: dict[str, Any], place: str) -> None:
    """The refusal does not repeat what was sent."""
    response = client("POST", "contacts/erase", body)
    assert (response.status, response.code) == (400, "document_invalid")
    assert response.json["error"]["details"][0].startswith(place)
    assert b"example.com" not in response.body


@pytest.mark.usefixtures("state")
def test_nothing_is_left_on_the_disk(client: Client, app: Courier) -> None:
    """The copies that were worked on hold everybody's addresses."""
    _run(app, FIRST, RunState.SUCCEEDED, ADA, BOB)
    _ledger(app, FIRST, ADA, BOB)
    before = set(app.workplace.iterdir())
    _erase(client)
    assert set(app.workplace.iterdir()) == before
