"""The client: what it asks, how often, what it makes of the answers, and what it never lets out."""

import gzip
import hashlib
import json
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, get_args

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from local.activecampaign.account import DEFAULT_KEY, EVERYTHING
from local.activecampaign.contacts import Status
from local.activecampaign.exchange import Response, answer
from local.activecampaign.faults import (
    BULK_IMPORT,
    Empty,
    Fault,
    Forbidden,
    Garbage,
    Huge,
    OddContentType,
    PaymentRequired,
    RateLimited,
    Redirected,
    Reset,
    ServerError,
    TimedOut,
)
from local.activecampaign.transport import InProcess
from local.activecampaign.variants import ExclusionsForm, Variants
from shared.activecampaign import keys
from shared.activecampaign.answers import Finding
from shared.activecampaign.client import BOUNCED, UNSUBSCRIBED, AccountRoom, ActiveCampaign, Contact, Membership
from shared.errors import CourierError, PassingError, RunHeld, Unavailable
from shared.errors import RateLimited as AskedForPatience
from tests.delivery.conftest import MakeScene
from tests.delivery.scene import HOST, SECRET, Scene, member
from tests.fakes import ManualClock

BODY = b'{"contacts":[{"email":"member1@example.com"},{"email":"member2@example.com"}]}'
LISTS = ("GET", "/api/3/lists")
EXCLUSIONS = ("GET", "/api/3/lists/exclusions")

PASSING = [
    ServerError(),
    ServerError(status=500, body="empty"),
    ServerError(status=504, body="json"),
    RateLimited(),
    RateLimited(status=503, retry_after="3"),
    RateLimited(status=400),
    Reset(),
    TimedOut(),
    Empty(),
    Garbage(),
    Redirected(),
]


def test_the_client_has_good_manners(scene: Scene) -> None:
    """JSON is asked for and announced, the agent has a name, no answer is waited for forever, the key stays home."""
    scene.client.me()
    scene.client.post_import(BODY)
    scene.client.change_email(scene.account.add_contact(member(1)).id, member(2))
    scene.strike(Redirected(on=LISTS))
    with pytest.raises(Unavailable):
        scene.client.lists()
    assert scene.api.journal.violation_kinds() == set()
    assert len(scene.api.journal.entries) > 3


def test_the_connection_test_says_whom_the_key_belongs_to(scene: Scene) -> None:
    """The user's name and address, as the account has them."""
    assert (scene.client.me().username, scene.client.me().email) == ("admin", "admin@example.com")


@pytest.mark.parametrize("as_number", [False, True])
def test_lists_and_fields_are_read_to_the_last_page(make: MakeScene, as_number: bool) -> None:
    """Two and a half pages arrive whole, once each, whether totals come as text or as numbers."""
    scene = make(Variants(total_as_number=as_number))
    for number in range(250):
        scene.account.add_list(f"List {number}")
        scene.account.add_field(f"Field {number}")
    fields = scene.client.fields()
    assert len({found.id for found in scene.client.lists()}) == 251
    assert [found.title for found in fields] == [f"Field {number}" for number in range(250)]
    assert (fields[0].perstag, fields[0].type) == ("FIELD_0", "text")
    assert len(scene.api.journal.requests("GET", "/api/3/fields")) == 3


@pytest.mark.parametrize(
    ("document", "room"),
    [
        ({"account": {"subscriber_limit": "5", "subscriber_total": "5"}}, AccountRoom(5, 5)),
        ({"account": {"subscriber_limit": 5, "subscriber_total": 4}}, AccountRoom(4, 5)),
        ({"subscriber_limit": "unlimited", "subscriber_total": "4"}, AccountRoom(4, None)),
        ({"account": {"subscriber_limit": "5"}}, None),
        ({}, None),
    ],
)
def test_room_is_told_in_any_shape_or_not_at_all(scene: Scene, document: object, room: AccountRoom | None) -> None:
    """Numbers as text or as numbers, wrapped or not, with a limit or without."""
    assert _answering(scene, document).account() == room


