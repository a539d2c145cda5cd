"""Reading: the files of all drops into table ``record``, one row a line."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import DropUnusable
from shared.plan import record
from shared.plan.clean import Cleaner
from shared.plan.columns import STANDARD, field_places, locate, wanted_columns
from shared.plan.dialect import find_layout, some
from shared.plan.engine import Engine
from shared.plan.load import Text, check_line_ends, load_parquet, load_text, parquet_columns
from shared.plan.plain import NotPlain, Plain, open_plain, rewrite
from shared.plan.shapes import Job, LocalDrop
from shared.plan.spans import join_lines


@dataclass
class Reading:
    """What was read: how many files, the names of all columns, and what a person should know."""

    files: int = 0
    columns: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_drops(engine: Engine, job: Job) -> Reading:
    """Fill table ``record`` from the files of all drops, cleaned.

    Raises ``DropUnusable`` (naming file, line and what was expected), ``ExportRefused`` or ``RunHeld``.
    """
    cleaner = Cleaner(engine, job)
    record.create(engine, cleaner.misfits)
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
        self._places = [*STANDARD, *field_places(job).values()]
        self._reading = reading
        self._wanted = wanted_columns(job, drop)
        self._first_file: tuple[str, list[str]] | None = None

    def read(self, file: str, path: Path) -> None:
        """Read the next file."""
        copy = self._job.folder / f"source-{self._reading.files}"
        plain = open_plain(file, path, self._drop.dialect.encoding, copy.with_suffix(".txt"))
        if plain.is_parquet:
            self._read_parquet(plain)
            return
        try:
            self._read_text(plain, is_rewritten=False)
        except NotPlain:
            self._read_text(rewrite(plain, copy.with_suffix(".utf8")), is_rewritten=True)

    def _read_text(self, plain: Plain, *, is_rewritten: bool) -> None:
        mapped = [want.column for want in self._wanted if want.member]
        layout = find_layout(plain, self._drop.dialect, self._drop.columns, mapped)
        file = Text(plain, layout, self._locate(plain, layout.columns), is_rewritten)
        number = self._reading.files
        first = load_text(self._engine, self._cleaner, number, file, self._places)
        join_lines(self._engine, self._cleaner, number, first, file, self._places)
        check_line_ends(self._engine, number, file)
        self._note(plain, layout.columns, first)
        self._reading.warnings.extend(warning for warning in (plain.warning, layout.warning) if warning)

    def _read_parquet(self, plain: Plain) -> None:
        columns = [column for column, _ in parquet_columns(self._engine, plain)]
        positions = self._locate(plain, columns)
        first = load_parquet(self._engine, self._cleaner, self._reading.files, plain, positions, self._places)
        self._note(plain, columns, first)

    def _locate(self, plain: Plain, columns: Sequence[str]) -> dict[str, int]:
        if self._first_file is None:
            self._first_file = (plain.name, sorted(columns))
        name, expected = self._first_file
        if sorted(columns) != expected:
            raise DropUnusable(
                f"{plain.name}, line 1: expected the columns of {name} ({some(expected)}), found {some(columns)}",
                code="columns_differ",
            )
        return locate(self._job, self._wanted, columns, self._drop.drop.segment, plain.name)

    def _note(self, plain: Plain, columns: Sequence[str], first: int) -> None:
        record.add_source(self._engine, self._segment, plain.name, first)
        self._reading.files += 1
        self._reading.columns.extend(column for column in columns if column not in self._reading.columns)
