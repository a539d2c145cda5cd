"""What is known of a drop before its rows are read."""

from dataclasses import dataclass

from shared.documents import Drop


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written; ``None`` means that it has to be found out from the file.

    ``quote`` is empty where nothing is quoted. ``header`` says whether record 1 names the columns. ``encoding`` is the
    name Python knows it by.
    """

    delimiter: str | None = None
    quote: str | None = None
    header: bool | None = None
    encoding: str | None = None


def column_name(written: str) -> str:
    """What a column is called, wherever its name stands: without what is not seen, and without white space around."""
    return "".join(mark for mark in written if mark.isprintable()).strip()


@dataclass(frozen=True)
class SegmentDrop:
    """A whole drop of one segment. ``columns`` are the attribute names of ``model.json``, in order, where it has any.

    ``primary_key`` is the column that ``model.json`` names as ``c360:PrimaryKey``.
    """

    drop: Drop
    columns: tuple[str, ...] | None = None
    dialect: Dialect = Dialect()
    primary_key: str | None = None
    warnings: tuple[str, ...] = ()
