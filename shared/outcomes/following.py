"""What became of the imports that ActiveCampaign accepted: each is followed to its end.

``import/info`` names the addresses that an import did not take, without a reason; those are looked for at the end of
the run (``reasons.py``). An import of which nothing good becomes known in time counts as failed: its members stay out
of the ledger, so the next run sends them again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from shared import names, receipts
from shared.activecampaign.client import ActiveCampaign
from shared.activecampaign.emails import comparable
from shared.activecampaign.imports import ImportProgress, Stage
from shared.courier import Courier
from shared.documents import Connection, Import, Reason, Receipt, ReceiptState, Refusal, Run, RunState
from shared.doors.clock import now
from shared.errors import PassingError, RunHeld
from shared.lines import Lines
from shared.outcomes.reasons import name_refusals
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

    Returns how much more is known. Once nothing more is sent and every import has ended, the reasons of refusals are
    looked for. The run is held where a person has to act.
    """
    run = courier.store.get(names.run(run_id), Run)
    client = courier.activecampaign(connection)
    follower = _Follower(courier, client, run, until)
    try:
        follower.ask(summaries)
        if follower.in_time() and (run.state in FINAL or run.state is RunState.CONFIRMING):
            follower.known += name_refusals(courier, client, run)
    except PassingError:
        pass
    except RunHeld as held:
        hold(courier, run_id, Reason(code=held.code, message=held.message))
    return follower.known


@dataclass(frozen=True)
class _End:
    """How one import ended; ``reason`` where it failed, ``unclear`` as in ``Import``."""

    batch_id: str
    outcome: Literal["completed", "failed"]
    refusals: list[Refusal] = field(default_factory=list)
    unclear: int = 0
    reason: Reason | None = None


class _Follower:
    """One round of questions, until a moment; ``known`` counts the receipts of which more became known."""

    def __init__(self, courier: Courier, client: ActiveCampaign, run: Run, until: float) -> None:
        self._courier = courier
        self._client = client
        self._run = run
        self._until = until
        self._lines = Lines(courier.store, run.id)
        self.known = 0

    def in_time(self) -> bool:
        """Whether this round may go on asking."""
        return self._courier.clock.time() < self._until

    def ask(self, summaries: Iterable[Summary]) -> None:
        """Ask after the receipts whose imports have not all ended."""
        pending_in_a_row = 0
        for summary in sorted(filter(self._is_open, summaries), key=lambda one: one.written):
            too_soon = now(self._courier.clock) - summary.written < ASK_AFTER
            if too_soon or not self.in_time() or pending_in_a_row == PENDING_IN_A_ROW:
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
        """Ask after each import of one receipt for which there is time; whether one has ended.

        What was learned is kept, and the receipt goes to the end of the line, also where a question has no answer.
        """
        blobs = self._courier.store.blobs
        receipt = receipts.find(blobs, self._run.id, summary.batch)
        if receipt is None:
            return False
        ends: list[_End] = []
        try:
            ends.extend(self._ends(receipt))
        finally:
            receipts.change(blobs, receipt, lambda receipt: receipts.settled(_with_ends(receipt, ends)))
        return bool(ends)

    def _ends(self, receipt: Receipt) -> Iterator[_End]:
        for number, one in enumerate(one for one in receipt.imports if one.outcome is None):
            if number and not self.in_time():
                return
            if end := self._end(receipt, one):
                yield end

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
        if not progress.failures and not progress.nameless:
            return _End(accepted.batch_id, "completed")
        positions = receipts.positions_of(accepted, receipt.contacts)
        emails = self._lines.emails(receipt.batch)
        failed, strangers = _find({position: emails[position] for position in positions}, progress.failures)
        refusals = [
            Refusal(position=position, code=receipts.REFUSED_UNKNOWN, detail=receipts.UNNAMED)
            for position in sorted(failed)
        ]
        unclear = progress.nameless + (0 if failed else strangers)
        unclear = min(unclear, len(positions) - len(failed))
        return _End(accepted.batch_id, "completed", refusals, unclear)


def _find(emails: Mapping[int, str], failures: Iterable[str]) -> tuple[set[int], int]:
    """The positions of the addresses that a report tells, in whatever spelling; and how many strangers it tells.

    Strangers beside known addresses say nothing about the others.
    """
    exact = {email.lower(): position for position, email in emails.items()}
    alike = Counter(map(comparable, emails.values()))
    spelt = {key: position for position, email in emails.items() if alike[key := comparable(email)] == 1}
    found = [exact.get(told.lower(), spelt.get(comparable(told))) for told in failures]
    return {position for position in found if position is not None}, found.count(None)


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
                one.model_copy(update={"outcome": end.outcome, "unclear": end.unclear})
                if one.batch_id in fresh and (end := by_id[one.batch_id])
                else one
                for one in receipt.imports
            ],
            "refusals": [*receipt.refusals, *(refused for batch_id in fresh for refused in by_id[batch_id].refusals)],
            "reason": next(filter(None, reasons), receipt.reason),
        }
    )
