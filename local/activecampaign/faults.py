"""What can go wrong on purpose: a script of faults that a test fills.

    faults.add(ServerError(on=BULK_IMPORT, nth=3))                      the third import
    faults.add(Reset(on=BULK_IMPORT, nth=range(2, 5), handled=True))    the second to fourth, once they were queued
    faults.add(Forbidden(probability=0.05))                             any request, by chance
    faults.add(ImportFate(nth=1, fate=Fate(ending="failed")))           what becomes of the first import

Only requests within the limits are counted and struck. Several faults may strike the same request.
"""

import json
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Literal

from local.activecampaign.exchange import Request, Response, answer, message, unprocessable, web_page
from local.activecampaign.imports import ORDINARY, Fate

ANYTHING = ("*", "*")
BULK_IMPORT = ("POST", "/api/3/import/bulk_import")
IMPORT_INFO = ("GET", "/api/3/import/info")

ForbiddenBody = Literal["errors", "message", "empty", "html"]

UNHANDLED = Response(0)
"""The answer to a request that never reached the account."""


def forbidden(status: int, body: ForbiddenBody) -> Response:
    """Turn somebody away, in one of the shapes that were seen."""
    error = {"title": "Forbidden", "detail": "You do not have permission to do this.", "code": "forbidden"}
    shapes = {
        "errors": answer(status, {"errors": [error]}),
        "message": message(status, "Forbidden"),
        "empty": Response(status),
        "html": web_page(status, "Forbidden"),
    }
    return shapes[body]


def payment_required() -> Response:
    """The 402 of an account whose bill is not paid."""
    return message(402, "The account has a payment problem.")


def over_limit(status: int, text: str, headers: dict[str, str]) -> Response:
    """How a limit is answered: the documented 400 of imports, 429, or the 503 of older reports."""
    if status == 400:
        return answer(400, {"success": 0, "message": "Rate limit exceeded.", "failureReasons": [text]})
    return answer(status, {"message": "Rate limit exceeded."}, headers)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Strikes requests that match `on`, a method and a path, both patterns of `fnmatch`.

    Of those, counted from 1, the `nth` (a number or a range; all of them when None), each with that `probability`.
    `handled`: whether the account does what it was asked before things go wrong, so that the client cannot know.
    """

    on: tuple[str, str] = ANYTHING
    nth: int | range | None = None
    probability: float = 1.0
    handled: bool = False

    def matches(self, request: Request) -> bool:
        """Whether a request is one of those that are counted."""
        method, path = self.on
        return fnmatchcase(request.method, method) and fnmatchcase(request.path, path)

    def strikes(self, number: int, chance: float) -> bool:
        """Whether it strikes the request of that number; `chance` is from 0 up to 1."""
        due = number in self.nth if isinstance(self.nth, range) else self.nth in (None, number)
        return due and chance < self.probability

    def spoil(self, response: Response) -> Response:
        """What the client gets in place of `response`, which is `UNHANDLED` where the account saw nothing.

        Raises `ConnectionResetError` or `TimeoutError` where the client gets nothing.
        """
        return response


# Answers in place of the account's


@dataclass(frozen=True, kw_only=True)
class _Replaced(Fault, ABC):
    def spoil(self, response: Response) -> Response:  # noqa: ARG002  # whatever the account said, if anything
        """See `Fault`."""
        return self._reply()

    @abstractmethod
    def _reply(self) -> Response: ...


@dataclass(frozen=True, kw_only=True)
class RateLimited(_Replaced):
    """Over the limit, says the answer, whatever the account's own count; `retry_after` goes out as it is."""

    status: Literal[400, 429, 503] = 429
    retry_after: str | None = None

    def _reply(self) -> Response:
        headers = {"Retry-After": self.retry_after} if self.retry_after is not None else {}
        return over_limit(self.status, "Please wait before you try again.", headers)


@dataclass(frozen=True, kw_only=True)
class Refused(_Replaced):
    """An import is refused as a whole, in words that name no contact and are not the limiter's."""

    text: str = "The import service is busy. Please try again later."

    def _reply(self) -> Response:
        return answer(400, {"success": 0, "message": "The import was not queued.", "failureReasons": [self.text]})


@dataclass(frozen=True, kw_only=True)
class ServerError(_Replaced):
    """Something is broken on the other side."""

    status: int = 502
    body: Literal["html", "empty", "json"] = "html"

    def _reply(self) -> Response:
        shapes = {
            "html": web_page(self.status, "Something is broken"),
            "empty": Response(self.status),
            "json": message(self.status, "Something is broken"),
        }
        return shapes[self.body]


@dataclass(frozen=True, kw_only=True)
class Forbidden(_Replaced):
    """A good key is turned away."""

    status: Literal[401, 403] = 403
    body: ForbiddenBody = "errors"

    def _reply(self) -> Response:
        return forbidden(self.status, self.body)


@dataclass(frozen=True, kw_only=True)
class PaymentRequired(_Replaced):
    """The account has not been paid for."""

    def _reply(self) -> Response:
        return payment_required()


@dataclass(frozen=True, kw_only=True)
class Gone(_Replaced):
    """A list or a field is said to be missing."""

    status: Literal[404, 422] = 404
    kind: Literal["_List", "_Field"] = "_List"

    def _reply(self) -> Response:
        sentence = f"No Result found for {self.kind} with id 1"
        if self.status == 404:
            return message(404, sentence)
        return unprocessable(sentence, "related_missing", "/data/attributes/contacts")


