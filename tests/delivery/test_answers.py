"""The table from what came back to what happens next."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.activecampaign.answers import POLICIES, Answer, Finding, Next, Reply, Silence, judge_import

PAGE = b"<!DOCTYPE html><html><body>Something is wrong</body></html>"
LIMIT = {
    "success": 0,
    "message": "Rate limit exceeded.",
    "failureReasons": ["Up to 100 imports may be requested per minute. Please try again later."],
}
BAD_CONTACT = {"failureReasons": [{"contact": 230, "failureReason": "Field 'email' incorrect format"}]}


def reply(status: int, body: object = b"", **headers: str) -> Reply:
    """An answer with that body, JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


@pytest.mark.parametrize(
    "body",
    [
        {"Success": 1, "queued_contacts": 250, "batchId": "b-1", "message": "Contact import queued"},
        {"success": 1, "batchId": "b-1"},
        {"success": 0, "batchId": " b-1 "},
        {"success": False, "batchId": "b-1", "message": "Rate limit exceeded."},
        {"success": 1, "batchId": "b-1", "queued_contacts": {"odd": True}},
    ],
)
@pytest.mark.parametrize("status", [200, 201, 202])
def test_an_import_is_accepted_when_there_is_a_batch_id(status: int, body: object) -> None:
    """Whatever the value of success, its spelling, and the words beside it."""
    answer = judge_import(reply(status, body))
    assert (answer.finding, answer.batch_id, answer.next(0)) == (Finding.ANSWERED, "b-1", Next.ACCEPTED)


def test_a_batch_id_may_be_a_number() -> None:
    """Its digits are the id."""
    answer = judge_import(reply(200, {"success": 1, "batchId": 734}))
    assert (answer.finding, answer.batch_id) == (Finding.ANSWERED, "734")


@pytest.mark.parametrize(("said", "queued"), [(249, 249), ("249", 249), (None, None), ("many", None), (True, None)])
def test_the_number_of_queued_contacts_is_taken_where_it_is_one(said: object, queued: int | None) -> None:
    """It comes as a number or as text, or not at all."""
    assert judge_import(reply(200, {"batchId": "b-1", "queued_contacts": said})).queued == queued


@pytest.mark.parametrize(
    ("came_back", "finding"),
    [
        (reply(400, LIMIT), Finding.LIMITED),
        (reply(400, {"message": "RATE-LIMIT reached"}), Finding.LIMITED),
        (reply(400, {"errors": [{"title": "Rate limit exceeded"}]}), Finding.LIMITED),
        (reply(400, {"error": "rate limit"}), Finding.LIMITED),
        (reply(200, LIMIT), Finding.LIMITED),
        (reply(429), Finding.LIMITED),
        (reply(429, PAGE), Finding.LIMITED),
        (reply(503, PAGE), Finding.LIMITED),
        (reply(401, {"message": "Unauthorized"}), Finding.FORBIDDEN),
        (reply(403, {"message": "Forbidden"}), Finding.FORBIDDEN),
        (reply(403, {"errors": [{"title": "Forbidden"}]}), Finding.FORBIDDEN),
        (reply(403), Finding.FORBIDDEN),
        (reply(403, PAGE), Finding.FORBIDDEN),
        (reply(402, {"message": "payment"}), Finding.UNPAID),
        (reply(404, {"message": "No Result found for _List with id 7"}), Finding.UNKNOWN_THING),
        (reply(422, {"errors": [{"title": "x", "code": "related_missing"}]}), Finding.UNKNOWN_THING),
        (reply(404, PAGE), Finding.BROKEN),
        (reply(404), Finding.BROKEN),
        (reply(400, BAD_CONTACT), Finding.OFFENDERS),
        (reply(200, BAD_CONTACT), Finding.OFFENDERS),
        (reply(400, {"failureReasons": ["Unable to parse the request body as JSON."]}), Finding.REFUSED),
        (reply(400, {}), Finding.REFUSED),
        (reply(400, PAGE), Finding.BROKEN),
        (reply(413, PAGE), Finding.TOO_LARGE),
        (reply(200), Finding.BROKEN),
        (reply(200, PAGE), Finding.BROKEN),
        (reply(200, {}), Finding.BROKEN),
        (reply(200, {"batchId": ""}), Finding.BROKEN),
        (reply(200, {"batchId": None}), Finding.BROKEN),
        (reply(200, {"batchId": True}), Finding.BROKEN),
        (reply(200, {"batchId": 1.5}), Finding.BROKEN),
        (reply(200, {"batchId": ["b-1"]}), Finding.BROKEN),
        (reply(200, {"batchId": {"id": "b-1"}}), Finding.BROKEN),
        (reply(200, b'{"success":1,"batchI'), Finding.BROKEN),
        (reply(200, [1, 2]), Finding.BROKEN),
        (reply(200, b"\xff\xfe"), Finding.BROKEN),
        (reply(200, b"[" * 100_000), Finding.BROKEN),
        (reply(302, location="https://elsewhere.example.com"), Finding.BROKEN),
        (reply(307, {"batchId": "b-1"}), Finding.BROKEN),
        (reply(500, {"message": "oops"}), Finding.BROKEN),
        (reply(500, {"batchId": "b-1"}), Finding.BROKEN),
        (reply(502, PAGE), Finding.BROKEN),
        (reply(504), Finding.BROKEN),
        (reply(418, {"message": "a teapot"}), Finding.BROKEN),
        (Silence.LOST, Finding.LOST),
        (Silence.UNSENT, Finding.UNSENT),
    ],
)
def test_everything_else_is_judged_by_its_structure(came_back: Reply | Silence, finding: Finding) -> None:
    """Status first where it says everything, then JSON where there is any; of the words only the limiter's count."""
    answer = judge_import(came_back)
    assert answer.finding is finding
    assert answer.batch_id is None


