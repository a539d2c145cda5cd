"""The HTTP trigger over real sockets: which function answers, and what the client gets."""

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import azure.functions as func
import pytest
import requests

from local.host.http import ANSWER_SECONDS, Front
from local.host.load import read_functions
from local.host.server import LARGEST_BODY, HttpServer
from local.host.work import Work
from local.host.worker import Worker
from tests.host.conftest import until

app = func.FunctionApp()


def as_json(**body: object) -> func.HttpResponse:
    """A JSON answer."""
    return func.HttpResponse(json.dumps(body), mimetype="application/json")


@app.route("echo/{name}", methods=["GET", "POST"], auth_level="anonymous")
def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Say everything that was asked."""
    return as_json(
        method=req.method,
        url=req.url,
        name=req.route_params["name"],
        query=dict(req.params),
        header=req.headers.get("X-Some-Header"),
        body=req.get_body().decode(),
    )


@app.route("things/{id:int}", methods=["PUT"])
def numbered(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer for numbers, which never reach it: its name comes after that of `named`."""
    return as_json(by="numbered")


@app.route("things/{id:int}/parts/{part}", methods=["PUT"])
def all_parts(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer for parts."""
    return as_json(by="all_parts", id=req.route_params["id"], function=context.function_name)


@app.route("things/{name}", methods=["PUT"])
async def named(req: func.HttpRequest) -> func.HttpResponse:
    """Answer for everything else."""
    return as_json(by="named", body=req.get_json())


@app.route("text")
def text(req: func.HttpRequest) -> str:
    """Return a plain string."""
    return "grüezi"


@app.route("made", auth_level="anonymous")
def made(req: func.HttpRequest) -> func.HttpResponse:
    """Return a status, headers and cookies."""
    headers = {"Location": "/api/echo/1", "Set-Cookie": "a=1; Path=/", "Content-Type": "text/csv"}
    return func.HttpResponse(b"a;b", status_code=202, headers=headers)


@app.route("nothing")
def nothing(req: func.HttpRequest) -> func.HttpResponse:
    """Return no content."""
    return func.HttpResponse(status_code=204)


@app.route("raises")
def raises(req: func.HttpRequest) -> func.HttpResponse:
    """Fail."""
    raise RuntimeError("a secret detail")


@app.route("forgets")
def forgets(req: func.HttpRequest) -> func.HttpResponse:
    """Forget to answer."""
    return None  # type: ignore[return-value]


GO_ON = threading.Event()


@app.route("waits")
def waits(req: func.HttpRequest) -> str:
    """Wait until it may go on."""
    GO_ON.wait(10)
    return "at last"


@app.queue_trigger(arg_name="msg", queue_name="work", connection="Storage")
def other(msg: func.QueueMessage) -> None:
    """Something that is not HTTP."""


FUNCTIONS = read_functions(app.get_functions(), {})


@contextmanager
def serving(
    worker: Worker, *, prefix: str = "api", key: str | None = None, seconds: float = ANSWER_SECONDS
) -> Iterator[str]:
    """Serve the functions above; gives their address without the prefix."""
    fired = {"other": HTTPStatus.ACCEPTED, "echo": HTTPStatus.BAD_REQUEST}

    def fire(name: str, given: str) -> HTTPStatus:
        return fired.get(name, HTTPStatus.NOT_FOUND)

    front = Front(FUNCTIONS, prefix, worker, fire, key, seconds=seconds)
    with HttpServer(front.answer, Work()) as server:
        server.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """A client that ignores this machine's proxies."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def url(worker: Worker) -> Iterator[str]:
    """The address of the functions, below the prefix."""
    with serving(worker) as address:
        yield f"{address}/api"


def test_a_function_is_given_the_whole_request(url: str, session: requests.Session) -> None:
    """Method, address, route parameters, query, headers and body arrive as they were sent."""
    answer = session.post(f"{url}/ECHO/a%20b?x=1&x=2&y=", data=b"body", headers={"x-some-header": "v"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "method": "POST",
        "url": f"{url}/ECHO/a%20b?x=1&x=2&y=",
        "name": "a b",
        "query": {"x": "1,2", "y": ""},
        "header": "v",
        "body": "body",
    }


def test_a_body_can_come_in_chunks(url: str, session: requests.Session) -> None:
    """A body of unknown length arrives whole, and the connection goes on."""
    for _ in range(2):
        answer = session.post(f"{url}/echo/x", data=iter([b"one ", b"", b"two"]))
        assert answer.json()["body"] == "one two"


def test_a_client_that_asks_first_is_told_to_go_on(url: str) -> None:
    """A client that waits for 100 Continue before it sends its body is not kept waiting."""
    host, port = url.removeprefix("http://").removesuffix("/api").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection, connection.makefile("rb") as answers:
        head = "POST /api/echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert answers.readline().split()[1] == b"100"
        connection.sendall(b"ok")
        assert answers.readline() == b"\r\n"
        assert answers.readline().split()[1] == b"200"


def test_one_connection_serves_many_requests(url: str) -> None:
    """HTTP/1.1 connections are kept, also after an answer without a body and for a function without interest in one."""
    host, port = url.removeprefix("http://").removesuffix("/api").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        answers = connection.makefile("rb")
        for path, status in (("nothing", b"204"), ("echo/x", b"200"), ("nowhere", b"404"), ("echo/x", b"200")):
            connection.sendall(f"GET /api/{path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            assert answers.readline().split()[1] == status
            headers = dict(line.strip().split(b": ", 1) for line in iter(answers.readline, b"\r\n"))
            answers.read(int(headers.get(b"content-length", 0)))
        answers.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "echo/x", 200),
        ("HEAD", "echo/x", 200),
        ("PUT", "echo/x", 404),
        ("GET", "echo", 404),
        ("GET", "echo/x/y", 404),
        ("GET", "", 404),
        ("OPTIONS", "text", 200),
        ("POST", "text", 200),
        ("TRACE", "text", 404),
        ("GET", "nothing", 204),
    ],
)
def test_an_unknown_route_or_method_is_not_found(
    url: str, session: requests.Session, method: str, path: str, status: int
) -> None:
    """What no function takes is 404 with an empty body, also for a wrong method; GET functions take HEAD."""
    answer = session.request(method, f"{url}/{path}")
    assert answer.status_code == status
    assert status != 404 or answer.content == b""
    assert method != "HEAD" or answer.content == b""


