"""Contacts known not to be taken while nobody says who: how they are counted, found and given up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import receipts
from shared.documents import Import, Receipt, ReceiptState, Refusal
from shared.outcomes import gaps
from shared.receipts import (
    REFUSED_BOUNCED,
    REFUSED_EXCLUDED,
    REFUSED_INVALID,
    REFUSED_UNKNOWN,
    REFUSED_UNSUBSCRIBED,
    UNNAMED,
)
from tests.delivery.scene import RUN, accepted

CODES = [REFUSED_BOUNCED, REFUSED_EXCLUDED, REFUSED_INVALID, REFUSED_UNKNOWN, REFUSED_UNSUBSCRIBED]


def _receipt(*imports: Import, unnamed: tuple[int, ...] = (), contacts: int = 6) -> Receipt:
    refusals = [Refusal(position=position, code=REFUSED_UNKNOWN, detail=UNNAMED) for position in unnamed]
    return Receipt(
        run=RUN, batch=0, state=ReceiptState.ACCEPTED, contacts=contacts, imports=list(imports), refusals=refusals
    )


def _completed(**changes: object) -> Import:
    return accepted("b-1", outcome="completed", **changes)


def _gap(receipt: Receipt) -> tuple[int, int]:
    one = gaps.first_open(receipt)
    return (one.left_out, one.unclear) if one else (0, 0)


@pytest.mark.parametrize(
    ("left_out", "unclear", "unnamed", "code", "gap"),
    [
        (1, 0, (2,), REFUSED_EXCLUDED, (0, 0)),
        (1, 0, (2,), REFUSED_UNKNOWN, (0, 0)),
        (1, 0, (2,), REFUSED_UNSUBSCRIBED, (1, 0)),
        (1, 0, (), REFUSED_EXCLUDED, (0, 0)),
        (1, 0, (), REFUSED_UNSUBSCRIBED, (1, 0)),
        (0, 1, (), REFUSED_UNSUBSCRIBED, (0, 0)),
        (0, 1, (), REFUSED_EXCLUDED, (0, 0)),
        (0, 1, (2,), REFUSED_EXCLUDED, (0, 1)),
        (1, 1, (), REFUSED_EXCLUDED, (0, 1)),
        (1, 1, (), REFUSED_BOUNCED, (1, 0)),
    ],
)
def test_a_gap_closes_as_it_is_found_out_who_was_meant(
    left_out: int, unclear: int, unnamed: tuple[int, ...], code: str, gap: tuple[int, int]
) -> None:
    """Left out were the excluded and those of whom nothing is known; told without a name was whoever was not named."""
    before = _receipt(_completed(left_out=left_out, unclear=unclear), unnamed=unnamed)
    after = gaps.with_codes(before, {2: code})
    assert (_gap(after), after.refusals) == (gap, [receipts.refusal(2, code)])
    assert gaps.with_codes(after, {2: REFUSED_INVALID}) == after


def test_nobody_is_refused_where_nobody_is_missing() -> None:
    """An address that is on the exclusion list by now was taken all the same."""
    for one in (_completed(), accepted("b-1", outcome="failed", left_out=1), accepted("b-1", left_out=1)):
        assert gaps.with_codes(_receipt(one), {2: REFUSED_EXCLUDED}) == _receipt(one)


def test_a_reason_takes_the_place_of_none() -> None:
    """Refusals keep their order."""
    receipt = gaps.with_codes(_receipt(_completed(), unnamed=(4, 1, 3)), {1: REFUSED_BOUNCED})
    assert [(one.position, one.code) for one in receipt.refusals] == [
        (4, REFUSED_UNKNOWN),
        (1, REFUSED_BOUNCED),
        (3, REFUSED_UNKNOWN),
    ]


def test_who_was_left_out_goes_out_with_the_next_run() -> None:
    """The others of the import stay confirmed."""
    receipt = gaps.without(_receipt(_completed(left_out=1), unnamed=(0,)), [0, 2], gaps.LEFT_OUT)
    assert receipts.failed_positions(receipt) == {2}
    assert [(one.outcome, one.positions) for one in receipt.imports] == [
        ("completed", [0, 1, 3, 4, 5]),
        ("failed", [2]),
    ]
    assert (_gap(receipt), receipt.reason) == ((0, 0), gaps.LEFT_OUT)


@pytest.mark.parametrize(
    ("left_out", "unclear", "refused", "everybody", "failed"),
    [
        (1, 0, {}, True, {0, 1, 2, 3, 4, 5}),
        (1, 0, {5: REFUSED_BOUNCED}, True, set()),
        (2, 0, {5: REFUSED_BOUNCED}, True, {0, 1, 2, 3, 4}),
        (1, 0, {5: REFUSED_EXCLUDED}, True, {0, 1, 2, 3, 4}),
        (1, 0, {5: REFUSED_BOUNCED}, False, {0, 1, 2, 3, 4}),
        (0, 1, {}, True, set()),
        (0, 1, {}, False, {0, 1, 2, 3, 4, 5}),
    ],
)
def test_a_gap_that_nobody_fills_is_closed(
    left_out: int, unclear: int, refused: dict[int, str], everybody: bool, failed: set[int]
) -> None:
    """Strangers in a report are nobody's loss; a number that nothing explains confirms nobody."""
    before = _receipt(_completed(left_out=left_out, unclear=unclear))
    before = before.model_copy(update={"refusals": [receipts.refusal(*one) for one in refused.items()]})
    after = receipts.settled(gaps.closed(before, everybody_looked_up=everybody))
    assert receipts.failed_positions(after) == failed
    assert after.state is (ReceiptState.FAILED if failed else ReceiptState.CONFIRMED)
    assert after.reason == ((gaps.LEFT_OUT if left_out else gaps.UNCLEAR) if failed else None)