def test_a_list_exists_or_not(scene: Scene) -> None:
    """A list that was deleted is no error."""
    assert scene.client.list_exists(scene.list_id)
    scene.account.delete_list(scene.list_id)
    assert not scene.client.list_exists(scene.list_id)


def test_the_room_of_an_account_is_known_to_administrators_only(scene: Scene) -> None:
    """A limit, or nothing at all for a key that may not ask."""
    scene.account.limit_contacts(1)
    scene.account.add_contact(member(1))
    room = scene.client.account()
    assert room == AccountRoom(contacts=1, limit=1)
    assert room.full
    scene.account.add_user("bea", "another-key", EVERYTHING - {"admin"})
    scene.vault.store(SECRET, "another-key")
    assert scene.client.account() is None


@pytest.mark.parametrize(
    "email", ["ada+news@example.com", "o'hara@example.com", "m%c@example.com", "jürgen@example.com"]
)
@pytest.mark.parametrize("ignored", [False, True])
def test_contacts_are_found_by_exactly_their_address(make: MakeScene, email: str, ignored: bool) -> None:
    """Special characters survive the way, case does not matter, and somebody else in the answer is nobody."""
    scene = make(Variants(email_filter_ignored=ignored))
    scene.account.add_contact(member(0))
    known = scene.account.add_contact(email)
    assert scene.client.find_contact(email.upper() if email.isascii() else email) == Contact(known.id, email)
    assert scene.client.find_contact("ada news@example.com") is None


def test_a_contact_is_found_in_another_spelling(scene: Scene) -> None:
    """The answer may write a domain as people do."""
    document = {"contacts": [{"id": "7", "email": "Ada@bücher.example.com"}]}
    found = _answering(scene, document).find_contact("ada@xn--bcher-kva.example.com")
    assert found is not None
    assert found.id == 7


def test_how_a_contact_stands_is_read_list_by_list(scene: Scene) -> None:
    """Statuses and list ids come as text and are numbers here."""
    scene.account.unsubscribe(member(1), scene.list_id)
    found = scene.client.find_contact(member(1))
    assert found
    assert scene.client.contact_lists(found.id) == [Membership(list=scene.list_id, status=UNSUBSCRIBED)]


def test_those_who_stand_so_on_a_list_come_in_pages_by_id(scene: Scene) -> None:
    """Each page starts after the last id of the one before; the total is that of the status asked for."""
    for number in range(130):
        scene.account.add_contact(member(number), scene.list_id, Status.BOUNCED if number % 2 else Status.ACTIVE)
    first, total = scene.client.contacts_on(scene.list_id, BOUNCED)
    assert (len(first), total) == (65, 65)
    rest, _ = scene.client.contacts_on(scene.list_id, BOUNCED, after=first[-1].id)
    assert rest == []


def _exclusions(scene: Scene) -> list[str]:
    """Every page of them."""
    entries: list[str] = []
    following: int | None = 0
    while following is not None:
        page, following = scene.client.exclusions(following)
        entries += page
    return entries


@pytest.mark.parametrize("repeated", [False, True])
def test_exclusions_are_read_to_the_last_page(scene: Scene, repeated: bool) -> None:
    """Addresses and patterns alike, a page at a time; an address excluded from two lists ends nothing."""
    for number in range(230):
        scene.account.exclude(f"*@blocked{number}.example.com")
    if repeated:
        scene.account.contacts.exclusions[50] = scene.account.contacts.exclusions[49]
    assert _exclusions(scene) == scene.account.contacts.exclusions
    assert len(scene.api.journal.requests(*EXCLUSIONS)) == 3


@pytest.mark.parametrize("form", get_args(ExclusionsForm))
def test_exclusions_come_in_any_shape(make: MakeScene, form: ExclusionsForm) -> None:
    """What they look like is documented nowhere; where there is no list in an answer, nobody may know them."""
    scene = make(Variants(exclusions_form=form))
    scene.account.exclude("*@example.org")
    expected = [] if form in ("number", "forbidden", "web_page") else ["*@example.org"]
    assert _exclusions(scene) == expected


