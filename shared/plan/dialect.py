"""How a file of a drop is written, and what its columns are called. Nothing is guessed that could shift columns."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TextIO

from shared.drop.shapes import Dialect, column_name
from shared.errors import DropUnusable
from shared.plan.plain import STRAY_CR, NotPlain, Plain, check_length

_DELIMITERS = (",", ";", "\t", "|")
_HEAD_BYTES = 1 << 20
_LONGEST_LINE = 16_000_000
"""Characters of a line of record 1, and of a value in it; beyond that a file is not taken for text in lines."""
_SHOWN = 60


@dataclass(frozen=True)
class Layout:
    """``columns`` in the order of the file. ``header_lines`` are the physical lines before its first row."""

    columns: tuple[str, ...]
    header_lines: int
    delimiter: str
    quote: str
    warning: str | None = None


@dataclass(frozen=True)
class _Record:
    """Record 1, and the physical lines up to its end."""

    values: tuple[str, ...]
    lines: int


def find_layout(plain: Plain, dialect: Dialect, attributes: tuple[str, ...] | None, mapped: Sequence[str]) -> Layout:
    """The layout of a text file, from what the drop says of it, the attribute names and record 1.

    ``mapped`` are the columns the export asks for: they tell which delimiter a header is written with where the drop
    does not. Raises ``DropUnusable`` where record 1 and what is known of the drop disagree, and ``NotPlain`` where
    the text has to be rewritten before record 1 can be read.
    """
    quote = '"' if dialect.quote is None else dialect.quote
    delimiters = _DELIMITERS if dialect.delimiter is None else (dialect.delimiter,)
    _check_marks(plain, delimiters, quote)
    delimiter, record = _likeliest(plain, delimiters, quote, attributes, mapped)
    if attributes is None:
        return Layout(_named(plain, dialect, record), record.lines, delimiter, quote)
    is_header, warning = _is_header(plain, dialect, record.values, attributes)
    if is_header:
        return Layout(record.values, record.lines, delimiter, quote, warning)
    return Layout(attributes, 0, delimiter, quote)


def some(names: Sequence[str]) -> str:
    """Column names for a message: the first of many."""
    shown = ", ".join(name[:100] for name in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def _check_marks(plain: Plain, delimiters: Sequence[str], quote: str) -> None:
    for mark, what in [*((delimiter, "delimiter") for delimiter in delimiters), (quote or '"', "quote character")]:
        if len(mark) != 1 or mark in "\r\n\0":
            raise DropUnusable(f"the {what} of {plain.name} is not one character", code="dialect_unknown")
    if quote in delimiters:
        raise DropUnusable(f"delimiter and quote character of {plain.name} are the same", code="dialect_unknown")


def _likeliest(
    plain: Plain, delimiters: Sequence[str], quote: str, attributes: tuple[str, ...] | None, mapped: Sequence[str]
) -> tuple[str, _Record]:
    """The delimiter whose record 1 has as many values as there are attributes, or names most mapped columns.

    Of those that do as well, the one with most values, then the first.
    """
    records = {delimiter: _first_record(plain, delimiter, quote) for delimiter in delimiters}
    readable = [(delimiter, record) for delimiter, record in records.items() if record]
    if not readable:
        raise DropUnusable(
            f"{plain.name}, line 1: the first record cannot be read, its quotes do not match", code="header_unreadable"
        )

    def fit(candidate: tuple[str, _Record]) -> tuple[int, int]:
        values = candidate[1].values
        hits = len(values) == len(attributes) if attributes else len(set(mapped) & set(values))
        return hits, len(values)

    return max(readable, key=fit)


def _first_record(plain: Plain, delimiter: str, quote: str) -> _Record | None:
    """Record 1 as it would be with that delimiter, ``None`` where it is none."""
    csv.field_size_limit(_LONGEST_LINE)
    try:
        with plain.path.open(encoding="utf-8-sig", newline=_line_end(plain)) as file:
            reader = csv.reader(
                _lines(plain, file),
                delimiter=delimiter,
                quotechar=quote or None,
                quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
                strict=True,
            )
            values = next((row for row in reader if row), None)
            lines = reader.line_num
    except UnicodeDecodeError:
        raise NotPlain from None
    except csv.Error:
        return None
    if values is None:
        raise DropUnusable(
            f"{plain.name} is empty: an empty file cannot be told from an upload that failed", code="file_empty"
        )
    if any("\0" in value for value in values):
        raise DropUnusable(
            f"{plain.name}, line 1 has NUL bytes: expected UTF-8, or UTF-16 with a byte order mark",
            code="file_unreadable",
        )
    return _Record(tuple(map(column_name, values)), lines)


def _lines(plain: Plain, file: TextIO) -> Iterator[str]:
    """Its lines, each with LF or without an end."""
    for number, line in enumerate(iter(partial(file.readline, _LONGEST_LINE), ""), 1):
        check_length(plain.name, number, len(line), _LONGEST_LINE - 1)
        yield line.replace("\r\n", "\n").removesuffix("\r").replace("\r", STRAY_CR)


def _line_end(plain: Plain) -> str:
    with plain.path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return "\r" if b"\r" in head and b"\n" not in head else "\n"


def _named(plain: Plain, dialect: Dialect, record: _Record) -> tuple[str, ...]:
    if dialect.header is False:
        raise DropUnusable(
            f"{plain.name} has no header row and no model.json names its columns", code="columns_unknown"
        )
    if any("@" in value for value in record.values):
        raise DropUnusable(
            f"{plain.name}, line 1: expected a header row with the names of the columns, found values",
            code="header_missing",
        )
    return record.values


def _is_header(
    plain: Plain, dialect: Dialect, values: tuple[str, ...], attributes: tuple[str, ...]
) -> tuple[bool, str | None]:
    """Whether record 1 names the columns, and what to warn of.

    The attribute names in record 1 are a header whatever the drop says: no customer is called like that.
    """
    if len(values) != len(attributes):
        raise DropUnusable(
            f"{plain.name}, line 1: expected {len(attributes)} columns as in model.json, found {len(values)}",
            code="columns_differ",
        )
    known = [name.casefold() for name in attributes]
    found = [value.casefold() for value in values]
    if sorted(found) == sorted(known):
        surprise = f"{plain.name} has a header row although model.json says it has none"
        return True, surprise if dialect.header is False else None
    if dialect.header or 2 * sum(value in known for value in found) >= len(found):
        raise DropUnusable(
            f"{plain.name}, line 1: expected the column names of model.json ({some(attributes)})",
            code="columns_differ",
        )
    return False, None
