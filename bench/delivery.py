"""Delivery at the documented limits with the clock sped up: how much of the limit is used, how often it is exceeded."""

import json
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.apart import MeasurementFailed
from bench.data import Drop, make
from bench.figures import Report, at_least, at_most, percentile, shown
from bench.machine import Busy
from bench.posts import accepted, fair_share, lateness, most_in_a_window, utilisation
from bench.scaled import ScaledClock
from bench.workload import CONTACTS_AN_IMPORT, export_document
from local.activecampaign.account import Account
from local.activecampaign.faults import BULK_IMPORT, Slow
from local.activecampaign.journal import Journal
from local.caller import Caller, rests
from local.host import HostProcess
from local.scene import CONNECTION, CONNECTION_DOCUMENT, Stage, prepare
from local.world import ACTIVECAMPAIGN_HOST, APP, World
from shared.documents import MOST_IMPORTS_PER_MINUTE

SECTION = "delivery, scaled"
UTILISATION, UTILISATION_SLOW = 98.0, 95.0
SMALL_CONTACTS, SMALL_SECONDS = 200, 75.0
FAIR_PERCENT = 33.0
"""Our own idea of "neither starves": exports take turns of half a minute, so a run of minutes is not split evenly."""

SLOW_SHARE, SLOW_SECONDS = 0.01, 10.0
TOO_BUSY_PERCENT = 85.0
LONGEST_SECONDS = 600.0
"""Real time after which a scenario is given up."""

LONG, OTHER, SMALL = "long", "other", "small"
_HOST_JSON = Path("host.json")


@dataclass(frozen=True)
class Scenario:
    """``speed`` is how many times faster than real the clock runs; ``exports`` run at the same time."""

    name: str
    hosts: int
    speed: float
    exports: tuple[str, ...] = (LONG,)
    with_small: bool = False
    slow: bool = False


@dataclass(frozen=True)
class Played:
    """How a scenario went: moments in seconds of the fast clock, by run."""

    scenario: Scenario
    moments: list[float]
    by_run: list[list[float]]
    runs: list[dict[str, Any]]
    small: dict[str, Any] | None
    rate_limited: dict[str, int]
    late: list[float]
    busy_percent: float


def scenarios(*, quick: bool) -> list[Scenario]:
    """The quick ones are fewer, and faster."""
    if quick:
        return [Scenario("1 process", 1, 3.0), Scenario("2 processes", 2, 3.0, with_small=True)]
    return [
        Scenario("1 process", 1, 2.0),
        Scenario("2 processes", 2, 2.0, with_small=True),
        Scenario("8 processes", 8, 2.0),
        Scenario("two exports at once, 2 processes", 2, 2.0, exports=(LONG, OTHER)),
        Scenario("1 % slow answers, 2 processes", 2, 2.0, slow=True),
    ]


def measure(folder: Path, report: Report, *, quick: bool) -> None:
    """Play every scenario in a world of its own."""
    imports = 120 if quick else 240
    for scenario in scenarios(quick=quick):
        share = imports // len(scenario.exports)
        home = folder / scenario.name.replace(" ", "-").replace("%", "percent")
        home.mkdir(parents=True)
        _take_down(report, play(home, scenario, share * CONTACTS_AN_IMPORT))
    report.note(
        "Delivery, scaled: production code against the stand-in's documented limits (100 imports in any 60 s, 5 "
        "requests in any second), with the clock of app and stand-in sped up alike. What the machine needs for a post "
        "(processor, storage emulator) is not sped up, so it weighs that many times more than on Azure. Utilisation is "
        "(accepted imports - 1) / (100 a minute x time from the first to the last)."
    )


def play(folder: Path, scenario: Scenario, contacts: int) -> Played:
    """Send that many contacts through each export of the scenario."""
    clock = ScaledClock(scenario.speed, time.time())
    account = Account(clock.time)
    stage = prepare(account)
    settings = {**clock.environment(), "DROP_SETTLE_SECONDS": "0"}
    accounts = {ACTIVECAMPAIGN_HOST: account}
    app = _app(folder / "app", scenario.speed)
    with World(folder / "world", accounts=accounts, settings=settings, in_memory=True) as world:
        _drop(world, folder / "drops", "Many", contacts)
        _drop(world, folder / "drops", "Few", SMALL_CONTACTS)
        with ExitStack() as running:
            hosts = [running.enter_context(world.start_host(app=app)) for _ in range(scenario.hosts)]
            caller = Caller(hosts[0].url)
            _store(caller, stage)
            if scenario.slow:
                slow = Slow(on=BULK_IMPORT, probability=SLOW_SHARE, seconds=SLOW_SECONDS / scenario.speed)
                world.stand_ins[ACTIVECAMPAIGN_HOST].api.faults.add(slow)
            runs, small, busy = _run(caller, scenario, contacts)
        return _played(world, scenario, runs, small, busy, hosts)


def _app(folder: Path, speed: float) -> Path:
    """The function app of the benchmark, with the host's own waiting sped up as well."""
    shutil.copytree(Path(__file__).parent / "app", folder, ignore=shutil.ignore_patterns("__pycache__"))
    host = json.loads((APP / _HOST_JSON).read_text())
    queues = host["extensions"]["queues"]
    for name in ("maxPollingInterval", "visibilityTimeout"):
        hours, minutes, seconds = queues[name].split(":")
        real = (int(hours) * 3600 + int(minutes) * 60 + float(seconds)) / speed
        queues[name] = f"00:{int(real // 60):02d}:{real % 60:06.3f}"
    (folder / _HOST_JSON).write_text(json.dumps(host))
    return folder


