"""The account behind a socket."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
import requests

from local.activecampaign.account import DEFAULT_KEY, Account
from local.activecampaign.faults import Fault, Huge, Redirected, Reset, ServerError, Slow, TimedOut
from local.activecampaign.limits import LimitRules
from local.activecampaign.server import MOST_BYTES, ActiveCampaignServer
from local.authority import Authority
from tests.activecampaign_standin.conftest import MANNERS, Clock, on, person

HEADERS = {**MANNERS, "Api-Token": DEFAULT_KEY}


@pytest.fixture
def clock() -> Clock:
    """The account's time; that of the sockets is real."""
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[ActiveCampaignServer]:
    """An account that is not limited, without TLS."""
    account = Account(clock, limits=LimitRules(requests=1000, imports=1000, single_imports=1000))
    with ActiveCampaignServer(account) as made:
        yield made


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """A client that takes no proxy from the environment."""
    with requests.Session() as made:
        made.trust_env = False
        made.headers.update(HEADERS)
        yield made


def address(server: ActiveCampaignServer, path: str) -> str:
    """Where to send a request."""
    return f"http://127.0.0.1:{server.port}{path}"


def post_import(server: ActiveCampaignServer, session: requests.Session, *contacts: object) -> requests.Response:
    """Ask for a bulk import."""
    url = address(server, "/api/3/import/bulk_import")
    return session.post(url, json={"contacts": contacts}, timeout=10)


def test_a_client_talks_to_the_account(server: ActiveCampaignServer, session: requests.Session, clock: Clock) -> None:
    """Over one connection that is kept open."""
    list_id = server.api.account.add_list("News")
    assert post_import(server, session, person(1, subscribe=on(list_id))).status_code == 200
    clock.sleep(60)
    found = session.get(address(server, "/api/3/contacts"), params={"email": "person1@example.com"}, timeout=10)
    assert [one["email"] for one in found.json()["contacts"]] == ["person1@example.com"]
    assert list(server.api.account.contacts_on(list_id)) == ["person1@example.com"]
    assert server.api.journal.violations == []


def test_a_client_talks_to_the_account_over_tls(tmp_path: Path, session: requests.Session) -> None:
    """With the certificate of the world on one machine."""
    authority = Authority(tmp_path)
    with ActiveCampaignServer(Account(), authority.certificate.context()) as server:
        url = f"https://127.0.0.1:{server.port}/api/3/users/me"
        assert session.get(url, timeout=10, verify=str(authority.bundle)).json()["user"]["id"] == "1"


def test_many_clients_at_once(server: ActiveCampaignServer, clock: Clock) -> None:
    """Nothing is lost."""

    def send(number: int) -> int:
        with requests.Session() as session:
            session.trust_env = False
            session.headers.update(HEADERS)
            return post_import(server, session, person(2 * number), person(2 * number + 1)).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(40)))
    clock.sleep(60)
    assert statuses == [200] * 40
    assert all(server.api.account.contact(f"person{number}@example.com") for number in range(80))


@pytest.mark.parametrize("handled", [False, True])
def test_a_connection_is_cut(server: ActiveCampaignServer, session: requests.Session, handled: bool) -> None:
    """The client cannot know whether its import was queued."""
    server.api.faults.add(Reset(nth=1, handled=handled))
    with pytest.raises(requests.ConnectionError):
        post_import(server, session, person(1))
    assert len(server.api.journal.queued) == handled
    assert post_import(server, session, person(1)).status_code == 200