@pytest.mark.parametrize(
    ("document", "entries"),
    [
        ({"anything": [{"pattern": "*@a.example.org"}, {"address": "b@c.co"}, {"id": "3"}, 7]}, 2),
        ({"exclusions": []}, 0),
        ({}, 0),
        ({"exclusions": None, "meta": {"total": "0"}}, 0),
        (False, 0),
    ],
)
def test_what_is_no_exclusion_is_left_out(scene: Scene, document: object, entries: int) -> None:
    """Rows without a text, and answers without rows."""
    found, following = _answering(scene, document).exclusions()
    assert (len(found), following) == (entries, None)


@pytest.mark.parametrize(
    "fault",
    [
        ServerError(status=404, body="html"),
        ServerError(status=405, body="json"),
        ServerError(status=500, body="empty"),
        ServerError(status=404, body="json"),
        Forbidden(),
        Empty(),
        Garbage(),
    ],
    ids=lambda fault: f"{type(fault).__name__} {getattr(fault, 'status', '')}",
)
def test_exclusions_that_nobody_may_know_are_none(scene: Scene, fault: Any) -> None:
    """Whatever is answered in their place: it is asked a few times, and then there are none."""
    scene.client.me()
    scene.account.exclude("*@example.org")
    scene.strike(replace(fault, on=EXCLUSIONS))
    assert scene.client.exclusions() == ([], None)
    assert len(scene.api.journal.requests(*EXCLUSIONS)) <= 4


@pytest.mark.parametrize("fault", [Forbidden(), ServerError(), Empty()], ids=lambda fault: type(fault).__name__)
def test_exclusions_are_asked_for_again_while_errors_pass(scene: Scene, fault: Any) -> None:
    """A good key that is turned away once is no reason not to know them."""
    scene.client.me()
    scene.account.exclude("*@example.org")
    scene.strike(replace(fault, on=EXCLUSIONS, nth=1))
    assert scene.client.exclusions() == (["*@example.org"], None)


def test_a_changed_address_is_refused_where_somebody_has_it(scene: Scene) -> None:
    """Taken addresses and contacts that are gone are a no, not an error."""
    contact = scene.account.add_contact(member(1))
    scene.account.add_contact(member(2))
    assert scene.client.change_email(contact.id, member(3))
    assert scene.account.contact(member(3)) is contact
    assert not scene.client.change_email(contact.id, member(2))
    assert not scene.client.change_email(999, member(4))


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: type(fault).__name__)
def test_questions_are_asked_again_while_errors_pass(scene: Scene, fault: Any) -> None:
    """Two bad answers in a row, of whatever kind, are followed by the good one."""
    scene.strike(replace(fault, on=LISTS, nth=range(1, 3)))
    assert [found.name for found in scene.client.lists()] == ["News"]
    assert scene.api.journal.rate_limit_answers == 0


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: type(fault).__name__)
def test_nothing_is_asked_for_ever(scene: Scene, fault: Any) -> None:
    """After four tries, or about a minute, the step hears of an error that passes."""
    scene.strike(replace(fault, on=LISTS))
    before = scene.clock.time()
    with pytest.raises(PassingError):
        scene.client.lists()
    assert len(scene.api.journal.requests(*LISTS)) == (3 if isinstance(fault, TimedOut) else 4)
    assert scene.clock.time() - before <= 95


def test_a_request_to_wait_for_long_is_passed_on(scene: Scene) -> None:
    """Nobody sleeps through a long pause: every step hears how long it still is, and may ask once it is over."""
    scene.strike(RateLimited(on=LISTS, nth=1, retry_after="300"))
    before = scene.clock.time()
    for waited, left in ((0, 300), (200, 100)):
        scene.clock.pass_by(waited)
        with pytest.raises(AskedForPatience) as caught:
            scene.client.lists()
        assert caught.value.retry_after == pytest.approx(left)
    assert scene.clock.time() - before == pytest.approx(200)
    scene.clock.pass_by(100)
    scene.client.lists()
    assert len(scene.api.journal.requests(*LISTS)) == 2