def _drop(world: World, folder: Path, segment: str, contacts: int) -> None:
    container = folder / segment
    files = make(Drop(contacts), container, datetime.now(UTC) - timedelta(minutes=5), segment)
    for file in files:
        name = f"{segment}/{file.name}"
        world.drops.upload_blob(name, b"CustomerId,EMail,FirstName,LastName,LoyaltyTier\n" + file.read_bytes())


def _store(caller: Caller, stage: Stage) -> None:
    caller.call("PUT", f"/connections/{CONNECTION}", CONNECTION_DOCUMENT)
    for name, segment in ((LONG, "Many"), (OTHER, "Many"), (SMALL, "Few")):
        list_id = stage.account.add_list(name)
        document = export_document(stage, list_id=list_id, segments=[segment])
        caller.call("PUT", f"/exports/{name}", document)


def _run(
    caller: Caller, scenario: Scenario, contacts: int
) -> tuple[list[dict[str, Any]], dict[str, Any] | None, float]:
    """Start the runs and follow them to their ends; the small one starts when the long one is half through."""
    started = [caller.call("POST", f"/exports/{name}/runs")["id"] for name in scenario.exports]
    small: str | None = None
    began: Busy | None = None
    busy = 0.0
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        runs = [caller.call("GET", f"/runs/{run}") for run in started]
        sent = sum(run["counts"]["sent"] for run in runs)
        if sent and began is None:
            began = Busy.now()
        if began and sent < contacts * len(runs):
            busy = Busy.now().percent_since(began)
        if scenario.with_small and small is None and sent > contacts / 2:
            small = caller.call("POST", f"/exports/{SMALL}/runs")["id"]
        few = caller.call("GET", f"/runs/{small}") if small else None
        if all(map(rests, runs)) and (few is None or rests(few)):
            return runs, few, busy
        if time.monotonic() > deadline:
            states = ", ".join(f"{run['export']} {run['state']}" for run in [*runs, *([few] if few else [])])
            raise MeasurementFailed(f"{scenario.name}: not ended after {LONGEST_SECONDS:g} s: {states}")
        time.sleep(1)


def _played(
    world: World,
    scenario: Scenario,
    runs: list[dict[str, Any]],
    small: dict[str, Any] | None,
    busy: float,
    hosts: Sequence[HostProcess],
) -> Played:
    for run in [*runs, *([small] if small else [])]:
        if run["state"] != "succeeded":
            raise MeasurementFailed(f"{scenario.name}: run {run['id']} {run['state']}: {run.get('reason')}")
    journal = world.stand_ins[ACTIVECAMPAIGN_HOST].api.journal
    return Played(
        scenario=scenario,
        moments=[at for at, _ in journal.queued],
        by_run=[accepted(world.state, run["id"]) for run in runs],
        runs=runs,
        small=small,
        rate_limited=_turned_away(journal),
        late=lateness(host.log for host in hosts),
        busy_percent=busy,
    )


def _turned_away(journal: Journal) -> dict[str, int]:
    lanes = [entry.turned_away for entry in journal.entries if entry.turned_away]
    return {lane: lanes.count(lane) for lane in sorted(set(lanes))}


def _take_down(report: Report, played: Played) -> None:
    scenario = played.scenario
    name = f"{scenario.name}, x{scenario.speed:g}"
    late = percentile(played.late, 99)
    most = most_in_a_window(played.moments, 60.0)
    wanted = at_least(UTILISATION_SLOW if scenario.slow else UTILISATION)
    report.add(
        SECTION,
        f"{name}: utilisation of the limit",
        utilisation(played.moments, MOST_IMPORTS_PER_MINUTE),
        "%",
        f"{len(played.moments)} imports, at most {most} in any 60 s; post late by {late:.2f} s at most in 99 %; "
        f"processors {played.busy_percent:.0f} % busy",
        wanted,
    )
    refused = ", ".join(f"{number} {lane}" for lane, number in played.rate_limited.items())
    report.add(SECTION, f"{name}: rate-limit answers", sum(played.rate_limited.values()), "", refused, at_most(0))
    if len(played.by_run) == 2:
        fair = fair_share(*played.by_run)
        counts = " and ".join(str(len(moments)) for moments in played.by_run)
        report.add(
            SECTION,
            f"{name}: the smaller share while both send",
            fair,
            "%",
            f"50 % is even; {counts} imports",
            at_least(FAIR_PERCENT),
        )
    if played.small:
        report.add(
            SECTION,
            f"{name}: {SMALL_CONTACTS} contacts asked for in the middle, until succeeded",
            _seconds(played.small, "requested_at", "finished_at"),
            "s",
            f"of it waiting and planning {shown(_seconds(played.small, 'requested_at', 'planned_at'), 's')}",
            at_most(SMALL_SECONDS),
        )
    if played.busy_percent > TOO_BUSY_PERCENT:
        report.note(
            f"{name}: the processors were {played.busy_percent:.0f} % busy, so this machine, and not the app, may be "
            "what holds the figure down; a slower clock measures around it."
        )


def _seconds(run: dict[str, Any], start: str, end: str) -> float:
    return (datetime.fromisoformat(run[end]) - datetime.fromisoformat(run[start])).total_seconds()
