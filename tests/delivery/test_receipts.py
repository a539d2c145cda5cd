"""Receipts: what they say of each contact, and how a listing tells it."""

from itertools import product

import pytest

from shared import names, receipts
from shared.documents import Import, Receipt, ReceiptState, Refusal
from shared.errors import BlobChanged, CourierError
from shared.receipts import REFUSED_BOUNCED, REFUSED_UNKNOWN, UNNAMED, Summary
from tests.delivery.scene import RUN, accepted
from tests.fakes import ManualClock, MemoryBlobs

EMPTY = Receipt(run=RUN, batch=3, state=ReceiptState.PARTIAL, contacts=3)


def _with(**changes: object) -> Receipt:
    return EMPTY.model_copy(update=changes)


@pytest.fixture
def blobs() -> MemoryBlobs:
    """An empty container."""
    return MemoryBlobs(ManualClock())


def test_a_listing_tells_everything_that_the_receipts_do(blobs: MemoryBlobs) -> None:
    """States, contacts, refusals by code, failures, extra sends: without reading a single receipt."""
    receipt = _with(
        state=ReceiptState.ACCEPTED,
        imports=[accepted("b-1", positions=[0, 1]), accepted("b-2", positions=[2], outcome="failed")],
        refusals=[
            receipts.refusal(0, REFUSED_BOUNCED),
            Refusal(position=1, code=REFUSED_UNKNOWN, detail=UNNAMED),
        ],
        extra_sends=2,
    )
    receipts.write(blobs, receipt)
    receipts.write(blobs, EMPTY.model_copy(update={"batch": 0}))
    blobs.calls.clear()
    first, second = receipts.summaries(blobs, RUN)
    assert blobs.calls == {"below": 1}
    assert (first.batch, first.state, first.failed, first.refused) == (0, ReceiptState.PARTIAL, 0, {})
    assert second == Summary(
        batch=3,
        state=ReceiptState.ACCEPTED,
        contacts=3,
        refused={REFUSED_BOUNCED: 1, REFUSED_UNKNOWN: 1},
        failed=1,
        extra_sends=2,
        pending=1,
        unnamed=1,
        accepted_at=receipt.imports[-1].accepted_at,
        written=second.written,
    )
    assert receipts.find(blobs, RUN, 3) == receipt
    assert receipts.find(blobs, RUN, 4) is None


_BOUNCED = [receipts.refusal(2, REFUSED_BOUNCED)]
_UNNAMED = [Refusal(position=2, code=REFUSED_UNKNOWN, detail=UNNAMED)]


@pytest.mark.parametrize(
    ("imports", "refusals", "state", "failed"),
    [
        ([accepted("b-1")], [], ReceiptState.ACCEPTED, set()),
        ([accepted("b-1", outcome="completed")], [], ReceiptState.CONFIRMED, set()),
        ([accepted("b-1", outcome="completed")], _BOUNCED, ReceiptState.CONFIRMED, set()),
        ([accepted("b-1", outcome="completed")], _UNNAMED, ReceiptState.ACCEPTED, set()),
        ([accepted("b-1", outcome="failed")], [], ReceiptState.FAILED, {0, 1, 2}),
        ([accepted("b-1", outcome="failed")], _BOUNCED, ReceiptState.FAILED, {0, 1}),
        ([accepted("b-1", outcome="completed", positions=[0])], _BOUNCED, ReceiptState.FAILED, {1}),
        ([accepted("b-1", positions=[0])], [], ReceiptState.ACCEPTED, {1, 2}),
        ([accepted("a", outcome="completed", positions=[0, 1])], _BOUNCED, ReceiptState.CONFIRMED, set()),
        (
            [accepted("a", outcome="completed", positions=[0]), accepted("b", outcome="failed", positions=[1, 2])],
            [],
            ReceiptState.FAILED,
            {1, 2},
        ),
        ([], [], ReceiptState.FAILED, {0, 1, 2}),
        ([], [receipts.refusal(place, REFUSED_BOUNCED) for place in range(3)], ReceiptState.CONFIRMED, set()),
    ],
)
def test_the_state_follows_from_imports_and_refusals(
    imports: list[Import], refusals: list[Refusal], state: ReceiptState, failed: set[int]
) -> None:
    """Open while an import or a reason is; failed where anybody goes out again; confirmed otherwise."""
    receipt = receipts.settled(_with(imports=imports, refusals=refusals))
    assert (receipt.state, receipts.failed_positions(receipt)) == (state, failed)


def test_a_position_is_confirmed_refused_failed_or_open_and_only_one_of_them() -> None:
    """For every combination of outcomes the four add up to the batch."""
    for outcomes in product((None, "completed", "failed", "unsent"), repeat=3):
        imports = [
            accepted(f"b-{place}", contacts=1, positions=[place], outcome=outcome)
            for place, outcome in enumerate(outcomes)
            if outcome != "unsent"
        ]
        receipt = _with(imports=imports, refusals=_BOUNCED)
        failed = receipts.failed_positions(receipt)
        open_or_confirmed = {place for place, outcome in enumerate(outcomes) if outcome in (None, "completed")} - {2}
        assert failed.isdisjoint(open_or_confirmed)
        assert failed | open_or_confirmed | {2} == {0, 1, 2}


def test_changes_of_two_writers_are_both_kept(blobs: MemoryBlobs) -> None:
    """Whoever comes second changes what the first one wrote."""
    interrupted: list[bool] = []

    def later(receipt: Receipt) -> Receipt:
        if not interrupted:
            interrupted.append(True)
            receipts.change(blobs, EMPTY, lambda other: other.model_copy(update={"extra_sends": 5}))
        return receipt.model_copy(update={"imports": [accepted("b-1")]})

    receipts.change(blobs, EMPTY, later)
    receipt = receipts.find(blobs, RUN, 3)
    assert receipt is not None
    assert (receipt.extra_sends, len(receipt.imports)) == (5, 1)


class _Contended(MemoryBlobs):
    """Somebody else is always a little faster."""

    def write(self, name: str, data: bytes, **_: object) -> str:
        """Come too late."""
        raise BlobChanged(name)


def test_a_receipt_that_can_never_be_written_is_an_error() -> None:
    """And not an endless loop."""
    with pytest.raises(CourierError, match=names.receipt(RUN, 3)):
        receipts.change(_Contended(ManualClock()), EMPTY, lambda receipt: receipt)


def test_every_code_has_a_sentence() -> None:
    """A refusal without one would leave a person guessing."""
    codes = {value for name, value in vars(receipts).items() if name.startswith(("REFUSED_", "EMAIL_"))}
    assert codes == set(receipts.DETAILS)
