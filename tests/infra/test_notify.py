"""Telling people of runs, in Teams and Slack."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from shared import names
from shared.courier import Courier
from shared.documents import Counts, Export, ExportState, Notify, Reason, Run, RunState, Trigger, Watch
from shared.doors.clock import as_datetime
from shared.notify import TROUBLE, WELL, send, tell, text_for
from tests.fakes import START, MemoryVault, courier

AT = as_datetime(START)
ADDRESS = "https://hooks.example.com/services/secret-part"
SECRET = "teams-marketing"


class Webhook(BaseAdapter):
    """Answers every post with one status, or fails; remembers what was posted."""

    def __init__(self, status: int = 200, error: Exception | None = None) -> None:
        super().__init__()
        self._status = status
        self._error = error
        self.posted: list[requests.PreparedRequest] = []
        self.timeouts: list[object] = []

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Take one request."""
        self.posted.append(request)
        self.timeouts.append(timeout)
        if self._error:
            raise self._error
        response = requests.Response()
        response.status_code = self._status
        response.headers["Location"] = "https://elsewhere.example.com/"
        response.request = request
        response.url = str(request.url)
        response._content = b""
        return response

    def close(self) -> None:
        """Nothing to close."""


def hands(workplace: Path, webhook: Webhook, address: str = ADDRESS) -> Courier:
    """A courier whose every https request ends at that webhook."""
    session = requests.Session()
    session.mount("https://", webhook)
    return courier(workplace, vault=MemoryVault(**{SECRET: address}), session=lambda: session)


def export(shape: str = "slack", **changes: Any) -> Export:
    """An export that tells somebody."""
    document = {"connection": "acme", "list_id": 3, "segments": ["HighValue"], "mapping": {"email": "EMail"}}
    return Export.model_validate({**document, "notify": {"shape": shape, "url_secret": SECRET}, **changes})


def run(state: RunState, run_id: str = "run-1", **changes: Any) -> Run:
    """A run in that state."""
    document = Run(
        id=run_id,
        export="high-value",
        trigger=Trigger.DROP,
        state=state,
        requested_at=AT,
        reason=Reason(code="guard", message="12 % would leave: release it or cancel it") if state in TROUBLE else None,
        watch=Watch(at=AT),
    )
    return document.model_copy(update=changes)


def told(hand: Courier) -> ExportState:
    """What the export's state remembers."""
    return hand.store.get(names.export_state("high-value"), ExportState)


@pytest.mark.parametrize("state", sorted(RunState))
@pytest.mark.parametrize("previous", [None, *sorted(RunState)])
def test_there_is_something_to_say_of_trouble_and_of_its_end(state: RunState, previous: RunState | None) -> None:
    """Trouble is always worth a word; success only when trouble was the last that people heard of."""
    expected = state in TROUBLE or (state in WELL and previous in TROUBLE)
    assert (text_for(run(state), previous) is not None) == expected


def test_the_text_says_which_run_why_and_how_many() -> None:
    """Export, run, state, reason and counts: enough to decide whether to get up."""
    counts = Counts(sent=300, confirmed=290, refused={"refused_bounced": 4, "refused_unknown": 2}, failed=4)
    text = text_for(run(RunState.PARTLY_SUCCEEDED, counts=counts), None, title="High value customers")
    assert text == (
        "High value customers: run run-1 succeeded, but not for every contact.\n"
        "12 % would leave: release it or cancel it\n"
        "300 sent, 290 confirmed, 6 refused, 4 failed."
    )


def test_slack_gets_text_with_its_three_signs_escaped(tmp_path: Path) -> None:
    """A name in angle brackets must not become a link or a mention."""
    webhook = Webhook()
    assert send(hands(tmp_path, webhook), Notify(shape="slack", url_secret=SECRET), "<!channel> & more") is None
    assert json.loads(webhook.posted[0].body or b"") == {"text": "&lt;!channel&gt; &amp; more"}


def test_teams_gets_an_adaptive_card(tmp_path: Path) -> None:
    """A headline and a line each for the rest."""
    webhook = Webhook(status=202)
    assert send(hands(tmp_path, webhook), Notify(shape="teams", url_secret=SECRET), "held\nwhy") is None
    (attachment,) = json.loads(webhook.posted[0].body or b"")["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert [block["text"] for block in attachment["content"]["body"]] == ["held", "why"]


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.example.com/x",
        "https://user:word@hooks.example.com/x",
        "https://hooks.example.com:8443/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://localhost/x",
        "https://metadata.internal/x",
        "ftp://hooks.example.com/x",
        "not an address",
        "",
    ],
)
def test_only_public_https_hosts_are_called(address: str, tmp_path: Path) -> None:
    """An address that could reach into our own network is refused before anything is sent."""
    webhook = Webhook()
    assert (
        send(hands(tmp_path, webhook, address), Notify(shape="slack", url_secret=SECRET), "text") == "address_refused"
    )
    assert webhook.posted == []


