"""The end of a run: what was confirmed goes into the ledger, the counts become final, the next run starts.

Each part looks for its own result first, or makes the same one again, so that an end that was cut off is simply taken
again.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from shared import names
from shared.courier import Courier
from shared.documents import Counts, ExportState, Plan, Reason, Receipt, ReceiptState, Run, RunState
from shared.doors.clock import now
from shared.doors.scratch import scratch_folder
from shared.ledger import BatchOutcome, write_ledger
from shared.outcomes import gaps
from shared.outcomes.refused import Refused, append_refused
from shared.receipts import CLOSED, Summary, failed_positions, positions_of, settled, summaries
from shared.receipts import change as change_receipt
from shared.runs.announcing import announce_end
from shared.runs.requests import start_next
from shared.runs.states import FINAL, change, moved


def finish(courier: Courier, run_id: str) -> None:
    """End a planned run of which nothing more will become known, and let the next one start.

    What has not become known by now counts as failed. The personal data it was planned with is removed: from then on
    only the ledger and the rejects hold any.
    """
    run = courier.store.get(names.run(run_id), Run)
    plan = courier.store.get(names.plan(run_id), Plan)
    receipts = _closed(courier, run_id)
    _commit(courier, run, plan, receipts)
    counts = counted(run.counts, plan, receipts)
    rate = imports_per_minute(receipts)
    remove_planned(courier, run_id)
    _end(courier, run_id, lambda run: _ended(courier, run, counts, rate))


def remove_planned(courier: Courier, run_id: str) -> None:
    """Remove the personal data that a run was planned with."""
    for name in (names.planned(run_id), names.batches(run_id)):
        courier.store.blobs.delete(name)


def _closed(courier: Courier, run_id: str) -> list[Summary]:
    """The receipts of a run, each of them in a final state."""
    blobs = courier.store.blobs
    for summary in summaries(blobs, run_id):
        if summary.state not in CLOSED:
            receipt = courier.store.get(names.receipt(run_id, summary.batch), Receipt)
            change_receipt(blobs, receipt, _close)
    return summaries(blobs, run_id)


def _close(receipt: Receipt) -> Receipt:
    imports = [one if one.outcome else one.model_copy(update={"outcome": "failed"}) for one in receipt.imports]
    ended = receipt.model_copy(update={"imports": imports, "reason": receipt.reason or _NEVER_KNOWN})
    return settled(gaps.given_up(ended))


_NEVER_KNOWN = Reason(code="outcome_unknown", message="the run ended before it was known what became of these contacts")


def end_unplanned(courier: Courier, run_id: str, state: RunState, reason: Reason | None) -> None:
    """End a run that sends nothing, and let the next one start."""
    _end(courier, run_id, lambda run: run if run.state in FINAL else moved(run, state, now(courier.clock), reason))


def _end(courier: Courier, run_id: str, update: Callable[[Run], Run]) -> None:
    run = change(courier.store, run_id, update)
    announce_end(courier, run)
    start_next(courier, run.export, run_id)


def is_settled(courier: Courier, run: Run) -> bool:
    """Whether a run has ended and its export no longer holds a place for it."""
    state = courier.store.find(names.export_state(run.export), ExportState)
    return run.state in FINAL and (state is None or state.active is None or state.active.run != run.id)


def counted(counts: Counts, plan: Plan, receipts: Sequence[Summary]) -> Counts:
    """The counts of the plan with those of its delivery, which follow from the receipts alone."""
    refused: dict[str, int] = {}
    for receipt in receipts:
        for code, number in receipt.refused.items():
            refused[code] = refused.get(code, 0) + number
    final = [receipt for receipt in receipts if receipt.state in CLOSED]
    return counts.model_copy(
        update={
            "batches": len(plan.batches),
            "sent": sum(receipt.contacts for receipt in receipts),
            "confirmed": sum(receipt.contacts - sum(receipt.refused.values()) - receipt.failed for receipt in final),
            "refused": dict(sorted(refused.items())),
            "failed": sum(receipt.failed for receipt in receipts),
            "extra_sends": sum(receipt.extra_sends for receipt in receipts),
        }
    )


def imports_per_minute(receipts: Sequence[Summary]) -> float | None:
    """How fast imports were accepted, from the first to the last; ``None`` where two are not there to tell."""
    moments = sorted(receipt.accepted_at for receipt in receipts if receipt.accepted_at)
    seconds = (moments[-1] - moments[0]).total_seconds() if moments else 0
    return round((len(moments) - 1) * 60 / seconds, 1) if seconds else None


def outcome_of(receipt: Receipt) -> BatchOutcome:
    """What the ledger has to know of a batch.

    Those in an import that ended badly may have been taken all the same, and so may those in no import whose posts were
    left without an answer.
    """
    failed = failed_positions(receipt)
    imported = {place for one in receipt.imports for place in positions_of(one, receipt.contacts)}
    unsure = failed if receipt.extra_sends else failed & imported
    return BatchOutcome(
        batch=receipt.batch,
        refused={refusal.position: refusal.code for refusal in receipt.refusals},
        lost=frozenset(failed - unsure),
        unsure=frozenset(unsure),
    )


def _commit(courier: Courier, run: Run, plan: Plan, receipts: Sequence[Summary]) -> None:
    """Write rejects and ledger, and point the export to it; done already where it points there.

    Where nothing changed, the ledger that is there goes on counting, and the export has been seen to with these drops.
    """
    name = names.export_state(run.export)
    state = courier.store.find(name, ExportState) or ExportState()
    complete = run.state not in FINAL
    if state.ledger == run.id or not (complete or receipts):
        return
    whole = complete and not any(receipt.failed for receipt in receipts)
    changes: dict[str, object] = {"columns": plan.columns}
    if whole:
        changes |= {"drops": run.drops, "rows": run.counts.rows}
    if plan.planned_etag:
        with scratch_folder(courier.workplace) as folder:
            _write_files(courier, run, plan, receipts, folder, complete=complete)
        changes["ledger"] = run.id

    def committed(state: ExportState) -> ExportState:
        ours = state.active is not None and state.active.run == run.id
        return state.about(run.target).model_copy(update=changes) if ours else state

    courier.store.modify(name, ExportState, committed, default=ExportState())


def _write_files(
    courier: Courier, run: Run, plan: Plan, receipts: Sequence[Summary], folder: Path, *, complete: bool
) -> None:
    blobs = courier.store.blobs
    planned, ledger = folder / "planned.parquet", folder / "ledger.parquet"
    blobs.download(names.planned(run.id), planned, etag=plan.planned_etag)
    special = list(_special(courier, run.id, receipts))
    if refused := [
        Refused(receipt.batch, refusal.position, refusal.code, refusal.detail)
        for receipt in special
        for refusal in receipt.refusals
    ]:
        rejects = folder / "rejects.csv"
        blobs.download(names.rejects(run.id), rejects)
        append_refused(rejects, plan.rejects_length, planned, refused)
        blobs.upload(names.rejects(run.id), rejects)
    spoken_for = {receipt.batch for receipt in special}
    plain = [BatchOutcome(receipt.batch) for receipt in receipts if receipt.batch not in spoken_for]
    write_ledger(planned, [*plain, *map(outcome_of, special)], now(courier.clock), ledger, complete=complete)
    blobs.upload(names.ledger(run.export, run.id), ledger)


def _special(courier: Courier, run_id: str, receipts: Iterable[Summary]) -> Iterable[Receipt]:
    """The receipts that have more to say than that all their contacts were confirmed."""
    for receipt in receipts:
        if receipt.state is not ReceiptState.CONFIRMED or receipt.refused or receipt.failed:
            yield courier.store.get(names.receipt(run_id, receipt.batch), Receipt)


def _ended(courier: Courier, run: Run, counts: Counts, rate: float | None) -> Run:
    run = run.model_copy(update={"counts": counts, "imports_per_minute": rate})
    if run.state in FINAL:
        return run
    moment = now(courier.clock)
    if run.state is RunState.PLANNING:
        return moved(run, RunState.NOTHING_TO_DO, moment)
    if run.state is RunState.DELIVERING:
        run = moved(run, RunState.CONFIRMING, moment)
    if not counts.failed:
        return moved(run, RunState.SUCCEEDED, moment)
    reason = Reason(
        code="contacts_failed",
        message=f"{counts.failed} of {counts.sent} contacts could not be delivered; the next run sends them again",
    )
    return moved(run, RunState.PARTLY_SUCCEEDED if counts.confirmed else RunState.FAILED, moment, reason)
