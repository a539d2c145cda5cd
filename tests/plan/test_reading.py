"""What is read from the files of a drop, and which line it was on."""

import gzip
from pathlib import Path

import duckdb
import pytest

from shared.drop.shapes import Dialect
from shared.errors import CourierError, DropUnusable, ExportRefused, RunHeld
from tests.plan.planning import FOLDER, Segment, export, plan, table

HEADER = "Id,EMail,Name"
NAMED = export({"email": "EMail", "customer_id": "Id", "first_name": "Name"})


def test_every_row_of_an_ordinary_file_travels(tmp_path: Path) -> None:
    """A header and two rows are two members with their lines in the file."""
    planned = plan(tmp_path, table("Id,EMail", "1,a@example.com", "2,b@example.com"))
    assert sorted(planned.contacts) == ["a@example.com", "b@example.com"]
    assert [planned.rows[email]["line"] for email in sorted(planned.rows)] == [2, 3]
    assert planned.outcome.columns == ("Id", "EMail")
    assert (planned.outcome.counts.rows, planned.outcome.counts.members) == (2, 2)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "no"])
def test_any_line_end_is_a_line_end(tmp_path: Path, end: str, last: str) -> None:
    """LF, CRLF and CR end a line, and the last line needs none."""
    data = table("Id,EMail", "1,a@example.com", "2", "3,c@example.com", end=end)
    planned = plan(tmp_path, data[: -len(end)] if last else data)
    assert {email: row["line"] for email, row in planned.rows.items()} == {"a@example.com": 2, "c@example.com": 4}
    assert planned.codes == [(3, "row_malformed")]


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (['1,a@example.com,"Ada, Countess"'], {"a@example.com": (2, "Ada, Countess")}),
        (['1,a@example.com,"Ada ""the"" first"'], {"a@example.com": (2, 'Ada "the" first')}),
        (
            ['"1","a@example.com","Ada"', "2,b@example.com,Bob"],
            {"a@example.com": (2, "Ada"), "b@example.com": (3, "Bob")},
        ),
        (['1,a@example.com,5" Ada'], {"a@example.com": (2, '5" Ada')}),
        (
            ['1,a@example.com,"Ada', 'Lovelace"', "2,b@example.com,Bob"],
            {"a@example.com": (2, "Ada Lovelace"), "b@example.com": (4, "Bob")},
        ),
        (
            ['"1', '",a@example.com,"Ada"', '"2","b@example.com","B', "", 'C"'],
            {"a@example.com": (2, "Ada"), "b@example.com": (4, "B C")},
        ),
        (
            ["", "1,a@example.com,Ada", "", "", "2,b@example.com,Bob", ""],
            {"a@example.com": (3, "Ada"), "b@example.com": (6, "Bob")},
        ),
    ],
)
def test_quoted_values_hold_anything_and_lines_stay_exact(
    tmp_path: Path, lines: list[str], names: dict[str, tuple[int, str]]
) -> None:
    """Delimiters, doubled quotes and line ends in quotes belong to the value; a record has the number of its first line."""
    planned = plan(tmp_path, table(HEADER, *lines), NAMED)
    found = {email: (planned.rows[email]["line"], contact["first_name"]) for email, contact in planned.contacts.items()}
    assert found == names
    assert not planned.rejects


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (['1,a@example.com,"Ada', "2,b@example.com,Bob", "3,c@example.com,Cy"], 2),
        (['1,a@example.com,"Ada', "2,b@example.com,Bob", '3,c@example.com,"Cy"'], 2),
        (['"1","a@example.com","Ada', '"2","b@example.com","Bob"'], 2),
        (["1,a@example.com,Ada", '2,b@example.com,"Bob', "3,c@example.com,Cy", '4,d@example.com,Di"'], 3),
        (['1,a@example.com,"A","', '2,b@example.com,"x","y"', "3,c@example.com,C"], 2),
        (['1,"a@example.com', "2", 'x,"', "3,c@example.com,Cy"], 2),
    ],
)
def test_a_quote_that_is_never_closed_stops_the_run(tmp_path: Path, lines: list[str], line: int) -> None:
    """A quote that swallows rows is named with its line, whether it finds another quote further on or not."""
    with pytest.raises(DropUnusable) as caught:
        plan(tmp_path, table(HEADER, *lines), NAMED)
    assert f"{FOLDER}/S.csv, line {line}:" in caught.value.message
    assert caught.value.code == "quote_unclosed"
    assert "@" not in caught.value.message


