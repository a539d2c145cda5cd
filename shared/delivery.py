"""The step behind ``contact-batches``: one bulk import at its appointed time.

One call makes at most one post. What came back decides what happens next, by the table in
``shared/activecampaign/answers.py``; what is left to do travels in a new message, what is done lies in the receipt. So
a message that comes twice, late or after half of its work was done never sends more than one part again.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared import names, receipts
from shared.activecampaign.answers import Answer, Finding, Next
from shared.activecampaign.client import LIMIT_PAUSE_SECONDS, ActiveCampaign
from shared.activecampaign.emails import is_email
from shared.courier import Courier
from shared.documents import Connection, Import, Reason, Receipt, ReceiptState, Refusal, Run
from shared.doors.clock import now
from shared.errors import PassingError, RunHeld
from shared.messages import BatchMessage
from shared.pacing import Lane, weight
from shared.runs.states import SENDING, hold
from shared.telemetry import BatchDelivered, BatchFailed, RateLimited, about, record

HEAD_START_SECONDS = 2
"""A message becomes visible this long before its appointment: time for the host to find it."""

LONGEST_SLEEP_SECONDS = 20.0
"""A worker does not sleep longer than this for an appointment: a message that waits in the queue costs nothing."""

LAST_LOOK_SECONDS = 1.0
"""This long before the post a worker looks again whether its run was cancelled or held while it slept."""

FIRST_BACKOFF_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 120.0

TRUSTING_REPAIRS = 6
"""So many refusals of a batch may be repaired where they point to; who goes on naming innocents is not believed."""

HOPELESS_REPAIRS = 12
"""A batch of which nothing was accepted after so many refusals is not refused for single contacts."""

MOST_REPAIRS = 100
"""What bounds the posts of one batch; the contacts that are left then go out with the next run."""

_NO_APPOINTMENT = 0.0


def deliver(courier: Courier, message: BatchMessage) -> None:
    """Post what is next of that batch, if its run still wants it."""
    with about(run=message.run, batch=message.batch):
        run = _sending(courier, message)
        receipt = receipts.find(courier.store.blobs, message.run, message.batch)
        if run is None or (receipt is not None and receipt.state is not ReceiptState.PARTIAL):
            return
        try:
            _deliver(courier, run, message, receipt or _empty(message))
        except RunHeld as held:
            hold(courier.store, run.id, _reason(held), now(courier.clock))


def give_up(courier: Courier, message: BatchMessage, reason: Reason) -> None:
    """Leave what was not sent of that batch to the next run; harmless where the batch has its receipt."""

    def given_up(receipt: Receipt) -> Receipt:
        if receipt.state is not ReceiptState.PARTIAL:
            return receipt
        return receipts.settled(receipt.model_copy(update={"reason": reason}))

    if courier.store.blobs.exists(names.run(message.run)):
        receipt = receipts.change(courier.store.blobs, _empty(message), given_up)
        record(BatchFailed(contacts=len(receipts.failed_positions(receipt)), code=reason.code))


@dataclass(frozen=True)
class _Post:
    """One part of a batch on its way: ``part`` are the positions in the batch that travel now, ``later`` the others.

    ``whole`` is the bulk import as planned, ``late`` the seconds between the appointment and the post.
    """

    courier: Courier
    client: ActiveCampaign
    connection: Connection
    message: BatchMessage
    receipt: Receipt
    whole: dict[str, Any]
    part: list[int]
    later: list[list[int]]
    late: float = 0.0

    def emails(self) -> dict[int, object]:
        """The address of each contact of the part."""
        return {position: self.whole["contacts"][position].get("email") for position in self.part}


def _deliver(courier: Courier, run: Run, message: BatchMessage, receipt: Receipt) -> None:
    connection = _connection(courier, run)
    todo = _todo(message, receipt)
    if not todo:
        _leave_to_watcher(courier, message)
        return
    appointment = _appointment(courier, connection, message, len(todo[0]))
    if appointment is None:
        return
    line = courier.store.blobs.read(names.batches(run.id), offset=message.offset, length=message.length).data
    client = courier.activecampaign(connection)
    courier.clock.sleep_until(appointment - LAST_LOOK_SECONDS)
    if _sending(courier, message) is None:
        return
    courier.clock.sleep_until(appointment)
    late = courier.clock.time() - appointment
    answer = client.post_import(_body(line, todo[0], message.contacts))
    post = _Post(courier, client, connection, message, receipt, json.loads(line), todo[0], todo[1:], late)
    _STEPS[answer.next(message.attempt)](post, answer)


def _sending(courier: Courier, message: BatchMessage) -> Run | None:
    """The run, as long as its batches may be posted. A held run sends this batch again when it is released."""
    run = courier.store.find(names.run(message.run), Run)
    return run if run is not None and run.state in SENDING else None


def _connection(courier: Courier, run: Run) -> Connection:
    connection = courier.store.find(names.connection(run.connection), Connection) if run.connection else None
    if connection is None:
        raise RunHeld(
            f"there is no connection {run.connection}: store it again, then release the run", code="connection_missing"
        )
    if connection.consent is None:
        raise RunHeld(
            f'connection {run.connection} has no "consent": store it with the connection, then release the run',
            code="consent_missing",
        )
    return connection


def _todo(message: BatchMessage, receipt: Receipt) -> list[list[int]]:
    """The parts still to be sent, without what the receipt says was taken or refused meanwhile."""
    done = receipts.spoken_for(receipt)
    parts = [list(range(message.contacts))] if message.todo is None else message.todo
    left = [[position for position in part if position not in done] for part in parts]
    return [part for part in left if part]


def _appointment(courier: Courier, connection: Connection, message: BatchMessage, contacts: int) -> float | None:
    """When to post: as appointed or, when that was missed, anew; ``None`` when that is left to a later message."""
    pacer = courier.pacer(connection)
    appointment = message.appointment
    if pacer.missed(Lane.IMPORTS, appointment):
        (appointment,) = pacer.reserve(Lane.IMPORTS, [weight(contacts)])
    wait = appointment - courier.clock.time()
    if wait <= LONGEST_SLEEP_SECONDS:
        return appointment
    _send(courier, message.model_copy(update={"appointment": appointment}), wait - HEAD_START_SECONDS)
    return None


def _body(line: bytes, part: list[int], contacts: int) -> bytes:
    """The bulk import as planned where all of it travels, or with only some of its contacts."""
    if len(part) == contacts:
        return line.strip()
    whole = json.loads(line)
    chosen = [whole["contacts"][position] for position in part]
    return json.dumps({**whole, "contacts": chosen}, ensure_ascii=False, separators=(",", ":")).encode()


# What happens next


def _accepted(post: _Post, answer: Answer) -> None:
    accepted = Import(
        batch_id=answer.batch_id or "",
        accepted_at=now(post.courier.clock),
        contacts=len(post.part),
        queued=answer.queued,
        positions=None if len(post.part) == post.message.contacts else post.part,
    )

    def with_import(receipt: Receipt) -> Receipt:
        if receipts.spoken_for(receipt) & set(post.part):
            return receipt.model_copy(update={"extra_sends": receipt.extra_sends + 1})
        return receipt.model_copy(update={"imports": [*receipt.imports, accepted]})

    event = BatchDelivered(
        contacts=len(post.part), refused=len(post.receipt.refusals), attempt=post.message.attempt, late=post.late
    )
    record(event)
    _go_on(post, post.later, with_import)


def _again(post: _Post, answer: Answer) -> None:
    """Once more, after a while; a post that may have been queued all the same is counted."""
    courier, message = post.courier, post.message
    if answer.policy.doubtful:
        _change(post, lambda receipt: receipt.model_copy(update={"extra_sends": receipt.extra_sends + 1}))
    if answer.finding is Finding.LIMITED:
        pause = answer.retry_after or LIMIT_PAUSE_SECONDS
        courier.pacer(post.connection).hold_back(pause)
        record(RateLimited(host=post.connection.host, seconds=pause))
    _put_back(courier, message, answer.retry_after)


def _repair(post: _Post, answer: Answer) -> None:
    """Refuse the offenders that are known, or send the part in smaller ones until they are."""
    _stop_when_hopeless(post, answer)
    invalid = [position for position, email in post.emails().items() if not is_email(email)]
    if invalid:
        refused = [receipts.refusal(position, receipts.EMAIL_INVALID) for position in invalid]
        rest = [position for position in post.part if position not in invalid]
        _go_on(post, [rest, *post.later], lambda receipt: _with_refusals(receipt, refused))
    elif len(post.part) == 1:
        alone = [receipts.refusal(post.part[0], receipts.REFUSED_INVALID)]
        _go_on(post, post.later, lambda receipt: _with_refusals(receipt, alone))
    else:
        trusted = answer.claimed if post.message.repairs < TRUSTING_REPAIRS else ()
        _go_on(post, [*split(post.part, trusted), *post.later], lambda receipt: receipt)


def _hold(post: _Post, answer: Answer) -> None:
    if answer.finding is Finding.UNKNOWN_THING:
        _stop_when_gone(post)
    raise RunHeld(answer.policy.message, code=answer.policy.code)


def _given_up(post: _Post, answer: Answer) -> None:
    give_up(post.courier, post.message, Reason(code=answer.policy.code, message=answer.policy.message))


_STEPS: dict[Next, Callable[[_Post, Answer], None]] = {
    Next.ACCEPTED: _accepted,
    Next.AGAIN: _again,
    Next.REPAIR: _repair,
    Next.HOLD: _hold,
    Next.GIVE_UP: _given_up,
}


def split(part: list[int], claimed: tuple[int, ...]) -> list[list[int]]:
    """Smaller parts that hold the same positions.

    Indexes of claimed offenders count from 0 or from 1: whoever they may mean is parted from the others, alone where
    they are few. Where that says nothing, the part is halved.
    """
    suspects = {index - base for index in claimed for base in (0, 1) if 0 <= index - base < len(part)}
    if not 0 < len(suspects) < len(part):
        half = len(part) // 2
        return [part[:half], part[half:]]
    accused = [part[index] for index in sorted(suspects)]
    others = [position for index, position in enumerate(part) if index not in suspects]
    return [others, *([position] for position in accused)] if len(accused) <= 2 else [others, accused]


def _stop_when_hopeless(post: _Post, answer: Answer) -> None:
    """Before a part is taken apart: is it refused for its contacts at all?"""
    if post.message.repairs == 0 and answer.finding is not Finding.TOO_LARGE:
        _stop_when_gone(post)
    if post.message.repairs >= HOPELESS_REPAIRS and not post.receipt.imports:
        raise RunHeld(
            "ActiveCampaign refuses every contact of a batch, whatever part of it is sent: compare the export's list, "
            "fields and tags with the account, then release the run, or cancel it",
            code="everything_refused",
        )


def _stop_when_gone(post: _Post) -> None:
    """Hold the run where a list or field that the import names does not exist any more."""
    contacts = [post.whole["contacts"][position] for position in post.part]
    lists = {one["listid"] for contact in contacts for key in ("subscribe", "unsubscribe") for one in contact.get(key, ())}
    fields = {one["id"] for contact in contacts for one in contact.get("fields", ())}
    gone = [f"list {one}" for one in sorted(lists) if not post.client.list_exists(one)]
    if fields:
        gone += [f"custom field {one}" for one in sorted(fields - {known.id for known in post.client.fields()})]
    if gone:
        raise RunHeld(
            f"the account no longer has {', '.join(gone)}: cancel the run and correct the export", code="list_or_field_gone"
        )


# How it goes on


def _go_on(post: _Post, todo: list[list[int]], update: Callable[[Receipt], Receipt]) -> None:
    """Note what was found out, and send for the rest of the batch where there is any."""
