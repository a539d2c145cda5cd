"""Deleting while somebody writes: the version that was looked at goes, and no other."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from shared import names
from shared.courier import Courier
from tests.api.client import Client
from tests.api.conftest import CONNECTION, EXPORT
from tests.api.test_callers import ADMIN, CONTRIBUTOR

SPARE = "connections/spare"
WRITTEN: dict[str, tuple[str, dict[str, Any]]] = {
    SPARE: (names.connection("spare"), CONNECTION),
    "exports/vip": (names.export("vip"), EXPORT),
}


def _meanwhile(app: Courier, blob: str, writes: Iterable[Callable[[], Any]]) -> None:
    """Right before each delete of that blob, the next of these writes happens."""
    delete, left = app.store.blobs.delete, iter(writes)

    def written_first(name: str, *, if_match: str | None = None) -> None:
        if name == blob:
            next(left, lambda: None)()
        delete(name, if_match=if_match)

    app.store.blobs.delete = written_first  # type: ignore[method-assign]  # in memory


@pytest.fixture
def stored(ready: Client) -> Client:
    """An app that also has a connection that no export uses."""
    ready.put(SPARE, CONNECTION)
    return ready


@pytest.mark.parametrize("path", WRITTEN)
def test_a_write_in_between_is_not_lost_to_a_delete_of_the_version_before(
    stored: Client, app: Courier, path: str
) -> None:
    """If-Match names a version, and that one is not there any more: what was written stays, and runs go on."""
    blob, document = WRITTEN[path]
    changed = {**document, "display_name": "written meanwhile"}
    run = stored("POST", "exports/vip/runs").json["id"]
    etag = stored("GET", path).headers["ETag"]
    _meanwhile(app, blob, [lambda: stored.put(path, changed)])
    response = stored("DELETE", path, headers={"If-Match": etag})
    assert (response.status, response.code) == (412, "precondition_failed")
    assert stored.get(path)["display_name"] == "written meanwhile"
    assert stored.get(f"runs/{run}")["state"] == "queued"


@pytest.mark.parametrize("path", WRITTEN)
def test_a_delete_of_any_version_takes_what_was_written_in_between(stored: Client, app: Courier, path: str) -> None:
    """Whoever names no version wants it gone."""
    blob, document = WRITTEN[path]
    _meanwhile(app, blob, [lambda: stored.put(path, {**document, "display_name": "written meanwhile"})])
    assert stored("DELETE", path).status == 200
    assert stored("GET", path).status == 404


@pytest.mark.parametrize("path", WRITTEN)
def test_a_delete_that_never_gets_its_turn_says_so(stored: Client, app: Courier, path: str) -> None:
    """However often somebody writes, the call comes to an end."""
    blob, document = WRITTEN[path]
    writes = (lambda n=n: stored.put(path, {**document, "display_name": f"{n}"}) for n in range(1000))
    _meanwhile(app, blob, writes)
    response = stored("DELETE", path)
    assert (response.status, response.code) == (503, "contended")
    assert stored("GET", path).status == 200


@pytest.mark.parametrize("path", WRITTEN)
def test_whoever_deletes_second_finds_nothing(stored: Client, app: Courier, path: str) -> None:
    """Two deletes at the same time both come to their end."""
    blob, _ = WRITTEN[path]
    _meanwhile(app, blob, [lambda: stored("DELETE", path)])
    assert stored("DELETE", path).status in (200, 404)
    assert stored("GET", path).status == 404


def test_what_a_contributor_may_delete_is_judged_by_the_version_that_goes(app: Courier) -> None:
    """An export that an administrator moves to a closed connection meanwhile is no contributor's any more."""
    client = Client(app, environment={"WEBSITE_AUTH_ENABLED": "True"})
    client("PUT", "connections/acme", CONNECTION, headers=ADMIN)
    client("PUT", "connections/open", {**CONNECTION, "allow_contributors": True}, headers=ADMIN)
    client("PUT", "exports/new", {**EXPORT, "connection": "open"}, headers=CONTRIBUTOR)
    _meanwhile(app, names.export("new"), [lambda: client("PUT", "exports/new", EXPORT, headers=ADMIN)])
    assert client("DELETE", "exports/new", headers=CONTRIBUTOR).code == "forbidden"
    assert client.get("exports/new")["connection"] == "acme"


def test_a_connection_that_comes_into_use_meanwhile_stays(stored: Client, app: Courier) -> None:
    """Deleting is judged again with every version."""

    def use() -> None:
        stored.put(SPARE, {**CONNECTION, "imports_per_minute": 50})
        stored.put("exports/second", {**EXPORT, "connection": "spare"})

    _meanwhile(app, names.connection("spare"), [use])
    assert stored("DELETE", SPARE).code == "in_use"
    assert stored("GET", SPARE).status == 200
