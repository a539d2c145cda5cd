"""Texts the engine's own reader takes: all of them are read alike line by line, and no other is taken."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from shared.plan import record
from shared.plan.clean import Cleaner
from shared.plan.dialect import Layout
from shared.plan.engine import Engine
from shared.plan.load import Text, load_text
from shared.plan.plain import Plain
from shared.plan.regular import load_regular
from shared.plan.shapes import Job
from tests.plan.planning import MARK, NOW, export

MAPPED = {"email": "EMail", "customer_id": "Id", "first_name": "Name"}
A = "a@example.com"

_ROWS = "SELECT * EXCLUDE (source, bytes) FROM record WHERE source = $source ORDER BY rowid"


@dataclass
class Bench:
    """An engine with an empty table ``record``, and a cleaner."""

    folder: Path
    engine: Engine
    cleaner: Cleaner

    def regular(self, file: Text) -> list[tuple[object, ...]] | None:
        """The rows of a text by the engine's reader, ``None`` where it is not taken."""
        return None if load_regular(self.engine, self.cleaner, 0, file) is None else self._rows(0)

    def by_lines(self, file: Text) -> list[tuple[object, ...]]:
        """The rows of a text, read line by line."""
        load_text(self.engine, self.cleaner, 1, file)
        return self._rows(1)

    def text(
        self, data: bytes, *, width: int = 3, header_lines: int = 0, delimiter: str = ",", quote: str = '"'
    ) -> Text:
        """A file with that content; its first columns are id, email and name."""
        path = self.folder / "S.csv"
        path.write_bytes(data)
        columns = tuple(f"C{number}" for number in range(width))
        places = ("customer_id", "email", "first_name")[:width]
        plain = Plain("S.csv", path, is_parquet=False, encoding="utf-8", declared=True)
        layout = Layout(columns, header_lines, delimiter, quote)
        return Text(plain, layout, {place: number for number, place in enumerate(places)})

    def clear(self) -> None:
        """Empty the table."""
        self.engine.run("TRUNCATE record")

    def _rows(self, source: int) -> list[tuple[object, ...]]:
        return self.engine.rows(_ROWS, source=source)


@pytest.fixture(scope="module")
def module_bench() -> Iterator[Bench]:
    """One for all examples."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder), 512)
        job = Job(
            export=export(MAPPED),
            drops=(),
            fields={},
            mark=MARK,
            ledger=None,
            full=False,
            now=NOW,
            folder=Path(folder),
            memory_mb=512,
        )
        cleaner = Cleaner(engine, job)
        record.create(engine, cleaner.places, cleaner.misfits)
        yield Bench(Path(folder), engine, cleaner)
        engine.close()


@pytest.fixture
def bench(module_bench: Bench) -> Bench:
    """An empty one."""
    module_bench.clear()
    return module_bench


REGULAR = {
    "all quoted": b'"1","a@example.com","Ada"\n"2","b@example.com","Bob"\n',
    "some quoted": b'1,a@example.com,"Ada, Countess"\n2,b@example.com,Bob\n',
    "quotes in values": b'"1","a@example.com","Ada ""the first"" L"\n"2","b@example.com",""""\n',
    "a quote within a bare value": b'1,a@example.com,5" Ada\n"2",b@example.com,Bob\n',
    "crlf": b'1,a@example.com,Ada\r\n"2",b@example.com,Bob\r\n',
    "no line end at the end": b'1,a@example.com,"Ada"\n2,b@example.com,Bob',
    "no crlf at the end": b'1,a@example.com,"Ada"\r\n2,b@example.com,Bob',
    "a byte order mark": b'\xef\xbb\xbf"1","a@example.com","Ada"\n2,b@example.com,Bob\n',
    "empty values": b'1,a@example.com,\n"","b@example.com",""\n',
    "nothing but empty values": b'"1",a@example.com,Ada\n,,\n',
    "spaces around values": b'1, a@example.com , Ada \n"2"," b@example.com "," Bob "\n',
    "control characters": b'1,a@example.com,A\x00\x01\x0b\x1fda\n2,b@example.com,"Bob"\n',
    "letters of all kinds": '1,a@example.com,"Gülşen"\n2,b@bücher.example,漢😀\n'.encode(),
    "what looks like null": b'1,a@example.com,NULL\n2,"b@example.com",\\N\n',
    "what looks like a comment": b'#1,a@example.com,Ada\n2,b@example.com,"#"\n',
}


@pytest.mark.parametrize("data", REGULAR.values(), ids=REGULAR)
def test_a_regular_text_is_taken(bench: Bench, data: bytes) -> None:
    """Two lines are two rows, as they are line by line."""
    file = bench.text(data)
    rows = bench.regular(file)
    assert rows is not None
    assert len(rows) == 2
    assert rows == bench.by_lines(file)


def test_a_header_is_marked_as_one(bench: Bench) -> None:
    """It is a line like any other, and no row."""
    file = bench.text(b'Id,EMail,Name\n1,a@example.com,"Ada"\n', header_lines=1)
    rows = bench.regular(file)
    assert rows is not None
    assert [form for form, *_ in rows] == ["header", "row"]
    assert rows == bench.by_lines(file)


