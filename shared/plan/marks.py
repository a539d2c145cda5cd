"""The marks of a text: its line ends and quotes, counted byte by byte. A reading is proved by them."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Marks:
    """Of a UTF-8 text without its byte order mark: its ``size`` in bytes, and how many of them are which mark.

    ``lines`` end with LF or with the file. ``has_spaced_quotes`` says that two quotes with nothing but spaces between
    them stand in it.
    """

    size: int
    lf: int
    cr: int
    crlf: int
    lines: int
    quotes: int
    has_spaced_quotes: bool


def count_marks(path: Path, quote: str) -> Marks:
    """Count the marks of a text, a block at a time; no quotes are counted where ``quote`` is empty."""
    mark = quote.encode()
    size = lf = cr = crlf = quotes = 0
    last, search = b"", _SpacedQuotes(mark)
    for block in _blocks(path):
        size += len(block)
        lf += block.count(b"\n")
        if b"\r" in block or last.endswith(b"\r"):
            cr += block.count(b"\r")
            crlf += block.count(b"\r\n") + (last.endswith(b"\r") and block.startswith(b"\n"))
        if mark:
            quotes += block.count(mark)
            search.go_on(block)
        last = block
    is_ended = not last or last.endswith(b"\n")
    return Marks(size, lf, cr, crlf, lf + (not is_ended), quotes, search.found)


class _SpacedQuotes:
    """Looks for two quotes with nothing but spaces between them, which may lie in different blocks."""

    def __init__(self, mark: bytes) -> None:
        self.found = False
        self._mark = mark
        self._pattern = re.compile(re.escape(mark) + b" +" + re.escape(mark))
        self._held = b""

    def go_on(self, block: bytes) -> None:
        """Look at the next block. Spaces without end count as found, instead of being held in memory."""
        text = self._held + block
        bare = text.rstrip(b" ")
        self._held = text[len(bare) - 1 :] if bare.endswith(self._mark) else b""
        if not self.found and b" " in text:
            self.found = len(self._held) > _BLOCK or self._pattern.search(text) is not None


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            file.seek(0)
        yield from iter(partial(file.read, _BLOCK), b"")
