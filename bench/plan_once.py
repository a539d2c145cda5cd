"""``python -m bench.plan_once FOLDER``: one run of the planning step on the drops in that folder, in this process.

``FOLDER/drops`` and ``FOLDER/state`` are the containers. Time, memory and disk are those of the step as deployed, from
the message to the stored plan; only waiting for ActiveCampaign costs nothing here. ``--commit`` writes the ledger
afterwards, as if every import had been confirmed.
"""

import argparse
import time
from contextlib import nullcontext
from pathlib import Path

import requests

from bench.apart import tell
from bench.counting import Calls, CountedBlobs, CountedQueues
from bench.folders import FolderBlobs
from bench.machine import Stopwatch, peak_mb, watched_disk
from bench.workload import export_document
from local.activecampaign.account import Account
from local.activecampaign.api import Api
from local.activecampaign.transport import InProcess
from local.scene import API_KEY, CONNECTION, EXPORT, prepare
from shared import names
from shared.courier import Courier
from shared.documents import Connection, Consent, Export, ExportState, Plan, Run, Trigger
from shared.doors.clock import as_datetime, now
from shared.ledger import BatchOutcome, write_ledger
from shared.messages import PlanMessage
from shared.runs.requests import request_run
from shared.steps.planning import plan_run
from shared.store import Store
from tests.fakes import ManualClock, MemoryQueues, MemoryVault, settings

HOST = "acme.api-us1.com"
SECRET = "activecampaign-acme"
SETTLED_SECONDS = 3600
"""The clock is so far ahead that everything has stood still for long."""


def main() -> None:
    """Plan, and tell how it went."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--commit", action="store_true")
    asked = parser.parse_args()
    calls = Calls()
    courier = _courier(asked.folder, calls)
    run = request_run(courier, EXPORT, Trigger.REQUEST)
    calls.forget()  # what asking took is not planning's
    with watched_disk(courier.workplace) as disk:
        watch = Stopwatch()
        plan_run(courier, PlanMessage(run=run.id, generation=run.watch.generation))
        seconds, worked = watch.seconds, watch.processor_seconds
    peak, taken = peak_mb(), calls.document()
    planned = courier.store.get(names.run(run.id), Run)
    if asked.commit:
        _commit(courier, planned)
    tell(
        seconds=seconds,
        processor_seconds=worked,
        peak_mb=peak,
        peak_disk_mb=disk.peak_mb,
        calls=taken,
        blob_calls=sum(taken[kind] for kind in ("reads", "writes", "lists", "others")),
        run=run.id,
        state=planned.state,
        reason=planned.reason.message if planned.reason else None,
        counts=planned.counts.model_dump(),
    )


def _courier(folder: Path, calls: Calls) -> Courier:
    clock = ManualClock(time.time() + SETTLED_SECONDS)
    stage = prepare(Account(clock.time))
    session = requests.Session()
    session.mount("https://", InProcess(Api(stage.account), HOST, lambda _: None))
    workplace = folder / "work"
    workplace.mkdir(exist_ok=True)
    courier = Courier(
        settings=settings(),
        clock=clock,
        drops=CountedBlobs(FolderBlobs(folder / "drops"), calls),
        store=Store(CountedBlobs(FolderBlobs(folder / "state"), calls)),
        queues=CountedQueues(MemoryQueues(clock), calls),
        vault=MemoryVault(**{SECRET: API_KEY}),
        session=lambda: session,
        workplace=workplace,
        planning=nullcontext(),
    )
    consent = Consent(accepted_by="ada@example.com", accepted_at=as_datetime(clock.time()))
    courier.store.put(names.connection(CONNECTION), Connection(host=HOST, api_key_secret=SECRET, consent=consent))
    document = export_document(stage, guards={"max_contacts": 20_000_000})
    courier.store.put(names.export(EXPORT), Export.model_validate(document))
    _forget_run(courier)
    return courier


def _forget_run(courier: Courier) -> None:
    """Make room for another run: what was planned before is not sent here."""
    courier.store.modify(
        names.export_state(EXPORT),
        ExportState,
        lambda state: state.model_copy(update={"active": None, "waiting": None}),
        default=ExportState(),
    )


def _commit(courier: Courier, run: Run) -> None:
    plan = courier.store.get(names.plan(run.id), Plan)
    planned, ledger = courier.workplace / "planned.parquet", courier.workplace / "ledger.parquet"
    courier.store.blobs.download(names.planned(run.id), planned)
    outcomes = [BatchOutcome(batch) for batch in range(len(plan.batches))]
    write_ledger(planned, outcomes, now(courier.clock), ledger)
    courier.store.blobs.upload(names.ledger(EXPORT, run.id), ledger)
    state = ExportState(target=run.target, ledger=run.id, columns=plan.columns, drops=run.drops)
    courier.store.put(names.export_state(EXPORT), state)


if __name__ == "__main__":
    main()