def test_the_port_that_teams_spells_out_is_taken(tmp_path: Path) -> None:
    """Workflows of Teams hand out addresses that end in ``:443``."""
    webhook = Webhook()
    address = "https://prod-12.westeurope.logic.example.com:443/workflows/x"
    assert send(hands(tmp_path, webhook, address), Notify(shape="teams", url_secret=SECRET), "text") is None


@pytest.mark.parametrize(
    ("webhook", "problem"),
    [
        (Webhook(status=404), "status_404"),
        (Webhook(status=500), "status_500"),
        (Webhook(status=302), "status_302"),
        (Webhook(error=requests.ConnectTimeout()), "ConnectTimeout"),
        (Webhook(error=requests.ConnectionError()), "ConnectionError"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_webhook_that_does_not_work_is_named_and_nothing_more(webhook: Webhook, problem: str, tmp_path: Path) -> None:
    """Whatever a webhook answers, it is called once, no redirect is followed, and nothing is raised."""
    assert send(hands(tmp_path, webhook), Notify(shape="slack", url_secret=SECRET), "text") == problem
    assert len(webhook.posted) == 1


def test_a_secret_that_cannot_be_read_is_a_problem_and_no_failure(tmp_path: Path) -> None:
    """The vault says no: the run goes on."""
    hand = courier(tmp_path, vault=MemoryVault())
    assert send(hand, Notify(shape="slack", url_secret=SECRET), "text") == "vault"


def test_a_slow_webhook_is_not_waited_for_long(tmp_path: Path) -> None:
    """Both time-outs are set, and together they are shorter than a message's lease by far."""
    webhook = Webhook()
    send(hands(tmp_path, webhook), Notify(shape="slack", url_secret=SECRET), "text")
    assert webhook.timeouts == [(5, 10)]


def test_people_hear_of_a_state_once_and_of_the_recovery_once(tmp_path: Path) -> None:
    """A step that is executed again says nothing again; the second success says nothing at all."""
    webhook = Webhook()
    hand = hands(tmp_path, webhook)
    for told_run in [
        run(RunState.HELD),
        run(RunState.HELD),
        run(RunState.SUCCEEDED),
        run(RunState.SUCCEEDED),
        run(RunState.SUCCEEDED, "run-2"),
        run(RunState.FAILED, "run-3"),
    ]:
        tell(hand, export(), told_run)
    said = [json.loads(posted.body or b"")["text"] for posted in webhook.posted]
    assert [text.split("\n")[0] for text in said] == [
        "high-value: run run-1 waits for a person: release or cancel it.",
        "high-value: run run-1 succeeded: all is well again.",
        "high-value: run run-3 failed.",
    ]


def test_a_webhook_that_fails_is_not_tried_for_ever(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What could not be said is in the log, without the address, and is not said later."""
    caplog.set_level(logging.INFO, logger="courier")
    webhook = Webhook(status=500)
    hand = hands(tmp_path, webhook)
    tell(hand, export(), run(RunState.FAILED))
    tell(hand, export(), run(RunState.FAILED))
    assert len(webhook.posted) == 1
    (event,) = (json.loads(found.getMessage()) for found in caplog.records if found.name == "courier")
    assert event == {"event": "notified", "shape": "slack", "state": "failed", "problem": "status_500"}


@pytest.mark.parametrize(
    ("document", "told_run"),
    [
        (export(notify=None), run(RunState.FAILED)),
        (export(), run(RunState.FAILED, dry_run=True)),
        (export(), run(RunState.CANCELLED)),
        (export(), run(RunState.SUCCEEDED)),
    ],
    ids=["nobody to tell", "a dry run", "cancelled by a person", "success after success"],
)
def test_nothing_is_said_where_nobody_needs_it(document: Export, told_run: Run, tmp_path: Path) -> None:
    """No webhook is called, and nothing is remembered."""
    webhook = Webhook()
    hand = hands(tmp_path, webhook)
    tell(hand, document, told_run)
    assert webhook.posted == []
    assert hand.store.find(names.export_state("high-value"), ExportState) is None


def test_what_was_told_does_not_disturb_the_state_of_the_export(tmp_path: Path) -> None:
    """Only ``told`` changes in the export's state."""
    hand = hands(tmp_path, Webhook())
    before = ExportState(ledger="exports/high-value/ledger/run-0.parquet", columns=["EMail"])
    hand.store.put(names.export_state("high-value"), before)
    tell(hand, export(), run(RunState.FAILED))
    assert told(hand).model_copy(update={"told": None}) == before
