"""What is read from the files of a drop beyond the traps of the corpus."""

import gzip
import json
from pathlib import Path

import duckdb
import pytest

from shared.drop.model_json import Model, parse_model
from shared.drop.shapes import Dialect
from shared.errors import CourierError, DropUnusable, ExportRefused, RunHeld
from tests.plan.planning import FOLDER, Segment, export, plan, table

NAMES = [{"name": "\ufeffId"}, {"name": "EMail "}]


def test_every_row_of_an_ordinary_file_travels(tmp_path: Path) -> None:
    """A header and two rows are two members with their lines in the file."""
    planned = plan(tmp_path, table("Id,EMail", "1,a@example.com", "2,b@example.com"))
    assert sorted(planned.contacts) == ["a@example.com", "b@example.com"]
    assert [planned.rows[email]["line"] for email in sorted(planned.rows)] == [2, 3]
    assert planned.outcome.columns == ("Id", "EMail")
    assert (planned.outcome.counts.rows, planned.outcome.counts.members) == (2, 2)


def test_parquet_is_read_by_its_names(tmp_path: Path) -> None:
    """Parquet values become text, lists become multi-select values, and a row's line is its number."""
    file = tmp_path / "s.parquet"
    with duckdb.connect() as engine:
        engine.execute(
            f"COPY (SELECT * FROM (VALUES (1, 'a@example.com', DATE '2026-02-01', ['x', 'y'], []::VARCHAR[]),"
            f" (2, 'nobody', NULL, NULL, NULL)) t(Id, \"EMail \", Day, Picks, None)) TO '{file}' (FORMAT parquet)"
        )
    mapping = {"Day": "Day", "Picks": "Picks", "None": "None"}
    document = export({"email": "EMail", "customer_id": "Id", "fields": mapping})
    data = file.read_bytes()
    file.unlink()
    planned = plan(tmp_path, data, document, types={"Day": "date", "Picks": "listbox", "None": "text"})
    assert planned.contacts["a@example.com"]["fields"] == [
        {"id": 1, "value": "2026-02-01"},
        {"id": 2, "value": "||x||y||"},
    ]
    assert planned.codes == [(2, "email_invalid")]


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


@pytest.mark.parametrize("files", [1, 2])
def test_values_are_not_shown_as_names(tmp_path: Path, files: int) -> None:
    """A first row without an address is not taken for a header, so nobody's name stands in a message."""
    row = b"1,,Ada Lovelace,+46 70 123\n2,b@example.com,Bob,\n"
    data = {"S_1.csv": table("Id,EMail,Name,Phone", "1,a@example.com,A,"), "S_2.csv": row}
    names = [*data][-files:]
    with pytest.raises(CourierError) as caught:
        plan(tmp_path, Segment({name: data[name] for name in names}, Dialect()))
    assert caught.value.code == ("column_unknown" if files == 1 else "columns_differ")
    assert "S_2.csv" in caught.value.message
    assert "Lovelace" not in f"{caught.value.message} {caught.value.details}"


def test_a_column_nobody_asked_for_may_be_there_twice(tmp_path: Path) -> None:
    """It is not read then; one that is mapped stops the run."""
    planned = plan(tmp_path, table("Id,EMail,PreviousCustomerId,PreviousCustomerId", "1,a@example.com,8,9"))
    assert sorted(planned.contacts) == ["a@example.com"]
    with pytest.raises(DropUnusable) as caught:
        plan(tmp_path, table("Id,EMail,EMail ", "1,a@example.com,b@example.com"))
    assert caught.value.code == "column_ambiguous"


