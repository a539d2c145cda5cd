"""What happened while a run was delivered, from the stand-in's journal, the receipts and the hosts' logs."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from azure.storage.blob import ContainerClient

from bench.figures import share
from shared import names
from shared.documents import Receipt
from shared.doors.blobs import AzureBlobs

_EXECUTED = re.compile(r"^\[(\d\d):(\d\d):(\d\d\.\d+)Z\].*Executed 'Functions\.(\w+)' \(\w+, .*Duration=(\d+)ms\)")
_DAY = 86_400


def utilisation(moments: Sequence[float], per_minute: float) -> float:
    """Accepted imports between the first and the last, in percent of what the limit allows in that time."""
    ordered = sorted(moments)
    return share(len(ordered) - 1, (ordered[-1] - ordered[0]) / 60 * per_minute) if len(ordered) > 1 else 0.0


def most_in_a_window(moments: Sequence[float], seconds: float) -> int:
    """The most imports accepted in any window of that length: what a limit counts."""
    ordered, most, first = sorted(moments), 0, 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def rate_over_time(moments: Sequence[float], *, window: float = 60.0, step: float = 5.0) -> list[tuple[float, float]]:
    """Imports in the minute before, every few seconds: seconds since the first import, and how many."""
    ordered = sorted(moments)
    if not ordered:
        return []
    first, count = ordered[0], int((ordered[-1] - ordered[0] + window) / step) + 1
    return [
        (number * step, sum(number * step - window < moment - first <= number * step for moment in ordered))
        for number in range(count + 1)
    ]


def fair_share(one: Sequence[float], other: Sequence[float]) -> float:
    """The smaller run's share of the imports accepted while both were sending, in percent: 50 is even."""
    start, end = max(min(one), min(other)), min(max(one), max(other))
    counts = [sum(start <= moment <= end for moment in moments) for moments in (one, other)]
    return share(min(counts), sum(counts))


def accepted(state: ContainerClient, run: str) -> list[float]:
    """When each import of a run was accepted, by the app's clock, from its receipts."""
    blobs = AzureBlobs(state)
    receipts = [Receipt.from_bytes(blobs.read(blob.name).data) for blob in blobs.below(names.receipts(run))]
    return [one.accepted_at.timestamp() for receipt in receipts for one in receipt.imports]


@dataclass(frozen=True)
class Execution:
    """One execution of a function; moments in seconds of real time since some midnight."""

    function: str
    began: float
    ended: float


def executions(logs: Iterable[Path]) -> list[Execution]:
    """Every execution that the hosts' logs tell of."""
    return [execution for log in logs for execution in _executions(log.read_text().splitlines())]


def _executions(lines: Iterable[str]) -> Iterator[Execution]:
    midnights, before = 0, 0.0
    for line in lines:
        if found := _EXECUTED.match(line):
            hours, minutes, seconds, function, milliseconds = found.groups()
            moment = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
            midnights += moment < before - _DAY / 2
            before = moment
            ended = moment + midnights * _DAY
            yield Execution(function, ended - int(milliseconds) / 1000, ended)


def busy_seconds(runs: Iterable[Execution]) -> float:
    """For how long at least one of them ran: what one instance is billed for."""
    total, until = 0.0, float("-inf")
    for run in sorted(runs, key=lambda run: run.began):
        total += max(0.0, run.ended - max(run.began, until))
        until = max(until, run.ended)
    return total


def by_function(runs: Iterable[Execution]) -> Mapping[str, list[Execution]]:
    """Executions by the name of their function."""
    found: defaultdict[str, list[Execution]] = defaultdict(list)
    for run in runs:
        found[run.function].append(run)
    return found


def lateness(logs: Iterable[Path]) -> list[float]:
    """By how many seconds of the app's clock each post missed its appointment."""
    lines = (line for log in logs for line in log.read_text().splitlines() if '"event":"batch_delivered"' in line)
    return [float(json.loads(line[line.index("{") :])["late"]) for line in lines]
