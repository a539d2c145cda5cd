"""Connections: stored whole, shown without their key, deleted only when nobody needs them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from local.activecampaign.account import Permission
from local.activecampaign.api import Api
from local.activecampaign.faults import RateLimited, Reset, ServerError
from shared import names
from shared.api.connections import NO_CONSENT
from shared.api.exports import SENDS_EVERYBODY
from shared.courier import Courier
from shared.documents import Connection, ExportState, RunState, Target
from shared.errors import RunHeld, Unavailable
from shared.runs.states import change
from tests.api.client import Client
from tests.api.conftest import CONNECTION, EXPORT, HOST, SECRET
from tests.fakes import ManualClock, MemoryVault


def test_a_connection_is_stored_shown_and_listed(client: Client) -> None:
    """The first PUT creates it, GET and the list show it as it was written, with its name and an ETag."""
    created = client("PUT", "connections/acme", {**CONNECTION, "display_name": "Marketing"})
    assert created.status == 201
    shown = client("GET", "connections/acme")
    assert shown.json == created.json
    assert shown.json["host"] == HOST
    assert shown.json["name"] == "acme"
    assert shown.json["warnings"] == []
    assert shown.headers["ETag"] == created.headers["ETag"]
    assert client.get("connections") == {"connections": [shown.json]}


def test_what_is_shown_may_be_sent_back(client: Client) -> None:
    """A script that reads, edits and writes need not take anything out."""
    shown = client.put("connections/acme", CONNECTION)
    again = client("PUT", "connections/acme", {**shown, "imports_per_minute": 50})
    assert again.status == 200
    assert again.json == {**shown, "imports_per_minute": 50}


@pytest.mark.parametrize(
    ("host", "kept"),
    [
        ("https://acme.api-us1.com", HOST),
        ("https://acme.api-us1.com/api/3/", HOST),
        (" ACME.api-us1.com ", HOST),
    ],
)
def test_a_host_is_taken_in_every_form_people_paste(client: Client, host: str, kept: str) -> None:
    """The host name is what is kept."""
    assert client.put("connections/acme", {**CONNECTION, "host": host})["host"] == kept


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"host": "http://acme.api-us1.com"}, "host: the address must start with https://"),
        ({"host": "127.0.0.1"}, "host: an IP address is not the host name of an ActiveCampaign account"),
        ({"host": None}, "host: expected the API URL of the account's Settings > Developer page"),
        (
            {"api_key_secret": "a secret"},
            "api_key_secret: must be the name of a Key Vault secret: 1 to 127 letters, digits and hyphens",
        ),
        ({"imports_per_minute": 101}, "imports_per_minute: must be less than or equal to 100"),
        ({"imports_per_minute": 0}, "imports_per_minute: must be greater than or equal to 1"),
        ({"hots": HOST}, "hots: is not a member of this document"),
        ({"consent": {"accepted_by": ""}}, "consent.accepted_by: must have at least 1 character"),
        ({"consent": {"accepted_at": "2026-08-24T09:00:00"}}, "consent.accepted_at: must have timezone info"),
        ({"consent": {}}, "consent.accepted_by: is missing; say which administrator agreed"),
        ({"consent": True}, "consent: must be a JSON object"),
        ({"api_key": "two words"}, "api_key: does not look like an API key: copy the one of Settings > Developer"),
        ({"version": 2}, "version: must be 1"),
    ],
)
def test_a_wrong_document_is_refused_by_member(client: Client, changes: dict[str, Any], line: str) -> None:
    """Status 400, with the place and what to do, and nothing is stored."""
    response = client("PUT", "connections/acme", {**CONNECTION, **changes})
    assert response.status == 400
    assert response.code == "document_invalid"
    assert line in response.json["error"]["details"]
    assert client("GET", "connections/acme").status == 404


def test_all_problems_are_named_at_once(client: Client) -> None:
    """Nobody corrects a document one error at a time."""
    response = client("PUT", "connections/acme", {"host": "localhost", "requests_per_second": 9})
    assert [line.split(":")[0] for line in response.json["error"]["details"]] == [
        "host",
        "api_key_secret",
        "requests_per_second",
    ]


def test_without_consent_it_is_stored_with_a_warning(client: Client) -> None:
    """The administrator may agree later; until then the answer says that nothing is sent."""
    members = {**CONNECTION, "consent": None}
    assert client.put("connections/acme", members)["warnings"] == [NO_CONSENT]


def test_consent_is_dated_now_where_no_date_is_given(client: Client) -> None:
    """``accepted_at`` may be left out."""
    shown = client.put("connections/acme", {**CONNECTION, "consent": {"accepted_by": "ada@example.org"}})
    assert shown["consent"] == {"accepted_by": "ada@example.org", "accepted_at": "2026-08-24T09:00:00Z"}


def test_an_api_key_goes_to_the_vault_and_nowhere_else(
    client: Client, app: Courier, vault: MemoryVault, caplog: pytest.LogCaptureFixture
) -> None:
    """It is under the secret's name, and neither in the answer, the document, nor the log."""
    caplog.set_level(logging.DEBUG)
    key = "d3adb33f" * 8
    response = client("PUT", "connections/acme", {**CONNECTION, "api_key": f" {key}\n"})
    assert vault.secrets[SECRET] == key
    stored = app.store.blobs.read(names.connection("acme")).data
    assert key.encode() not in response.body + stored + client("GET", "connections/acme").body
    assert key not in caplog.text


