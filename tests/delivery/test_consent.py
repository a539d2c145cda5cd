"""No code path can make an unsubscribed or bounced contact active again: read off the code itself.

ActiveCampaign's bulk import never does it. ``contact/sync`` with lists and ``contactLists`` with status 1 do, so the
app has no call to either, and every write to the API is on the list below.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "function_app.py", *sorted((ROOT / "shared").rglob("*.py"))]
CLIENT = ROOT / "shared" / "activecampaign" / "client.py"

SENDERS = {"shared/activecampaign/client.py", "shared/notify.py"}
"""The files that send HTTP requests of their own: to ActiveCampaign, and to a webhook that is told of runs."""

WRITES = {("POST", "import/bulk_import"), ("PUT", "contacts/{}")}
"""Every request to ActiveCampaign that changes something."""


def _name(source: Path) -> str:
    return source.relative_to(ROOT).as_posix()


def _tree(source: Path) -> ast.Module:
    return ast.parse(source.read_text(encoding="utf-8"))


def _text(node: ast.expr) -> str | None:
    """A text in the code, with ``{}`` for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def _texts(source: Path) -> Iterator[str]:
    """Every text in the code but docstrings, each once."""
    tree = _tree(source)
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    silent = docstrings | parts
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and node not in silent and (text := _text(node)):
            yield text


def _requests(source: Path) -> Iterator[tuple[str, str]]:
    """Method and path of every call that names both."""
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.Call) and len(node.args) >= 2:
            method, path = _text(node.args[0]), _text(node.args[1])
            if method in {"GET", "POST", "PUT", "PATCH", "DELETE"} and path:
                yield method, path


def _imports_requests(source: Path) -> bool:
    roots = {"requests", "urllib3", "http", "httpx", "aiohttp", "socket", "urllib"}
    allowed = {"urllib.parse"}
    for node in ast.walk(_tree(source)):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
        if any(module.split(".")[0] in roots and module not in allowed for module in modules):
            return True
    return False


def test_the_only_writes_are_bulk_imports_and_changed_addresses() -> None:
    """Nothing else is posted, put, patched or deleted."""
    writes = {(method, path) for method, path in _requests(CLIENT) if method != "GET"}
    assert writes == WRITES


@pytest.mark.parametrize("source", SOURCES, ids=_name)
def test_no_code_names_a_call_that_subscribes(source: Path) -> None:
    """``contact/sync`` nowhere; ``contactLists`` to read how somebody stands; no ``contactList`` to write."""
    texts = list(_texts(source))
    assert not [text for text in texts if "contact/sync" in text]
    assert "contactList" not in texts
    naming = [text for text in texts if "contactLists" in text]
    assert naming == [] or (source == CLIENT and set(naming) == {"contacts/{}/contactLists", "contactLists"})


def test_how_somebody_stands_is_only_read() -> None:
    """The one question about it is a GET."""
    calls = {
        (node.func.attr, _text(node.args[0]))
        for node in ast.walk(_tree(CLIENT))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args
    }
    assert {name for name, path in calls if path == "contacts/{}/contactLists"} == {"_get"}
    assert not [path for _, path in _requests(CLIENT) if "contactLists" in path]


def test_a_changed_address_changes_nothing_else() -> None:
    """The body of the one PUT holds an address and no list, no status."""
    bodies = [
        ast.unparse(keyword.value)
        for node in ast.walk(_tree(CLIENT))
        if isinstance(node, ast.Call) and any(_text(argument) == "PUT" for argument in node.args)
        for keyword in node.keywords
        if keyword.arg == "json"
    ]
    assert bodies == ["{'contact': {'email': email}}"]


def test_requests_leave_from_known_places_only() -> None:
    """Who wants to send something else has to come by here."""
    sending = {_name(source) for source in SOURCES if _imports_requests(source)}
    assert sending - {"shared/courier.py", "shared/opening.py"} == SENDERS


def test_the_guard_sees_what_it_guards_against(tmp_path: Path) -> None:
    """Code that subscribes people is found however it is written."""
    bad = tmp_path / "bad.py"
    bad.write_text('client._ask("POST", f"contact/sync")\nbody = {"contactList": {"status": 1}}\n', encoding="utf-8")
    assert list(_requests(bad)) == [("POST", "contact/sync")]
    assert {"contact/sync", "contactList"} <= set(_texts(bad))