def test_of_two_routes_the_function_whose_name_comes_first_answers(url: str, session: requests.Session) -> None:
    """However general its route is, and wherever it stands in the file; async functions work alike."""
    assert session.put(f"{url}/things/12", json=[1]).json() == {"by": "named", "body": [1]}
    parts = session.put(f"{url}/things/12/parts/a").json()
    assert parts == {"by": "all_parts", "id": "12", "function": "all_parts"}


def test_an_answer_has_its_time(worker: Worker, session: requests.Session, caplog: pytest.LogCaptureFixture) -> None:
    """The client of a function that takes too long is told 504 and nothing else, and the function runs on."""
    caplog.set_level(logging.INFO)
    GO_ON.clear()
    with serving(worker, seconds=0.1) as address:
        answer = session.get(f"{address}/api/waits")
        assert (answer.status_code, answer.content) == (504, b"")
        GO_ON.set()
        until(lambda: "Executed 'Functions.waits' (Succeeded" in caplog.text)
        assert session.get(f"{address}/api/text").status_code == 200


def test_a_string_is_an_answer(url: str, session: requests.Session) -> None:
    """A returned string is 200 in UTF-8."""
    answer = session.get(f"{url}/text")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert answer.content == "grüezi".encode()


def test_status_headers_and_cookies_of_an_answer_are_kept(url: str, session: requests.Session) -> None:
    """What the function's HttpResponse says reaches the client."""
    answer = session.get(f"{url}/made")
    assert (answer.status_code, answer.content) == (202, b"a;b")
    assert answer.headers["Location"] == "/api/echo/1"
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.cookies["a"] == "1"


