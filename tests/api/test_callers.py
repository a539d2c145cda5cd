"""Who calls: believed only where the platform vouches for it."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import names
from shared.api.callers import ADMINISTRATOR, read_caller
from shared.api.calls import Caller
from shared.courier import Courier
from shared.documents import Reason, Run, RunState, Trigger, Watch
from shared.doors.clock import now
from shared.runs.states import change
from tests.api.client import Client
from tests.api.conftest import CONNECTION, EXPORT
from tests.fakes import MemoryQueues

NAME = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
ADA = "ada@example.org"


def _principal(*claims: tuple[str, str]) -> dict[str, str]:
    members: dict[str, Any] = {
        "auth_typ": "aad",
        "name_typ": NAME,
        "role_typ": ROLE,
        "claims": [{"typ": kind, "val": value} for kind, value in claims],
    }
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(members).encode()).decode()}


ADMIN = _principal((NAME, ADA), ("roles", ADMINISTRATOR))
CONTRIBUTOR = _principal((NAME, "bob@example.org"), ("roles", "Reader"))


def _read(headers: dict[str, str], *, authentication: bool) -> Caller:
    return read_caller({name.lower(): value for name, value in headers.items()}, authentication=authentication)


@pytest.mark.parametrize(
    ("headers", "authentication", "caller"),
    [
        ({}, False, Caller(None, administrator=True)),
        (ADMIN, False, Caller(None, administrator=True)),
        ({}, True, Caller(None, administrator=False)),
        (ADMIN, True, Caller(ADA, administrator=True)),
        (_principal((NAME, ADA), (ROLE, ADMINISTRATOR)), True, Caller(ADA, administrator=True)),
        (CONTRIBUTOR, True, Caller("bob@example.org", administrator=False)),
        (_principal(("preferred_username", ADA)), True, Caller(ADA, administrator=False)),
        (_principal(("appid", "b1"), ("roles", ADMINISTRATOR)), True, Caller("b1", administrator=True)),
        (_principal((NAME, " ")), True, Caller(None, administrator=False)),
    ],
)
def test_the_caller_is_read_from_what_the_platform_vouches_for(
    headers: dict[str, str], caller: Caller, *, authentication: bool
) -> None:
    """Without App Service Authentication anybody could send the header, so it is not looked at."""
    assert _read(headers, authentication=authentication) == caller


_JSON = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(
    st.one_of(
        st.text(),
        st.binary().map(lambda data: base64.b64encode(data).decode()),
        _JSON.map(lambda document: base64.b64encode(json.dumps(document).encode()).decode()),
        _JSON.map(lambda document: base64.b64encode(json.dumps({"claims": document}).encode()).decode()),
    )
)
def test_a_principal_that_makes_no_sense_is_nobody(header: str) -> None:
    """Whatever it holds, it grants nothing."""
    caller = _read({"X-MS-CLIENT-PRINCIPAL": header}, authentication=True)
    assert not caller.administrator


@pytest.fixture
def guarded(app: Courier) -> Client:
    """An app behind App Service Authentication, with a connection for administrators and one for everybody."""
    client = Client(app, environment={"WEBSITE_AUTH_ENABLED": "True"})
    client("PUT", "connections/acme", CONNECTION, headers=ADMIN)
    for name in ("open", "unused"):
        client("PUT", f"connections/{name}", {**CONNECTION, "allow_contributors": True}, headers=ADMIN)
    client("PUT", "exports/vip", EXPORT, headers=ADMIN)
    client("PUT", "exports/theirs", {**EXPORT, "connection": "open"}, headers=ADMIN)
    for run, export, connection in RUNS:
        _hold(app, run, export, connection)
    return client


VIP = "20260824T090000Z-vip-00000001"
THEIRS = "20260824T090000Z-theirs-00000002"
MOVED = "20260824T090000Z-theirs-00000003"
DELETED = "20260824T090000Z-deleted-00000004"
RUNS = ((VIP, "vip", None), (THEIRS, "theirs", "open"), (MOVED, "theirs", "acme"), (DELETED, "deleted", "open"))
"""Held runs: their export, and the connection they were planned for."""


def _hold(app: Courier, run: str, export: str, connection: str | None) -> None:
    moment = now(app.clock)
    document = Run(
        id=run,
        export=export,
        connection=connection,
        trigger=Trigger.DROP,
        state=RunState.HELD,
        requested_at=moment,
        watch=Watch(at=moment),
    )
    app.store.put(names.run(run), document)


@pytest.mark.parametrize(
    ("method", "path", "body", "administrators_only"),
    [
        ("GET", "connections/acme", b"", False),
        ("PUT", "connections/acme", CONNECTION, True),
        ("PUT", "connections/open", {**CONNECTION, "allow_contributors": True}, True),
        ("DELETE", "connections/unused", b"", True),
        ("PUT", "exports/vip", EXPORT, True),
        ("PUT", "exports/vip", {**EXPORT, "connection": "open"}, True),
        ("PUT", "exports/new", EXPORT, True),
        ("PUT", "exports/new", {**EXPORT, "connection": "open"}, False),
        ("DELETE", "exports/vip", b"", True),
        ("POST", "exports/vip/runs", b"", False),
        ("POST", f"runs/{VIP}/release", b"", True),
        ("POST", f"runs/{VIP}/cancel", b"", True),
        ("POST", f"runs/{THEIRS}/release", b"", False),
        ("POST", f"runs/{THEIRS}/cancel", b"", False),
        ("POST", f"runs/{MOVED}/release", b"", True),
        ("POST", f"runs/{MOVED}/cancel", b"", True),
        ("POST", f"runs/{DELETED}/release", b"", True),
        ("POST", f"runs/{DELETED}/cancel", b"", True),
        ("POST", "contacts/erase", {"email": "bob@example.org"}, True),
    ],
)
@pytest.mark.parametrize("headers", [ADMIN, CONTRIBUTOR, {}], ids=["administrator", "contributor", "key"])
def test_what_takes_an_administrator(
    guarded: Client, method: str, path: str, body: object, headers: dict[str, str], *, administrators_only: bool
) -> None:
    """Connections, everybody's data, and exports and their runs over a connection that is not open to contributors."""
    response = guarded(method, path, body, headers=headers)
    refused = administrators_only and headers is not ADMIN
    assert (response.status == 403) is refused
    if refused:
        assert response.code == "forbidden"
        assert ADMINISTRATOR in response.message
    else:
        assert response.status < 300


