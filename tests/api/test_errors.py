"""Errors: one shape, the right status, and a sentence that says what to do."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared import names
from shared.api.bodies import LARGEST_BODY
from shared.api.calls import Route
from shared.api.problems import ErrorAnswer
from shared.api.routes import ROUTES
from shared.courier import Courier
from shared.documents import Run, RunState, Trigger, Watch
from shared.doors.clock import now
from shared.doors.ports import Blob
from shared.errors import CourierError, DropUnusable
from shared.settings import read_settings
from tests.api.client import Client
from tests.api.conftest import CONNECTION, EXPORT
from tests.fakes import ENVIRONMENT, ManualClock, MemoryBlobs

RUN = "20260824T090000Z-vip-0123abcd"

CALLS = [(route.method, route.template.replace("{name}", "acme").replace("{run}", "none")) for route in ROUTES]


@pytest.mark.parametrize(("method", "path"), [*CALLS, ("GET", "nowhere")])
def test_settings_that_need_attention_are_every_answer(client: Client, method: str, path: str) -> None:
    """Status 500, naming each setting, also from ``health``: nothing works before they are put right."""
    client.open_courier = lambda: _opened_with({"AzureWebJobsStorage": "", "DROP_SETTLE_SECONDS": "soon"})
    response = client(method, path)
    assert (response.status, response.code) == (500, "settings_invalid")
    assert [line.split(": ")[0] for line in response.json["error"]["details"]] == [
        "AzureWebJobsStorage",
        "DROP_SETTLE_SECONDS",
    ]


def _opened_with(changes: dict[str, str]) -> Courier:
    read_settings({**ENVIRONMENT, **changes})
    raise AssertionError("these settings are not in order")


def test_an_app_in_order_is_healthy(client: Client) -> None:
    """Nothing else is said to whoever asks."""
    assert client.get("health") == {"status": "ok"}


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "", 404, None),
        ("GET", "nowhere", 404, None),
        ("GET", "connections/acme/more", 404, None),
        ("PATCH", "connections/acme", 405, "DELETE, GET, PUT"),
        ("POST", "connections", 405, "GET"),
        ("GET", "exports/vip/runs", 405, "POST"),
        ("DELETE", "Connections", 405, "GET"),
        ("HEAD", "health", 405, "GET"),
        ("OPTIONS", "contacts/erase", 405, "POST"),
    ],
)
def test_a_wrong_address_or_method_is_told(
    client: Client, method: str, path: str, status: int, allow: str | None
) -> None:
    """404 where there is nothing, 405 with Allow where there is something else; both say where to look."""
    response = client(method, path)
    assert response.status == status
    assert response.headers.get("Allow") == allow
    assert "/api/openapi.json" in response.message


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_parameter_that_no_route_has_is_refused(ready: Client, method: str, path: str) -> None:
    """Whoever sends one expects it to do something."""
    response = ready(method, path, query={"nonsense": "1"})
    assert (response.status, response.code) == (400, "document_invalid")
    assert response.json["error"]["details"] == ["nonsense: is no parameter here"]


def test_what_belongs_into_the_body_is_no_parameter(ready: Client) -> None:
    """A dry run that was asked for in the address does not become a real one."""
    before = ready.get("runs")
    response = ready("POST", "exports/vip/runs", query={"dry_run": "true"})
    assert (response.status, response.code) == (400, "document_invalid")
    assert response.json["error"]["details"] == ['dry_run: goes into the body, as {"dry_run": …}']
    assert ready.get("runs") == before


def test_an_address_with_an_empty_part_is_no_address(client: Client) -> None:
    """It does not have the method that it was asked with."""
    assert client("GET", "/exports").code == "route_unknown"


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("exports/vip", {**EXPORT, "list_id": True}, "list_id"),
        ("exports/vip", {**EXPORT, "list_id": "34"}, "list_id"),
        ("exports/vip", {**EXPORT, "enabled": "no"}, "enabled"),
        ("exports/vip", {**EXPORT, "guards": {"max_leaver_percent": "10"}}, "guards.max_leaver_percent"),
        ("connections/acme", {**CONNECTION, "allow_contributors": "yes"}, "allow_contributors"),
        ("connections/acme", {**CONNECTION, "imports_per_minute": True}, "imports_per_minute"),
        (
            "connections/acme",
            {**CONNECTION, "consent": {"accepted_by": "Ada", "accepted_at": 123}},
            "consent.accepted_at",
        ),
        ("connections/acme", {**CONNECTION, "name": "other"}, "name"),
        ("exports/vip", {**EXPORT, "mapping": {"email": "EMail", "fields": {"": "x"}}}, "mapping.fields.a name in it"),
    ],
)
def test_a_value_of_another_type_is_refused(ready: Client, path: str, body: dict[str, object], place: str) -> None:
    """Nothing is turned into what it is not: "yes" is a text, and 1 is not true."""
    response = ready("PUT", path, body)
    assert (response.status, response.code) == (400, "document_invalid")
    assert [line.split(":")[0] for line in response.json["error"]["details"]] == [place]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_huge_body_is_refused_before_it_is_read(client: Client, method: str, path: str) -> None:
    """Status 413 with the limit, whatever the route would do with it."""
    response = client(method, path, b"{" * (LARGEST_BODY + 1))
    assert (response.status, response.code) == (413, "body_too_large")
    assert str(LARGEST_BODY) in response.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body is empty"),
        (b"\n ", "the body is empty"),
        (b'{"host": "acme.api-us1.com",\n "api_key_secret" "x"}', "at line 2 column 19"),
        (b'{"host": }', "expected value at line 1 column 10"),
        (b"host=acme", "expected value at line 1 column 1"),
        (b'{"host": "\xff"}', "at line 1 column"),
        (b"[" * 5000, "recursion limit exceeded"),
        ('{"host": "acme"}'.encode("utf-16"), "expected value at line 1 column 1"),
    ],
)
def test_broken_json_is_told_with_its_place(client: Client, body: bytes, said: str) -> None:
    """Line and column, so that it is found in a long document."""
    response = client("PUT", "connections/acme", body)
    assert (response.status, response.code) == (400, "json_invalid")
    assert said in response.message


@pytest.mark.parametrize("body", [b"[]", b"1", b'"text"', b"null", b"true"])
def test_json_that_is_no_object_is_told(client: Client, body: bytes) -> None:
    """It is JSON, but no document."""
    response = client("PUT", "connections/acme", body)
    assert response.json["error"]["details"] == ["the document: must be a JSON object"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_the_content_type_does_not_matter(client: Client, content_type: str) -> None:
    """``curl -d`` says something else than it sends."""
    assert client("PUT", "connections/acme", CONNECTION, headers={"Content-Type": content_type}).status == 201


def test_a_document_with_very_many_problems_is_answered_shortly(client: Client) -> None:
    """The first of them, and how many more there are."""
    document = {**CONNECTION, **{f"member{number}": 1 for number in range(500)}}
    details = client("PUT", "connections/acme", document).json["error"]["details"]
    assert len(details) == 51
    assert details[-1] == "and 450 more"


class _Broken(Exception):
    """Raised with personal data in its message, as libraries do."""


PERSON = "ada@" + "example.com"


@pytest.mark.parametrize(
    "error", [_Broken(PERSON), DropUnusable(PERSON), CourierError(PERSON)], ids=lambda error: type(error).__name__
)
def test_a_defect_is_answered_without_its_message(
    client: Client, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """Answer and log name the invocation, the log also the place in the code; neither quotes what was handled."""

    def fail() -> Courier:
        raise RuntimeError(PERSON) from error

    client.open_courier = fail
    response = client("GET", "connections")
    assert (response.status, response.code) == (500, "internal")
    assert response.json["error"]["details"] == ["invocation 0a1b"]
    for known in ("0a1b", "in fail", "RuntimeError", type(error).__name__):
        assert known in caplog.text
    assert PERSON not in caplog.text + response.body.decode()


class _Away(MemoryBlobs):
    def __init__(self, error: Exception) -> None:
        super().__init__(ManualClock())
        self._error = error

    def below(self, prefix: str = "", *, metadata: bool = False) -> Iterator[Blob]:
        raise self._error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ServiceRequestError("no route to host"), "ServiceRequestError"),
        (HttpResponseError("forbidden"), "check the app's roles"),
    ],
)
def test_an_outage_of_storage_is_not_a_defect(app: Courier, error: Exception, said: str) -> None:
    """Status 503: the same call will do later."""
    response = Client(replace(app, drops=_Away(error)))("GET", "health")
    assert (response.status, response.code) == (503, "storage_unreachable")
    assert said in response.message


def test_answers_are_not_kept_by_anybody(client: Client) -> None:
    """Neither good ones nor errors are cached or guessed at by browsers."""
    for path in ("connections", "nowhere"):
        headers = client("GET", path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
_PARAMETERS = st.dictionaries(st.sampled_from(["erase", "limit", "export", "code", "x"]), st.text(), max_size=2)
_HEADERS = st.dictionaries(st.sampled_from(["If-Match", "If-None-Match", "Range", "X-MS-CLIENT-PRINCIPAL"]), st.text())


_PARTS = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1)


@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from(ROUTES),
    part=st.one_of(st.sampled_from(["acme", "vip", RUN]), _PARTS),
    body=st.one_of(st.binary(), _JSON, st.sampled_from([CONNECTION, EXPORT])),
    query=_PARAMETERS,
    headers=_HEADERS,
)
def test_nothing_sent_is_ever_answered_with_a_server_error(
    ready: Client, route: Route, part: str, body: object, query: dict[str, str], headers: dict[str, str]
) -> None:
    """Any bytes, any JSON, any parameters and headers to any route: the answer is never 5xx, and always in shape."""
    path = route.template.replace("{name}", part).replace("{run}", part)
    response = ready(route.method, path, body, query=query, headers=headers)
    assert response.status < 500, response.body
    if response.status >= 400:
        ErrorAnswer.model_validate_json(response.body)


@pytest.fixture
def ready(ready: Client) -> Client:
    """An app that also has a run, held, with rejects."""
    app = ready.courier
    moment = now(app.clock)
    run = Run(
        id=RUN, export="vip", trigger=Trigger.DROP, requested_at=moment, watch=Watch(at=moment), state=RunState.HELD
    )
    app.store.put(names.run(RUN), run)
    app.store.blobs.write(names.rejects(RUN), b"source,line\n")
    return ready
