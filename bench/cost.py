"""What a million contacts cost on Flex Consumption: measured time, memory and calls, times list prices."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.figures import Report, shown
from bench.posts import Execution, busy_seconds, by_function
from bench.prices import (
    BLOB_LIST,
    BLOB_READ,
    BLOB_WRITE,
    EXECUTION,
    GB_SECOND,
    PRICES,
    QUEUE_OPERATION,
)
from shared import names

SECTION = "cost"
INSTANCE_GB = 2.0
"""The instance that ``infra/`` deploys."""

SHORTEST_SECONDS, STEP_SECONDS = 1.0, 0.1
"""An execution is billed for a second at least, and in tenths: https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan#billing."""

POLLS_A_SECOND = 1.0
"""A host looks into an empty queue once a second at most (host.json, ``maxPollingInterval``)."""

POLLING_FUNCTIONS = 2
"""While a run is delivered, ``deliver_batch`` and ``watch_run`` each keep an instance that polls."""


@dataclass(frozen=True)
class Measured:
    """Executions of one function: seconds billed were each on an instance of its own, and had they shared one."""

    alone: float
    shared: float
    count: int


@dataclass(frozen=True)
class Bill:
    """Dollars by what they are for; ``gb_seconds`` and the rest are what they pay for."""

    gb_seconds: float
    executions: int
    queue_operations: float
    compute: float
    runs: float
    storage: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.compute + self.runs + self.storage


def billed(seconds: float) -> float:
    """What an execution of that length is billed for."""
    return max(SHORTEST_SECONDS, math.ceil(round(seconds / STEP_SECONDS, 6)) * STEP_SECONDS)


def measured(executions: Iterable[Execution]) -> dict[str, Measured]:
    """What was measured of each function."""
    return {
        function: Measured(
            alone=sum(billed(run.ended - run.began) for run in runs), shared=busy_seconds(runs), count=len(runs)
        )
        for function, runs in by_function(executions).items()
    }


def bill(
    calls: Mapping[str, int], seconds: float, sample: Mapping[str, Measured], plan_seconds: float, *, shared: bool
) -> Bill:
    """The bill of a run that made these calls to storage and took ``seconds`` in all.

    ``sample`` is what a whole run took: this one takes as much of it as it has batches. With ``shared``, executions of
    one function that overlap are on one instance.
    """
    batches = calls.get(f"sent to {names.CONTACT_BATCHES}", 0)
    runs = [sample[function] for function in ("deliver_batch", "watch_run")]
    scale = batches / sample["deliver_batch"].count
    busy = plan_seconds + scale * sum(one.shared if shared else one.alone for one in runs)
    executions = 1 + math.ceil(scale * sum(one.count for one in runs))
    queue_operations = 3 * executions + POLLS_A_SECOND * POLLING_FUNCTIONS * seconds
    return Bill(
        gb_seconds=busy * INSTANCE_GB,
        executions=executions,
        queue_operations=queue_operations,
        compute=GB_SECOND.of(busy * INSTANCE_GB),
        runs=EXECUTION.of(executions),
        storage=BLOB_WRITE.of(calls["writes"])
        + BLOB_LIST.of(calls["lists"])
        + BLOB_READ.of(calls["reads"] + calls["others"])
        + QUEUE_OPERATION.of(queue_operations),
    )


def measure(report: Report, days: Mapping[str, Any], sample: Mapping[str, Measured], million_seconds: float) -> None:
    """Take down what the first run and the one with 1 % changed cost; planning a million takes ``million_seconds``."""
    for name in ("first time", "1 % changed"):
        _take_down(report, name, days[name], sample, million_seconds * days[name]["counts"]["members"] / 1_000_000)
    regions = " and ".join(dict.fromkeys(f"{price.region} ({price.date})" for price in PRICES))
    report.note(
        f"Costs are list prices in US dollars as quoted for {regions}, without free grants, storage space, monitoring "
        "or network; the price of an execution is unconfirmed; "
        f"the table of prices is in the JSON. Instances have {INSTANCE_GB:g} GB. Executions and their length are those "
        "of the run in real time on this machine, for as many batches; planning's that of the million rows. Calls to "
        "blobs are counted in virtual time. Every message is put, got and deleted; polls are computed, not measured."
    )


def _take_down(
    report: Report, name: str, day: Mapping[str, Any], sample: Mapping[str, Measured], plan_seconds: float
) -> None:
    members = day["counts"]["members"]
    most, least = (bill(day["calls"], day["seconds"], sample, plan_seconds, shared=shared) for shared in (False, True))
    what = f"{members:,} members, {name}"
    report.add(
        SECTION,
        f"{what}: at most",
        most.total,
        "$",
        f"compute {shown(most.compute, '$')}, executions {shown(most.runs, '$')}, storage {shown(most.storage, '$')}; "
        f"{shown(least.total, '$')} if all that overlaps shares an instance",
    )
    report.add(
        SECTION,
        f"{what}: GB-seconds, every execution on an instance of its own",
        most.gb_seconds,
        "GB-s",
        f"{shown(least.gb_seconds, 'GB-s')} if all that overlaps shares an instance",
    )
    report.add(SECTION, f"{what}: executions", most.executions, "", "one for each message")
    calls = day["calls"]
    blobs = calls["reads"] + calls["writes"] + calls["lists"] + calls["others"]
    kinds = ", ".join(f"{calls[kind]:,} {kind}" for kind in ("reads", "writes", "lists", "others"))
    text = f"blobs: {kinds}; queues: {most.queue_operations:,.0f}"
    report.add(SECTION, f"{what}: storage transactions", round(blobs + most.queue_operations), "", text)
