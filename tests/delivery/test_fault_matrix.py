"""Everything that can come back, at the first, the middle and the last batch of a run: where it ends, at what price.

Each case plays a whole run in virtual time, then whatever puts it right, and compares the list, the counts and the
ledger with the truth.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Literal, get_args

import pytest

from local.activecampaign.exchange import Request
from local.activecampaign.faults import (
    BULK_IMPORT,
    IMPORT_INFO,
    Empty,
    Fault,
    Forbidden,
    Garbage,
    Gone,
    Huge,
    NoBatchId,
    OddContentType,
    OddSuccess,
    PaymentRequired,
    RateLimited,
    Redirected,
    Refused,
    Reset,
    ServerError,
    Slow,
    TimedOut,
)
from local.activecampaign.imports import Fate
from local.activecampaign.limits import LimitRules, Limits
from local.activecampaign.variants import ExclusionsForm, FailureForm, StatusForm, Variants
from local.scene import API_KEY, BIRTHDAY
from shared import names
from shared.documents import Run, RunState
from shared.repair import HOPELESS_REPAIRS
from shared.runs.decisions import cancel, release
from tests.delivery.whole import (
    DAY,
    EXCLUDED,
    GONE,
    PEOPLE,
    PLACES,
    REFUSED,
    At,
    Dislikes,
    FateAt,
    ReportAt,
    Whole,
    layout,
    somebody,
)
from tests.simulation import SECRET

MOST_REQUESTS = 400


@dataclass(frozen=True)
class Case:
    """What comes back for one batch, so often, and where that leads.

    ``extra`` is how many posts may have been queued without our knowing, ``posts`` how many were made beyond the three
    of an ordinary run, ``ends`` the state of the run, ``code`` the reason for that, ``longest`` how many seconds it may
    take.
    """

    name: str
    fault: Fault
    times: int = 2
    extra: int = 0
    posts: int | None = None
    ends: RunState = RunState.SUCCEEDED
    code: str | None = None
    longest: float = 3_600

    @property
    def more_posts(self) -> int:
        """Every struck post is followed by another, unless the case says otherwise."""
        return self.times if self.posts is None else self.posts


FOR_EVER = 1_000
PARTLY = RunState.PARTLY_SUCCEEDED

CASES = [
    # The limiter, in all its voices
    Case("limited by 400", RateLimited(status=400)),
    Case("limited by 429", RateLimited(status=429)),
    Case("limited by 429 with Retry-After", RateLimited(status=429, retry_after="20")),
    Case("limited by 503", RateLimited(status=503)),
    Case("limited by 503 with Retry-After", RateLimited(status=503, retry_after="20")),
    Case("limited for ever", RateLimited(status=400), times=FOR_EVER, posts=7, ends=PARTLY),
    Case("limited for a day", RateLimited(status=429, retry_after="86400"), times=1, longest=3 * 3600),
    # Refused as a whole
    Case("refused in other words", Refused()),
    Case("refused in other words for a while", Refused(), times=5, posts=6),
    # Trouble on the other side
    Case("500 with JSON", ServerError(status=500, body="json"), extra=2),
    Case("502 with a web page", ServerError(status=502, body="html"), extra=2),
    Case("504 with nothing", ServerError(status=504, body="empty"), extra=2),
    Case("502 after it was queued", ServerError(handled=True), extra=2),
    Case("502 for ever", ServerError(), times=FOR_EVER, extra=7, posts=7, ends=PARTLY),
    Case("redirected", Redirected(), extra=2),
    # Silence
    Case("reset before it arrived", Reset(), extra=2),
    Case("reset after it was queued", Reset(handled=True), extra=2),
    Case("timed out before it arrived", TimedOut(), extra=2),
    Case("timed out after it was queued", TimedOut(handled=True), extra=2),
    Case("timed out for ever", TimedOut(handled=True), times=FOR_EVER, extra=7, posts=7, ends=PARTLY),
    Case("slower than the time-out", Slow(seconds=45), extra=2),
    Case("slow", Slow(seconds=12), posts=0),
    # Odd answers to an accepted import
    Case("an empty 200", Empty(), extra=2),
    Case("an empty 200 after it was queued", Empty(handled=True), extra=2),
    Case("no batch id", NoBatchId(), extra=2),
    Case("an empty batch id", NoBatchId(members=(("batchId", ""),)), extra=2),
    Case("an object for a batch id", NoBatchId(members=(("batchId", {"id": "b-1"}),)), extra=2),
    Case("JSON that breaks off", Garbage(), extra=2),
    Case("success 0 with a batch id", OddSuccess(value=0), posts=0),
    Case("success false with a batch id", OddSuccess(value=False), posts=0),
    Case("another content type", OddContentType(), posts=0),
    Case("megabytes of white space", Huge(size=2_000_000), posts=0),
    Case("more than fits", Huge(size=30_000_000), extra=2),
    # The key
    Case("a good key turned away with 401", Forbidden(status=401, body="message")),
    Case("a good key turned away with errors", Forbidden(body="errors")),
    Case("a good key turned away with a message", Forbidden(body="message")),
    Case("a good key turned away without a word", Forbidden(body="empty")),
    Case("a good key turned away with a web page", Forbidden(body="html")),
    # A person's business
    Case("403 for ever", Forbidden(), times=3, posts=3, ends=RunState.HELD, code="credentials"),
    Case("402", PaymentRequired(), times=1, ends=RunState.HELD, code="payment"),
    Case("404 about a list", Gone(), times=1, ends=RunState.HELD, code="list_or_field_gone"),
    Case("422 about a field", Gone(status=422, kind="_Field"), times=1, ends=RunState.HELD, code="list_or_field_gone"),
    # Size
    Case("too large", ServerError(status=413), times=1, posts=2),
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_answer_to_an_import_ends_well(tmp_path: Path, case: Case, place: str) -> None:
    """The right list, honest counts, nobody lost or re-subscribed, and no more posts than it takes."""
    whole = Whole(tmp_path)
    before = whole.world.clock.time()
    fault = replace(case.fault, on=BULK_IMPORT, nth=range(1, case.times + 1))
    whole.strike(At.batch(layout()[PLACES[place]][0], fault))
    run = whole.run()
    assert run.state is case.ends
    assert (run.reason.code if run.reason and case.code else None) == case.code
    if run.state is RunState.HELD:
        run = _released(whole, run)
    whole.check(run)
    assert run.counts.extra_sends == case.extra
    assert _repeated(whole) <= case.extra
    assert len(whole.posts()) == 3 + case.more_posts
    assert len(whole.world.api.journal.entries) <= MOST_REQUESTS
    assert whole.world.clock.time() - before < case.longest
    if run.state is PARTLY:
        run = _repeated_run(whole, run, len(layout()[PLACES[place]]))
    assert run.counts.refused == REFUSED or case.ends is PARTLY
    whole.check_list()


def _released(whole: Whole, run: Run) -> Run:
    """A person has seen to it: the run goes on where it stopped, and the ledger knew nothing until then."""
    assert run.reason is not None
    assert len(run.reason.message) > 40
    sent = {email for email in DAY.emails() if whole.world.api.journal.sends(email)}
    release(whole.world.courier, run.id, "ada@example.com")
    run = whole.go_on(run.id)
    assert run.state is RunState.SUCCEEDED
    assert all(whole.world.api.journal.sends(email) == 1 for email in sent)
    return run


def _repeated_run(whole: Whole, run: Run, failed: int) -> Run:
    """The next run sends exactly those whom the first one could not deliver."""
    assert run.counts.failed == failed
    assert run.reason is not None
    whole.world.api.faults.clear()
    again = whole.run()
    assert (again.state, again.counts.sent) == (RunState.SUCCEEDED, failed)
    whole.check(again)
    return again


def _repeated(whole: Whole) -> int:
    """How many accepted imports held nobody new."""
    return max(whole.world.api.journal.extra_sends().values(), default=0)


# Offenders


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("base", "astray", "posts"), [(0, 0, 3), (1, 0, 3), (0, 17, 28), (1, 17, 28), (0, 10_000, 20)])
def test_one_refused_contact_costs_nobody_else_anything(
    tmp_path: Path, place: str, base: int, astray: int, posts: int
) -> None:
    """The offender is found with indexes in either base, wrong ones and useless ones; all others arrive, once each."""
    offender = somebody(place)
    whole = Whole(tmp_path)
    whole.strike(Dislikes(email=offender, base=base, astray=astray))
    run = whole.run()
    assert run.state is RunState.SUCCEEDED
    assert run.counts.refused == REFUSED | {"refused_invalid": 1}
    whole.check(run, refused=frozenset({offender}))
    assert run.counts.extra_sends == 0
    assert whole.world.api.journal.extra_sends() == {}
    assert len(whole.posts()) <= 3 + posts
    assert offender.encode() in whole.world.state.read(names.rejects(run.id)).data
    whole.check_list(refused=frozenset({offender}))
    whole.check_nothing_left()


@pytest.mark.parametrize("posts", [12, 60, 130, 300])
def test_a_service_that_refuses_everything_for_a_while_costs_nobody_anything(tmp_path: Path, posts: int) -> None:
    """Nobody is blamed for a text that names nobody: they are sent again in this run or the next one."""
    whole = Whole(tmp_path)
    whole.strike(Refused(on=BULK_IMPORT, nth=range(1, posts + 1)))
    run = whole.run()
    whole.check(run)
    assert run.counts.refused == (REFUSED if run.state is RunState.SUCCEEDED else {})
    if run.state is not RunState.SUCCEEDED:
        assert run.counts.failed == PEOPLE
        assert len(whole.posts()) <= 3 * 3 * (HOPELESS_REPAIRS + 1)
        whole.world.api.faults.clear()
        whole.check(whole.run())
    whole.check_list()
    whole.check_nothing_left()


# The key


@pytest.mark.parametrize("place", PLACES)
def test_a_rotated_key_is_picked_up_in_the_middle_of_a_run(tmp_path: Path, place: str) -> None:
    """A new version in Key Vault needs no restart and no person."""
    whole = Whole(tmp_path)
    whole.strike(_when(_batch(place), lambda: _rotate(whole)))
    run = whole.run()
    assert run.state is RunState.SUCCEEDED
    whole.check(run)
    whole.check_list()
    whole.check_nothing_left()


def _rotate(whole: Whole) -> None:
    whole.account.rotate_key(API_KEY, "the-next-key")
    whole.world.vault.store(SECRET, "the-next-key")


@pytest.mark.parametrize("place", PLACES)
def test_a_revoked_key_holds_the_run_until_there_is_another(tmp_path: Path, place: str) -> None:
    """A few posts are turned away, then nothing is sent; with a new key the release goes on where it stopped."""
    whole = Whole(tmp_path)
    whole.strike(_when(_batch(place), lambda: whole.account.revoke_key(API_KEY)))
    run = whole.run()
    assert run.state is RunState.HELD
    assert run.reason is not None
    assert run.reason.code == "credentials"
    assert len(whole.posts()) <= 3 * 3
    whole.account.add_user("Bea", "another-key")
    whole.world.vault.store(SECRET, "another-key")
    run = _released(whole, run)
    whole.check(run)
    assert whole.world.api.journal.extra_sends() == {}
    whole.check_list()
    whole.check_nothing_left()


# Lists and fields


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", ["not_found", "unprocessable", "refused"])
@pytest.mark.parametrize("what", ["list", "field"])
def test_what_is_deleted_in_the_middle_of_a_run_holds_it(
    tmp_path: Path, place: str, how: Literal["not_found", "unprocessable", "refused"], what: str
) -> None:
    """The sentence names it; nobody is taken for refused; a cancelled run leaves an honest ledger."""
    whole = Whole(tmp_path, Variants(missing_list=how, missing_field=how))
    field = whole.world.stage.fields[BIRTHDAY]

    def delete() -> None:
        if what == "list":
            whole.account.delete_list(whole.list_id)
        else:
            whole.account.delete_field(field)

    whole.strike(_when(_batch(place), delete))
    run = whole.run()
    assert run.state is RunState.HELD
    assert run.reason is not None
    assert run.reason.code == "list_or_field_gone"
    assert (f"list {whole.list_id}" if what == "list" else f"custom field {field}") in run.reason.message
    cancel(whole.world.courier, run.id, "ada@example.com")
    run = whole.go_on(run.id)
    counts = run.counts
    assert counts.sent == counts.confirmed + sum(counts.refused.values()) + counts.failed
    assert set(counts.refused) <= set(REFUSED)
    assert sum(state == "member" for state in whole.ledger().values()) == counts.confirmed
    assert len(whole.posts()) <= 3
    assert whole.world.errors == []


# What became of accepted imports


FATES = {
    "unseen for a while": (Fate(unseen=60), False),
    "slow": (Fate(stuck=7_200), False),
    "without failures in the report": (Fate(absent=frozenset({"failure", "success"})), False),
    "failed": (Fate(ending="failed", share=0.0), True),
    "failed half-way": (Fate(ending="failed", share=0.5), True),
    "interrupted": (Fate(ending="interrupted", share=0.5), True),
    "unknown": (Fate(unknown=True), True),
    "stuck": (Fate(stuck=inf), True),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", FATES)
def test_every_fate_of_an_accepted_import_ends_well(tmp_path: Path, name: str, place: str) -> None:
    """Confirmed, or left to the next run; the run itself comes to its end either way."""
    fate, lost = FATES[name]
    whole = Whole(tmp_path)
    whole.strike(FateAt(email=_batch(place), nth=1, fate=fate))
    run = whole.run()
    whole.check(run)
    assert run.state is (PARTLY if lost else RunState.SUCCEEDED)
    assert len(whole.posts()) == 3
    assert len(whole.world.api.journal.entries) <= 3 * MOST_REQUESTS
    if lost:
        _repeated_run(whole, run, len(layout()[PLACES[place]]))
    if "report" not in name:
        whole.check_list()
    whole.check_nothing_left()


@pytest.mark.parametrize("unknown", ["not_found", "bad_request", "false", "empty"])
@pytest.mark.parametrize("kept", [0.0, 30.0])
def test_reports_that_are_not_kept_long_lose_nobody(
    tmp_path: Path, unknown: Literal["not_found", "bad_request", "false", "empty"], kept: float
) -> None:
    """An account that forgets its imports at once confirms nothing; one that keeps them for a while is read in time."""
    whole = Whole(tmp_path, Variants(unknown_import=unknown, import_kept=kept))
    run = whole.run()
    whole.check(run)
    assert run.state is (RunState.FAILED if kept == 0 else RunState.SUCCEEDED)
    assert run.counts.failed == (PEOPLE if kept == 0 else 0)


REPORT_TROUBLE: list[tuple[Fault, int]] = [
    (ServerError(), 12),
    (Reset(), 12),
    (TimedOut(), 12),
    (Slow(seconds=29), 12),
    (Empty(), 12),
    (Garbage(), 12),
    (Redirected(), 12),
    (RateLimited(), 12),
    (RateLimited(retry_after="86400"), 1),
    (Forbidden(), 3),
    (Forbidden(status=401, body="html"), 3),
]
"""Faults, and how often in a row: nobody is trusted who turns a good key away for longer."""


def _kind(value: object) -> str | None:
    return f"{type(value).__name__} {getattr(value, 'status', '')}" if isinstance(value, Fault) else None


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("fault", "times"), REPORT_TROUBLE, ids=_kind)
def test_trouble_with_reports_delays_the_end_and_changes_nothing(
    tmp_path: Path, fault: Fault, times: int, place: str
) -> None:
    """Bad answers in a row to the question what became of one of the imports, or of the other ones."""
    whole = Whole(tmp_path)
    struck = replace(fault, on=IMPORT_INFO, nth=range(1, times + 1))
    whole.strike(ReportAt(email=_batch(place), fault=struck))
    run = whole.run()
    assert run.state is RunState.SUCCEEDED
    assert run.counts.refused == REFUSED
    whole.check(run)
    whole.check_list()


# Every other question


QUESTIONS = {
    "lists": ("GET", "/api/3/lists"),
    "fields": ("GET", "/api/3/fields"),
    "the list": ("GET", "/api/3/lists/[0-9]*"),
    "exclusions": ("GET", "/api/3/lists/exclusions"),
    "contacts": ("GET", "/api/3/contacts*"),
}

NO_LIST = (ServerError, Empty, Garbage, Redirected)
"""What makes an exclusion list unknown: an answer of any kind that is no list."""


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(("fault", "times"), REPORT_TROUBLE, ids=_kind)
def test_trouble_with_any_question_delays_a_run_and_changes_nothing(
    tmp_path: Path, fault: Fault, times: int, question: str
) -> None:
    """Bad answers in a row; of an exclusion list that cannot be had only the reason stays unknown."""
    whole = Whole(tmp_path)
    whole.know_the_key()
    whole.strike(replace(fault, on=QUESTIONS[question], nth=range(1, times + 1)))
    run = whole.run()
    unknown = question == "exclusions" and isinstance(fault, NO_LIST)
    assert run.state is RunState.SUCCEEDED
    assert run.counts.refused == ({**UNEXCLUDED, "refused_unknown": 1} if unknown else REFUSED)
    whole.check(run)
    whole.check_list()
    whole.check_nothing_left()


UNEXCLUDED = {code: number for code, number in REFUSED.items() if code != "refused_excluded"}


@pytest.mark.parametrize("question", ["the list", "exclusions", "contacts"])
@pytest.mark.parametrize(
    "fault",
    [
        ServerError(status=500),
        ServerError(status=404, body="html"),
        ServerError(status=405, body="json"),
        TimedOut(),
        Reset(),
        RateLimited(),
        RateLimited(retry_after="3600"),
    ],
    ids=_kind,
)
def test_a_search_for_reasons_ends_whatever_is_answered_for_ever(tmp_path: Path, fault: Fault, question: str) -> None:
    """Within hours, with a bounded number of questions, and with everybody accounted for."""
    whole = Whole(tmp_path)
    whole.strike(replace(fault, on=QUESTIONS[question]))
    before = whole.world.clock.time()
    run = whole.run()
    assert run.state is RunState.SUCCEEDED
    assert sum(run.counts.refused.values()) == len(GONE)
    assert whole.world.clock.time() - before <= 3 * 3600
    assert len(whole.world.api.journal.entries) <= 3 * MOST_REQUESTS
    whole.check(run)
    whole.check_list()


def test_a_cancelled_run_with_a_dead_key_ends(tmp_path: Path) -> None:
    """The key is revoked before the reasons are known, the run is held and cancelled: it does not wait for a key."""
    whole = Whole(tmp_path)
    whole.strike(_Moment(email="", action=lambda: whole.account.revoke_key(API_KEY), on=QUESTIONS["the list"]))
    run = whole.run()
    assert (run.state, run.reason.code if run.reason else None) == (RunState.HELD, "credentials")
    cancel(whole.world.courier, run.id, "ada@example.com")
    before = whole.world.clock.time()
    run = whole.go_on(run.id)
    assert whole.world.clock.time() - before <= 600
    assert run.counts.refused == {"refused_unknown": len(GONE)}
    whole.check(run)


VARIANTS = {
    "lower-case success, all ids": Variants(success_member="success", success_lists="all"),
    "totals as numbers": Variants(total_as_number=True),
    "failure absent when empty": Variants(empty_failure_absent=True),
    "excluded left out of reports": Variants(excluded_reported=False),
    "unsubscribed updated": Variants(unsubscribed_updated=True),
    "filters ignored": Variants(email_filter_ignored=True),
    "a missing list ignored": Variants(missing_list="ignored", missing_field="ignored"),
    "queued as a text": Variants(queued_told="text"),
    "queued not told": Variants(queued_told="absent"),
    "ids as numbers": Variants(batch_id_told="number"),
    "imports that overtake others": Variants(overtaken=90.0),
    "automations excluded by contact": Variants(exclude_automations_in="contact"),
    "states in capitals": Variants(status_form="capitals"),
    **{f"failures: {form}": Variants(failure_form=form) for form in get_args(FailureForm)},
    **{f"exclusions: {form}": Variants(exclusions_form=form) for form in get_args(ExclusionsForm)},
}

UNKNOWN_EXCLUSIONS = {f"exclusions: {form}" for form in ("number", "forbidden", "web_page")}
"""Where nobody may know the exclusion list, the reason of one contact stays unknown."""


@pytest.mark.parametrize("name", VARIANTS)
def test_every_reading_of_the_documentation_is_survived(tmp_path: Path, name: str) -> None:
    """What is left open there changes neither the list nor the counts."""
    whole = Whole(tmp_path, VARIANTS[name])
    run = whole.run()
    assert run.state is RunState.SUCCEEDED
    assert run.counts.refused == ({**UNEXCLUDED, "refused_unknown": 1} if name in UNKNOWN_EXCLUSIONS else REFUSED)
    whole.check(run)
    whole.check_list()
    whole.check_nothing_left()


@pytest.mark.parametrize("form", ["another_word", "number", "null"])
def test_a_status_that_nobody_understands_confirms_nobody_and_holds_nobody_up(tmp_path: Path, form: StatusForm) -> None:
    """The run fails in the end, and the next one sends everybody again."""
    whole = Whole(tmp_path, Variants(status_form=form))
    for _ in range(2):
        run = whole.run()
        assert (run.state, run.counts.failed) == (RunState.FAILED, PEOPLE)
        whole.check(run)
    assert len(whole.posts()) == 6


@pytest.mark.parametrize("exclusions", ["forbidden", "web_page", "number"])
def test_somebody_who_was_left_out_silently_is_sent_again_and_never_taken_for_a_member(
    tmp_path: Path, exclusions: ExclusionsForm
) -> None:
    """The number of queued contacts gives them away, and nobody may know the exclusion list."""
    whole = Whole(tmp_path, Variants(excluded_reported=False, exclusions_form=exclusions))
    for sent in (PEOPLE, 1, 1):
        run = whole.run()
        assert (run.counts.sent, run.counts.failed) == (sent, 1)
        whole.check(run)
        assert whole.ledger().get(EXCLUDED) != "member"


def test_posts_that_are_doubtful_change_nothing_in_whatever_order_they_are_processed(tmp_path: Path) -> None:
    """The second of two equal imports may be done first."""
    whole = Whole(tmp_path, Variants(overtaken=90.0))
    whole.strike(TimedOut(on=BULK_IMPORT, nth=range(1, 6, 2), handled=True))
    run = whole.run()
    assert (run.state, run.counts.extra_sends) == (RunState.SUCCEEDED, 3)
    whole.check(run)
    whole.world.clock.pass_by(120)
    whole.check_list()


def test_requests_that_are_turned_away_may_count(tmp_path: Path) -> None:
    """Somebody else uses up the limits now and then: waiting is long enough to find room again."""
    whole = Whole(tmp_path)
    whole.account.limits = Limits(LimitRules(turned_away_counts=True))
    whole.strike(_Crowd(limits=whole.account.limits, clock=whole.world.clock.time))
    run = whole.run()
    assert run.state is RunState.SUCCEEDED
    assert whole.world.api.journal.rate_limit_answers >= 5
    assert run.counts.refused == REFUSED
    assert whole.world.errors == []
    whole.check_list()


@dataclass(frozen=True, kw_only=True)
class _Crowd(Fault):
    """After every fourth request of ours, somebody else uses up the limit of all requests for a while."""

    limits: Limits
    clock: Callable[[], float]

    def strikes(self, number: int, chance: float) -> bool:
        """Ask far too much."""
        for later in range(30 if number % 4 == 0 else 0):
            self.limits.admit(self.clock() + later / 10, None)
        return False


def test_unsubscribed_contacts_that_nobody_reports_stay_unsubscribed(tmp_path: Path) -> None:
    """Where the report is silent about them they count as confirmed: that they were told is all that is known."""
    whole = Whole(tmp_path, Variants(unsubscribed_reported=False))
    run = whole.run()
    assert run.counts.refused == {"refused_bounced": 1, "refused_excluded": 1}
    assert run.counts.confirmed == PEOPLE - 2
    assert whole.world.api.journal.resubscriptions == 0
    assert whole.world.errors == []


# Stopping


@pytest.mark.parametrize("place", PLACES)
def test_after_a_cancel_nothing_more_is_sent_and_what_was_confirmed_is_in_the_ledger(
    tmp_path: Path, place: str
) -> None:
    """Cancelled the moment a batch is posted: that post arrives, and no other; the next run does the rest."""
    whole = Whole(tmp_path)
    cancelled: list[str] = []

    def stop() -> None:
        if not cancelled:
            run = next(blob.name for blob in whole.world.state.below(names.RUNS) if blob.name.endswith("/run.json"))
            cancelled.append(run.split("/")[1])
            cancel(whole.world.courier, cancelled[0], "ada@example.com")

    whole.strike(_when(_batch(place), stop))
    run = whole.run()
    assert run.state is RunState.CANCELLED
    whole.check(run)
    assert len(whole.posts()) == PLACES[place] + 1
    posted = [email for batch in layout()[: PLACES[place] + 1] for email in batch]
    assert set(whole.ledger()) == set(posted)
    assert run.counts.confirmed == len(set(posted) - GONE)
    again = whole.run()
    assert again.counts.sent == PEOPLE - len(posted)
    whole.check_list()
    whole.check_nothing_left()


def _batch(place: str) -> str:
    return layout()[PLACES[place]][0]


def _when(email: str, action: Callable[[], None]) -> Fault:
    return _Moment(email=email, action=action)


@dataclass(frozen=True, kw_only=True)
class _Moment(Fault):
    """Nothing goes wrong: something happens in the world right before a request with that address in it arrives."""

    email: str
    action: Callable[[], None]
    handled: bool = True
    nth: int | range | None = 1

    def matches(self, request: Request) -> bool:
        """See `Fault`."""
        return super().matches(request) and self.email.encode() in request.body

    def strikes(self, number: int, chance: float) -> bool:
        """Do it, once."""
        if number == 1:
            self.action()
        return False
