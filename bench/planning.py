"""Planning: time, memory and calls, next to the engine's bare count of the same rows and to a plan made with pandas."""

import os
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from operator import itemgetter
from pathlib import Path
from typing import Any

from bench.apart import MeasurementFailed, apart
from bench.data import Drop, make
from bench.figures import Report, Target, at_most, shown
from bench.workload import COLUMNS

SECTION = "planning"
MILLION = 1_000_000
FIRST_TIMES_COUNT, FIRST_PLUS_SECONDS = 5, 3
FIRST_MB, HUGE_MB, WIDE_MB = 600, 1500, 1200
HUGE_TIMES_MILLION = 12
HUGE_NEEDS_BYTES = 25 * 10**9
WIDE_COLUMNS = 100
TIMES = 3

FLEX_DISK_MB = 800
"""Temporary storage of an instance: https://learn.microsoft.com/azure/azure-functions/functions-scale#service-limits"""


@dataclass(frozen=True)
class Planned:
    """What later measurements go on with: the folder of the million, and how long its first plan took."""

    folder: Path
    first_seconds: float


@dataclass(frozen=True)
class _Case:
    """What is planned: the drop in a folder, of whose members so many join, or all."""

    folder: Path
    drop: Drop
    joiners: int | None = None


def measure(folder: Path, report: Report, *, quick: bool) -> Planned:
    """Measure all cases; the quick ones are those of a million narrow rows."""
    planned = _million(folder / "million", report, quick=quick)
    if not quick:
        _lined(folder / "lined", report)
        _wide(folder / "wide", report)
        _huge(folder / "huge", report)
    report.note(
        "Planning is the whole step, from the message to the stored plan. Storage is a folder on the same disk, where "
        "fetching the drop and storing the plan take no time: files are not copied, and batches, which are streamed to "
        "storage while they are made, are counted and not kept (pandas, too, writes them to nowhere). Waiting for "
        "ActiveCampaign (two questions) is left out. Plans that are compared to each other are made "
        f"{TIMES} times, by turns: the time is that of the fastest, since whatever else a machine does only takes "
        "time, and the memory is the most."
    )
    return planned


def _million(folder: Path, report: Report, *, quick: bool) -> Planned:
    drop = Drop(MILLION)
    files = make(drop, folder / "drops", _moment(0))
    count = apart("bench.count_rows", len(COLUMNS), *files)
    first = _Case(_copied(folder, "first"), drop)
    _plan(replace(first, folder=folder), commit=True)
    same = _Case(_copied(folder, "same"), drop, joiners=0)
    some = _Case(folder, replace(drop, percent=1, version=1), joiners=0)
    changed = make(some.drop, folder / "drops", _moment(1))
    plans = _by_turns(first, same, some)
    pandas = [_pandas(folder, files), *([] if quick else [_pandas(folder, files), _pandas(folder, changed)])]
    floor = FIRST_TIMES_COUNT * count["seconds"] + FIRST_PLUS_SECONDS
    limit = at_most(plans[0]["seconds"])
    names = ("first time", "nothing changed", "1 % changed")
    for name, plan, beside, target in zip_longest(names, plans, pandas, (at_most(floor), limit, limit)):
        _take_down(report, f"1,000,000 rows, {name}", plan, count, beside, target, at_most(FIRST_MB))
    return Planned(folder, plans[0]["seconds"])


def _copied(folder: Path, name: str) -> Path:
    """A copy of all that is in a folder by now, beside it."""
    return Path(shutil.copytree(folder, folder.with_name(f"{folder.name}-{name}")))


def _lined(folder: Path, report: Report) -> None:
    drop = Drop(MILLION, has_line_ends=True)
    files = make(drop, folder / "drops", _moment(0))
    count = apart("bench.count_rows", len(COLUMNS), *files)
    plan = _plan(_Case(folder, drop))
    _take_down(report, "1,000,000 rows of two lines", plan, count, None, None, at_most(FIRST_MB))
    shutil.rmtree(folder)


def _wide(folder: Path, report: Report) -> None:
    drop = Drop(MILLION, columns=WIDE_COLUMNS)
    files = make(drop, folder / "drops", _moment(0))
    count = apart("bench.count_rows", WIDE_COLUMNS, *files)
    plan = _plan(_Case(folder, drop))
    size = sum(file.stat().st_size for file in files) / 1e9
    name = f"1,000,000 rows of {WIDE_COLUMNS} columns ({size:.1f} GB)"
    _take_down(report, name, plan, count, None, None, at_most(WIDE_MB))
    shutil.rmtree(folder)


