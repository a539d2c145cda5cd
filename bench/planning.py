"""Planning: time, memory and calls, next to the engine's bare count of the same rows and to a plan made with pandas."""

import os
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
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
        "ActiveCampaign (two questions) is left out. What is compared to another plan is planned "
        f"{TIMES} times: the time is that of the fastest, since whatever else a machine does only takes time, and the "
        "memory is the most."
    )
    return planned


def _million(folder: Path, report: Report, *, quick: bool) -> Planned:
    drop = Drop(MILLION)
    files = make(drop, folder / "drops", _moment(0))
    count = apart("bench.count_rows", len(COLUMNS), *files)
    first = _fastest(folder, drop, commit=True)
    pandas = _pandas(folder, files)
    floor = FIRST_TIMES_COUNT * count["seconds"] + FIRST_PLUS_SECONDS
    _take_down(report, "1,000,000 rows, first time", first, count, pandas, at_most(floor), at_most(FIRST_MB))
    limit = at_most(first["seconds"])
    nothing = _fastest(folder, drop, joiners=0)
    again = None if quick else _pandas(folder, files)
    _take_down(report, "1,000,000 rows, nothing changed", nothing, count, again, limit, at_most(FIRST_MB))
    drop = replace(drop, percent=1, version=1)
    files = make(drop, folder / "drops", _moment(1))
    some = _fastest(folder, drop, joiners=0)
    again = None if quick else _pandas(folder, files)
    _take_down(report, "1,000,000 rows, 1 % changed", some, count, again, limit, at_most(FIRST_MB))
    return Planned(folder, first["seconds"])


def _lined(folder: Path, report: Report) -> None:
    drop = Drop(MILLION, has_line_ends=True)
    files = make(drop, folder / "drops", _moment(0))
    count = apart("bench.count_rows", len(COLUMNS), *files)
    plan = _plan(folder, drop)
    _take_down(report, "1,000,000 rows of two lines", plan, count, None, None, at_most(FIRST_MB))
    shutil.rmtree(folder)


def _wide(folder: Path, report: Report) -> None:
    drop = Drop(MILLION, columns=WIDE_COLUMNS)
    files = make(drop, folder / "drops", _moment(0))
    count = apart("bench.count_rows", WIDE_COLUMNS, *files)
    plan = _plan(folder, drop)
    size = sum(file.stat().st_size for file in files) / 1e9
    name = f"1,000,000 rows of {WIDE_COLUMNS} columns ({size:.1f} GB)"
    _take_down(report, name, plan, count, None, None, at_most(WIDE_MB))
    shutil.rmtree(folder)


def _huge(folder: Path, report: Report) -> None:
    """Ten million, next to a million in the minute before: machines are not equally fast all the time."""
    folder.mkdir()
    if shutil.disk_usage(folder).free < HUGE_NEEDS_BYTES:
        report.note("10,000,000 rows were left out: the disk has no room for them.")
        return
    small, drop = Drop(MILLION), Drop(10 * MILLION)
    make(small, folder / "small" / "drops", _moment(0))
    files = make(drop, folder / "drops", _moment(0))
    count = apart("bench.count_rows", len(COLUMNS), *files)
    beside = _fastest(folder / "small", small)["seconds"]
    plan = _fastest(folder, drop)
    limit = at_most(HUGE_TIMES_MILLION * beside)
    _take_down(report, "10,000,000 rows, first time", plan, count, None, limit, at_most(HUGE_MB))
    report.note(
        f"10,000,000 rows are compared to 1,000,000 that were planned just before, in {shown(beside, 's')}. They touch "
        "gigabytes of memory, most of it for files. Where the host under a virtual machine takes free memory back, "
        "that costs up to a fifth of their time, and as good as nothing of a million's."
    )
    shutil.rmtree(folder)


def _fastest(folder: Path, drop: Drop, *, joiners: int | None = None, commit: bool = False) -> dict[str, Any]:
    """The fastest of several plans, with the most memory that one of them took; the last is committed if any is."""
    commits = [False] * (TIMES - 1) + [commit]
    plans = [_plan(folder, drop, joiners=joiners, commit=commit) for commit in commits]
    return min(plans, key=itemgetter("seconds")) | {"peak_mb": max(plan["peak_mb"] for plan in plans)}


def _plan(folder: Path, drop: Drop, *, joiners: int | None = None, commit: bool = False) -> dict[str, Any]:
    """One plan in a process of its own, checked: a plan that is wrong has no speed."""
    found = apart("bench.plan_once", folder, *(["--commit"] if commit else []))
    counts = found["counts"]
    wanted = {
        "rows": drop.members,
        "members": drop.members,
        "joiners": drop.members if joiners is None else joiners,
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