class _Sealed(MemoryVault):
    def store(self, name: str, value: str) -> None:
        raise RunHeld(f"the Key Vault secret {name} could not be written: give the app a role", code="vault")


def test_a_vault_that_refuses_keeps_the_connection_as_it_was(client: Client, app: Courier) -> None:
    """The answer says which role is missing, and the document has not changed."""
    client.put("connections/acme", CONNECTION)
    sealed = Client(replace(app, vault=_Sealed()))
    response = sealed("PUT", "connections/acme", {**CONNECTION, "imports_per_minute": 7, "api_key": "n0tst0red"})
    assert (response.status, response.code) == (409, "vault")
    assert "give the app a role" in response.message
    assert b"n0tst0red" not in response.body
    assert client.get("connections/acme")["imports_per_minute"] == 100


_SETTINGS = hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text()))
_SECRET_TEXT = "sh0uld-n0t-be-ech0ed"


@_SETTINGS
@given(st.dictionaries(st.sampled_from([*Connection.model_fields, "api_key", "other"]), _VALUES))
def test_no_value_is_echoed(client: Client, changes: dict[str, Any]) -> None:
    """Whatever else is wrong with a document, a refusal does not repeat the key that came with it."""
    document = {**CONNECTION, "api_key": f"{_SECRET_TEXT} ", "requests_per_second": _SECRET_TEXT, **changes}
    response = client("PUT", "connections/acme", document)
    assert response.status in (200, 201, 400)
    assert _SECRET_TEXT.encode() not in response.body


@pytest.mark.parametrize(
    ("condition", "stored", "status"),
    [
        ({"If-None-Match": "*"}, False, 201),
        ({"If-None-Match": "*"}, True, 412),
        ({"If-Match": "*"}, False, 412),
        ({"If-Match": "*"}, True, 200),
        ({"If-Match": '"another"'}, True, 412),
        ({"If-Match": '"another", {etag}'}, True, 200),
        ({"If-Match": "W/{etag}"}, True, 200),
        ({"If-None-Match": "{etag}"}, True, 412),
        ({"If-None-Match": '"another"'}, True, 200),
    ],
)
def test_a_write_may_be_bound_to_a_version(
    client: Client, condition: dict[str, str], *, stored: bool, status: int
) -> None:
    """If-Match and If-None-Match are honoured, and a refused write changes nothing."""
    etag = client("PUT", "connections/acme", CONNECTION).headers["ETag"] if stored else ""
    headers = {name: value.replace("{etag}", etag) for name, value in condition.items()}
    response = client("PUT", "connections/acme", {**CONNECTION, "imports_per_minute": 9}, headers=headers)
    assert response.status == status
    if status == 412:
        assert response.code == "precondition_failed"
        found = client("GET", "connections/acme")
        assert found.status == (200 if stored else 404)
        assert found.json.get("imports_per_minute") != 9


def test_a_delete_may_be_bound_to_a_version(client: Client) -> None:
    """A connection that changed meanwhile stays."""
    client.put("connections/acme", CONNECTION)
    assert client("DELETE", "connections/acme", headers={"If-Match": '"0"'}).status == 412
    assert client("GET", "connections/acme").status == 200


