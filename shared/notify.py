"""Telling people, in Teams or Slack, that a run needs them, and once that all is well again.

What is sent names the export, the run, its state, counts and reason: no personal data. Nothing here can fail a run:
whatever goes wrong ends as the event ``notified`` with a ``problem``.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from shared import names, telemetry
from shared.courier import Courier
from shared.documents import Export, ExportState, Notify, Run, RunState, Told
from shared.errors import CourierError
from shared.hosts import host_name

TROUBLE = frozenset({RunState.FAILED, RunState.HELD, RunState.PARTLY_SUCCEEDED})
"""States that a person should know of."""

WELL = frozenset({RunState.SUCCEEDED, RunState.NOTHING_TO_DO})
"""States that end a trouble."""

_TIMEOUTS = (5, 10)
"""Seconds to connect, and to wait for each part of the answer: a run does not wait long for a chat."""

_HEADLINES = {
    RunState.FAILED: "failed",
    RunState.HELD: "waits for a person: release or cancel it",
    RunState.PARTLY_SUCCEEDED: "succeeded, but not for every contact",
    RunState.SUCCEEDED: "succeeded: all is well again",
    RunState.NOTHING_TO_DO: "had nothing to do: all is well again",
}


def tell(courier: Courier, export: Export, run: Run) -> None:
    """Tell the export's webhook of that run where its state asks for it, at most once per run and state.

    To be called whenever a run was held or has ended; calling it again changes nothing.
    """
    if export.notify is None or run.dry_run:
        return
    name = names.export_state(run.export)
    state = courier.store.find(name, ExportState) or ExportState()
    if state.told == Told(run=run.id, state=run.state):
        return
    text = text_for(run, state.told.state if state.told else None, title=export.display_name)
    if text is None:
        return
    problem = send(courier, export.notify, text)
    telemetry.record(telemetry.Notified(shape=export.notify.shape, state=run.state, problem=problem))
    told = Told(run=run.id, state=run.state)
    courier.store.modify(name, ExportState, lambda found: found.model_copy(update={"told": told}), default=state)


def text_for(run: Run, previous_state: RunState | None, *, title: str | None = None) -> str | None:
    """What there is to say of that run after people last heard of ``previous_state``; ``None`` where it is nothing."""
    recovered = run.state in WELL and previous_state in TROUBLE
    if run.state not in TROUBLE and not recovered:
        return None
    lines = [f"{title or run.export}: run {run.id} {_HEADLINES[run.state]}."]
    if run.reason:
        lines.append(run.reason.message)
    if run.counts.sent:
        lines.append(_counts(run))
    return "\n".join(lines)


def send(courier: Courier, notify: Notify, text: str) -> str | None:
    """Post the text; returns what went wrong in a word, or ``None``. Never raises, never says the address."""
    try:
        address = courier.vault.secret(notify.url_secret).strip()
        _check(address)
        answer = courier.session().post(
            address, json=_SHAPES[notify.shape](text), timeout=_TIMEOUTS, allow_redirects=False
        )
    except CourierError as error:
        return error.code
    except ValueError:
        return "address_refused"
    except requests.RequestException as error:
        return type(error).__name__
    return None if answer.status_code // 100 == 2 else f"status_{answer.status_code}"


def _check(address: str) -> None:
    """Raise ``ValueError`` on anything but https to a public host; the port may be spelled out, as Teams does."""
    parts = urlsplit(address)
    if parts.scheme != "https":
        raise ValueError("a webhook's address must start with https://")
    host_name(parts.netloc.removesuffix(":443"))


def _counts(run: Run) -> str:
    counts = run.counts
    parts = {
        "sent": counts.sent,
        "confirmed": counts.confirmed,
        "refused": sum(counts.refused.values()),
        "failed": counts.failed,
    }
    return ", ".join(f"{number} {word}" for word, number in parts.items() if number) + "."


def _slack(text: str) -> dict[str, Any]:
    """https://docs.slack.dev/messaging/formatting-message-text#escaping."""
    for sign, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, escaped)
    return {"text": text}


def _teams(text: str) -> dict[str, Any]:
    """An adaptive card, which is what a Teams workflow takes."""
    headline, *others = text.split("\n")
    body = [{"type": "TextBlock", "text": headline, "weight": "Bolder", "wrap": True}]
    body += [{"type": "TextBlock", "text": line, "wrap": True} for line in others]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


_SHAPES: Mapping[str, Callable[[str], dict[str, Any]]] = {"slack": _slack, "teams": _teams}
