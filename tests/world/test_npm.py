"""Packages of npm; that only one of many installs, and tries again after a failure, is shown by Azurite's tests."""

from pathlib import Path

import pytest

from local.npm import install_package, run_npm

NOBODY = "http://127.0.0.1:9/"


def _npm(arguments: list[str], cache: Path) -> None:
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


def test_a_failure_says_what_npm_said(tmp_path: Path) -> None:
    """The words of the real npm, which needs no registry to refuse an order that it does not know."""
    with pytest.raises(RuntimeError, match=r'npm fly failed: Unknown command: "fly"\n'):
        run_npm(["fly"], tmp_path)


def test_npm_needs_no_home_and_leaves_nothing_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home that cannot be written to is not looked at, and a path with a space is a path.

    The registry is a port where nobody listens: it is given up within seconds, in a sentence.
    """
    temporary, cache = tmp_path / "temporary", tmp_path / "my packages" / "cache"
    temporary.mkdir()
    for name, value in {"HOME": "/proc/nohome", "TMPDIR": str(temporary), "npm_config_registry": NOBODY}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RuntimeError, match=r"npm install failed: .*ECONNREFUSED"):
        run_npm(["install", "--prefix", str(tmp_path / "my packages"), "nothing@1.0.0"], cache, seconds=40)
    assert list(temporary.iterdir()) == []
    assert cache.is_dir()


def test_an_npm_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    """The time out of the process is a sentence, not its own exception."""
    with pytest.raises(RuntimeError, match=r"^npm fly did not end within 0\.001 seconds$"):
        run_npm(["fly"], tmp_path, seconds=0.001)