def test_a_connection_in_use_is_not_deleted(ready: Client) -> None:
    """The answer names the exports that use it."""
    response = ready("DELETE", "connections/acme")
    assert (response.status, response.code) == (409, "in_use")
    assert response.json["error"]["details"] == ["vip"]


def test_a_connection_is_deleted_and_says_what_stays(ready: Client) -> None:
    """The key in the Key Vault is not the app's to delete."""
    ready("DELETE", "exports/vip")
    response = ready("DELETE", "connections/acme")
    assert response.status == 200
    assert response.json == {"deleted": "acme", "cancelled": [], "kept": [f"Key Vault: the secret {SECRET}"]}
    assert ready("GET", "connections/acme").status == 404
    assert ready("DELETE", "connections/acme").status == 404


def test_deleting_a_connection_stops_runs_that_still_use_it(ready: Client, app: Courier) -> None:
    """An export that was given another connection meanwhile may have a run under way over the old one."""
    run = ready("POST", "exports/vip/runs").json["id"]
    change(app.store, run, lambda run: run.model_copy(update={"connection": "acme"}))
    ready.put("connections/other", CONNECTION)
    ready.put("exports/vip", {**EXPORT, "connection": "other"})
    assert ready("DELETE", "connections/acme").json["cancelled"] == [run]
    assert ready.get(f"runs/{run}")["state"] == RunState.CANCELLED


def test_an_unreadable_document_can_be_replaced(client: Client, app: Courier) -> None:
    """Reading it names it; writing it puts it right."""
    app.store.blobs.write(names.connection("acme"), b'{"version": 9}')
    for path in ("connections/acme", "connections"):
        response = client("GET", path)
        assert (response.status, response.code) == (500, "document_unreadable")
        assert "connections/acme.json" in response.message
    assert client("PUT", "connections/acme", CONNECTION).status == 200


