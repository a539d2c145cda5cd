"""Reading: the files of all drops into table ``record``, one row a line."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from shared.drop.shapes import column_name
from shared.errors import DropUnusable
from shared.plan import record
from shared.plan.clean import Cleaner
from shared.plan.columns import Columns, locate, wanted_columns
from shared.plan.dialect import find_layout, some
from shared.plan.engine import Engine
from shared.plan.load import Text, check_line_ends, load_parquet, load_text, parquet_columns
from shared.plan.plain import LONGEST_LINE, NotPlain, Plain, open_plain, rewrite
from shared.plan.regular import load_regular
from shared.plan.shapes import Job, LocalDrop
from shared.plan.spans import check_folded, fold

_SHARE = 8
"""That part of the engine's memory is what one line may have, since the engine holds it more than once."""


@dataclass
class Reading:
    """What was read: how many files, the names of all columns, and what a person should know."""

    files: int = 0
    columns: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_drops(engine: Engine, job: Job) -> Reading:
    """Fill table ``record`` from the files of all drops, cleaned; what has been read is removed.

    Raises ``DropUnusable`` (naming file, line and what was expected), ``ExportRefused`` or ``RunHeld``.
    """
    cleaner = Cleaner(engine, job)
    record.create(engine, cleaner.places, cleaner.misfits)
    reading = Reading()
    for segment, drop in enumerate(job.drops):
        reading.warnings.extend(drop.segment.warnings)
        if not drop.files:
            raise DropUnusable(f"the drop of segment {drop.segment.drop.segment} has no files", code="drop_empty")
        reader = _DropReader(engine, cleaner, job, drop, segment, reading)
        for blob, path in zip(drop.segment.drop.blobs, drop.files, strict=True):
            reader.read(blob.name, path)
    cleaner.map_foreign_domains()
    reading.warnings.extend(cleaner.warnings())
    return reading


class _DropReader:
    """Reads the files of one drop, which have to agree on their columns."""

    def __init__(
        self, engine: Engine, cleaner: Cleaner, job: Job, drop: LocalDrop, segment: int, reading: Reading
    ) -> None:
        self._engine = engine
        self._cleaner = cleaner
        self._job = job
        self._drop = drop.segment
        self._segment = segment
        self._reading = reading
        self._wanted = wanted_columns(job, drop)
        self._longest_line = min(LONGEST_LINE, job.memory_mb * 1_000_000 // _SHARE)
        self._first_file: tuple[str, list[str]] | None = None

    def read(self, file: str, path: Path) -> None:
        """Read the next file, and remove it and every copy of it."""
        copies = self._job.folder / "copies"
        copies.mkdir()
        self._read(file, path, copies / "source")
        path.unlink()
        shutil.rmtree(copies)

    def _read(self, file: str, path: Path, copy: Path) -> None:
        plain = open_plain(file, path, self._drop.dialect.encoding, copy.with_suffix(".txt"))
        if plain.is_parquet:
            self._read_parquet(plain)
            return
        try:
            self._read_text(self._text(plain))
        except NotPlain:
            self._read_folded(self._text(rewrite(plain, copy.with_suffix(".utf8"), self._longest_line)), copy)

    def _text(self, plain: Plain) -> Text:
        mapped = [want.column for want in self._wanted if want.member]
        layout = find_layout(plain, self._drop.dialect, self._drop.columns, mapped)
        columns = Columns(plain.name, layout.columns, are_named=self._drop.columns is not None)
        return Text(plain, layout, self._locate(columns))

    def _read_text(self, file: Text) -> int:
        """Read a text of which every record is a line; returns the row of its first line."""
        source = (self._engine, self._cleaner, self._reading.files, file)
        first = load_regular(*source)
        if first is None:
            first = load_text(*source)
        check_line_ends(self._engine, self._reading.files, file)
        self._note(file.plain, file.layout.columns, first)
        self._reading.warnings.extend(warning for warning in (file.plain.warning, file.layout.warning) if warning)
        return first

    def _read_folded(self, file: Text, copy: Path) -> None:
        """Read a text of which some records may have several lines."""
        folded = fold(self._engine, file, copy.with_suffix(".folded"), self._longest_line)
        if folded is None:
            self._read_text(file)
            return
        number, file = self._reading.files, replace(file, plain=folded)
        check_folded(self._engine, number, self._read_text(file), file)

    def _read_parquet(self, plain: Plain) -> None:
        columns = [column_name(column) for column, _ in parquet_columns(self._engine, plain)]
        positions = self._locate(Columns(plain.name, columns, are_named=True))
        first = load_parquet(self._engine, self._cleaner, self._reading.files, plain, positions)
        self._note(plain, columns, first)

    def _locate(self, columns: Columns) -> dict[str, int]:
        names = sorted(columns.names)
        if self._first_file is None:
            self._first_file = (columns.file, names)
        file, expected = self._first_file
        if names != expected:
            found = some(columns.names) if columns.are_named or set(names) & set(expected) else "none of them"
            raise DropUnusable(
                f"{columns.file}, line 1: expected the columns of {file} ({some(expected)}), found {found}",
                code="columns_differ",
            )
        return locate(self._job, self._wanted, columns, self._drop.drop.segment)

    def _note(self, plain: Plain, columns: Sequence[str], first: int) -> None:
        record.add_source(self._engine, self._segment, plain.name, first)
        self._reading.files += 1
        self._reading.columns.extend(column for column in columns if column not in self._reading.columns)