@pytest.mark.parametrize(
    ("finding", "tries", "then"),
    [
        (Finding.LIMITED, 8, Next.GIVE_UP),
        (Finding.BROKEN, 8, Next.GIVE_UP),
        (Finding.LOST, 8, Next.GIVE_UP),
        (Finding.UNSENT, 8, Next.GIVE_UP),
        (Finding.FORBIDDEN, 3, Next.HOLD),
        (Finding.REFUSED, 3, Next.REPAIR),
    ],
)
def test_what_passes_is_tried_again_so_often_and_no_more(finding: Finding, tries: int, then: Next) -> None:
    """The last try is followed by a held run, a failed receipt, or a repair."""
    nexts = [Answer(finding).next(attempt) for attempt in range(tries)]
    assert nexts == [Next.AGAIN] * (tries - 1) + [then]
    assert Answer(finding).next(tries + 5) is then


@pytest.mark.parametrize(
    ("finding", "following"),
    [
        (Finding.ANSWERED, Next.ACCEPTED),
        (Finding.UNPAID, Next.HOLD),
        (Finding.UNKNOWN_THING, Next.HOLD),
        (Finding.OFFENDERS, Next.REPAIR),
        (Finding.TOO_LARGE, Next.REPAIR),
    ],
)
@pytest.mark.parametrize("attempt", [0, 7, 100])
def test_what_is_certain_does_not_depend_on_earlier_tries(finding: Finding, following: Next, attempt: int) -> None:
    """Accepted, repaired or held, however often something else went wrong before."""
    assert Answer(finding).next(attempt) is following


def test_only_unknown_outcomes_count_as_possibly_queued() -> None:
    """A refusal, a rate limit and a connection that never came about queue nothing."""
    assert {finding for finding, policy in POLICIES.items() if policy.doubtful} == {Finding.BROKEN, Finding.LOST}


def test_the_table_has_a_line_for_everything_that_can_come_back() -> None:
    """No finding is without a policy, a code and a sentence."""
    assert set(POLICIES) == set(Finding)
    assert all(policy.code and policy.message for policy in POLICIES.values())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), (" 7 ", 7.0), ("0", 0.0), ("999999", 3600.0), ("", None), ("-1", None), ("soon", None), ("٣", None)],
)
def test_retry_after_is_taken_in_seconds_within_reason(text: str, seconds: float | None) -> None:
    """Anything that is not a number of seconds is as good as nothing; nobody waits longer than an hour for it."""
    assert judge_import(reply(429, retry_after=text)).retry_after == seconds


@pytest.mark.parametrize(
    ("reasons", "claimed"),
    [
        ([{"contact": 230}], (230,)),
        ([{"contact": "3"}, {"contact": 4}], (3, 4)),
        ([{"contact": "row three"}, {"contact": None}, {"contact": 5}], (5,)),
        ([{"contact": -1}, {"contact": 1.5}, {"contact": True}, {"contact": 0}], (0,)),
    ],
)
def test_claimed_offenders_are_the_indexes_that_are_numbers(reasons: object, claimed: tuple[int, ...]) -> None:
    """As they were claimed, in whatever base."""
    assert judge_import(reply(400, {"failureReasons": reasons})).claimed == claimed


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["batchId", "success", "failureReasons", "contact", "message", "errors", "error", "title"]),
            inner,
        )
    ),
    max_leaves=8,
)


@given(status=st.integers(100, 599), body=st.binary() | _JSON.map(lambda one: json.dumps(one).encode()))
def test_any_answer_at_all_is_judged(status: int, body: bytes) -> None:
    """No bytes and no status make judging fail, and only a 2xx with a batch id is accepted."""
    answer = judge_import(Reply(status, {}, body))
    assert (answer.next(0) is Next.ACCEPTED) == (answer.batch_id is not None)
    assert answer.batch_id is None or 200 <= status < 300
