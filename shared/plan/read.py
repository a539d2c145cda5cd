"""Reading: the files of all drops into table ``record``, one row a line."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from shared.errors import DropUnusable
from shared.plan.columns import STANDARD, field_places, locate, wanted_columns
from shared.plan.dialect import find_layout, some
from shared.plan.engine import Engine
from shared.plan.load import Text, check_line_ends, create_record, load_parquet, load_text, parquet_columns
from shared.plan.plain import NotPlain, Plain, open_plain, rewrite
from shared.plan.shapes import Job, LocalDrop
from shared.plan.spans import join_lines

_SOURCE = "CREATE TABLE source (id USMALLINT, segment USMALLINT, name VARCHAR, first BIGINT)"


@dataclass(frozen=True)
class Source:
    """One file in table ``record``; its line n lies in row ``first`` + n - 1."""

    id: int
    segment: int
    name: str
    first: int


@dataclass
class Reading:
    """What was read: the files, the names of all columns, and what a person should know."""

    sources: list[Source] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    is_damaged: bool = False


def read_drops(engine: Engine, job: Job) -> Reading:
    """Fill table ``record`` from the files of all drops.

    Raises ``DropUnusable`` (naming file, line and what was expected), ``ExportRefused`` or ``RunHeld``.
    """
    places = [*STANDARD, *field_places(job).values()]
    create_record(engine, places)
    reading = Reading()
    for segment, drop in enumerate(job.drops):
        reading.warnings.extend(drop.segment.warnings)
        if not drop.files:
            raise DropUnusable(f"the drop of segment {drop.segment.drop.segment} has no files", code="drop_empty")
        reader = _DropReader(engine, job, drop, segment, places, reading)
        for blob, path in zip(drop.segment.drop.blobs, drop.files, strict=True):
            reader.read(blob.name, path)
    engine.run(_SOURCE)
    for source in reading.sources:
        engine.run("INSERT INTO source VALUES ($id, $segment, $name, $first)", **asdict(source))
    return reading


class _DropReader:
    """Reads the files of one drop, which have to agree on their columns."""

    def __init__(
        self, engine: Engine, job: Job, drop: LocalDrop, segment: int, places: Sequence[str], reading: Reading
    ) -> None:
        self._engine = engine
        self._job = job
        self._drop = drop.segment
        self._segment = segment
        self._places = places
        self._reading = reading
        self._wanted = wanted_columns(job, drop)
        self._first_file: tuple[str, list[str]] | None = None

    def read(self, file: str, path: Path) -> None:
        """Read the next file."""
        copy = self._job.folder / f"source-{len(self._reading.sources)}"
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
        number = len(self._reading.sources)
        first = load_text(self._engine, number, file, self._places)
        join_lines(self._engine, number, first, file, self._places)
        check_line_ends(self._engine, number, file)
        self._note(plain, layout.columns, first)
        self._reading.is_damaged |= plain.is_damaged
        self._reading.warnings.extend(warning for warning in (plain.warning, layout.warning) if warning)

    def _read_parquet(self, plain: Plain) -> None:
        columns = [column for column, _ in parquet_columns(self._engine, plain)]
        positions = self._locate(plain, columns)
        first = load_parquet(self._engine, len(self._reading.sources), plain, positions, self._places)
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
        source = Source(len(self._reading.sources), self._segment, plain.name, first)
        self._reading.sources.append(source)
        self._reading.columns.extend(column for column in columns if column not in self._reading.columns)