def _huge(folder: Path, report: Report) -> None:
    """Ten million, by turns with a million: machines are not equally fast all the time."""
    folder.mkdir()
    if shutil.disk_usage(folder).free < HUGE_NEEDS_BYTES:
        report.note("10,000,000 rows were left out: the disk has no room for them.")
        return
    small, drop = Drop(MILLION), Drop(10 * MILLION)
    make(small, folder / "small" / "drops", _moment(0))
    files = make(drop, folder / "drops", _moment(0))
    count = apart("bench.count_rows", len(COLUMNS), *files)
    beside, plan = _by_turns(_Case(folder / "small", small), _Case(folder, drop))
    limit = at_most(HUGE_TIMES_MILLION * beside["seconds"])
    _take_down(report, "10,000,000 rows, first time", plan, count, None, limit, at_most(HUGE_MB))
    report.note(
        f"10,000,000 rows are planned by turns with 1,000,000, which took {shown(beside['seconds'], 's')}. They touch "
        "gigabytes of memory, most of it for files. Where the host under a virtual machine takes free memory back, "
        "that costs up to a fifth of their time, and as good as nothing of a million's."
    )
    shutil.rmtree(folder)


def _by_turns(*cases: _Case) -> list[dict[str, Any]]:
    """Plan each case as often, by turns; of each the fastest plan, with the most memory that one of them took."""
    turns = [[_plan(case) for case in cases] for _ in range(TIMES)]
    return [
        min(plans, key=itemgetter("seconds")) | {"peak_mb": max(plan["peak_mb"] for plan in plans)}
        for plans in zip(*turns, strict=True)
    ]


def _plan(case: _Case, *, commit: bool = False) -> dict[str, Any]:
    """One plan in a process of its own, checked: a plan that is wrong has no speed."""
    drop = case.drop
    found = apart("bench.plan_once", case.folder, *(["--commit"] if commit else []))
    counts = found["counts"]
    wanted = {
        "rows": drop.members,
        "members": drop.members,
        "joiners": drop.members if case.joiners is None else case.joiners,
        "changed": drop.members * drop.percent // 100,
        "leavers": 0,
    }
    wrong = {name: counts[name] for name, number in wanted.items() if counts[name] != number}
    if wrong or found["state"] in ("failed", "held"):
        raise MeasurementFailed(f"the plan is wrong: {wrong}, {found['state']}: {found['reason']}")
    return found


def _pandas(folder: Path, files: list[Path]) -> dict[str, Any]:
    return apart("bench.with_pandas", *files, "--ledger", folder / "pandas.csv", "--batches", os.devnull)


def _take_down(
    report: Report,
    name: str,
    plan: dict[str, Any],
    count: dict[str, Any],
    pandas: dict[str, Any] | None,
    time_target: Target | None,
    memory_target: Target,
) -> None:
    times = [f"on processors {shown(plan['processor_seconds'], 's')}", f"bare count {shown(count['seconds'], 's')}"]
    memories = [f"bare count {shown(count['peak_mb'], 'MB')}"]
    if pandas:
        times.append(f"pandas {shown(pandas['seconds'], 's')}")
        memories.append(f"pandas {shown(pandas['peak_mb'], 'MB')}")
    report.add(SECTION, f"{name}: time", plan["seconds"], "s", ", ".join(times), time_target)
    report.add(SECTION, f"{name}: peak memory", plan["peak_mb"], "MB", ", ".join(memories), memory_target)
    report.add(SECTION, f"{name}: peak disk", plan["peak_disk_mb"], "MB", f"Flex Consumption has {FLEX_DISK_MB} MB")
    sent = sum(number for kind, number in plan["calls"].items() if kind.startswith("sent to"))
    kinds = ", ".join(f"{plan['calls'][kind]} {kind}" for kind in ("reads", "writes", "lists"))
    report.add(SECTION, f"{name}: calls to blobs", plan["blob_calls"], "", f"{kinds}; {sent} queue messages")


def _moment(day: int) -> datetime:
    """When a drop is dated: in the past, the later days later."""
    return datetime.now(UTC) - timedelta(minutes=10 - day)