@pytest.mark.parametrize(
    "line",
    [
        "1,a@example.com",
        "1,a@example.com,Ada,more",
        "1,a@example.com,Ada,",
        '1,"a@example.com"x,Ada',
        "   ",
        '1,a@example.com,"A"b"',
    ],
)
def test_a_row_that_does_not_fit_is_rejected_with_its_line(tmp_path: Path, line: str) -> None:
    """Too few values, too many, and quotes in the wrong place are one reject each; the rows around them travel."""
    planned = plan(tmp_path, table(HEADER, "8,h@example.com,H", line, "9,i@example.com,I"), NAMED)
    assert planned.codes == [(3, "row_malformed")]
    assert sorted(planned.contacts) == ["h@example.com", "i@example.com"]


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        (Dialect(";", '"', True), 'Id;EMail;Name\n1;a@example.com;"A;a"\n'),
        (Dialect("\t", '"', True), 'Id\tEMail\tName\n1\ta@example.com\t"A\ta"\n'),
        (Dialect("|", "'", True), "Id|EMail|Name\n1|a@example.com|'A|a'\n"),
        (Dialect(",", "", True), 'Id,EMail,Name\n1,a@example.com,"A\n'),
        (Dialect(header=True), "Id;EMail;Name\n1;a@example.com;A\n"),
        (Dialect(header=True), "Id\tEMail\tName\n1\ta@example.com\tA\n"),
        (Dialect("^", "$", True), "Id^EMail^Name\n1^a@example.com^$A^a$\n"),
    ],
)
def test_other_delimiters_and_quotes_are_read(tmp_path: Path, dialect: Dialect, text: str) -> None:
    """Delimiter and quote character come from the drop; without one, the delimiter is the one that names the columns."""
    planned = plan(tmp_path, Segment({"S.csv": text.encode()}, dialect), NAMED)
    assert planned.contacts["a@example.com"]["first_name"].lower().startswith(("a", '"a'))
    assert planned.outcome.columns == ("Id", "EMail", "Name")


@pytest.mark.parametrize(
    ("data", "name", "warned"),
    [
        (b"\xef\xbb\xbfId,EMail,Name\n1,a@example.com,\xc3\x85sa\n", "Åsa", False),
        ("Id,EMail,Name\n1,a@example.com,Åsa\n".encode("utf-16"), "Åsa", False),
        ("\ufeffId,EMail,Name\r\n1,a@example.com,Åsa\r\n".encode("utf-16-be"), "Åsa", False),
        ("Id,EMail,Name\n1,a@example.com,Åsa €\n".encode("cp1252"), "Åsa €", True),
        (b"Id,EMail,Name\n1,a@example.com,A\x00sa\x81\n", "Asa", True),
        (gzip.compress("Id,EMail,Name\n1,a@example.com,Åsa\n".encode()), "Åsa", False),
        (gzip.compress(b"Id,EMail,Name\n") + gzip.compress("1,a@example.com,Åsa\n".encode()), "Åsa", False),
        ("Id,EMail,Name\n1,a@example.com,Å\x00s\x07a\n".encode(), "Åsa", False),
    ],
)
def test_encodings_are_told_by_their_bytes(tmp_path: Path, data: bytes, name: str, warned: bool) -> None:
    """UTF-8, UTF-16 with a mark, gzip and, with a warning, Windows-1252 give the same text without control characters."""
    planned = plan(tmp_path, data, NAMED)
    assert planned.contacts["a@example.com"]["first_name"] == name
    assert bool(planned.outcome.warnings) == warned


def test_a_damaged_text_loses_only_the_rows_that_are_damaged(tmp_path: Path) -> None:
    """In a text that is UTF-8 but for a few bytes, rows with those bytes in mapped values are rejects."""
    rows = [f"{number},p{number}@example.com,Zoë,ok".encode() for number in range(5)]
    rows[1] = b"1,p1@example.com,Zo\xeb,ok"
    rows[3] = b"3,p3@example.com,Zo\xc3\xab,\xff"
    planned = plan(tmp_path, b"\n".join([b"Id,EMail,Name,Other", *rows]), NAMED)
    assert planned.codes == [(3, "encoding_invalid")]
    assert planned.contacts["p3@example.com"]["first_name"] == "Zoë"


