"""What can go wrong on purpose."""

import json
from typing import Any

import pytest

from local.activecampaign.api import Api
from local.activecampaign.exchange import Response
from local.activecampaign.faults import (
    ANYTHING,
    BULK_IMPORT,
    IMPORT_INFO,
    Empty,
    Fault,
    Faults,
    Forbidden,
    Garbage,
    Gone,
    Huge,
    ImportFate,
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
from local.activecampaign.limits import LimitRules
from tests.activecampaign_standin.conftest import PROCESSED, MakeWorld, World, person


def statuses(world: World, count: int) -> list[int]:
    """How so many imports are answered; 0 where the connection is cut."""
    found = []
    for number in range(count):
        try:
            found.append(world.post_import(person(number)).status)
        except ConnectionResetError:
            found.append(0)
    return found


# Whom it strikes


@pytest.mark.parametrize(
    ("nth", "expected"),
    [
        (None, [502, 502, 502, 502, 502]),
        (1, [502, 200, 200, 200, 200]),
        (3, [200, 200, 502, 200, 200]),
        (range(2, 4), [200, 502, 502, 200, 200]),
        (range(1, 100, 2), [502, 200, 502, 200, 502]),
    ],
)
def test_a_fault_strikes_the_nth_of_its_requests(world: World, nth: Any, expected: list[int]) -> None:
    """Counted from 1; one, a range, or all of them."""
    world.strike(ServerError(on=BULK_IMPORT, nth=nth))
    assert statuses(world, 5) == expected


def test_only_matching_requests_are_counted(world: World) -> None:
    """Others in between change nothing."""
    world.strike(ServerError(on=BULK_IMPORT, nth=2))
    world.get("/lists")
    assert statuses(world, 1) == [200]
    world.get("/lists")
    assert statuses(world, 1) == [502]


@pytest.mark.parametrize(
    ("on", "struck"),
    [
        (ANYTHING, {"/users/me", "/lists", "/lists/1", "/contacts/1/contactLists"}),
        (("GET", "/api/3/lists*"), {"/lists", "/lists/1"}),
        (("*", "/api/3/contacts/*/contactLists"), {"/contacts/1/contactLists"}),
        (("POST", "*"), set()),
        (BULK_IMPORT, set()),
    ],
)
def test_a_fault_is_aimed_by_method_and_path(world: World, on: tuple[str, str], struck: set[str]) -> None:
    """Both are patterns."""
    world.account.add_list("News", 1)
    world.account.add_contact("a@example.com", 1)
    world.strike(ServerError(on=on))
    paths = ["/users/me", "/lists", "/lists/1", "/contacts/1/contactLists"]
    assert {path for path in paths if world.ask("GET", path).status == 502} == struck


def test_chance_is_decided_by_the_seed(make_world: MakeWorld) -> None:
    """About one in ten, the same ones each time, others with another seed."""

    def struck(seed: int) -> list[int]:
        world = make_world(limits=LimitRules(imports=1000, single_imports=1000))
        world.api = Api(world.account, faults=Faults(seed))
        world.strike(ServerError(probability=0.1))
        return statuses(world, 300)

    assert struck(1) == struck(1) != struck(2)
    assert 10 < struck(1).count(502) < 60


def test_several_faults_may_strike_the_same_request(world: World) -> None:
    """An answer that is late and has no batch id, for an import that fails."""
    world.strike(Slow(seconds=2), NoBatchId(), ImportFate(fate=Fate(ending="failed", share=0.0)))
    response = world.post_import(person(1))
    world.clock.sleep(PROCESSED)
    assert response.delay == 2
    assert b"batchId" not in response.body
    assert world.account.contact("person1@example.com") is None
    assert world.api.journal.entries[-1].faults == ("Slow", "NoBatchId", "ImportFate")


def test_what_is_over_a_limit_is_not_struck(make_world: MakeWorld) -> None:
    """The fault waits for the next request within the limits."""
    world = make_world(limits=LimitRules(single_imports=1, import_window=10.0))
    world.strike(ServerError(nth=2))
    assert statuses(world, 2) == [200, 400]
    world.clock.sleep(10)
    assert statuses(world, 1) == [502]


def test_nothing_goes_wrong_any_more_after_clear(world: World) -> None:
    """The script is empty, and what is added then counts anew."""
    world.strike(ServerError())
    assert statuses(world, 1) == [502]
    world.api.faults.clear()
    world.strike(ServerError(nth=1))
    assert statuses(world, 2) == [502, 200]


# What it does


def shape(response: Response) -> tuple[int, str]:
    """Status, and what kind of body."""
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    return response.status, kind if response.body else "empty"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (ServerError(), (502, "text/html")),
        (ServerError(status=500, body="empty"), (500, "empty")),
        (ServerError(status=504, body="json"), (504, "application/json")),
        (Empty(), (200, "empty")),
        (Forbidden(), (403, "application/json")),
        (Forbidden(status=401, body="html"), (401, "text/html")),
        (Forbidden(body="empty"), (403, "empty")),
        (PaymentRequired(), (402, "application/json")),
        (Gone(), (404, "application/json")),
        (Gone(status=422, kind="_Field"), (422, "application/json")),
        (RateLimited(), (429, "application/json")),
        (RateLimited(status=503), (503, "application/json")),
        (RateLimited(status=400), (400, "application/json")),
        (Refused(), (400, "application/json")),
        (Redirected(), (302, "empty")),
        (Redirected(status=307), (307, "empty")),
    ],
)
@pytest.mark.parametrize("handled", [False, True])
def test_an_answer_in_place_of_the_accounts(
    world: World, fault: Fault, expected: tuple[int, str], handled: bool
) -> None:
    """The account has done nothing, unless it was to handle the request first: then the client cannot know."""
    world.strike(type(fault)(**{**vars(fault), "handled": handled}))
    assert shape(world.post_import(person(1))) == expected
    world.clock.sleep(PROCESSED)
    assert (world.account.contact("person1@example.com") is not None) is handled
    assert len(world.api.journal.queued) == handled


