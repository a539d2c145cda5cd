"""The marks of a text: its line ends and quotes, counted byte by byte. A reading is proved by them."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Marks:
    """Of a UTF-8 text without its byte order mark: its ``size`` in bytes, and how many of them are which mark.

    ``has_spaced_quotes`` says that two quotes with nothing but spaces between them stand in it.
    """

    size: int = 0
    lf: int = 0
    cr: int = 0
    crlf: int = 0
    quotes: int = 0
    has_spaced_quotes: bool = False
    is_ended: bool = True

    @property
    def lines(self) -> int:
        """Lines that end with LF or with the file."""
        return self.lf + (not self.is_ended)


def count_marks(path: Path, quote: str = "") -> Marks:
    """Count the marks of a text; no quotes where ``quote``, one ASCII character, is not given."""
    marks = Marks()
    mark = quote.encode()
    spaced = re.compile(re.escape(mark) + b" +" + re.escape(mark))
    for block in _blocks(path):
        has_cr = b"\r" in block
        marks = replace(
            marks,
            size=marks.size + len(block),
            lf=marks.lf + block.count(b"\n"),
            cr=marks.cr + (block.count(b"\r") if has_cr else 0),
            crlf=marks.crlf + (block.count(b"\r\n") if has_cr else 0),
            quotes=marks.quotes + (block.count(mark) if mark else 0),
            has_spaced_quotes=marks.has_spaced_quotes or bool(mark and b" " in block and spaced.search(block)),
            is_ended=block.endswith(b"\n"),
        )
    return marks


def _blocks(path: Path) -> Iterator[bytes]:
    """The bytes of a file but for a byte order mark; no line is cut."""
    with path.open("rb") as file:
        if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            file.seek(0)
        while block := file.read(_BLOCK):
            yield block if block.endswith(b"\n") else block + file.readline()