def test_only_the_import_with_the_gap_is_given_up() -> None:
    """Other parts of the batch are confirmed as they were."""
    parts = [
        accepted("b-1", outcome="completed", positions=[0, 1]),
        accepted("b-2", outcome="completed", positions=[2, 3], left_out=1),
        accepted("b-3", outcome="completed", positions=[4, 5], unclear=1),
    ]
    receipt = gaps.given_up(_receipt(*parts, unnamed=(0, 4)))
    assert receipts.failed_positions(receipt) == {2, 3, 5}
    assert {one.position for one in receipt.refusals} == {0, 4}
    assert receipts.settled(receipt).state is ReceiptState.FAILED


@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    counts=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=4, max_size=4),
    unnamed=st.sets(st.integers(0, 15)),
    found=st.dictionaries(st.integers(0, 15), st.sampled_from([*CODES, None]), max_size=8),
)
def test_however_a_search_goes_everybody_is_accounted_for_once(
    sizes: list[int], counts: list[tuple[int, int]], unnamed: set[int], found: dict[int, str | None]
) -> None:
    """Confirmed, refused or failed: no position is lost, none is two things, and no gap is left."""
    parts, start = [], 0
    for number, size in enumerate(sizes):
        left_out, unclear = counts[number]
        positions = list(range(start, start + size))
        parts.append(
            accepted(f"b-{number}", outcome="completed", positions=positions, left_out=left_out, unclear=unclear)
        )
        start += size
    receipt = _receipt(*parts, unnamed=tuple(sorted(one for one in unnamed if one < start)), contacts=start)
    for position, code in found.items():
        lost = [position] if code is None else []
        receipt = gaps.with_codes(receipt, {position: code} if code else {})
        receipt = gaps.without(receipt, lost, gaps.LEFT_OUT)
    receipt = receipts.settled(gaps.given_up(receipt))
    refused = [one.position for one in receipt.refusals]
    held = [position for one in receipt.imports for position in receipts.positions_of(one, start)]
    assert receipt.state in (ReceiptState.CONFIRMED, ReceiptState.FAILED)
    assert gaps.first_open(receipt) is None
    assert sorted(held) == list(range(start))
    assert len(set(refused)) == len(refused)
    assert receipts.failed_positions(receipt).isdisjoint(refused)
