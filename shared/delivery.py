"""The step behind ``contact-batches``: one bulk import at its appointed time.

One call makes at most one post. What came back decides what happens next, by the table in
``shared/activecampaign/answers.py``; what is left to do travels in a new message, what is done lies in the receipt. So
a message that comes twice, late or after half of its work was done never sends more than one part again.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shared import names, receipts
from shared.activecampaign.answers import POLICIES, Answer, Finding, Next
from shared.activecampaign.client import LIMIT_PAUSE_SECONDS, ActiveCampaign
from shared.courier import Courier
from shared.documents import Connection, Import, Reason, Receipt, ReceiptState, Refusal, Run
from shared.doors.clock import now
from shared.errors import BlobChanged, PassingError, RunHeld
from shared.messages import BatchMessage
from shared.pacing import HEAD_START_SECONDS, OVERSLEPT_AT_MOST, Lane, weight
from shared.repair import (
    HOPELESS,
    HOPELESS_REPAIRS,
    MOST_REPAIRS,
    TOO_MANY_REFUSALS,
    after_lone_refusal,
    believed,
    in_order,
    is_stuck,
    known_offenders,
    split,
    stop_when_gone,
)
from shared.runs.announcing import hold
from shared.runs.connecting import connection_of
from shared.runs.states import SENDING
from shared.telemetry import BatchDelivered, BatchFailed, RateLimited, about, record

LONGEST_SLEEP_SECONDS = 20.0
"""A worker does not sleep longer than this for an appointment: a message that waits in the queue costs nothing."""

LAST_LOOK_SECONDS = 0.5
"""This long before the post a worker looks again whether its run was cancelled or held while it slept."""

FIRST_BACKOFF_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 120.0

_NO_APPOINTMENT = 0.0


def deliver(courier: Courier, message: BatchMessage) -> None:
    """Post what is next of that batch, if its run still wants it."""
    with about(run=message.run, batch=message.batch):
        try:
            _deliver(courier, message)
        except RunHeld as held:
            hold(courier, message.run, Reason(code=held.code, message=held.message))
        except PassingError as passing:
            _later(courier, message, passing)


def give_up(courier: Courier, message: BatchMessage, reason: Reason) -> None:
    """Leave what was not sent of that batch to the next run; harmless where the batch has its receipt."""

    def given_up(receipt: Receipt) -> Receipt:
        if receipt.state is not ReceiptState.PARTIAL:
            return receipt
        return receipts.settled(receipt.model_copy(update={"reason": reason}))

    if courier.store.blobs.exists(names.run(message.run)):
        receipt = receipts.change(courier.store.blobs, _empty(message), given_up)
        if receipt.reason == reason:
            record(BatchFailed(contacts=len(receipts.failed_positions(receipt)), code=reason.code))


@dataclass(frozen=True)
class _Work:
    """What there is to do for a batch: the parts still to be sent, the next one first."""

    connection: Connection
    receipt: Receipt
    todo: list[list[int]]


@dataclass(frozen=True)
class _Post:
    """One part of a batch that was posted: ``part`` are its positions in the batch, ``later`` the other parts.

    ``line`` is the whole bulk import as planned, ``late`` the seconds between the appointment and the post.
    """

    courier: Courier
    client: ActiveCampaign
    message: BatchMessage
    work: _Work
    line: bytes
    late: float

    @property
    def part(self) -> list[int]:
        return self.work.todo[0]

    @property
    def later(self) -> list[list[int]]:
        return self.work.todo[1:]

    @cached_property
    def chosen(self) -> list[dict[str, Any]]:
        """The contacts of the part."""
        contacts = json.loads(self.line)["contacts"]
        return [contacts[position] for position in self.part]


def _deliver(courier: Courier, message: BatchMessage) -> None:
    work = _look(courier, message)
    if work is None:
        return
    line = _line(courier, message)
    appointment = _appointment(courier, message, work)
    if appointment is None:
        return
    work = _last_look(courier, message, work, appointment)
    if work is None:
        return
    body = _body(line, work.todo[0], message.contacts)
    client = courier.activecampaign(work.connection)
    client.get_ready()
    courier.clock.sleep_until(appointment)
    if message.overslept < OVERSLEPT_AT_MOST and courier.pacer(work.connection).missed(Lane.IMPORTS, appointment):
        _make_anew(courier, message.model_copy(update={"overslept": message.overslept + 1}))
        return
    late = courier.clock.time() - appointment
    answer = client.post_import(body)
    _STEPS[answer.next(message.attempt)](_Post(courier, client, message, work, line, late), answer)


def _look(courier: Courier, message: BatchMessage) -> _Work | None:
    """What there is to do, ``None`` where nothing is: a held run sends its batches again when it is released."""
    run = courier.store.find(names.run(message.run), Run)
    receipt = receipts.find(courier.store.blobs, message.run, message.batch) or _empty(message)
    if run is None or run.state not in SENDING or receipt.state is not ReceiptState.PARTIAL:
        return None
    done = receipts.spoken_for(receipt)
    parts = [list(range(message.contacts))] if message.todo is None else message.todo
    left = [[position for position in part if position not in done] for part in parts]
    todo = in_order(left, receipt)
    return _Work(_connection(courier, run), receipt, todo) if todo else None


def _line(courier: Courier, message: BatchMessage) -> bytes:
    """The bulk import as planned."""
    name = names.batches(message.run)
    try:
        content = courier.store.blobs.read(name, offset=message.offset, length=message.length, etag=message.etag)
    except BlobChanged:
        raise RunHeld(
            "the batches of the run are not those of its plan any more: cancel it; the next run sends what is left",
            code="plan_replaced",
        ) from None
    return content.data.strip()


def _connection(courier: Courier, run: Run) -> Connection:
    connection = connection_of(courier, run)
    if connection.consent is None:
        raise RunHeld(
            f'connection {run.connection} has no "consent": store it with the connection, then release the run',
            code="consent_missing",
        )
    return connection


def _appointment(courier: Courier, message: BatchMessage, work: _Work) -> float | None:
    """When to post: as appointed, or anew where that was missed or is void; ``None`` leaves it to a later message."""
    pacer = courier.pacer(work.connection)
    appointment = message.appointment
    if pacer.missed(Lane.IMPORTS, appointment) or pacer.holds_back(appointment):
        (appointment,) = pacer.reserve(Lane.IMPORTS, [weight(len(work.todo[0]))])
    wait = appointment - courier.clock.time()
    if wait <= LONGEST_SLEEP_SECONDS:
        return appointment
    again = message.model_copy(update={"appointment": appointment})
    courier.queues.send(names.CONTACT_BATCHES, again, delay=wait - HEAD_START_SECONDS)
    return None


def _last_look(courier: Courier, message: BatchMessage, work: _Work, appointment: float) -> _Work | None:
    """Sleep until shortly before the post, and see what has become of the run and of the appointment meanwhile."""
    if appointment - courier.clock.time() <= LAST_LOOK_SECONDS:
        return work
    courier.clock.sleep_until(appointment - LAST_LOOK_SECONDS)
    if courier.pacer(work.connection).holds_back(appointment):
        _make_anew(courier, message)
        return None
    return _look(courier, message)


def _make_anew(courier: Courier, message: BatchMessage) -> None:
    """Let the message come again for another appointment."""
    courier.queues.send(names.CONTACT_BATCHES, message.model_copy(update={"appointment": _NO_APPOINTMENT}))


def _body(line: bytes, part: list[int], contacts: int) -> bytes:
    """The bulk import as planned where all of it travels, or with only some of its contacts."""
    if len(part) == contacts:
        return line
    whole = json.loads(line)
    chosen = [whole["contacts"][position] for position in part]
    return json.dumps({**whole, "contacts": chosen}, ensure_ascii=False, separators=(",", ":")).encode()


def _later(courier: Courier, message: BatchMessage, passing: PassingError) -> None:
    """A question that a repair depends on found no answer."""
    if message.attempt + 1 < POLICIES[Finding.BROKEN].tries:
        _put_back(courier, message, passing.retry_after)
    else:
        give_up(courier, message, Reason(code=passing.code, message=passing.message))


def _put_back(courier: Courier, message: BatchMessage, seconds: float | None) -> None:
    """Try the same again after that many seconds at least, and after longer the more often it came to nothing."""
    backoff = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2**message.attempt)
    delay = max(seconds or 0.0, backoff * (0.5 + courier.clock.jitter()))
    again = message.model_copy(update={"attempt": message.attempt + 1, "appointment": _NO_APPOINTMENT})
    courier.queues.send(names.CONTACT_BATCHES, again, delay=delay)


def _empty(message: BatchMessage) -> Receipt:
    return Receipt(run=message.run, batch=message.batch, state=ReceiptState.PARTIAL, contacts=message.contacts)


# What happens next


def _accepted(post: _Post, answer: Answer) -> None:
    """Note the import; contacts that a copy of the message got accepted meanwhile count as an extra send."""

    def with_import(receipt: Receipt) -> Receipt:
        done = receipts.spoken_for(receipt)
        fresh = [position for position in post.part if position not in done]
        accepted = Import(
            batch_id=answer.batch_id or "",
            accepted_at=now(post.courier.clock),
            contacts=len(fresh),
            left_out=max(0, len(post.part) - answer.queued) if answer.queued is not None else 0,
            positions=None if len(fresh) == receipt.contacts else fresh,
        )
        return receipt.model_copy(
            update={
                "imports": [*receipt.imports, accepted] if fresh else receipt.imports,
                "extra_sends": receipt.extra_sends + (len(fresh) < len(post.part)),
            }
        )

    receipt = _go_on(post, post.later, with_import)
    record(
        BatchDelivered(
            contacts=len(post.part),
            refused=len(receipt.refusals),
            attempt=post.message.attempt,
            late=round(post.late, 3),
        )
    )


def _again(post: _Post, answer: Answer) -> None:
    """Once more, after a while; a post that may have been queued all the same is counted."""
    if answer.policy.doubtful:
        _note(post, lambda receipt: receipt.model_copy(update={"extra_sends": receipt.extra_sends + 1}))
    if answer.finding is Finding.LIMITED:
        pause = answer.retry_after or LIMIT_PAUSE_SECONDS
        post.courier.pacer(post.work.connection).hold_back(pause)
        record(RateLimited(host=post.work.connection.host, seconds=pause))
    _put_back(post.courier, post.message, answer.retry_after)


def _repair(post: _Post, answer: Answer) -> None:
    """Refuse the offenders that are known, or send the part in smaller ones until they are."""
    repairs, part, receipt = post.message.repairs, post.part, post.work.receipt
    if repairs == 0 and answer.finding is not Finding.TOO_LARGE:
        stop_when_gone(post.client, post.chosen)
    if repairs >= HOPELESS_REPAIRS and not receipt.imports:
        _stop_repairing(post, answer)
        return
    refused = known_offenders(part, post.chosen, named=answer.finding is Finding.OFFENDERS)
    if refused or len(part) > 1:
        parts = [part] if refused else split(part, believed(answer.claimed, repairs, receipt))
        _go_on(post, [*parts, *post.later], lambda receipt: _with_refusals(receipt, refused), repaired=True)
    else:
        _go_on(post, [part, *post.later], lambda receipt: after_lone_refusal(receipt, part[0]), repaired=True)


def _stop_repairing(post: _Post, answer: Answer) -> None:
    """Nothing was accepted for too long: a person's business where contacts are named, else something that passes."""
    if answer.finding is not Finding.OFFENDERS:
        _given_up(post, answer)
        return
    _note(post, _without_blame)
    raise RunHeld(HOPELESS, code="everything_refused")