@pytest.mark.parametrize("retry_after", [None, "3", "0", "Wed, 21 Oct 2026 07:28:00 GMT", "soon"])
def test_a_rate_limit_says_what_it_likes_about_waiting(world: World, retry_after: str | None) -> None:
    """Nothing, seconds, a date, or nonsense."""
    world.strike(RateLimited(status=503, retry_after=retry_after))
    assert world.post_import(person(1)).headers.get("Retry-After") == retry_after


def test_a_faked_rate_limit_has_the_documented_body_and_is_not_the_clients_fault(world: World) -> None:
    """The journal counts only what really was over a limit."""
    world.strike(RateLimited(status=400))
    document = json.loads(world.post_import(person(1)).body)
    assert (document["success"], document["message"]) == (0, "Rate limit exceeded.")
    assert isinstance(document["failureReasons"][0], str)
    assert world.api.journal.rate_limit_answers == 0


def test_an_import_may_be_refused_as_a_whole_in_any_words(world: World) -> None:
    """No contact is named, and the limiter is not meant."""
    world.strike(Refused(text="Something is busy."))
    response = world.post_import(person(1))
    assert (response.status, json.loads(response.body)["failureReasons"]) == (400, ["Something is busy."])


def test_a_redirect_leads_to_another_host(world: World) -> None:
    """Where the key must never go."""
    world.strike(Redirected(location="https://elsewhere.example.com/"))
    assert world.ask("GET", "/users/me").headers["Location"] == "https://elsewhere.example.com/"


@pytest.mark.parametrize(("fault", "error"), [(Reset, ConnectionResetError), (TimedOut, TimeoutError)])
@pytest.mark.parametrize("handled", [False, True])
def test_no_answer_at_all(world: World, fault: type[Fault], error: type[OSError], handled: bool) -> None:
    """Before the request was handled or after: for the client it is the same, for the account it is not."""
    world.strike(fault(handled=handled))
    with pytest.raises(error):
        world.post_import(person(1))
    world.clock.sleep(PROCESSED)
    assert (world.account.contact("person1@example.com") is not None) is handled
    assert world.api.journal.entries[-1].status == 0


@pytest.mark.parametrize("value", [0, "1", None, True, "yes"])
def test_success_is_not_always_1(world: World, value: object) -> None:
    """The import is queued all the same, and has its id."""
    world.strike(OddSuccess(value=value))
    document = json.loads(world.post_import(person(1)).body)
    assert (document["success"], "Success" in document) == (value, False)
    assert document["batchId"]


@pytest.mark.parametrize("members", [(), (("batchId", ""),), (("batchId", None),)])
def test_an_import_without_an_id(world: World, members: tuple[tuple[str, object], ...]) -> None:
    """Missing, empty or null; it is queued all the same."""
    world.strike(NoBatchId(members=members))
    document = json.loads(world.post_import(person(1)).body)
    assert document.get("batchId", "missing") == dict(members).get("batchId", "missing")
    assert len(world.api.journal.queued) == 1


def test_json_that_breaks_off(world: World) -> None:
    """It cannot be parsed."""
    world.strike(Garbage())
    with pytest.raises(ValueError, match="line 1"):
        json.loads(world.post_import(person(1)).body)


def test_a_good_answer_that_says_it_is_something_else(world: World) -> None:
    """The body is JSON whatever the Content-Type."""
    world.strike(OddContentType(content_type="text/plain"))
    response = world.post_import(person(1))
    assert response.headers["Content-Type"] == "text/plain"
    assert json.loads(response.body)["batchId"]


def test_an_answer_without_end(world: World) -> None:
    """More bytes than anybody should read into memory."""
    world.strike(Huge(size=5_000_000))
    assert len(world.ask("GET", "/users/me").body) > 5_000_000


@pytest.mark.parametrize("fault", [OddSuccess(), NoBatchId()])
def test_answers_without_an_import_in_them_stay_as_they_are(world: World, fault: Fault) -> None:
    """An empty body or one that is refused is nothing to rewrite an id in."""
    world.strike(Empty(handled=True), fault)
    assert world.post_import(person(1)) == Response(200)


def test_a_fate_strikes_imports_only(world: World) -> None:
    """The third import of all, whatever is asked in between."""
    world.strike(ImportFate(nth=2, fate=Fate(ending="failed", share=0.0)))
    reports = []
    for number in range(3):
        reports.append(world.imported(person(number))["status"])
        world.get("/lists")
    assert reports == ["completed", "failed", "completed"]


def test_asking_what_became_of_an_import_can_go_wrong_too(world: World) -> None:
    """The report is there when it is asked for again."""
    world.strike(Empty(on=IMPORT_INFO, nth=1))
    batch_id = world.batch_id(world.post_import(person(1)))
    world.clock.sleep(PROCESSED)
    assert world.ask("GET", f"/import/info?batchId={batch_id}").body == b""
    assert world.info(batch_id)["status"] == "completed"
