"""Route templates: which paths they fit, and what they take from them."""

import pytest

from local.host.routes import Route


@pytest.mark.parametrize(
    ("template", "path", "parameters"),
    [
        ("api/runs", "/api/runs", {}),
        ("api/runs", "/API/Runs/", {}),
        ("api/runs", "/api/runs/1", None),
        ("api/runs", "/api/run", None),
        ("", "/", {}),
        ("runs/{run}", "/runs/R-1", {"run": "R-1"}),
        ("runs/{run}", "/runs/", None),
        ("runs/{run}", "/runs/a%20b%2Fc", {"run": "a b%2Fc"}),
        ("runs/{run}/release", "/runs/7/RELEASE", {"run": "7"}),
        ("runs/{run?}", "/runs", {}),
        ("runs/{run?}", "/runs/7", {"run": "7"}),
        ("files/{*rest}", "/files/a/b%2Fc.csv", {"rest": "a/b%2Fc.csv"}),
        ("files/{*rest}", "/files", {}),
        ("files/{name}.{ext}", "/files/a.b.csv", {"name": "a.b", "ext": "csv"}),
        ("n/{id:int}", "/n/-12", {"id": "-12"}),
        ("n/{id:int}", "/n/2147483648", None),
        ("n/{id:long}", "/n/2147483648", {"id": "2147483648"}),
        ("n/{id:int}", "/n/x", None),
        ("n/{id:int:min(3)}", "/n/2", None),
        ("n/{id:range(3,5)}", "/n/5", {"id": "5"}),
        ("n/{id:max(5)?}", "/n", {}),
        ("n/{id:max(5)?}", "/n/6", None),
        ("n/{on:bool}", "/n/True", {"on": "True"}),
        ("n/{w:alpha:length(2)}", "/n/ab", {"w": "ab"}),
        ("n/{w:alpha}", "/n/a1", None),
        ("n/{w:minlength(2):maxlength(3)}", "/n/abcd", None),
        ("n/{w:length(2,3)}", "/n/abc", {"w": "abc"}),
        ("n/{g:guid}", "/n/0f8fad5b-d9cb-469f-a165-70867728950e", {"g": "0f8fad5b-d9cb-469f-a165-70867728950e"}),
        ("n/{g:guid}", "/n/0f8fad5b", None),
    ],
)
def test_a_template_fits_a_path_or_not(template: str, path: str, parameters: dict[str, str] | None) -> None:
    """A template fits the whole path, without regard to case, and gives its parameters decoded (but for %2F)."""
    assert Route(template).match(path) == parameters


@pytest.mark.parametrize(
    "template", ["a/{b", "a/b}", "{id:datetime}", "{id:min(x)}", "{a?}/b", "{*a}/b", "x{*a}", "{id=3}"]
)
def test_a_template_that_cannot_be_played_is_refused(template: str) -> None:
    """A template with a mistake, or with something this host does not play, is refused when it is read."""
    with pytest.raises(ValueError, match="route"):
        Route(template)