def test_the_last_answer_of_the_limiter_makes_everybody_wait_too(scene: Scene) -> None:
    """Whoever gives up on a question has heard how long nobody is to ask."""
    scene.strike(RateLimited(on=LISTS, nth=range(1, 4), retry_after="1"), RateLimited(nth=4, retry_after="20"))
    with pytest.raises(AskedForPatience):
        scene.client.lists()
    assert scene.courier.pacer(scene.connection).holds_back(scene.clock.time() + 19)


@pytest.mark.parametrize(
    ("member", "ask"),
    [
        ("lists", lambda client: [one.id for one in client.lists()]),
        ("fields", lambda client: [one.id for one in client.fields()]),
        ("contacts", lambda client: [one.id for one in client.contacts_on(1, BOUNCED)[0]]),
        ("contactLists", lambda client: [one.list for one in client.contact_lists(1)]),
    ],
)
@pytest.mark.parametrize("odd", [None, {}, {"id": None, "list": None}, {"id": "x", "list": "x"}, "text"])
def test_what_one_row_of_an_answer_lacks_does_not_spoil_the_others(
    scene: Scene, member: str, ask: Callable[[ActiveCampaign], list[int]], odd: object
) -> None:
    """A row that cannot be understood is left out, and a text that is null is empty."""
    texts = ("name", "title", "perstag", "type", "email")
    plain = {"id": "2", "list": "2", "status": "1", **dict.fromkeys(texts)}
    whole = {"id": 3, "list": 3, "status": 1, **dict.fromkeys(texts, "a text")}
    assert ask(_answering(scene, {member: [odd, plain, whole], "meta": {"total": "3"}})) == [2, 3]


def test_a_page_is_the_last_one_when_no_more_can_follow(make: MakeScene) -> None:
    """Whether the account says how many there are, says nothing, or says too little."""
    for total in ("250", None, "100"):
        scene = make()
        for number in range(249):
            scene.account.add_list(f"List {number}")
        scene.strike(_Total(on=LISTS, total=total))
        assert len(scene.client.lists()) == 250
        assert len(scene.api.journal.requests(*LISTS)) == 3


@dataclass(frozen=True, kw_only=True)
class _Total(Fault):
    """Answers that say how many there are in another way, or not at all."""

    total: str | None
    handled: bool = True

    def spoil(self, response: Response) -> Response:
        """See `Fault`."""
        return answer(200, json.loads(response.body) | {"meta": {"total": self.total}})


@pytest.mark.parametrize("fault", [OddContentType(), Huge(size=1_000_000)], ids=lambda fault: type(fault).__name__)
def test_a_good_answer_is_taken_in_odd_clothes(scene: Scene, fault: Any) -> None:
    """What the Content-Type says and how much white space follows do not matter."""
    scene.strike(fault)
    assert [found.name for found in scene.client.lists()] == ["News"]


def test_an_answer_without_end_is_no_answer(scene: Scene) -> None:
    """More bytes than any answer of this API has are not taken into memory."""
    scene.strike(Huge(size=40_000_000))
    with pytest.raises(Unavailable):
        scene.client.me()


class _Trickle(BytesIO):
    """Bytes that take a second each."""

    def __init__(self, content: bytes, clock: ManualClock) -> None:
        super().__init__(content)
        self._clock = clock

    def read1(self, size: int | None = -1) -> bytes:
        """One byte, a second later."""
        self._clock.pass_by(1)
        return super().read1(1 if size else 0)