def test_a_slow_answer_over_tls(tmp_path: Path, session: requests.Session) -> None:
    """Listening for the client to leave does not disturb the encryption."""
    authority = Authority(tmp_path)
    with ActiveCampaignServer(Account(), authority.certificate.context()) as server:
        server.api.faults.add(Slow(seconds=0.1))
        url = f"https://127.0.0.1:{server.port}/api/3/users/me"
        answers = [session.get(url, timeout=10, verify=str(authority.bundle)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize("fault", [Reset(), TimedOut()])
def test_no_answer_over_tls(tmp_path: Path, session: requests.Session, fault: Fault) -> None:
    """A reset and a silence look the same through encryption."""
    authority = Authority(tmp_path)
    with ActiveCampaignServer(Account(), authority.certificate.context()) as server:
        server.api.faults.add(fault)
        with pytest.raises((requests.ConnectionError, requests.ReadTimeout)):
            session.get(f"https://127.0.0.1:{server.port}/api/3/users/me", timeout=0.3, verify=str(authority.bundle))


def test_an_answer_never_comes(server: ActiveCampaignServer, session: requests.Session) -> None:
    """The client gives up, and the server lets go of it."""
    server.api.faults.add(TimedOut(nth=1, handled=True))
    with pytest.raises(requests.ReadTimeout):
        session.post(address(server, "/api/3/import/bulk_import"), json={"contacts": [person(1)]}, timeout=(5, 0.2))
    assert len(server.api.journal.queued) == 1
    assert session.get(address(server, "/api/3/users/me"), timeout=10).status_code == 200


@pytest.mark.parametrize("fault", [TimedOut(), Slow(seconds=3600)])
def test_stopping_does_not_wait_for_an_answer_that_never_comes(fault: Fault) -> None:
    """Who waits for it is cut off, and no thread is left behind."""
    server = ActiveCampaignServer(Account())
    server.api.faults.add(fault)
    server.start()
    outcome: list[type[BaseException]] = []

    def wait() -> None:
        try:
            requests.get(address(server, "/api/3/users/me"), headers=HEADERS, timeout=60, proxies={"http": ""})
        except requests.RequestException as error:
            outcome.append(type(error))

    client = threading.Thread(target=wait)
    client.start()
    while not server.api.journal.entries:
        time.sleep(0.01)
    server.stop()
    client.join(10)
    assert outcome == [requests.ConnectionError]


@pytest.mark.parametrize(("seconds", "answered"), [(0.1, True), (30.0, False)])
def test_a_slow_answer_arrives_or_is_too_slow(
    server: ActiveCampaignServer, session: requests.Session, seconds: float, answered: bool
) -> None:
    """In real time here; the next request is not held up by it."""
    server.api.faults.add(Slow(nth=1, seconds=seconds))
    started = time.monotonic()
    if answered:
        assert session.get(address(server, "/api/3/users/me"), timeout=10).status_code == 200
        assert time.monotonic() - started >= seconds
    else:
        with pytest.raises(requests.ReadTimeout):
            session.get(address(server, "/api/3/users/me"), timeout=0.2)
    assert session.get(address(server, "/api/3/users/me"), timeout=10).status_code == 200


def test_a_slow_answer_leaves_the_connection_open(server: ActiveCampaignServer) -> None:
    """However long the client is then silent for."""
    server.api.faults.add(Slow(nth=1, seconds=0.05))
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    with closing(connection):
        for pause in (0.0, 0.15):
            time.sleep(pause)
            connection.request("GET", "/api/3/users/me", headers=HEADERS)
            assert json.loads(connection.getresponse().read())["user"]["id"] == "1"


def test_answers_of_faults_arrive_as_they_are(server: ActiveCampaignServer, session: requests.Session) -> None:
    """Statuses, headers and bodies, empty or huge."""
    server.api.faults.add(ServerError(nth=1, body="empty"), Redirected(nth=2), Huge(nth=3, size=3_000_000))
    url = address(server, "/api/3/users/me")
    answers = [session.get(url, timeout=10, allow_redirects=False) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [502, 302, 200]
    assert answers[0].content == b""
    assert answers[1].headers["Location"].startswith("https://elsewhere.example.com/")
    assert len(answers[2].content) > 3_000_000


def test_more_than_anybody_needs_is_refused(server: ActiveCampaignServer) -> None:
    """Its body is not even read."""
    request = requests.Request("POST", address(server, "/api/3/import/bulk_import"), headers=HEADERS).prepare()
    request.headers["Content-Length"] = str(MOST_BYTES + 1)
    with requests.Session() as session:
        session.trust_env = False
        assert session.send(request, timeout=10).status_code == 413


# The view for people


def test_people_can_look_at_a_list(server: ActiveCampaignServer, session: requests.Session) -> None:
    """Without a key, outside of the API and of its journal."""
    account = server.api.account
    list_id, tier = account.add_list("News"), account.add_field("Tier")
    account.add_contact("a@example.com", list_id, fields={tier: "gold"}, tags=["vip"])
    account.unsubscribe("b@example.com", list_id)
    session.headers.clear()
    shown = session.get(address(server, f"/_stand-in/lists/{list_id}"), timeout=10).json()
    assert (shown["list"], shown["counts"]["active"], shown["counts"]["unsubscribed"]) == ("News", 1, 1)
    assert shown["contacts"] == [
        {
            "email": "a@example.com",
            "status": "active",
            "first_name": "",
            "last_name": "",
            "phone": "",
            "fields": {str(tier): "gold"},
            "tags": ["vip"],
        },
        {**shown["contacts"][1], "email": "b@example.com", "status": "unsubscribed"},
    ]
    assert server.api.journal.entries == []


@pytest.mark.parametrize(("offset", "count"), [("0", 100), ("100", 50), ("150", 0), ("x", 100)])
def test_people_look_at_a_hundred_contacts_at_a_time(
    server: ActiveCampaignServer, session: requests.Session, offset: str, count: int
) -> None:
    """From an offset on."""
    list_id = server.api.account.add_list("News")
    for number in range(150):
        server.api.account.add_contact(f"person{number}@example.com", list_id)
    url = address(server, f"/_stand-in/lists/{list_id}?offset={offset}")
    assert len(session.get(url, timeout=10).json()["contacts"]) == count


def test_people_are_told_which_lists_there_are(server: ActiveCampaignServer, session: requests.Session) -> None:
    """When they ask for one that is not there."""
    server.api.account.add_list("News", 3)
    answer = session.get(address(server, "/_stand-in/lists/7"), timeout=10)
    assert (answer.status_code, answer.json()) == (404, {"message": "No list has the id 7; there are [3]."})