def _hold(post: _Post, answer: Answer) -> None:
    if answer.finding is Finding.UNKNOWN_THING:
        stop_when_gone(post.client, post.chosen)
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


def _go_on(
    post: _Post, todo: list[list[int]], update: Callable[[Receipt], Receipt], *, repaired: bool = False
) -> Receipt:
    """Note what was found out, and send for the rest of the batch where there is any.

    ``todo`` may hold positions that are done: whoever takes it up leaves out what the receipt speaks for.
    """
    receipt = _note(post, update)
    if receipt.state is not ReceiptState.PARTIAL:
        return receipt
    repairs = post.message.repairs + repaired
    rest = post.message.model_copy(
        update={"todo": todo, "repairs": repairs, "attempt": 0, "overslept": 0, "appointment": _NO_APPOINTMENT}
    )
    if is_stuck(receipt):
        refused = POLICIES[Finding.REFUSED]
        give_up(post.courier, rest, Reason(code=refused.code, message=refused.message))
    elif repairs < MOST_REPAIRS:
        post.courier.queues.send(names.CONTACT_BATCHES, rest)
    else:
        give_up(post.courier, rest, Reason(code="too_many_refusals", message=TOO_MANY_REFUSALS))
    return receipt


def _note(post: _Post, update: Callable[[Receipt], Receipt]) -> Receipt:
    """Change the receipt; once every contact is accepted or refused it is no longer a partial one."""

    def noted(receipt: Receipt) -> Receipt:
        receipt = update(receipt)
        done = receipt.state is not ReceiptState.PARTIAL or len(receipts.spoken_for(receipt)) == receipt.contacts
        return receipts.settled(receipt) if done else receipt

    return receipts.change(post.courier.store.blobs, _empty(post.message), noted)


def _with_refusals(receipt: Receipt, refused: list[Refusal]) -> Receipt:
    done = receipts.spoken_for(receipt)
    fresh = [refusal for refusal in refused if refusal.position not in done]
    return receipt.model_copy(update={"refusals": [*receipt.refusals, *fresh]})


def _without_blame(receipt: Receipt) -> Receipt:
    refusals = [refusal for refusal in receipt.refusals if refusal.code != receipts.REFUSED_INVALID]
    return receipt.model_copy(update={"refusals": refusals})