@pytest.mark.parametrize(("seconds", "understood"), [(60, True), (120, False)])
def test_an_answer_that_trickles_in_is_not_waited_for(scene: Scene, seconds: int, understood: bool) -> None:
    """A server that sends a byte now and then keeps no worker for longer than a minute and a half."""
    body = b'{"batchId":"b-1"}'.ljust(seconds)
    scene.courier.session().mount(f"https://{HOST}", _Saying(_Trickle(body, scene.clock)))
    before = scene.clock.time()
    answer = scene.client.post_import(BODY)
    assert (answer.finding is Finding.ANSWERED) == understood
    assert scene.clock.time() - before <= 95


# The key


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", ["errors", "message", "empty", "html"])
def test_a_wrong_key_is_not_tried_twice(make: MakeScene, status: Any, body: Any) -> None:
    """However ActiveCampaign says so, the first answer to a key is believed; Key Vault was asked for a newer one."""
    scene = make(Variants(forbidden_status=status, forbidden_body=body))
    scene.vault.store(SECRET, "wrong-key")
    with pytest.raises(RunHeld) as caught:
        scene.client.me()
    assert caught.value.code == "credentials"
    assert len(scene.api.journal.entries) == 1
    assert scene.vault.reads[SECRET] == 2


@pytest.mark.parametrize("worked", [lambda client: client.me(), lambda client: client.post_import(BODY)])
def test_a_key_that_has_worked_is_trusted_through_a_few_refusals(
    scene: Scene, worked: Callable[[ActiveCampaign], object]
) -> None:
    """Now and then a good key is turned away; that it worked is known to every client of the process."""
    worked(scene.client)
    scene.strike(Forbidden(on=LISTS, nth=range(1, 3)))
    assert len(scene.client.lists()) == 1


@pytest.mark.parametrize("changes", [{"host": "beta.api-us1.com"}, {"api_key_secret": "another"}])
def test_another_key_or_host_is_not_trusted_for_it(scene: Scene, changes: dict[str, Any]) -> None:
    """A key is trusted where it has worked, and no other key with it."""
    scene.client.me()
    scene.vault.store("another", "another-key")
    scene.connect(**changes)
    scene.courier.session().mount("https://", InProcess(scene.api, scene.connection.host, scene.clock.pass_by))
    scene.strike(Forbidden(on=LISTS, nth=1))
    with pytest.raises(RunHeld):
        scene.client.lists()
    assert len(scene.api.journal.requests(*LISTS)) == 1


def test_a_key_that_was_revoked_is_given_up_after_a_few_refusals(scene: Scene) -> None:
    """The run is held with a sentence that says what to do."""
    scene.client.me()
    scene.account.revoke_key(DEFAULT_KEY)
    with pytest.raises(RunHeld, match="check that the key in Key Vault"):
        scene.client.lists()
    assert len(scene.api.journal.requests(*LISTS)) == 4


def test_what_is_remembered_of_a_key_says_nothing_of_it(scene: Scene) -> None:
    """Neither the key nor anything that another process could make of it."""
    scene.client.me()
    remembered = repr(list(keys._worked.items()))
    assert DEFAULT_KEY not in remembered
    assert hashlib.sha256(DEFAULT_KEY.encode()).hexdigest() not in remembered


def test_a_rotated_key_is_picked_up(scene: Scene) -> None:
    """The new version in Key Vault is read after the first refusal, for questions and for imports."""
    vault = _KeptVault(scene)
    client = ActiveCampaign(
        scene.connection,
        session=scene.courier.session(),
        vault=vault,
        pacer=scene.courier.pacer(scene.connection),
        clock=scene.clock,
    )
    client.me()
    for ask in (client.lists, lambda: client.post_import(BODY)):
        old, new = vault.current, vault.current + "-next"
        scene.account.rotate_key(old, new)
        vault.current = new
        ask()
    assert [entry.status for entry in scene.posts()] == [403, 200]


class _KeptVault:
    """Keeps what it has read, as the real one does."""

    def __init__(self, scene: Scene) -> None:
        self.current = scene.vault.secret(SECRET)
        self._kept = self.current

    def secret(self, name: str, *, fresh: bool = False) -> str:
        """The kept version, or the current one."""
        if fresh:
            self._kept = self.current
        return self._kept

    def store(self, name: str, value: str) -> None:
        """Nobody stores keys here."""
        raise AssertionError(name)