@pytest.mark.parametrize("decision", ["release", "cancel"])
def test_a_refused_decision_leaves_the_run_as_it_was(guarded: Client, app: Courier, decision: str) -> None:
    """It stays held, and nobody is told to go on with it."""
    before = app.store.get(names.run(VIP), Run)
    guarded("POST", f"runs/{VIP}/{decision}", headers=CONTRIBUTOR)
    assert app.store.get(names.run(VIP), Run) == before
    assert isinstance(app.queues, MemoryQueues)
    assert app.queues.waiting == []


def test_an_administrator_decides_about_a_run_whose_export_is_unreadable(guarded: Client, app: Courier) -> None:
    """Whoever may do everything is not asked for the papers."""
    app.store.blobs.write(names.export("vip"), b'{"version": 9}')
    assert guarded("POST", f"runs/{VIP}/release", headers=ADMIN).json["state"] == "queued"


def test_a_contributor_deletes_what_a_contributor_may_write(guarded: Client) -> None:
    """An export over an open connection is theirs to write and to delete."""
    guarded("PUT", "exports/new", {**EXPORT, "connection": "open"}, headers=CONTRIBUTOR)
    assert guarded("DELETE", "exports/new", headers=CONTRIBUTOR).status == 200


def test_a_signed_in_administrator_is_who_consents_and_releases(guarded: Client, app: Courier) -> None:
    """The name is recorded where none was given."""
    shown = guarded("PUT", "connections/acme", {**CONNECTION, "consent": {}}, headers=ADMIN).json
    assert shown["consent"] == {"accepted_by": ADA, "accepted_at": "2026-08-24T09:00:00Z"}
    run = guarded("POST", "exports/vip/runs", headers=ADMIN).json["id"]
    reason = Reason(code="consent_missing", message="there was no consent")
    change(app.store, run, lambda run: run.model_copy(update={"state": RunState.HELD, "reason": reason}))
    released = guarded("POST", f"runs/{run}/release", headers=ADMIN).json
    assert released["releases"][0]["by"] == ADA
