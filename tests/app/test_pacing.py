"""How runs, exports and instances share one rate limit."""

from bisect import bisect_left
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import names
from shared.documents import Connection, Lanes
from shared.errors import RateLimited
from shared.pacing import LONE_CONTACT_SLOTS, LONGEST_TURN_SECONDS, Lane, Pacer, give_out, postpone, rates, weight
from tests.fakes import ManualClock, courier

CONNECTION = Connection(host="acme.api-us1.com", api_key_secret="acme")


def _most_within(moments: list[float], seconds: float) -> int:
    """The largest number of moments in any half-open window of that length."""
    return max((bisect_left(moments, moment + seconds) - place for place, moment in enumerate(moments)), default=0)


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 60)), min_size=1, max_size=40))
def test_no_minute_holds_more_imports_than_the_limit(stretches: list[tuple[float, int]]) -> None:
    """However stretches are reserved, any 60 seconds hold at most 100 appointments."""
    slot, now, free = rates(CONNECTION).imports, 0.0, 0.0
    moments: list[float] = []
    for pause, number in stretches:
        now += pause
        given_out, free = give_out(free, now, slot, [1] * number)
        moments += given_out
    assert _most_within(moments, 60) <= 100


@given(st.lists(st.sampled_from([1, LONE_CONTACT_SLOTS]), min_size=1, max_size=400))
def test_lone_contacts_keep_to_their_own_limit(weights: list[int]) -> None:
    """Imports of one contact are at most 20 in any 60 seconds, however they are mixed with others."""
    moments, _ = give_out(0.0, 0.0, rates(CONNECTION).imports, weights)
    lone = [moment for moment, slots in zip(moments, weights, strict=True) if slots > 1]
    assert _most_within(lone, 60) <= 20


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_both_lanes_together_stay_within_the_requests_of_a_second(imports_from: int, requests_from: int) -> None:
    """Imports and other requests at full speed, in any phase, are at most 5 in any second."""
    both = rates(CONNECTION)
    imports, _ = give_out(0, imports_from / 10**6, both.imports, [1] * 60)
    requests, _ = give_out(0, requests_from / 10**6, both.requests, [1] * 90)
    assert _most_within(sorted(imports + requests), 1) <= 5


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(("imports", "requests")), st.floats(0, 0.4))
def test_one_late_post_does_not_make_a_second_too_full(
    imports_from: int, requests_from: int, lane: str, late: float
) -> None:
    """However a post that is late by up to 0.4 s falls among the others, at most 5 are in any second."""
    both = rates(CONNECTION)
    moments = {
        "imports": give_out(0, imports_from / 10**6, both.imports, [1] * 10)[0],
        "requests": give_out(0, requests_from / 10**6, both.requests, [1] * 12)[0],
    }
    moments[lane][5] += late
    assert _most_within(sorted(moments["imports"] + moments["requests"]), 1) <= 5


def test_the_limit_is_used_almost_whole() -> None:
    """An hour holds at least 98 % of the imports that the limit allows."""
    moments, _ = give_out(0, 0, rates(CONNECTION).imports, [1] * 6000)
    assert sum(moment < 3600 for moment in moments) >= 0.98 * 6000


@pytest.mark.parametrize(("imports", "requests"), [(1, 1), (20, 2), (100, 1), (60, 5)])
def test_a_smaller_share_is_kept(imports: int, requests: int) -> None:
    """A connection that allows less gets less, in both lanes."""
    connection = CONNECTION.model_copy(update={"imports_per_minute": imports, "requests_per_second": requests})
    both = rates(connection)
    assert 60 / both.imports <= imports
    assert 1 / both.imports + 1 / both.requests <= requests


def test_appointments_do_not_lie_in_the_past() -> None:
    """A lane that was idle starts now, and does not catch up."""
    assert give_out(free=10, now=100, slot=1, weights=[1, 1]) == ([100, 101], 102)


def test_postponing_never_brings_anything_forward() -> None:
    """A rate-limit answer moves a lane back, or not at all."""
    assert (postpone(10, 20), postpone(30, 20)) == (20, 30)


def test_only_a_lone_contact_weighs_more() -> None:
    """The limiter counts imports of exactly one contact apart."""
    assert [weight(contacts) for contacts in (1, 2, 250)] == [LONE_CONTACT_SLOTS, 1, 1]


def test_two_pacers_of_one_host_never_give_out_the_same_moment(tmp_path: Path) -> None:
    """Reservations are shared through storage, not through the process."""
    world = courier(tmp_path)
    one, other = (Pacer(world.store, world.clock, CONNECTION) for _ in range(2))
    moments = [
        *one.reserve(Lane.IMPORTS, [1] * 3),
        *other.reserve(Lane.IMPORTS, [1] * 3),
        *one.reserve(Lane.IMPORTS, [1]),
    ]
    slot = rates(CONNECTION).imports
    assert moments == pytest.approx([moments[0] + place * slot for place in range(7)])


def test_a_rate_limit_answer_holds_everybody_back(tmp_path: Path) -> None:
    """After it, neither lane has an appointment before the time that was asked for."""
    clock = ManualClock()
    pacer = courier(tmp_path, clock=clock).pacer(CONNECTION)
    pacer.hold_back(17)
    for lane in Lane:
        assert pacer.reserve(lane, [1]) == [clock.time() + 17]


def test_an_appointment_is_missed_after_its_grace(tmp_path: Path) -> None:
    """A little late is kept, more is made anew."""
    clock = ManualClock()
    pacer = courier(tmp_path, clock=clock).pacer(CONNECTION)
    appointment = clock.time() + 10
    clock.pass_by(10.2)
    assert not pacer.missed(Lane.IMPORTS, appointment)
    clock.pass_by(0.2)
    assert pacer.missed(Lane.IMPORTS, appointment)


def test_waiting_for_a_turn_takes_until_it_has_come(tmp_path: Path) -> None:
    """Two turns in a row are a slot apart."""
    clock = ManualClock()
    pacer = courier(tmp_path, clock=clock).pacer(CONNECTION)
    pacer.wait_turn(Lane.REQUESTS)
    before = clock.time()
    pacer.wait_turn(Lane.REQUESTS)
    assert clock.time() - before == pytest.approx(rates(CONNECTION).requests)


def test_a_turn_that_is_far_away_is_not_waited_for(tmp_path: Path) -> None:
    """Whoever would have to sleep for long hears when to come back, and takes no turn from anybody."""
    clock = ManualClock()
    world = courier(tmp_path, clock=clock)
    pacer = world.pacer(CONNECTION)
    pacer.hold_back(3_600)
    before = world.store.get(names.pacing(CONNECTION.host), Lanes)
    for waited in (0, 600):
        clock.pass_by(waited)
        with pytest.raises(RateLimited, match="asked everybody to wait") as caught:
            pacer.wait_turn(Lane.REQUESTS)
        assert caught.value.retry_after == pytest.approx(3_600 - waited)
    assert world.store.get(names.pacing(CONNECTION.host), Lanes) == before
    clock.pass_by(3_000 - LONGEST_TURN_SECONDS)
    pacer.wait_turn(Lane.REQUESTS)
    assert clock.time() == pytest.approx(before.requests)
