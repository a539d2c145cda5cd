"""One small drop with what has to come of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.drop.shapes import Dialect
from tests.plan.planning import PLAIN

ATTRIBUTES = ("Id", "EMail", "Name")
HEADER = "Id,EMail,Name"


@dataclass(frozen=True)
class Trap:
    """``members`` are first names by email, ``lines`` where their rows start, ``rejects`` lines and codes.

    ``stops`` is the code with which the plan ends instead, ``at`` the line that its message names. Columns are ``Id``,
    ``EMail`` and ``Name``; ``attributes`` are those of ``model.json``.
    """

    name: str
    files: Mapping[str, bytes] | bytes
    members: Mapping[str, str | None] = field(default_factory=dict)
    lines: tuple[int, ...] = ()
    rejects: tuple[tuple[int, str], ...] = ()
    stops: str | None = None
    at: int | None = None
    warns: bool = False
    dialect: Dialect = PLAIN
    attributes: tuple[str, ...] | None = None


def text(*lines: str, header: str = HEADER) -> bytes:
    """A header and lines in UTF-8, with LF."""
    return "".join(f"{line}\n" for line in (header, *lines)).encode()
