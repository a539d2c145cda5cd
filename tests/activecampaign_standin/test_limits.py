"""How often an account may be asked."""

import json
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.activecampaign.limits import Lane, LimitRules, Limits, Window
from tests.activecampaign_standin.conftest import MakeWorld, World, person

START = 1_780_000_000.0

gaps = st.lists(st.floats(min_value=0.0, max_value=3.0, allow_nan=False), min_size=1, max_size=200)


def admissions(window: Window, moments: list[float]) -> list[float]:
    """The moments at which a window had room."""
    admitted = []
    for moment in moments:
        if window.wait(moment) <= 0:
            window.admit(moment)
            admitted.append(moment)
    return admitted


def moments_after(pauses: list[float]) -> list[float]:
    """Moments that are so far apart."""
    moments = [START]
    for pause in pauses:
        moments.append(moments[-1] + pause)
    return moments


@given(pauses=gaps, limit=st.integers(1, 20), seconds=st.floats(0.1, 10.0))
def test_never_more_than_the_limit_in_any_window(pauses: list[float], limit: int, seconds: float) -> None:
    """Whatever the arrivals, of any limit + 1 admissions the last is a whole window after the first."""
    admitted = admissions(Window(limit, seconds), moments_after(pauses))
    spans = [last - first for first, last in zip(admitted, admitted[limit:], strict=False)]
    assert all(span >= seconds - 1e-6 for span in spans)


@given(limit=st.integers(1, 100), seconds=st.floats(0.01, 120.0), start=st.floats(0.0, 2e9))
def test_exactly_the_limit_spaced_evenly_is_all_admitted(limit: int, seconds: float, start: float) -> None:
    """Arrivals a window / limit apart all find room, for as long as they go on."""
    moments = [start + number * seconds / limit for number in range(3 * limit + 1)]
    assert admissions(Window(limit, seconds), moments) == moments


@given(pauses=gaps, limit=st.integers(1, 5))
def test_the_wait_is_exactly_long_enough(pauses: list[float], limit: int) -> None:
    """Whoever waits for as long as they were told finds room, and finds none half that time earlier."""
    window = Window(limit, 1.0)
    for moment in moments_after(pauses):
        wait = window.wait(moment)
        if wait > 1e-3:
            assert deepcopy(window).wait(moment + wait / 2) > 0
            assert deepcopy(window).wait(moment + wait) == 0
        elif wait == 0:
            window.admit(moment)


def test_what_is_turned_away_does_not_count() -> None:
    """Asking in vain does not postpone the moment at which there is room again."""
    window = Window(1, 1.0)
    assert admissions(window, [START, START + 0.9, START + 0.95, START + 1.0]) == [START, START + 1.0]


def test_what_is_turned_away_may_count_all_the_same() -> None:
    """Whoever keeps asking keeps being turned away; whoever waits for a whole window finds room."""
    limits = Limits(LimitRules(requests=2, turned_away_counts=True))
    moments = [START + tenth / 10 for tenth in range(0, 40, 4)]
    assert [limits.admit(moment, None) is None for moment in moments] == [True, True] + [False] * 8
    assert limits.admit(moments[-1] + 0.9, None) is None


@pytest.mark.parametrize(
    ("contacts", "lane", "limit"),
    [(None, "requests", 5), (250, "imports", 100), (2, "imports", 100), (1, "single_imports", 20)],
)
def test_each_lane_has_its_documented_limit(contacts: int | None, lane: Lane, limit: int) -> None:
    """Five requests a second; a hundred imports a minute, or twenty of one contact."""
    limits = Limits(LimitRules())
    apart = 0.0 if lane == "requests" else 0.25
    assert all(limits.admit(START + apart * number, contacts) is None for number in range(limit))
    refusal = limits.admit(START + apart * limit, contacts)
    assert refusal is not None
    assert (refusal.lane, refusal.limit) == (lane, limit)


def test_the_lanes_of_imports_are_apart() -> None:
    """Twenty single imports leave a hundred larger ones room, but both count as requests."""
    limits = Limits(LimitRules())
    singles = [limits.admit(START + number * 0.25, 1) for number in range(20)]
    others = [limits.admit(START + 5 + number * 0.25, 250) for number in range(100)]
    assert singles + others == [None] * 120


def test_an_import_turned_away_has_used_up_a_request() -> None:
    """The limit of all requests comes first."""
    limits = Limits(LimitRules(requests=2, imports=1))
    lanes = [refusal.lane if (refusal := limits.admit(START, 250)) else None for _ in range(3)]
    assert lanes == [None, "imports", "requests"]


def test_too_many_requests_are_429_with_the_seconds_to_wait(world: World) -> None:
    """The sixth request within a second is told when to come back."""
    world.pause = 0.0
    statuses = [world.ask("GET", "/users/me").status for _ in range(5)]
    refused = world.ask("GET", "/users/me")
    assert statuses == [200] * 5
    assert refused.status == 429
    assert {**refused.headers, "Content-Type": ""} == {
        "Content-Type": "",
        "Retry-After": "1",
        "RateLimit-Limit": "5",
        "RateLimit-Remaining": "0",
    }
    world.clock.sleep(1.0)
    assert world.ask("GET", "/users/me").status == 200


def test_too_many_imports_are_the_documented_400(world: World) -> None:
    """The hundred and first import within a minute is refused with a reason in words, and no Retry-After."""
    responses = [world.post_import(person(2 * n), person(2 * n + 1)) for n in range(101)]
    assert [one.status for one in responses] == [200] * 100 + [400]
    refused = responses[-1]
    assert "Retry-After" not in refused.headers
    assert refused.document == {
        "success": 0,
        "message": "Rate limit exceeded.",
        "failureReasons": ["Up to 100 imports may be requested per minute. Please try again later."],
    }
    assert world.api.journal.rate_limit_answers == 1


@pytest.mark.parametrize("status", [400, 429, 503])
def test_the_import_limit_can_answer_in_every_way_that_was_seen(make_world: MakeWorld, status: int) -> None:
    """400 as documented, 429 like the other limit, or the 503 of older reports."""
    world = make_world(limits=LimitRules(imports=1, import_status=status))  # type: ignore[arg-type]
    world.post_import(person(1), person(2))
    refused = world.post_import(person(3), person(4))
    assert refused.status == status
    assert ("Retry-After" in refused.headers) is (status != 400)
    assert b"Rate limit exceeded" in refused.body


def test_a_limit_may_keep_to_itself_how_long_to_wait(make_world: MakeWorld) -> None:
    """Retry-After is absent where the rules say so, also from a 503."""
    world = make_world(limits=LimitRules(requests=1, request_status=503, retry_after=False))
    world.ask("GET", "/users/me")
    refused = world.ask("GET", "/users/me")
    assert refused.status == 503
    assert "Retry-After" not in refused.headers


def test_imports_that_are_refused_for_their_contacts_count(make_world: MakeWorld) -> None:
    """What is limited is how many imports are requested, not how many are queued."""
    world = make_world(limits=LimitRules(imports=1))
    assert world.post_import(person(1), {"email": "nobody"}).status == 400
    refused = world.post_import(person(1), person(2))
    assert json.loads(refused.body)["message"] == "Rate limit exceeded."