@pytest.mark.parametrize("key", ["two\nlines", "späße", "nul\0", " \t "])
def test_a_secret_that_cannot_be_a_key_is_not_sent(scene: Scene, key: str) -> None:
    """The error names the secret and does not quote it."""
    scene.vault.store(SECRET, key)
    with pytest.raises(RunHeld) as caught:
        scene.client.me()
    assert caught.value.code == "credentials"
    assert not key.strip() or key.strip() not in caught.value.message
    assert scene.api.journal.entries == []


def test_white_space_around_a_key_is_no_part_of_it(scene: Scene) -> None:
    """People paste line ends."""
    scene.vault.store(SECRET, f" {DEFAULT_KEY}\n")
    assert scene.client.me().username == "admin"


def test_an_unpaid_account_is_a_persons_business(scene: Scene) -> None:
    """The error asks for the bill to be settled."""
    scene.strike(PaymentRequired())
    with pytest.raises(RunHeld, match="settle the account's billing") as caught:
        scene.client.lists()
    assert caught.value.code == "payment"


# Imports


def test_posting_an_import_takes_no_turn_and_is_not_repeated(scene: Scene) -> None:
    """The caller has kept an appointment; what to do about a failure is the caller's business."""
    scene.strike(ServerError(on=BULK_IMPORT))
    scene.courier.pacer(scene.connection).hold_back(100)
    before = scene.clock.time()
    assert scene.client.post_import(BODY).finding is Finding.BROKEN
    assert scene.clock.time() == before
    assert len(scene.posts()) == 1


class _Raising(BaseAdapter):
    """A connection that fails in one way."""

    def __init__(self, error: Callable[[requests.PreparedRequest], Exception]) -> None:
        super().__init__()
        self._error = error

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        """Fail."""
        raise self._error(request)

    def close(self) -> None:
        """Nothing is open."""


def _wrapped(reason: Exception) -> Callable[[requests.PreparedRequest], Exception]:
    """As requests wraps what urllib3 raises; the text holds the whole URL."""
    return lambda request: requests.ConnectionError(MaxRetryError(None, request.url, reason), request=request)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "finding"),
    [
        (_wrapped(NewConnectionError(None, "refused")), Finding.UNSENT),  # type: ignore[arg-type]
        (lambda request: requests.exceptions.ConnectTimeout(request.url), Finding.UNSENT),
        (lambda request: requests.exceptions.SSLError(request.url), Finding.UNSENT),
        (lambda request: requests.exceptions.ProxyError(request.url), Finding.UNSENT),
        (lambda request: requests.ConnectionError(ProtocolError("Connection aborted.")), Finding.LOST),
        (lambda request: requests.ReadTimeout(request.url), Finding.LOST),
        (lambda request: requests.exceptions.ChunkedEncodingError(request.url), Finding.LOST),
        (lambda request: requests.exceptions.ContentDecodingError(request.url), Finding.LOST),
    ],
)
def test_what_never_left_is_told_from_what_may_have_arrived(
    scene: Scene, error: Callable[[requests.PreparedRequest], Exception], finding: Finding
) -> None:
    """Only where no connection came about it is certain that nothing was queued."""
    scene.courier.session().mount("https://", _Raising(error))
    assert scene.client.post_import(BODY).finding is finding


class _Nearby(HTTPAdapter):
    """A real connection to a port of this machine, whatever the host."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send it there."""
        request.url = f"http://127.0.0.1:{self._port}/"
        return super().send(request, *args, **kwargs)


