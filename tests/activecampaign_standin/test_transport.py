"""The account without a socket, as a `requests.Session` sees it."""

from collections.abc import Iterator

import pytest
import requests

from local.activecampaign.account import DEFAULT_KEY
from local.activecampaign.faults import BULK_IMPORT, Fault, Huge, Redirected, Reset, ServerError, Slow, TimedOut
from local.activecampaign.transport import InProcess
from tests.activecampaign_standin.conftest import MANNERS, PROCESSED, World, person

HOST = "acme.api-us1.com"
ROOT = f"https://{HOST}/api/3"


@pytest.fixture
def session(world: World) -> Iterator[requests.Session]:
    """A session that reaches nothing but the account."""
    with requests.Session() as made:
        made.headers.update({**MANNERS, "Api-Token": DEFAULT_KEY})
        made.mount("https://", InProcess(world.api, HOST, world.clock.sleep))
        yield made


def test_a_session_talks_to_the_account(world: World, session: requests.Session) -> None:
    """Parameters, bodies, statuses and headers arrive as over a socket."""
    imported = session.post(f"{ROOT}/import/bulk_import", json={"contacts": [person(1)]}, timeout=5)
    world.clock.sleep(PROCESSED)
    found = session.get(f"{ROOT}/contacts", params={"email": "person1@example.com"}, timeout=(3, 5))
    assert (imported.status_code, imported.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert imported.elapsed.total_seconds() >= 0
    assert [one["email"] for one in found.json()["contacts"]] == ["person1@example.com"]
    assert world.api.journal.violations == []


@pytest.mark.parametrize("encode", [True, False])
def test_a_body_may_be_text_or_bytes(world: World, session: requests.Session, encode: bool) -> None:
    """Characters beyond ASCII arrive whole."""
    text = '{"contacts": [{"email": "a@example.com", "first_name": "Jürgen"}]}'
    session.post(f"{ROOT}/import/bulk_import", data=text.encode() if encode else text, timeout=5)
    world.clock.sleep(PROCESSED)
    contact = world.account.contact("a@example.com")
    assert contact is not None
    assert contact.first_name == "Jürgen"


@pytest.mark.parametrize("handled", [False, True])
@pytest.mark.parametrize(("fault", "error"), [(Reset, requests.ConnectionError), (TimedOut, requests.ReadTimeout)])
def test_what_gets_no_answer_raises_what_the_real_one_raises(
    world: World, session: requests.Session, fault: type[Fault], error: type[Exception], handled: bool
) -> None:
    """Whether the account did what it was asked is not to be seen from there."""
    world.strike(fault(on=BULK_IMPORT, handled=handled))
    with pytest.raises(error):
        session.post(f"{ROOT}/import/bulk_import", json={"contacts": [person(1)]}, timeout=5)
    assert len(world.api.journal.queued) == handled


@pytest.mark.parametrize("timeout", [7.0, (3.0, 7.0)])
def test_waiting_in_vain_takes_as_long_as_the_time_out(
    world: World, session: requests.Session, timeout: float | tuple[float, float]
) -> None:
    """Virtual time passes."""
    world.strike(TimedOut())
    start = world.clock.now
    with pytest.raises(requests.ReadTimeout):
        session.get(f"{ROOT}/users/me", timeout=timeout)
    assert world.clock.now == start + 7


@pytest.mark.parametrize(("seconds", "passed"), [(4.0, 4.0), (6.0, 5.0)])
def test_a_slow_answer_arrives_or_is_too_slow(
    world: World, session: requests.Session, seconds: float, passed: float
) -> None:
    """It is a time-out once it takes longer than the client waits."""
    world.strike(Slow(seconds=seconds))
    start = world.clock.now
    if seconds > 5:
        with pytest.raises(requests.ReadTimeout):
            session.get(f"{ROOT}/users/me", timeout=5)
    else:
        assert session.get(f"{ROOT}/users/me", timeout=5).status_code == 200
    assert world.clock.now == start + passed


def test_a_huge_answer_can_be_left_unread(world: World, session: requests.Session) -> None:
    """Streaming works as over a socket."""
    world.strike(Huge(size=10_000_000))
    with session.get(f"{ROOT}/users/me", timeout=5, stream=True) as response:
        assert len(next(response.iter_content(1000))) == 1000


def test_the_key_sent_elsewhere_is_noted(world: World, session: requests.Session) -> None:
    """A client that follows a redirect with the key is found out; one that does not is not."""
    world.strike(Redirected(nth=range(1, 3)))
    stayed = session.get(f"{ROOT}/users/me", timeout=5, allow_redirects=False)
    assert stayed.status_code == 302
    assert world.api.journal.violations == []
    with pytest.raises(requests.ConnectionError):
        session.get(f"{ROOT}/users/me", timeout=5)
    assert world.api.journal.violation_kinds() == {"key_sent_elsewhere"}


def test_other_hosts_cannot_be_reached(world: World, session: requests.Session) -> None:
    """Nothing leaves this world, also without a key."""
    del session.headers["Api-Token"]
    with pytest.raises(requests.ConnectionError):
        session.get("https://elsewhere.example.com/", timeout=5)
    assert world.api.journal.violations == []


@pytest.mark.parametrize("timeout", [None, (3.0, None)])
def test_waiting_for_ever_is_noted(world: World, session: requests.Session, timeout: tuple[float, None] | None) -> None:
    """A read time-out has to be set."""
    session.get(f"{ROOT}/users/me", timeout=timeout)
    assert world.api.journal.violation_kinds() == {"time_out_missing"}


def test_the_manners_of_a_bare_session_are_noted(world: World, session: requests.Session) -> None:
    """What the library sends of itself is not enough."""
    session.headers.clear()
    session.headers.update(requests.utils.default_headers())
    session.headers["Api-Token"] = DEFAULT_KEY
    session.get(f"{ROOT}/users/me", timeout=5)
    assert world.api.journal.violation_kinds() == {"user_agent_generic", "accept_missing"}


def test_errors_are_answers(world: World, session: requests.Session) -> None:
    """A page of HTML with a status, as the real one would hand it on."""
    world.strike(ServerError(status=502))
    response = session.get(f"{ROOT}/users/me", timeout=5)
    assert (response.status_code, response.reason) == (502, "Bad Gateway")
    assert "<html>" in response.text
