"""Which segment a blob belongs to, told by its name alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.drop.layout import ModelFile, Partition, Place, PlainFile, parse, timestamp

GUID = "CustomerInsights_abcd1234-4312-11f4-93dc-24f72f43e7d5"

TREES = [
    (f"{GUID}/BlobExport/HighValue/2026/08/24/0214/HighValue_1.csv", "HighValue", "HighValue", 1),
    (f"{GUID}/HighValue/2026/08/24/0214/HighValue_1.csv", "HighValue", "HighValue", 1),
    ("HighValue/2026/08/24/0214/HighValue_1.csv", "HighValue", "HighValue", 1),
    (f"{GUID}/BlobExport/HighValue/2026/08/24/0214/c360_output_2.csv", "HighValue", "c360_output", 2),
    (f"{GUID}/BlobExport/High_Value_2/2026/08/24/0214/High_Value_2_0010.csv", "High_Value_2", "High_Value_2", 10),
    (f"{GUID}/BlobExport/HighValue/2024/02/29/2359/HighValue_1.csv.gz", "HighValue", "HighValue", 1),
    (f"{GUID}/BlobExport/HighValue/2026/08/24/0000/HighValue_1.PARQUET", "HighValue", "HighValue", 1),
    (f"{GUID}/BlobExport/HighValue/2026/08/24/0214/HighValue.csv", "HighValue", "HighValue", None),
    (f"{GUID}/BlobExport/Kundinnen über 50 %/2026/08/24/0214/x_3.csv", "Kundinnen über 50 %", "x", 3),
    (f"{GUID}/BlobExport/2026/2026/08/24/0214/x_1.csv", "2026", "x", 1),
]


@pytest.mark.parametrize(("name", "segment", "stem", "number"), TREES)
def test_a_tree_is_read_from_the_right(name: str, segment: str, stem: str, number: int | None) -> None:
    """Whatever stands left of the table does not matter, nor what the file itself is called."""
    parsed = parse(name)
    assert isinstance(parsed, Partition)
    assert parsed.place == Place("tree", segment, name[: name.index(f"{segment}/20") + len(segment)])
    assert (parsed.stem, parsed.number) == (stem, number)
    assert name.startswith(parsed.folder)
    assert "/" not in name.removeprefix(parsed.folder)


PLAIN = [
    ("HighValue.csv", "file", "HighValue", "HighValue"),
    ("High Value.csv.gz", "file", "High Value", "High Value"),
    ("Orders_2024.parquet", "file", "Orders_2024", "Orders_2024"),
    ("Blob_HighValue_1756000000.csv", "file", "HighValue", "Blob_HighValue"),
    ("Blob_High_Value_1756000000.csv", "file", "High_Value", "Blob_High_Value"),
    ("HighValue_1756000000.csv", "file", "HighValue", "HighValue"),
    ("Blob_HighValue_175600000.csv", "file", "Blob_HighValue_175600000", "Blob_HighValue_175600000"),
    ("HighValue/export.csv", "folder", "HighValue", "HighValue"),
    ("a/b/HighValue/Blob_Other_1756000000.csv", "folder", "HighValue", "a/b/HighValue"),
    ("HighValue/2026/08/24/export.csv", "folder", "24", "HighValue/2026/08/24"),
    ("HighValue/2026/02/30/0214/HighValue_1.csv", "folder", "0214", "HighValue/2026/02/30/0214"),
    ("HighValue/2026/08/24/2460/HighValue_1.csv", "folder", "2460", "HighValue/2026/08/24/2460"),
    ("HighValue/2026/8/24/0214/HighValue_1.csv", "folder", "0214", "HighValue/2026/8/24/0214"),
    ("HighValue/٢٠٢٦/08/24/0214/HighValue_1.csv", "folder", "0214", "HighValue/٢٠٢٦/08/24/0214"),
    ("a//2026/08/24/0214/HighValue_1.csv", "folder", "0214", "a//2026/08/24/0214"),
    ("2026/08/24/0214/HighValue_1.csv", "folder", "0214", "2026/08/24/0214"),
]


@pytest.mark.parametrize(("name", "kind", "segment", "label"), PLAIN)
def test_everything_else_is_a_plain_drop(name: str, kind: str, segment: str, label: str) -> None:
    """In the root the file names the segment, in a folder the folder does; impossible moments are ordinary folders."""
    parsed = parse(name)
    assert isinstance(parsed, PlainFile)
    assert (parsed.place.kind, parsed.place.segment, parsed.place.label) == (kind, segment, label)


def test_the_moment_in_a_plain_name_is_unix_seconds() -> None:
    """Ten digits at the end are seconds since 1970."""
    parsed = parse("Blob_HighValue_1756000000.csv")
    assert isinstance(parsed, PlainFile)
    assert parsed.written == datetime(2025, 8, 24, 1, 46, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "readme.txt",
        "HighValue",
        "HighValue/",
        "HighValue/_SUCCESS",
        "HighValue/_x.csv",
        ".csv",
        "a/.csv",
        "HighValue/.part.csv.crc",
        "HighValue//x.csv",
        "HighValue.csv.tmp",
        "HighValue/2026/08/24/0214/",
    ],
)
def test_what_is_no_data_belongs_to_no_segment(name: str) -> None:
    """Folders, bookkeeping and other kinds of files are not taken for a drop."""
    assert parse(name) is None


@pytest.mark.parametrize(
    ("name", "folder"), [("model.json", ""), (f"{GUID}/BlobExport/Model.json", f"{GUID}/BlobExport/")]
)
def test_model_json_speaks_for_the_folder_it_lies_in(name: str, folder: str) -> None:
    """Its tables lie beside it."""
    assert parse(name) == ModelFile(folder)


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("HighValue", True),
        ("BlobExport/HighValue", True),
        (f"{GUID}/BlobExport/HighValue", True),
        ("Value", False),
        ("highvalue", False),
        ("Export/HighValue", False),
        ("HighValue/", False),
    ],
)
def test_a_segment_is_called_by_its_name_or_by_as_much_of_its_path_as_needed(name: str, answers: bool) -> None:
    """Half a name is no name."""
    assert Place("tree", "HighValue", f"{GUID}/BlobExport/HighValue").answers_to(name) is answers


def test_a_stamped_file_never_answers_to_a_part_of_its_segments_name() -> None:
    """An export of ``Value`` must not get the people of ``High_Value``."""
    parsed = parse("Blob_High_Value_1756000000.csv")
    assert isinstance(parsed, PlainFile)
    assert not parsed.place.answers_to("Value")
    assert parsed.place.answers_to("High_Value")
    assert parsed.place.answers_to("Blob_High_Value")


def test_accents_are_the_same_however_they_are_spelt() -> None:
    """A name typed with one character matches the folder written with two."""
    assert Place("folder", "Mu\u0308nchen", "Mu\u0308nchen").answers_to("M\u00fcnchen")


parts = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
minutes = st.integers(0, 4_000_000_000).map(lambda minute: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=minute))


@given(
    left=st.lists(parts, max_size=3),
    name=parts,
    stem=parts,
    number=st.integers(0, 999_999_999),
    padding=st.integers(0, 9),
    moment=minutes,
    suffix=st.sampled_from([".csv", ".csv.gz", ".parquet", ".CSV"]),
)
def test_a_partition_written_anywhere_is_found_again(
    left: list[str], name: str, stem: str, number: int, padding: int, moment: datetime, suffix: str
) -> None:
    """Table, moment and number survive any left part, any stem and any padding."""
    assume(stem[0] not in "_.")
    folder = "/".join([*left, name, f"{moment.year:04}", f"{moment:%m/%d/%H%M}", ""])
    parsed = parse(f"{folder}{stem}_{number:0{padding}d}{suffix}")
    assert parsed == Partition(Place("tree", name, "/".join([*left, name])), folder, moment, stem, number)


@given(
    destination=parts.filter(lambda text: "_" not in text and text[0] != "."),
    segment=parts,
    seconds=st.integers(1_000_000_000, 9_999_999_999),
    suffix=st.sampled_from([".csv", ".csv.gz", ".parquet"]),
)
def test_a_stamped_name_written_is_found_again(destination: str, segment: str, seconds: int, suffix: str) -> None:
    """Whatever the segment's name holds, underscores included, it is read back whole."""
    parsed = parse(f"{destination}_{segment}_{seconds}{suffix}")
    assert isinstance(parsed, PlainFile)
    assert parsed.place == Place("file", segment, f"{destination}_{segment}")
    assert parsed.written == datetime.fromtimestamp(seconds, tz=UTC)