@pytest.mark.parametrize("path", ["raises", "forgets"])
def test_a_failure_is_an_empty_500(
    url: str, session: requests.Session, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """An exception, or no answer at all, is 500 with an empty body; the log has the reason."""
    answer = session.get(f"{url}/{path}")
    assert (answer.status_code, answer.content) == (500, b"")
    assert f"Executed 'Functions.{path}' (Failed" in caplog.text


def test_a_body_beyond_100_mb_is_refused(url: str, session: requests.Session) -> None:
    """A larger body is 413 before it is read, whether its length is announced or not."""
    megabyte = b"x" * 1024 * 1024
    announced = session.post(f"{url}/echo/x", data=b"x" * (LARGEST_BODY + 1))
    assert announced.status_code == 413
    unannounced = session.post(f"{url}/echo/x", data=(megabyte for _ in range(101)))
    assert unannounced.status_code == 413


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ("Content-Length: x", b"", 400),
        ("Content-Length: -1", b"", 400),
        ("Transfer-Encoding: chunked", b"zz\r\n", 400),
        ("Transfer-Encoding: chunked", b"5\r\nab", 400),
        ("Transfer-Encoding: gzip", b"", 501),
        ("Content-Length: 10", b"short", 400),
    ],
)
def test_a_broken_body_reaches_no_function(url: str, headers: str, body: bytes, status: int) -> None:
    """A body that ends too soon or cannot be read is answered with a status, and the connection ends."""
    host, port = url.removeprefix("http://").removesuffix("/api").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(f"POST /api/echo/x HTTP/1.1\r\nHost: h\r\n{headers}\r\n\r\n".encode() + body)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            assert answer.readline().split()[1] == str(status).encode()
            assert answer.read().endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("api/text", {}, 401),
        ("api/text", {"x-functions-key": "wrong"}, 401),
        ("api/text", {"x-functions-key": "k&y"}, 200),
        ("api/text?code=k%26y", {}, 200),
        ("api/text?code=", {}, 401),
        ("api/echo/x", {}, 200),
        ("api/nowhere", {}, 404),
    ],
)
def test_a_key_can_be_asked_for(
    worker: Worker, session: requests.Session, path: str, headers: dict[str, str], status: int
) -> None:
    """With a function key, functions that are not anonymous are 401 and empty without it."""
    with serving(worker, key="k&y") as address:
        answer = session.get(f"{address}/{path}", headers=headers)
    assert answer.status_code == status
    assert status == 200 or answer.content == b""


def test_the_prefix_can_be_empty(worker: Worker, session: requests.Session) -> None:
    """host.json's routePrefix may be left out of the addresses altogether."""
    with serving(worker, prefix="") as address:
        assert session.get(f"{address}/text").status_code == 200
        assert session.get(f"{address}/api/text").status_code == 404


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("other", b'{"input": "x"}', 202),
        ("other", b"{}", 202),
        ("other", b"[]", 400),
        ("other", b"", 400),
        ("echo", b"{}", 400),
        ("nowhere", b"{}", 404),
    ],
)
def test_any_other_function_can_be_fired_by_hand(
    worker: Worker, session: requests.Session, name: str, body: bytes, status: int
) -> None:
    """The admin API takes functions that are not HTTP, with a JSON object, and asks for the key."""
    with serving(worker, key="key") as address:
        place = f"{address}/admin/functions/{name}"
        assert session.post(place, data=body).status_code == 401
        assert session.post(place, data=body, headers={"x-functions-key": "key"}).status_code == status
        assert session.get(place, headers={"x-functions-key": "key"}).status_code == 404
