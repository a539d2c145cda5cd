"""Who may ask what, and how they are turned away."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.activecampaign.account import DEFAULT_KEY
from local.activecampaign.api import ROUTES
from local.activecampaign.exchange import Request
from local.activecampaign.faults import BULK_IMPORT, IMPORT_INFO
from local.activecampaign.limits import LimitRules
from local.activecampaign.variants import Variants
from tests.activecampaign_standin.conftest import MANNERS, MakeWorld, World, person

CALLS = [(route.method, route.path.replace("{id}", "1")) for route in ROUTES]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_call_takes_a_key(world: World, method: str, path: str) -> None:
    """Without one, and with a wrong one, the answer is 403."""
    assert world.ask(method, path, {}, key="").status == 403
    assert world.ask(method, path, {}, key="wrong").status == 403


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if call != ("GET", "/users/me")])
def test_every_call_but_one_takes_a_permission(world: World, method: str, path: str) -> None:
    """A key has the permissions of its user; who the user is may always be asked."""
    world.account.add_user("guest", "guest-key", frozenset())
    assert world.ask(method, path, {}, key="guest-key").status == 403
    assert world.ask("GET", "/users/me", key="guest-key").status == 200


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_an_account_that_is_not_paid_for_answers_402(world: World, method: str, path: str) -> None:
    """Whatever it is asked."""
    world.account.payment_problem = True
    assert world.ask(method, path, {}).status == 402


def test_a_wrong_key_is_told_apart_from_a_bill(world: World) -> None:
    """The key is looked at first."""
    world.account.payment_problem = True
    assert world.ask("GET", "/users/me", key="wrong").status == 403


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("shape", "content_type", "holds"),
    [
        ("errors", "application/json", b'"errors"'),
        ("message", "application/json", b'{"message": "Forbidden"}'),
        ("empty", "", b""),
        ("html", "text/html", b"<html>"),
    ],
)
def test_being_turned_away_has_many_shapes(
    make_world: MakeWorld, status: Any, shape: Any, content_type: str, holds: bytes
) -> None:
    """401 or 403; JSON errors, a message, nothing, or HTML."""
    world = make_world(Variants(forbidden_status=status, forbidden_body=shape))
    response = world.ask("GET", "/users/me", key="wrong")
    assert response.status == status
    assert response.headers.get("Content-Type", "").startswith(content_type)
    assert holds in response.body
    assert bool(response.body) is (shape != "empty")


def test_keys_are_revoked_and_rotated(world: World) -> None:
    """A key is worthless from that moment; its replacement has the same permissions."""
    world.account.add_user("second", "second-key")
    world.account.rotate_key("stand-in-key", "fresh-key")
    world.account.revoke_key("second-key")
    statuses = {key: world.ask("GET", "/lists", key=key).status for key in ("stand-in-key", "fresh-key", "second-key")}
    assert statuses == {"stand-in-key": 403, "fresh-key": 200, "second-key": 403}


def test_the_key_says_who_asks(world: World) -> None:
    """Several users, a key each."""
    world.account.add_user("ada", "ada-key")
    assert world.ask("GET", "/users/me", key="ada-key").document == {
        "user": {"id": "2", "username": "ada", "email": "ada@example.com", "firstName": "Ada"}
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nonsense", 404),
        ("GET", "/lists/", 404),
        ("GET", "/lists/one", 404),
        ("GET", "/lists/\u0661", 404),
        ("POST", "/lists", 405),
        ("DELETE", "/contacts/1", 405),
    ],
)
def test_what_is_not_there(world: World, method: str, path: str, status: int) -> None:
    """Neither a path nor a method is guessed."""
    assert world.ask(method, path, {}).status == status


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if call[0] in ("POST", "PUT")])
def test_a_body_that_is_no_json_is_400(world: World, method: str, path: str) -> None:
    """Every call that reads a body says so."""
    world.account.add_contact("person1@example.com")
    assert world.ask(method, path, b"{").status == 400


@pytest.mark.parametrize(
    ("method", "header", "value", "violation"),
    [
        ("GET", "User-Agent", "python-requests/2.34.2", "user_agent_generic"),
        ("GET", "User-Agent", "", "user_agent_generic"),
        ("GET", "Accept", "*/*", "accept_missing"),
        ("GET", "Content-Type", "", None),
        ("POST", "Content-Type", "", "content_type_missing"),
        ("POST", "Content-Type", "text/plain", "content_type_missing"),
        ("POST", "Content-Type", "application/json; charset=utf-8", None),
    ],
)
def test_bad_manners_are_noted(world: World, method: str, header: str, value: str, violation: str | None) -> None:
    """JSON is asked for and announced, by somebody with a name."""
    world.ask(method, "/tags", {}, headers={header: value})
    assert world.api.journal.violation_kinds() == ({violation} if violation else set())


def test_names_of_headers_have_no_case(world: World) -> None:
    """As everywhere in HTTP."""
    headers = {name.lower(): value for name, value in {**MANNERS, "Api-Token": DEFAULT_KEY}.items()}
    assert world.api.handle(Request("GET", "/api/3/users/me", headers)).status == 200
    assert world.api.journal.violations == []


def test_faults_are_aimed_at_calls_that_exist() -> None:
    """The two calls that most faults are meant for."""
    calls = {(route.method, f"/api/3{route.path}") for route in ROUTES}
    assert {BULK_IMPORT, IMPORT_INFO} <= calls


def test_what_many_threads_send_at_once_is_neither_lost_nor_mixed_up(make_world: MakeWorld) -> None:
    """The account takes one request after the other."""
    world = make_world(limits=LimitRules(requests=1000))

    def send(number: int) -> int:
        return world.post_import(person(2 * number), person(2 * number + 1)).status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(50)))
    world.clock.sleep(60)
    assert statuses == [200] * 50
    assert all(world.account.contact(f"person{number}@example.com") for number in range(100))