@pytest.mark.parametrize("name", ["UPPER", "a b", "-a", "a.json", "..", "x" * 64, "ä"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_name_that_could_not_be_one_is_refused(client: Client, method: str, name: str) -> None:
    """No such name reaches storage."""
    response = client(method, f"connections/{name}", CONNECTION)
    assert (response.status, response.code) == (400, "document_invalid")
    assert response.json["error"]["details"] == ["name: must be 1 to 63 lower-case letters, digits and inner hyphens"]


def test_behind_another_host_the_next_run_sends_everybody(ready: Client, app: Courier) -> None:
    """A ledger is about one account, and its exports say so; behind the same host as before it counts again."""
    target = Target(host=HOST, list_id=3)
    app.store.put(names.export_state("vip"), ExportState(ledger="20260824T090000Z-vip-00000000", target=target))
    ready.put("connections/acme", {**CONNECTION, "imports_per_minute": 50})
    assert SENDS_EVERYBODY not in ready.get("exports/vip")["warnings"]
    ready.put("connections/acme", {**CONNECTION, "host": "other.api-us1.com"})
    assert SENDS_EVERYBODY in ready.get("exports/vip")["warnings"]
    ready.put("connections/acme", CONNECTION)
    assert SENDS_EVERYBODY not in ready.get("exports/vip")["warnings"]


@pytest.mark.parametrize(
    "trouble", [RunHeld("the vault refuses", code="vault"), Unavailable("no answer", code="vault_unavailable")]
)
def test_a_connection_whose_key_cannot_be_stored_changes_nothing(
    ready: Client, app: Courier, vault: MemoryVault, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    """Neither the connection nor what its exports have sent."""
    app.store.put(names.export_state("vip"), ExportState(ledger="20260824T090000Z-vip-00000000"))

    def refuse(name: str, value: str) -> None:
        raise trouble

    monkeypatch.setattr(vault, "store", refuse)
    changed = {**CONNECTION, "host": "other.api-us1.com", "api_key": "another-key"}
    assert ready("PUT", "connections/acme", changed).status in (409, 503)
    assert ready.get("connections/acme")["host"] == HOST
    assert app.store.get(names.export_state("vip"), ExportState).ledger is not None


def test_a_connection_that_was_lost_can_be_stored_again_under_a_run(ready: Client, app: Courier) -> None:
    """A run is held when its connection is gone, and released once it is back."""
    ready("POST", "exports/vip/runs")
    app.store.blobs.delete(names.connection("acme"))
    assert ready("PUT", "connections/acme", CONNECTION).status == 201


# The test of a connection


def _results(document: Any) -> dict[str, str]:
    return {check["check"]: check["result"] for check in document["checks"]}


def _test(client: Client) -> Any:
    return client("POST", "connections/acme/test").json


def test_a_good_connection_is_said_to_be_good(ready: Client) -> None:
    """A sentence each: consent, host, key, user, lists and room."""
    document = _test(ready)
    assert document["ok"] is True
    assert set(_results(document).values()) == {"ok"}
    messages = {check["check"]: check["message"] for check in document["checks"]}
    assert messages["host"] == f"{HOST} answers"
    assert messages["user"] == "the key belongs to admin"
    assert messages["lists"] == "the key can see these lists: 3 (High value)"
    assert "room for" in messages["room"]
    assert document["checks"][4]["lists"] == [{"id": 3, "name": "High value"}]


@dataclass(frozen=True)
class _Scene:
    client: Client
    account: Api
    vault: MemoryVault

    def forbid(self, permission: Permission) -> None:
        user = self.account.account.users[0]
        self.account.account.keys["stand-in-key"] = replace(user, permissions=user.permissions - {permission})

    def fill(self) -> None:
        self.account.account.add_contact("ada@example.com")
        self.account.account.limit_contacts(1)


_UNASKED = {"user": "unknown", "lists": "unknown", "room": "unknown"}
_TROUBLES: dict[str, tuple[Callable[[_Scene], object], dict[str, str]]] = {
    "no consent": (
        lambda scene: scene.client.put("connections/acme", {**CONNECTION, "consent": None}),
        {"consent": "failed"},
    ),
    "no secret": (lambda scene: scene.vault.secrets.clear(), {"host": "unknown", "key": "failed", **_UNASKED}),
    "wrong key": (lambda scene: scene.vault.secrets.update({SECRET: "another"}), {"key": "failed", **_UNASKED}),
    "unknown host": (
        lambda scene: scene.client.put("connections/acme", {**CONNECTION, "host": "gone.api-us1.com"}),
        {"host": "failed", "key": "unknown", **_UNASKED},
    ),
    "web pages": (
        lambda scene: scene.account.faults.add(ServerError()),
        {"host": "failed", "key": "unknown", **_UNASKED},
    ),
    "limiter": (
        lambda scene: scene.account.faults.add(RateLimited(retry_after="3600")),
        {"key": "unknown", **_UNASKED},
    ),
    "payment": (lambda scene: setattr(scene.account.account, "payment_problem", True), {"key": "failed", **_UNASKED}),
    "no list": (lambda scene: scene.account.account.delete_list(3), {"lists": "failed"}),
    "no right to see lists": (lambda scene: scene.forbid("lists"), {"lists": "failed"}),
    "no administrator": (lambda scene: scene.forbid("admin"), {"room": "unknown"}),
    "no room": (lambda scene: scene.fill(), {"room": "failed"}),
}


@pytest.mark.parametrize("trouble", _TROUBLES)
def test_what_is_wrong_with_a_connection_is_named(
    ready: Client, account: Api, vault: MemoryVault, trouble: str
) -> None:
    """What fails is told from what could not be asked because of it."""
    spoil, expected = _TROUBLES[trouble]
    spoil(_Scene(ready, account, vault))
    document = _test(ready)
    everything = dict.fromkeys(("consent", "host", "key", "user", "lists", "room"), "ok")
    assert _results(document) == everything | expected
    assert document["ok"] is ("failed" not in expected.values())


def test_a_test_of_nothing_is_not_found(client: Client) -> None:
    """There is nothing to test before the connection is stored."""
    assert client("POST", "connections/acme/test").code == "not_found"


def test_a_host_that_hangs_up_is_told_in_time(ready: Client, account: Api, clock: ManualClock) -> None:
    """Whatever the host does, the answer comes before the platform gives up on the call (230 s)."""
    account.faults.add(Reset())
    before = clock.time()
    assert _results(_test(ready))["host"] == "failed"
    assert clock.time() - before < 230
