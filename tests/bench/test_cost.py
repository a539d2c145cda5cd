"""From executions and calls to a bill."""

import pytest

from bench.cost import Measured, bill, billed, measured
from bench.posts import Execution
from bench.prices import BLOB_WRITE, EXECUTION, GB_SECOND, PRICES, Price

CALLS = {
    "reads": 10_000,
    "writes": 10_000,
    "lists": 10_000,
    "others": 0,
    "sent to contact-batches": 4000,
}
SAMPLE = {"deliver_batch": Measured(alone=30.0, shared=6.0, count=10), "watch_run": Measured(9.0, 8.0, 1)}


@pytest.mark.parametrize(("seconds", "expected"), [(0.01, 1.0), (1.0, 1.0), (1.01, 1.1), (2.3, 2.3), (2.31, 2.4)])
def test_an_execution_is_billed_for_a_second_at_least_and_in_tenths(seconds: float, expected: float) -> None:
    """What is shorter or in between is rounded up."""
    assert billed(seconds) == pytest.approx(expected)


def test_executions_are_measured_by_function() -> None:
    """Alone each is rounded up, shared they count while any of them runs."""
    runs = [Execution("deliver_batch", 0.0, 2.05), Execution("deliver_batch", 1.0, 2.5), Execution("watch_run", 0, 0.2)]
    found = measured(runs)
    assert found["deliver_batch"].alone == pytest.approx(2.1 + 1.5)
    assert (found["deliver_batch"].shared, found["deliver_batch"].count) == (2.5, 2)
    assert found["watch_run"] == Measured(alone=1.0, shared=0.2, count=1)


def test_a_bill_adds_up() -> None:
    """Time of every execution times the instance, plus executions, plus every call to storage."""
    found = bill(CALLS, seconds=2400, sample=SAMPLE, plan_seconds=10, shared=False)
    assert found.executions == 1 + 4000 + 400
    assert found.gb_seconds == pytest.approx(2 * (4000 * 3 + 400 * 9 + 10))
    assert found.compute == pytest.approx(found.gb_seconds * 0.000026)
    assert found.runs == pytest.approx(4401 * 0.40 / 10**6)
    assert found.queue_operations == pytest.approx(3 * 4401 + 2 * 2400)
    assert found.storage == pytest.approx(2 * 0.055 + 0.0044 + found.queue_operations * 0.004 / 10_000)
    assert found.total == pytest.approx(found.compute + found.runs + found.storage)


def test_a_run_that_sends_nothing_pays_for_its_planning() -> None:
    """One execution, its time, and its calls."""
    found = bill(CALLS | {"sent to contact-batches": 0}, 5, SAMPLE, 10, shared=False)
    assert (found.executions, found.gb_seconds) == (1, 20)


def test_sharing_an_instance_is_never_dearer() -> None:
    """Overlapping executions on one instance are billed once."""
    alone, shared = (bill(CALLS, 2400, SAMPLE, 10, shared=shared) for shared in (False, True))
    assert shared.total < alone.total
    assert shared.storage == alone.storage


def test_prices_are_for_their_unit() -> None:
    """Half a million executions cost half of what a million does."""
    assert EXECUTION.of(500_000) == pytest.approx(0.20)
    assert GB_SECOND.of(100_000) == pytest.approx(2.60)
    assert BLOB_WRITE.of(10_000) == pytest.approx(0.055)


@pytest.mark.parametrize("price", PRICES, ids=lambda price: price.what)
def test_every_price_says_where_and_when_it_was_read(price: Price) -> None:
    """A list price without region, date and source is worth nothing."""
    document = price.document()
    assert document["region"]
    assert str(document["date"]).startswith("20")
    assert document["quoted_in"]
    assert str(document["source"]).startswith("https://azure.microsoft.com/pricing/")
