"""From the bytes of a blob to a file the engine reads as it stands: UTF-8 text, or Parquet.

Most files are used where they lie. Compressed ones, and texts in another encoding or with mixed line ends, are written
anew, streaming. A line ends with LF or CRLF, or with CR where there is no LF in the whole file; so the lines of a copy
are the lines of the original.
"""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from shared.errors import DropUnusable

DAMAGED = "\uffff"
"""Stands for bytes that are not UTF-8 in a text that otherwise is. A noncharacter: no text has it of its own."""

LONGEST_LINE = 64_000_000
"""Bytes of one line; beyond that a file is not taken for text in lines."""

STRAY_CR = "\v"
"""Stands for a CR that ends no line; cleaned away like any control character."""

FOLD = "\f"
"""Stands for a line end within a value; cleaned like one."""

PARQUET = b"PAR1"
GZIP = b"\x1f\x8b"
_ARCHIVES = {b"PK\x03\x04": "a zip archive (or a workbook)", b"7z\xbc\xaf": "a 7z archive", b"BZh": "a bzip2 file"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_KNOWN = re.compile(r"(utf-(8|16|32)(-[bl]e)?|iso8859-\d+|cp12\d\d|ascii)")
_UTF8 = ("utf-8", "ascii")
_BLOCK = 1 << 20
_LINE_END = re.compile("[\r\n]")
_BROKEN = re.compile("[\udc80-\udcff]")


class NotPlain(Exception):
    """The text is not UTF-8 with even line ends and a record a line, as the engine reads it: it has to be rewritten."""


@dataclass(frozen=True)
class Plain:
    """A file the engine can read. ``name`` is what people know it by, ``path`` where its text lies.

    ``encoding`` is what to take it for if it turns out not to be UTF-8; ``declared`` says whether the drop said so.
    ``is_rewritten`` says that it is UTF-8 with even line ends, and its ``longest`` line has that many bytes;
    ``is_damaged`` that :data:`DAMAGED` stands in it.
    """

    name: str
    path: Path
    is_parquet: bool
    encoding: str
    declared: bool
    is_rewritten: bool = False
    longest: int = 0
    is_damaged: bool = False
    warning: str | None = None


def open_plain(name: str, path: Path, encoding: str | None, copy: Path) -> Plain:
    """Unpack and decode a file as far as its first bytes and what the drop says of it ask for; ``copy`` takes copies.

    Raises ``DropUnusable`` where it cannot be unpacked or decoded.
    """
    head = _head(path)
    if head.startswith(GZIP):
        unpacked = copy.with_suffix(".unpacked")
        _unpack(name, path, unpacked)
        path, head = unpacked, _head(unpacked)
    for magic, what in _ARCHIVES.items():
        if head.startswith(magic):
            raise DropUnusable(f"{name} is {what}: CSV, gzip and Parquet are read", code="file_unreadable")
    codec = _codec(name, encoding)
    plain = Plain(name, path, head.startswith(PARQUET), codec, declared=encoding is not None)
    if plain.is_parquet:
        return plain
    marked = next((marked for mark, marked in _MARKS if head.startswith(mark)), codec)
    if marked.startswith(("utf-16", "utf-32")):
        return _decoded(plain, marked, "strict", copy)
    return plain


def rewrite(plain: Plain, copy: Path, longest_line: int = LONGEST_LINE) -> Plain:
    """Decode a text that the engine could not read as UTF-8 with even line ends.

    Raises ``DropUnusable`` where it cannot be decoded, or has a line of more than ``longest_line`` bytes.
    """
    tally = _tally(plain.path)
    lone_cr = STRAY_CR if tally.has_lf else "\n"
    rewritten = _rewritten(plain, tally, copy, lone_cr)
    longest, line = _longest_line(copy)
    check_length(plain.name, line, longest, longest_line)
    return replace(rewritten, is_rewritten=True, longest=longest)


def check_length(name: str, line: int, size: int, longest_line: int) -> None:
    """``DropUnusable`` where a line is longer than what is taken for a line."""
    if size > longest_line:
        raise DropUnusable(
            f"{name}, line {line} is longer than {longest_line} bytes: expected text in lines",
            code="file_unreadable",
        )


def _rewritten(plain: Plain, tally: "_Tally", copy: Path, lone_cr: str) -> Plain:
    if not tally.broken:
        return _decoded(plain, "utf-8-sig", "strict", copy, lone_cr)
    if tally.has_bom or tally.sound >= tally.broken:
        return replace(_decoded(plain, "utf-8-sig", "courier.damaged", copy, lone_cr), is_damaged=True)
    if plain.declared and plain.encoding not in _UTF8:
        return _decoded(plain, plain.encoding, "courier.c1", copy, lone_cr)
    warning = f"{plain.name} is not UTF-8 and was read as Windows-1252: check names with accents"
    return replace(_decoded(plain, "cp1252", "courier.c1", copy, lone_cr), warning=warning)


def _longest_line(path: Path) -> tuple[int, int]:
    """How many bytes the longest line has, and its number."""
    longest = number = held = ended = 0
    for block in _blocks(path):
        sizes = [len(line) for line in block.split(b"\n")]
        sizes[0] += held
        held = sizes[-1]
        if max(sizes) > longest:
            longest = max(sizes)
            number = ended + sizes.index(longest) + 1
        ended += len(sizes) - 1
    return longest, number


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        yield from iter(partial(file.read, _BLOCK), b"")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _codec(name: str, encoding: str | None) -> str:
    """The codec's own name; only encodings that texts are written in, not everything Python calls a codec."""
    try:
        codec = codecs.lookup(encoding or "utf-8").name
    except LookupError:
        codec = ""
    if not _KNOWN.fullmatch(codec):
        raise DropUnusable(f"{name} is said to be encoded in {encoding!r}, which is not known", code="encoding_unknown")
    return codec


def _unpack(name: str, source: Path, target: Path) -> None:
    try:
        with gzip.open(source) as packed, target.open("wb") as unpacked:
            while block := packed.read(_BLOCK):
                unpacked.write(block)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise DropUnusable(
            f"{name} is a damaged gzip file: it ends too early or its checksum is wrong", code="file_unreadable"
        ) from None


def _decoded(plain: Plain, encoding: str, errors: str, copy: Path, lone_cr: str | None = None) -> Plain:
    """A copy in UTF-8; with ``lone_cr`` in place of each CR that is alone, and LF in place of CRLF."""
    lines = 0
    try:
        with plain.path.open(encoding=encoding, errors=errors, newline="") as source, copy.open("wb") as target:
            blocks = iter(partial(source.read, _BLOCK), "")
            for block in _with_even_ends(blocks, lone_cr) if lone_cr else blocks:
                target.write(block.encode())
                lines += block.count("\n")
    except UnicodeError:
        raise DropUnusable(
            f"{plain.name} is not valid {encoding} somewhere after line {lines}", code="file_unreadable"
        ) from None
    return replace(plain, path=copy, encoding="utf-8", declared=True)


def _with_even_ends(blocks: Iterable[str], lone_cr: str) -> Iterator[str]:
    held = ""
    for block in blocks:
        text = held + block
        held = "\r" if text.endswith("\r") else ""
        yield text.removesuffix(held).replace("\r\n", "\n").replace("\r", lone_cr)
    yield held and lone_cr


@dataclass(frozen=True)
class _Tally:
    """How many lines with more than ASCII are sound UTF-8, and how many are not; what else is in the file."""

    sound: int
    broken: int
    has_bom: bool
    has_lf: bool


def _tally(path: Path) -> _Tally:
    sound = broken = 0
    has_lf = False
    with path.open("rb") as file:
        has_bom = file.read(3) == codecs.BOM_UTF8
        file.seek(0)
        for block in _decode_blocks(file):
            lines = [line for line in _LINE_END.split(block) if not line.isascii()] if not block.isascii() else []
            damaged = sum(_BROKEN.search(line) is not None for line in lines)
            broken += damaged
            sound += len(lines) - damaged
            has_lf = has_lf or "\n" in block
    return _Tally(sound, broken, has_bom, has_lf)


def _decode_blocks(file: BinaryIO) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    while block := file.read(_BLOCK):
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def _mark_damage(error: UnicodeError) -> tuple[str, int]:
    return DAMAGED, _decode_error(error).end


def _keep_c1(error: UnicodeError) -> tuple[str, int]:
    """The five bytes Windows-1252 leaves out are control characters, as https://encoding.spec.whatwg.org has it."""
    wrong = _decode_error(error)
    return wrong.object[wrong.start : wrong.end].decode("latin-1"), wrong.end


def _decode_error(error: UnicodeError) -> UnicodeDecodeError:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error


codecs.register_error("courier.damaged", _mark_damage)
codecs.register_error("courier.c1", _keep_c1)