def test_a_declared_encoding_is_used_without_a_warning(tmp_path: Path) -> None:
    """What the drop says of its encoding decides where the bytes are not UTF-8."""
    data = "Id,EMail,Name\n1,a@example.com,Жан\n".encode("cp1251")
    planned = plan(tmp_path, Segment({"S.csv": data}, Dialect(header=True, encoding="windows-1251")), NAMED)
    assert planned.contacts["a@example.com"]["first_name"] == "Жан"
    assert not planned.outcome.warnings


def test_parquet_is_read_by_its_names(tmp_path: Path) -> None:
    """Parquet values become text, lists become multi-select values, and a row's line is its number."""
    file = tmp_path / "s.parquet"
    with duckdb.connect() as engine:
        engine.execute(
            f"COPY (SELECT * FROM (VALUES (1, 'a@example.com', DATE '2026-02-01', ['x', 'y']),"
            f" (2, 'nobody', NULL, NULL)) t(Id, EMail, Day, Picks)) TO '{file}' (FORMAT parquet)"
        )
    document = export({"email": "EMail", "customer_id": "Id", "fields": {"Day": "Day", "Picks": "Picks"}})
    data = file.read_bytes()
    file.unlink()
    planned = plan(tmp_path, data, document, types={"Day": "date", "Picks": "listbox"})
    assert planned.contacts["a@example.com"]["fields"] == [
        {"id": 1, "value": "2026-02-01"},
        {"id": 2, "value": "||x||y||"},
    ]
    assert planned.codes == [(2, "email_invalid")]


ATTRIBUTES = ("Id", "EMail", "Name")


@pytest.mark.parametrize(
    ("header", "first", "members", "warned"),
    [
        (None, "Id,EMail,Name", 1, False),
        (None, "name,id,email", 1, False),
        (None, "0,z@example.com,Zed", 2, False),
        (True, "Id,EMail,Name", 1, False),
        (False, "0,z@example.com,Zed", 2, False),
        (False, "Id,EMail,Name", 1, True),
    ],
)
def test_a_header_is_told_from_a_row_by_the_attribute_names(
    tmp_path: Path, header: bool | None, first: str, members: int, warned: bool
) -> None:
    """Record 1 is a header if the drop says so or if it has the attribute names; it is never sent as a row."""
    second = "a,1,a@example.com" if first.startswith("name") else "1,a@example.com,a"
    mapping = (
        {"email": "email", "customer_id": "id"} if first.startswith("name") else {"email": "EMail", "customer_id": "Id"}
    )
    segment = Segment({"S_1.csv": table(first, second)}, Dialect(",", '"', header), ATTRIBUTES)
    planned = plan(tmp_path, segment, export(mapping))
    assert planned.outcome.counts.rows == planned.outcome.counts.members == members
    assert bool(planned.outcome.warnings) == warned


