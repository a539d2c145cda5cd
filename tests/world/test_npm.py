"""Packages of npm; that only one of many installs, and tries again after a failure, is shown by Azurite's tests."""

from pathlib import Path

import pytest

from local.npm import install_package, run_npm


def _npm(arguments: list[str]) -> None:
    """Installs what a real npm would, as an empty folder."""
    package = arguments[3].rpartition("@")[0]
    (Path(arguments[2]) / "node_modules" / package).mkdir(parents=True)


def test_a_package_of_a_scope_is_where_npm_puts_it(tmp_path: Path) -> None:
    """The name of a scope is a folder of its own."""
    assert install_package("@scope/parser", "1.0.0", tmp_path, _npm).relative_to(tmp_path) == Path(
        "1.0.0", "node_modules", "@scope", "parser"
    )


def test_another_version_does_not_disturb_the_one_that_is_there(tmp_path: Path) -> None:
    """Whoever still uses the older version keeps it."""
    versions = [install_package("parser", version, tmp_path, _npm) for version in ("1.0.0", "2.0.0")]
    assert all(package.is_dir() for package in versions)
    assert len(set(versions)) == 2


def test_a_failure_says_what_npm_said() -> None:
    """The words of the real npm, which needs no registry to refuse an order that it does not know."""
    with pytest.raises(RuntimeError, match=r"npm fly failed:\n(.|\n)*Unknown command"):
        run_npm(["fly"])
