"""The deployment package, as azd builds it: the folder without what ``.funcignore`` names."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec


def files_of(root: Path) -> list[Path]:
    """Paths, relative to the root, of all files that belong into the package."""
    ignored = GitIgnoreSpec.from_lines((root / ".funcignore").read_text().splitlines())
    return sorted(_kept(root, root, ignored))


def _kept(folder: Path, root: Path, ignored: GitIgnoreSpec) -> Iterator[Path]:
    for path in folder.iterdir():
        relative = path.relative_to(root)
        if path.is_dir():
            if not ignored.match_file(f"{relative.as_posix()}/"):
                yield from _kept(path, root, ignored)
        elif not ignored.match_file(relative.as_posix()):
            yield relative


def pack(root: Path, target: Path) -> None:
    """Write the package of that folder."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for path in files_of(root):
            package.write(root / path, path.as_posix())