@pytest.mark.parametrize(
    ("segment", "code"),
    [
        (Segment({"S_1.csv": b"1,a@example.com\n"}, Dialect(",", '"', False), ATTRIBUTES), "columns_differ"),
        (
            Segment({"S_1.csv": b"Id,EMail,Name,x\n1,a@example.com,n,x\n"}, Dialect(",", '"'), ATTRIBUTES),
            "columns_differ",
        ),
        (Segment({"S_1.csv": b"Id,EMail,First\n1,a@example.com,n\n"}, Dialect(",", '"'), ATTRIBUTES), "columns_differ"),
        (Segment({"S_1.csv": b"1,a@example.com,n\n"}, Dialect(",", '"', True), ATTRIBUTES), "columns_differ"),
        (Segment({"S_1.csv": b"1,a@example.com,n\n"}, Dialect(",", '"', False)), "columns_unknown"),
        (Segment({"S.csv": b"1,a@example.com,n\n2,b@example.com,m\n"}), "header_missing"),
        (
            Segment({"S_1.csv": b"Id,EMail\n1,a@example.com\n", "S_2.csv": b"Id,Mail\n2,b@example.com\n"}),
            "columns_differ",
        ),
        (Segment({"S_1.csv": b"Id,EMail,EMail\n1,a@example.com,b@example.com\n"}), "column_ambiguous"),
        (Segment({"S_1.csv": b""}), "file_empty"),
        (Segment({"S_1.csv": b"\n\n"}), "file_empty"),
        (Segment({"S_1.csv": b""}, Dialect(",", '"'), ATTRIBUTES), "file_empty"),
        (Segment({"S_1.csv": b"Id,EMail\n1,a@example.com\n", "S_2.csv": b""}), "file_empty"),
        (Segment({}), "drop_empty"),
        (Segment({"S.csv": b"PK\x03\x04rest"}), "file_unreadable"),
        (Segment({"S.csv": gzip.compress(b"Id,EMail\n1,a@example.com\n" * 99)[:-9]}), "file_unreadable"),
        (Segment({"S.csv": b"PAR1 not really"}), "file_unreadable"),
        (Segment({"S.csv": "Id,EMail\n1,a@example.com\n".encode("utf-16-le")}), "file_unreadable"),
        (Segment({"S.csv": "Id,EMail\n1,a@example.com\n".encode("utf-16")[:-1]}), "file_unreadable"),
        (Segment({"S.csv": b"Id,EMail\n"}, Dialect(header=True, encoding="rot13")), "encoding_unknown"),
        (Segment({"S.csv": b"Id,EMail\n"}, Dialect("ab", '"', True)), "dialect_unknown"),
        (Segment({"S.csv": b"Id,EMail\n"}, Dialect(",", ",", True)), "dialect_unknown"),
        (Segment({"S.csv": b'Id,"EMail'}), "header_unreadable"),
    ],
)
def test_nothing_is_guessed_where_columns_could_shift(tmp_path: Path, segment: Segment, code: str) -> None:
    """A drop that can be read in two ways, or in none, stops the run with a named reason and without its values."""
    with pytest.raises(DropUnusable) as caught:
        plan(tmp_path, segment)
    assert caught.value.code == code
    assert "@" not in caught.value.message


def test_partitions_may_order_their_columns_differently(tmp_path: Path) -> None:
    """Headers name the columns, so the same columns in another order are no danger."""
    files = {"S_1.csv": table("Id,EMail", "1,a@example.com"), "S_2.csv": table("EMail,Id", "b@example.com,2")}
    planned = plan(tmp_path, Segment(files))
    assert {email: row["customer_id"] for email, row in planned.rows.items()} == {
        "a@example.com": "1",
        "b@example.com": "2",
    }
    assert planned.rows["b@example.com"]["source"] == f"{FOLDER}/S_2.csv"


@pytest.mark.parametrize(
    ("known", "error", "code"), [((), ExportRefused, "column_unknown"), (("Mail", "Id"), RunHeld, "column_vanished")]
)
def test_a_mapped_column_that_is_not_there_stops_the_run(
    tmp_path: Path, known: tuple[str, ...], error: type[CourierError], code: str
) -> None:
    """A wrong column refuses the export, one that used to be there holds the run; both name what exists."""
    document = export({"email": "Mail", "customer_id": "Id"})
    with pytest.raises(error) as caught:
        plan(tmp_path, table("Id,EMail,Town", "1,a@example.com,Lund"), document, known_columns=known)
    assert caught.value.code == code
    assert "Id, EMail, Town" in caught.value.message
    assert caught.value.details == ("mapping.email: there is no column Mail",)


def test_a_very_long_line_is_read(tmp_path: Path) -> None:
    """A row of many megabytes travels if what is mapped is small."""
    planned = plan(tmp_path, table("Id,EMail,Blob", f"1,a@example.com,{'x' * 12_000_000}", "2,b@example.com,y"))
    assert sorted(planned.contacts) == ["a@example.com", "b@example.com"]


def test_the_primary_key_is_the_customer_id_unless_another_is_mapped(tmp_path: Path) -> None:
    """The primary key that model.json names identifies customers of an export that maps none."""
    segment = Segment({"S.csv": table("Key,EMail", "7,a@example.com")}, primary_key="Key")
    planned = plan(tmp_path, segment, export({"email": "EMail"}))
    assert planned.rows["a@example.com"]["customer_id"] == "7"