@dataclass(frozen=True, kw_only=True)
class Redirected(_Replaced):
    """Sends the client, and with it the key, to another host."""

    status: Literal[301, 302, 307, 308] = 302
    location: str = "https://elsewhere.example.com/api/3/users/me"

    def _reply(self) -> Response:
        return Response(self.status, headers={"Location": self.location})


@dataclass(frozen=True, kw_only=True)
class Empty(_Replaced):
    """A 200 with nothing in it."""

    def _reply(self) -> Response:
        return Response(200)


@dataclass(frozen=True, kw_only=True)
class Reset(_Replaced):
    """The connection is cut."""

    def _reply(self) -> Response:
        raise ConnectionResetError("the stand-in cuts this connection")


@dataclass(frozen=True, kw_only=True)
class TimedOut(_Replaced):
    """There is never an answer."""

    def _reply(self) -> Response:
        raise TimeoutError("the stand-in never answers this request")


# The account's answer, but not as it was


@dataclass(frozen=True, kw_only=True)
class _Altered(Fault, ABC):
    handled: bool = field(default=True, init=False)

    def spoil(self, response: Response) -> Response:
        """See `Fault`."""
        return self._alter(response)

    @abstractmethod
    def _alter(self, response: Response) -> Response: ...


@dataclass(frozen=True, kw_only=True)
class Slow(_Altered):
    """The answer takes its time."""

    seconds: float = 5.0

    def _alter(self, response: Response) -> Response:
        return replace(response, delay=response.delay + self.seconds)


@dataclass(frozen=True, kw_only=True)
class OddSuccess(_Altered):
    """An accepted import whose `success` has another value than 1."""

    value: object = 0

    def _alter(self, response: Response) -> Response:
        return _rewritten(response, without=("success", "Success"), members={"success": self.value})


@dataclass(frozen=True, kw_only=True)
class NoBatchId(_Altered):
    """An accepted import without its id; `members` stands in for it, say an empty one."""

    members: tuple[tuple[str, object], ...] = ()

    def _alter(self, response: Response) -> Response:
        return _rewritten(response, without=("batchId",), members=dict(self.members))


@dataclass(frozen=True, kw_only=True)
class Garbage(_Altered):
    """JSON that breaks off half-way."""

    def _alter(self, response: Response) -> Response:
        return replace(response, body=response.body[: len(response.body) // 2])


@dataclass(frozen=True, kw_only=True)
class OddContentType(_Altered):
    """A good answer that says it is something else."""

    content_type: str = "text/html; charset=utf-8"

    def _alter(self, response: Response) -> Response:
        return replace(response, headers={**response.headers, "Content-Type": self.content_type})


@dataclass(frozen=True, kw_only=True)
class Huge(_Altered):
    """A good answer followed by so many bytes of white space."""

    size: int = 20_000_000

    def _alter(self, response: Response) -> Response:
        return replace(response, body=response.body + b" " * self.size)


def _rewritten(response: Response, *, without: Sequence[str], members: dict[str, object]) -> Response:
    """The answer with other members; one that is no JSON object stays as it is."""
    document = response.document if response.body else None
    if not isinstance(document, dict):
        return response
    kept = {name: value for name, value in document.items() if name not in without}
    return replace(response, body=json.dumps({**kept, **members}).encode())


@dataclass(frozen=True, kw_only=True)
class ImportFate(Fault):
    """What becomes of an import once it is accepted."""

    on: tuple[str, str] = BULK_IMPORT
    handled: bool = field(default=True, init=False)
    fate: Fate = ORDINARY


class Faults:
    """The faults of one account, struck in the order in which they were added; `seed` decides what chance decides."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._script: list[Fault] = []
        self._seen: Counter[int] = Counter()

    def add(self, *faults: Fault) -> None:
        """Put faults into the script; each counts from now on."""
        self._script.extend(faults)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._script.clear()
        self._seen.clear()

    def strike(self, request: Request) -> "Struck":
        """Count a request, and say what strikes it."""
        struck: list[Fault] = []
        for place, fault in enumerate(self._script):
            if fault.matches(request):
                self._seen[place] += 1
                if fault.strikes(self._seen[place], self._random.random()):
                    struck.append(fault)
        return Struck(tuple(struck))


@dataclass(frozen=True)
class Struck:
    """The faults that strike one request."""

    faults: tuple[Fault, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What they are, for the journal."""
        return tuple(type(fault).__name__ for fault in self.faults)

    @property
    def fate(self) -> Fate:
        """What becomes of the import that the request is."""
        fates = (fault.fate for fault in self.faults if isinstance(fault, ImportFate))
        return next(fates, ORDINARY)

    def instead(self) -> Response | None:
        """The answer where the account is not to see the request; raises as `Fault.spoil` does."""
        unhandled = next((fault for fault in self.faults if not fault.handled), None)
        return unhandled.spoil(UNHANDLED) if unhandled else None

    def afterwards(self, response: Response) -> Response:
        """What is left of the account's answer; raises as `Fault.spoil` does."""
        for fault in self.faults:
            if fault.handled:
                response = fault.spoil(response)
        return response