@contextmanager
def _listener(*, accepts: bool) -> Iterator[int]:
    """A port where nobody answers: connections are refused, or accepted and closed without a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        if not accepts:
            server.close()
            yield port
            return
        thread = threading.Thread(target=lambda: server.accept()[0].close())
        thread.start()
        yield port
        thread.join()


@pytest.mark.parametrize(("accepts", "finding"), [(False, Finding.UNSENT), (True, Finding.LOST)])
def test_real_connections_fail_in_the_ways_that_are_told_apart(scene: Scene, accepts: bool, finding: Finding) -> None:
    """A refused connection, and one that is closed in place of an answer."""
    with _listener(accepts=accepts) as port:
        session = scene.courier.session()
        session.trust_env = False
        session.mount("https://", _Nearby(port))
        assert scene.client.post_import(BODY).finding is finding
        session.close()


_PAGES = {
    "plain": b"Content-Length: 40\r\n\r\n" + b'{"batchId":"b-1"}'.ljust(40),
    "chunked": b'Transfer-Encoding: chunked\r\n\r\n9\r\n{"batchId\r\n8\r\n":"b-1"}\r\n0\r\n\r\n',
    "compressed": b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b'{"batchId":"b-1"}'.ljust(300_000)),
    "cut short": b"Content-Length: 40\r\n\r\n" + b'{"batchId":"b-1"}',
    "a bomb": b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b" " * 50_000_000),
    "not gzip": b"Content-Encoding: gzip\r\n\r\n" + b'{"batchId":"b-1"}',
}


@pytest.mark.parametrize("page", _PAGES)
def test_real_answers_are_read_whole_or_not_believed(scene: Scene, page: str) -> None:
    """With a length, in chunks or compressed; one that is cut short, spoilt or without bounds is none."""
    with _speaker(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + _PAGES[page]) as port:
        session = scene.courier.session()
        session.trust_env = False
        session.mount("https://", _Nearby(port))
        finding = scene.client.post_import(BODY).finding
        session.close()
    good = page in ("plain", "chunked", "compressed")
    assert finding is (Finding.ANSWERED if good else Finding.LOST)


@contextmanager
def _speaker(answer: bytes) -> Iterator[int]:
    """A port where one request gets that answer."""

    def speak(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, suppress(ConnectionError):
            received = b""
            while BODY not in received:
                received += connection.recv(65_536)
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=speak, args=(server,))
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    "error",
    [_wrapped(NewConnectionError(None, "refused")), lambda request: requests.ReadTimeout(request.url)],  # type: ignore[arg-type]
)
def test_no_error_and_no_log_holds_an_address_a_key_or_a_url(
    scene: Scene, caplog: pytest.LogCaptureFixture, error: Callable[[requests.PreparedRequest], Exception]
) -> None:
    """Neither the message nor the whole chain of errors behind it."""
    caplog.set_level(logging.DEBUG)
    scene.courier.session().mount("https://", _Raising(error))
    with pytest.raises(CourierError) as caught:
        scene.client.find_contact(member(1))
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert caught.value.__context__ is None
    for secret in (DEFAULT_KEY, "member1", "api/3/contacts"):
        assert secret not in told


@pytest.mark.parametrize(
    "document",
    [{}, {"lists": None}, {"lists": "none"}, {"lists": [{"name": "x"}]}, {"lists": [{"id": "x"}, None]}, False, []],
)
def test_an_answer_that_nobody_understands_is_an_error_that_passes(scene: Scene, document: object) -> None:
    """Neither a traceback nor an empty list."""
    with pytest.raises(Unavailable):
        _answering(scene, document).lists()


def _answering(scene: Scene, document: object) -> ActiveCampaign:
    """A client whose every question gets that answer."""
    scene.courier.session().mount(f"https://{HOST}", _Saying(BytesIO(json.dumps(document).encode())))
    return scene.client


class _Saying(BaseAdapter):
    """The same answer, once."""

    def __init__(self, body: BytesIO) -> None:
        super().__init__()
        self._body = body
        self._responses = HTTPAdapter()

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        """Say it."""
        headers: Mapping[str, str] = {"Content-Type": "application/json"}
        return self._responses.build_response(request, HTTPResponse(self._body, headers, 200, preload_content=False))

    def close(self) -> None:
        """Nothing is open."""