IRREGULAR = {
    "no quotes, so that lines are as fast": b"1,a@example.com,Ada\n2,b@example.com,Bob\n",
    "a value of two lines": b'1,a@example.com,"Ada\nL"\n2,b@example.com,Bob\n',
    "a quote that is never closed": b'"1",a@example.com,"Ada\n2,b@example.com,Bob\n',
    "a quote that is closed by another": b'1,a@example.com,"Ada\n2,b@example.com,Bob"\n"3",c@example.com,Cy\n',
    "a row with too few values": b'"1",a@example.com,Ada\n2,b@example.com\n',
    "a row with too many values": b'"1",a@example.com,Ada\n2,b@example.com,Bob,x\n',
    "more after a closing quote": b'1,a@example.com,"Ada"x\n2,b@example.com,Bob\n',
    "quotes with a space between": b'1,a@example.com,"Ada" "L"\n2,b@example.com,Bob\n',
    "quotes with spaces between, made up for": b'"1","a@example.com","Ada"  "L"\n"2","b@example.com",Bob\n',
    "a space before a quote": b'1,a@example.com, "Ada"\n2,b@example.com,Bob\n',
    "a space after a quote": b'1,a@example.com,"Ada" \n2,b@example.com,Bob\n',
    "a blank line": b'"1",a@example.com,Ada\n\n"2",b@example.com,Bob\n',
    "a blank line at the end": b'"1",a@example.com,Ada\n\n',
    "cr": b'"1",a@example.com,Ada\r2,b@example.com,Bob\r',
    "a cr within": b'"1",a@example.com,A\rda\n2,b@example.com,Bob\n',
    "line ends that differ": b'"1",a@example.com,Ada\r\n2,b@example.com,Bob\n',
    "a cr for each lf": b'"1",a@example.com,A\rda\n2,b@example.com,B\rob\n',
    "bytes that are no text": b'"1",a@example.com,Zo\xeb\n2,b@example.com,Bob\n',
}


@pytest.mark.parametrize("data", IRREGULAR.values(), ids=IRREGULAR)
def test_any_other_text_is_not_taken(bench: Bench, data: bytes) -> None:
    """Nothing of it stays."""
    assert bench.regular(bench.text(data)) is None
    assert bench.engine.number("SELECT count(*) FROM record") == 0


def test_bytes_that_are_no_text_are_seen_where_nobody_asked(bench: Bench) -> None:
    """What a file is encoded in shows in any of its columns."""
    assert bench.regular(bench.text(b'"1",a@example.com,Ada,Zo\xeb\n2,b@example.com,Bob,\n', width=4)) is None


def test_a_text_of_one_column_is_not_taken(bench: Bench) -> None:
    """A blank line could be an empty value."""
    assert bench.regular(bench.text(b'"a@example.com"\n"b@example.com"\n', width=1)) is None


def test_a_text_of_very_many_columns_is_not_taken(bench: Bench) -> None:
    """The reader would take more memory than a small instance has, and no less time."""
    row = ",".join(['"x"'] * 900) + "\n"
    assert bench.regular(bench.text(row.encode(), width=900)) is None


def test_quotes_that_are_spaces_are_not_left_to_the_reader(bench: Bench) -> None:
    """It would leave them in the values."""
    file = bench.text(b"1,a@example.com, Ada \n 2 ,b@example.com,Bob\n", quote=" ")
    assert bench.regular(file) is None
    assert len(bench.by_lines(file)) == 2


def test_a_text_larger_than_any_buffer_is_read_alike(bench: Bench) -> None:
    """Read in parts by several threads, every row is in its place."""
    rows = (f'"{number}","p{number}@example.com","{"x" * (1 + number % 90)} ""{number}"""' for number in range(250_000))
    file = bench.text("".join(f"{row}\n" for row in rows).encode())
    assert file.plain.path.stat().st_size > 20_000_000
    first = load_regular(bench.engine, bench.cleaner, 0, file)
    again = load_text(bench.engine, bench.cleaner, 1, file)
    in_place = "SELECT count(*) FROM record WHERE source = 0 AND customer_id = (rowid - $first)::VARCHAR"
    assert bench.engine.number(in_place, first=first) == 250_000
    differing = f"""
        SELECT count(*) FROM (
            SELECT rowid - {first} AS place, * EXCLUDE (source, bytes) FROM record WHERE source = 0
            EXCEPT
            SELECT rowid - {again} AS place, * EXCLUDE (source, bytes) FROM record WHERE source = 1
        )
    """
    assert bench.engine.number(differing) == 0


pieces = st.lists(
    st.sampled_from(
        [*"ab \",;|#\\'\t\n", "\r\n", '""', '","', '" "', '"\n"', "a@example.com", "é", "\u2028", "\0", "\x1f", "NULL"]
    ),
    max_size=30,
).map("".join)
values = st.lists(st.sampled_from([*'ab ,;"\té', '""', "\x1f", "漢"]), max_size=5).map("".join)


@st.composite
def _tables(draw: st.DrawFn) -> str:
    """Tables that are written well, most of them, with quotes about some values."""
    quoted = draw(st.sampled_from(["all", "some", "needed"]))
    lines = []
    for row in draw(st.lists(st.tuples(values, values, values), min_size=1, max_size=6)):
        written = [
            '"' + value.replace('"', '""') + '"'
            if quoted == "all" or any(mark in value for mark in ',"\n') or (quoted == "some" and draw(st.booleans()))
            else value
            for value in row
        ]
        lines.append(",".join(written))
    return "".join(line + "\n" for line in lines)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.one_of(_tables(), pieces, st.tuples(_tables(), pieces, _tables()).map("".join)), st.sampled_from(['"', "'"]))
def test_whatever_is_taken_is_read_alike_line_by_line(bench: Bench, data: str, quote: str) -> None:
    """Members, rejects, hashes and line numbers do not depend on who read the text."""
    bench.clear()
    if not data:
        return
    file = bench.text(data.encode(), quote=quote)
    rows = bench.regular(file)
    event("taken" if rows is not None else "not taken")
    if rows is not None:
        assert rows == bench.by_lines(file)