@given(st.text(max_size=60))
def test_any_name_at_all_is_something_or_nothing(name: str) -> None:
    """No name raises, and every place has a name to be called by."""
    parsed = parse(name)
    if isinstance(parsed, Partition | PlainFile):
        assert parsed.place.segment
        assert parsed.place.answers_to(parsed.place.segment)
        assert parsed.place.answers_to(parsed.place.label)


@pytest.mark.parametrize(
    ("levels", "moment"),
    [
        (("2026",), datetime(2026, 1, 1, tzinfo=UTC)),
        (("2026", "08"), datetime(2026, 8, 1, tzinfo=UTC)),
        (("2024", "02", "29"), datetime(2024, 2, 29, tzinfo=UTC)),
        (("2026", "08", "24", "2359"), datetime(2026, 8, 24, 23, 59, tzinfo=UTC)),
        ((), None),
        (("1999",), None),
        (("2026", "13"), None),
        (("2026", "02", "29"), None),
        (("2026", "08", "24", "2400"), None),
        (("2026", "08", "24", "0260"), None),
        (("2026", "08", "24", "0214", "01"), None),
        (("20.6",), None),
        (("²⁰²⁶",), None),
    ],
)
def test_a_timestamp_is_a_moment_of_the_calendar(levels: tuple[str, ...], moment: datetime | None) -> None:
    """Years, months and days may stand alone; what is in no calendar is no timestamp."""
    assert timestamp(levels) == moment
