"""What became of the imports that ActiveCampaign accepted: each is followed to its end.

``import/info`` names the addresses that an import did not take, without a reason; those are looked for at the end of
the run (``reasons.py``). An import of which nothing good becomes known in time counts as failed: its members stay out
of the ledger, so the next run sends them again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from shared import names, receipts
from shared.activecampaign.client import ActiveCampaign
from shared.activecampaign.imports import ImportProgress, Stage
from shared.courier import Courier
from shared.documents import Connection, Import, Reason, Receipt, ReceiptState, Refusal, Run, RunState
from shared.doors.clock import now
from shared.errors import PassingError, RunHeld
from shared.lines import Lines
from shared.reasons import name_refusals
from shared.receipts import Summary
from shared.runs.announcing import hold
from shared.runs.states import FINAL

ASK_AFTER = timedelta(seconds=4)
"""No import ends sooner, and none that was just asked after is asked again sooner."""

PENDING_IN_A_ROW = 5
"""After so many imports that have not ended, the others wait behind the same backlog."""

UNKNOWN_AFTER = timedelta(minutes=30)
"""ActiveCampaign does not know an import in its first second; one it does not know by now is gone."""

STUCK_AFTER = timedelta(hours=6)
"""Hours behind a backlog happen; longer than this is for ever."""


def follow_imports(
    courier: Courier, connection: Connection, run_id: str, summaries: Sequence[Summary], *, until: float
) -> int:
    """Ask after imports, those first that were asked after the longest ago, until that moment.

    Returns how many receipts or refusals more is known of. Once nothing more is sent and every import has ended, the
    reasons of refusals are looked for. The run is held where a person has to act.
    """
    run = courier.store.get(names.run(run_id), Run)
    client = courier.activecampaign(connection)
    follower = _Follower(courier, client, run)
    try:
        follower.ask(summaries, until)
        if run.state in FINAL or run.state is RunState.CONFIRMING:
            follower.known += name_refusals(courier, client, Lines(courier.store, run_id), run_id)
    except PassingError:
        pass
    except RunHeld as held:
        hold(courier, run_id, Reason(code=held.code, message=held.message))
    return follower.known


@dataclass(frozen=True)
class _End:
    """How one import ended; ``reason`` where it failed."""

    batch_id: str
    outcome: Literal["completed", "failed"]
    refusals: list[Refusal] = field(default_factory=list)
    reason: Reason | None = None


class _Follower:
    """One round of questions; ``known`` counts the receipts of which more became known."""

    def __init__(self, courier: Courier, client: ActiveCampaign, run: Run) -> None:
        self._courier = courier
        self._client = client
        self._run = run
        self._lines = Lines(courier.store, run.id)
        self.known = 0

    def ask(self, summaries: Iterable[Summary], until: float) -> None:
        """Ask after the receipts whose imports have not all ended."""
        pending_in_a_row = 0
        for summary in sorted(filter(self._is_open, summaries), key=lambda one: one.written):
            moment = now(self._courier.clock)
            too_soon = moment - summary.written < ASK_AFTER
            if too_soon or moment.timestamp() >= until or pending_in_a_row == PENDING_IN_A_ROW:
                return
            if self._follow(summary):
                self.known += 1
                pending_in_a_row = 0
            else:
                pending_in_a_row += 1

    def _is_open(self, summary: Summary) -> bool:
        """Receipts of batches that are still being sent in parts wait, unless their run has ended meanwhile."""
        if summary.state is ReceiptState.PARTIAL:
            return self._run.state in FINAL
        return summary.state is ReceiptState.ACCEPTED and summary.pending > 0

    def _follow(self, summary: Summary) -> bool:
        """Ask after each import of one receipt; whether one has ended."""
        blobs = self._courier.store.blobs
        receipt = receipts.find(blobs, self._run.id, summary.batch)
        if receipt is None:
            return False
        ends = [end for one in receipt.imports if one.outcome is None and (end := self._end(receipt, one))]
        receipts.change(blobs, receipt, lambda receipt: receipts.settled(_with_ends(receipt, ends)))
        return bool(ends)

    def _end(self, receipt: Receipt, accepted: Import) -> _End | None:
        moment = now(self._courier.clock)
        progress = self._progress(accepted, moment)
        if progress.stage is Stage.COMPLETED:
            return self._completed(receipt, accepted, progress)
        age = moment - accepted.accepted_at
        if progress.stage is Stage.FAILED:
            return _failed(accepted, "import_failed", "ActiveCampaign gave up on an import it had accepted")
        if progress.stage is Stage.UNSEEN and age > UNKNOWN_AFTER:
            return _failed(accepted, "import_unknown", "ActiveCampaign no longer knows an import it had accepted")
        if age > STUCK_AFTER:
            return _failed(accepted, "import_stuck", "an import that ActiveCampaign had accepted did not end in time")
        return None

    def _progress(self, accepted: Import, moment: datetime) -> ImportProgress:
        """Where the import is; an account that cannot be asked for too long leaves it pending for ever."""
        try:
            return self._client.import_info(accepted.batch_id)
        except (PassingError, RunHeld):
            if moment - accepted.accepted_at > STUCK_AFTER:
                return ImportProgress(Stage.PENDING)
            raise

    def _completed(self, receipt: Receipt, accepted: Import, progress: ImportProgress) -> _End:
        if not progress.failures and not progress.unreadable:
            return _End(accepted.batch_id, "completed")
        emails = self._lines.emails(receipt.batch)
        places = {emails[place].casefold(): place for place in receipts.positions_of(accepted, receipt.contacts)}
        failures = {email.casefold() for email in progress.failures}
        if progress.unreadable or not failures <= places.keys():
            message = "ActiveCampaign's report on an import names contacts in a way nobody understands"
            return _failed(accepted, "import_report_unreadable", message)
        refusals = [
            Refusal(position=position, code=receipts.REFUSED_UNKNOWN, detail=receipts.UNNAMED)
            for position in sorted(places[email] for email in failures)
        ]
        return _End(accepted.batch_id, "completed", refusals)


def _failed(accepted: Import, code: str, message: str) -> _End:
    reason = Reason(code=code, message=f"{message}; the next run sends its contacts again")
    return _End(accepted.batch_id, "failed", reason=reason)


def _with_ends(receipt: Receipt, ends: Sequence[_End]) -> Receipt:
    by_id = {end.batch_id: end for end in ends}
    fresh = [one.batch_id for one in receipt.imports if one.outcome is None and one.batch_id in by_id]
    reasons = [by_id[batch_id].reason for batch_id in fresh]
    return receipt.model_copy(
        update={
            "imports": [
                one.model_copy(update={"outcome": by_id[one.batch_id].outcome}) if one.batch_id in fresh else one
                for one in receipt.imports
            ],
            "refusals": [*receipt.refusals, *(refused for batch_id in fresh for refused in by_id[batch_id].refusals)],
            "reason": next(filter(None, reasons), receipt.reason),
        }
    )
