"""Many runs in virtual time with faults by chance: whatever happened, a recovered run leaves list and ledger right.

``python -m tests.soak`` plays 1,000 runs in about 20 minutes; the suite plays a few of the same.
"""

import logging
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from local.activecampaign.contacts import Status
from local.activecampaign.faults import (
    BULK_IMPORT,
    IMPORT_INFO,
    Empty,
    Fault,
    Faults,
    Forbidden,
    Garbage,
    ImportFate,
    NoBatchId,
    PaymentRequired,
    RateLimited,
    Reset,
    ServerError,
    Slow,
    TimedOut,
)
from local.activecampaign.imports import Fate
from local.customers import Day, first_day, next_day
from local.ending import orderly_termination
from local.scene import EXPORT, FORMER, STATUS, differences
from local.terminal import terminal
from shared import names
from shared.documents import ExportState, Run, RunState, Trigger
from shared.runs.decisions import release
from shared.runs.requests import request_run
from tests.runs.playing import adds_up, connected, put_drop
from tests.simulation import Simulation

RUNS_A_WORLD = 25
PEOPLE = 260
"""Two batches on the first day, one on most others: every run has a first and a last."""

TROUBLES: tuple[Fault, ...] = (
    RateLimited(probability=0.05, retry_after="3"),
    RateLimited(on=BULK_IMPORT, status=400, probability=0.1),
    RateLimited(on=BULK_IMPORT, status=503, probability=0.05),
    ServerError(probability=0.05),
    ServerError(on=IMPORT_INFO, status=500, body="empty", probability=0.2),
    Empty(on=BULK_IMPORT, probability=0.05),
    Garbage(on=BULK_IMPORT, probability=0.05),
    NoBatchId(on=BULK_IMPORT, probability=0.05),
    Reset(probability=0.05),
    Reset(on=BULK_IMPORT, probability=0.1, handled=True),
    TimedOut(on=BULK_IMPORT, probability=0.05, handled=True),
    Slow(probability=0.1, seconds=4.0),
    Forbidden(probability=0.02),
    PaymentRequired(probability=0.01),
    ImportFate(probability=0.1, fate=Fate(ending="failed", share=0.5)),
    ImportFate(probability=0.1, fate=Fate(ending="interrupted", share=0.0)),
    ImportFate(probability=0.05, fate=Fate(unknown=True)),
)


@dataclass
class Tally:
    """What a soak went through."""

    runs: int = 0
    recoveries: int = 0
    holds: int = 0
    extra_sends: int = 0


def soak(folder: Path, seed: int, runs: int, tally: Tally) -> None:
    """Play that many runs in one world; ``AssertionError`` where list, ledger or counts are not as they must be."""
    faults = Faults(seed)
    world = connected(folder, faults=faults, export={"guards": {"max_leaver_percent": 100}})
    day = first_day(PEOPLE, seed)
    for number in range(runs):
        for trouble in TROUBLES[number % 3 :: 3]:
            faults.add(trouble)
        run = _play(world, day, tally)
        faults.clear()
        if run.state not in (RunState.SUCCEEDED, RunState.NOTHING_TO_DO):
            tally.recoveries += 1
            run = _play(world, day, tally)
        _check(world, day, run)
        tally.runs += 1
        world.clock.pass_by(86_400)
        day = next_day(day, leave=5, change=10, join=5)
    tally.extra_sends += sum(world.api.journal.extra_sends().values())


def _play(world: Simulation, day: Day, tally: Tally) -> Run:
    put_drop(world, day)
    world.clock.pass_by(60)
    run_id = request_run(world.courier, EXPORT, Trigger.REQUEST).id
    world.play()
    while world.run_of(run_id).state is RunState.HELD:
        tally.holds += 1
        release(world.courier, run_id, "soak")
        world.play()
    return world.run_of(run_id)


def _check(world: Simulation, day: Day, run: Run) -> None:
    assert run.state in (RunState.SUCCEEDED, RunState.NOTHING_TO_DO), (run.id, run.reason)
    adds_up(run)
    assert differences(world.stage, day) == []
    assert world.api.journal.resubscriptions == 0
    assert not world.api.journal.violation_kinds()
    assert _ledger(world) == {customer.email for customer in day.customers}


def _ledger(world: Simulation) -> set[str]:
    """The members of the ledger, who must be the active contacts of the list that are marked as members."""
    state = world.courier.store.get(names.export_state(EXPORT), ExportState)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.parquet"
        world.state.download(names.ledger(EXPORT, state.ledger or ""), path)
        with duckdb.connect() as engine:
            rows = engine.execute(f"SELECT email FROM read_parquet('{path}') WHERE state = 'member'").fetchall()
    members = {str(email) for (email,) in rows}
    field = world.stage.fields[STATUS]
    listed = world.account.contacts_on(world.stage.list_id, Status.ACTIVE)
    assert members == {email for email, contact in listed.items() if contact.fields.get(field) != FORMER}
    return members


def main(runs: int) -> int:
    """Play that many runs and say how it goes; 1 if one was not as it must be, 130 if somebody ended it."""
    logging.getLogger().addHandler(logging.NullHandler())  # what the app says of a thousand troubles is for nobody
    console, tally, started = terminal(), Tally(), time.monotonic()
    worlds = -(-runs // RUNS_A_WORLD)
    try:
        with orderly_termination():
            console.print(f"Playing {runs:,} runs in {worlds} worlds, with faults by chance...")
            for seed in range(1, worlds + 1):
                with tempfile.TemporaryDirectory(prefix="soak-") as folder:
                    soak(Path(folder), seed, min(RUNS_A_WORLD, runs - tally.runs), tally)
                console.print(told(tally, runs, time.monotonic() - started))
    except KeyboardInterrupt:
        console.print(f"Stopped after {tally.runs:,} runs; list, ledger and counts were right after each of them.")
        return 130
    except AssertionError:
        console.print_exception()
        console.print(
            f"[red]World {seed} is not as it must be after run {tally.runs + 1:,}: soak it alone, seed {seed}.[/red]"
        )
        return 1
    console.print("List, ledger and counts were right after every run.")
    return 0


def told(tally: Tally, runs: int, seconds: float) -> str:
    """How far a soak is, what it went through, and how long the rest will take."""
    left = seconds / tally.runs * (runs - tally.runs)
    rest = f"; about {left / 60:.0f} min left" if left >= 60 else f"; about {left:.0f} s left" if left else ""
    return (
        f"{tally.runs:,} of {runs:,} runs: {tally.recoveries:,} needed another run, {tally.holds:,} holds were "
        f"released, {tally.extra_sends:,} contacts were sent again{rest}"
    )


if __name__ == "__main__":
    code = main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    sys.stdout.flush()
    # Without waiting for threads: one that is still in DuckDB cannot be ended by Python without an abort.
    os._exit(code)