def test_names_of_model_json_are_read_as_those_of_a_header(tmp_path: Path) -> None:
    """Without what nobody sees."""
    model = parse_model(json.dumps({"entities": [{"name": "S", "attributes": NAMES}]}).encode(), "segments")
    assert isinstance(model, Model)
    segment = Segment({"S.csv": table("1,a@example.com")}, Dialect(header=False), model.entities[0].columns)
    assert sorted(plan(tmp_path, segment).contacts) == ["a@example.com"]


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(28, "No space left on device"), CourierError),
        (OSError(5, "Input/output error"), OSError),
        (MemoryError(), MemoryError),
    ],
)
def test_what_the_machine_lacks_is_not_taken_for_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, raised: type[Exception]
) -> None:
    """It is no fault of the drop, and may be there the next time."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("shared.plan.plain.gzip.open", fail)
    with pytest.raises(raised) as caught:
        plan(tmp_path, gzip.compress(table("Id,EMail", "1,a@example.com")))
    assert not isinstance(caught.value, DropUnusable)


def test_a_very_long_line_is_read(tmp_path: Path) -> None:
    """A row of many megabytes travels if what is mapped is small."""
    planned = plan(tmp_path, table("Id,EMail,Blob", f"1,a@example.com,{'x' * 12_000_000}", "2,b@example.com,y"))
    assert sorted(planned.contacts) == ["a@example.com", "b@example.com"]


def test_the_primary_key_is_the_customer_id_unless_another_is_mapped(tmp_path: Path) -> None:
    """The primary key that model.json names identifies customers of an export that maps none."""
    segment = Segment({"S.csv": table("Key,EMail", "7,a@example.com")}, primary_key="Key")
    planned = plan(tmp_path, segment, export({"email": "EMail"}))
    assert planned.rows["a@example.com"]["customer_id"] == "7"


@pytest.mark.parametrize("more", [b"", b"x" * 30_000 + b"@example.com\n"])
def test_a_cr_between_rows_of_one_value_is_not_guessed(tmp_path: Path, more: bytes) -> None:
    """Two people on one line of a file of one column are not taken for one bad address."""
    with pytest.raises(DropUnusable) as caught:
        plan(tmp_path, b"EMail\n" + more + b"a@example.com\rb@example.com\nc@example.com\n", export({"email": "EMail"}))
    assert caught.value.code == "line_ends_mixed"
    assert f"line {3 if more else 2}" in caught.value.message


def test_a_cr_far_within_a_malformed_row_is_seen(tmp_path: Path) -> None:
    """However long the row is."""
    with pytest.raises(DropUnusable) as caught:
        plan(tmp_path, f"Id,EMail\n1,{'x' * 30_000}\r2,b@example.com\n3,c@example.com\n".encode())
    assert caught.value.code == "line_ends_mixed"


def test_partitions_may_be_text_and_parquet(tmp_path: Path) -> None:
    """Files of one drop agree on their columns, not on their formats."""
    file = tmp_path / "s.parquet"
    with duckdb.connect() as engine:
        engine.execute(f"COPY (SELECT 'b@example.com' AS EMail, 2 AS Id) TO '{file}' (FORMAT parquet)")
    data = file.read_bytes()
    file.unlink()
    planned = plan(tmp_path, Segment({"S_1.csv": table("Id,EMail", "1,a@example.com"), "S_2.parquet": data}))
    assert {email: row["customer_id"] for email, row in planned.rows.items()} == {
        "a@example.com": "1",
        "b@example.com": "2",
    }
    assert planned.rows["b@example.com"]["source"] == f"{FOLDER}/S_2.parquet"
    assert planned.rows["b@example.com"]["line"] == 1


def test_every_line_number_of_a_large_file_is_exact(tmp_path: Path) -> None:
    """However the engine shares a file between threads, a row keeps the line it is on."""
    rows = [f'{number},p{number}@example.com,"{"x" * (number % 97)}"' for number in range(200_000)]
    rows[1000] = '1000,p1000@example.com,"a'
    rows.insert(1001, 'b"')
    rows[150_000] = "malformed"
    planned = plan(tmp_path, table("Id,EMail,Text", *rows))
    lines = {email: row["line"] for email, row in planned.rows.items()}
    assert lines == {row.split(",")[1]: line for line, row in enumerate(rows, 2) if "@" in row}
    assert planned.codes == [(150_002, "row_malformed")]
