"""API v3 of one account: from a request to its answer, past limits, faults, key and permission."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from local.activecampaign import calls, doorway, reports
from local.activecampaign.account import Account, Permission, User
from local.activecampaign.call import Call
from local.activecampaign.exchange import NotJson, Request, Response, message
from local.activecampaign.faults import Faults, Struck, forbidden, over_limit, payment_required
from local.activecampaign.journal import Entry, Violation
from local.activecampaign.limits import TurnedAway

ROOT = "/api/3"

Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Route:
    """A call, and the permission it takes; `{id}` in the path stands for a number."""

    method: str
    path: str
    handler: Handler
    permission: Permission | None = None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(re.escape(ROOT + self.path).replace(re.escape("{id}"), r"(\d{1,15})"), re.ASCII)

    def match(self, path: str) -> tuple[int, ...] | None:
        """The numbers in a path; None when it is another one."""
        found = self._pattern.fullmatch(path)
        return tuple(int(number) for number in found.groups()) if found else None


ROUTES = (
    Route("GET", "/users/me", calls.me),
    Route("GET", "/settings/account", calls.account_settings, "admin"),
    Route("GET", "/lists", calls.lists, "lists"),
    Route("GET", "/lists/exclusions", calls.exclusions, "lists"),
    Route("GET", "/lists/{id}", calls.list_, "lists"),
    Route("GET", "/fields", calls.fields, "fields"),
    Route("POST", "/fields", calls.add_field, "fields"),
    Route("POST", "/fieldRels", calls.relate_field, "fields"),
    Route("GET", "/contacts", calls.contacts, "contacts"),
    Route("GET", "/contacts/{id}", calls.contact, "contacts"),
    Route("PUT", "/contacts/{id}", calls.change_contact, "contacts"),
    Route("GET", "/contacts/{id}/contactLists", calls.contact_lists, "contacts"),
    Route("POST", "/contact/sync", calls.sync_contact, "contacts"),
    Route("POST", "/contactLists", calls.subscribe_contact, "contacts"),
    Route("GET", "/tags", calls.tags, "tags"),
    Route("POST", "/tags", calls.add_tag, "tags"),
    Route("POST", "/contactTags", calls.tag_contact, "tags"),
    Route("DELETE", "/contactTags/{id}", calls.untag_contact, "tags"),
    Route("GET", "/import/info", reports.import_info, "imports"),
    Route("GET", doorway.PATH, reports.imports, "imports"),
    Route("POST", doorway.PATH, doorway.bulk_import, "imports"),
)


class Api:
    """Answers requests to one account, from any thread; `faults` and `journal` are there for tests."""

    def __init__(self, account: Account, *, faults: Faults | None = None) -> None:
        self.account = account
        self.faults = faults or Faults()
        self.journal = account.journal

    def handle(self, request: Request) -> Response:
        """Answer a request.

        Raises `ConnectionResetError` where a fault cuts the connection, and `TimeoutError` where there is never an
        answer; the request may have been handled all the same.
        """
        arrived = self.account.clock()  # waiting for the account is not the client's doing
        with self.account.settled():
            return self._handle(request, arrived)

    def _handle(self, request: Request, now: float) -> Response:
        for violation in _bad_manners(request):
            self.journal.violated(now, violation)
        contacts = doorway.contacts_in(request)
        turned_away = self.account.limits.admit(now, contacts)
        struck = Struck(()) if turned_away else self.faults.strike(request)
        status = 0
        try:
            response = self._over_limit(turned_away) if turned_away else self._faulty(request, struck)
            status = response.status
        finally:
            lane = turned_away.lane if turned_away else None
            self.journal.record(Entry(now, request.method, request.path, status, contacts, lane, struck.names))
        return response

    def _over_limit(self, turned_away: TurnedAway) -> Response:
        rules = self.account.limits.rules
        every_request = turned_away.lane == "requests"
        status = rules.request_status if every_request else rules.import_status
        what = "requests may be made per second" if every_request else "imports may be requested per minute"
        headers = {"RateLimit-Limit": str(turned_away.limit), "RateLimit-Remaining": "0"}
        if rules.retry_after:
            headers["Retry-After"] = str(math.ceil(turned_away.seconds))
        return over_limit(status, f"Up to {turned_away.limit} {what}. Please try again later.", headers)

    def _faulty(self, request: Request, struck: Struck) -> Response:
        return struck.instead() or struck.afterwards(self._answer(request, struck))

    def _answer(self, request: Request, struck: Struck) -> Response:
        user = self.account.keys.get(request.header("Api-Token"))
        if user is None:
            return self._forbidden()
        if self.account.payment_problem:
            return payment_required()
        return self._call(request, user, struck)

    def _call(self, request: Request, user: User, struck: Struck) -> Response:
        matching = [(route, ids) for route in ROUTES if (ids := route.match(request.path)) is not None]
        if not matching:
            return message(404, "No such resource")
        found = next((one for one in matching if one[0].method == request.method), None)
        if found is None:
            return message(405, "Method not allowed")
        route, ids = found
        if route.permission is not None and route.permission not in user.permissions:
            return self._forbidden()
        try:
            return route.handler(Call(self.account, self.journal, request, user, ids, struck.fate))
        except NotJson:
            return message(400, "Unable to parse the request body as JSON.")

    def _forbidden(self) -> Response:
        variants = self.account.variants
        return forbidden(variants.forbidden_status, variants.forbidden_body)


def _bad_manners(request: Request) -> Iterator[Violation]:
    user_agent = request.header("User-Agent").lower()
    if not user_agent or user_agent.startswith("python-requests"):
        yield "user_agent_generic"
    if "application/json" not in request.header("Accept"):
        yield "accept_missing"
    if request.method in ("POST", "PUT") and "application/json" not in request.header("Content-Type"):
        yield "content_type_missing"
