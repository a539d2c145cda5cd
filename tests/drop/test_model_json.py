"""``model.json``: read for what it says, refused with a reason where it cannot be followed."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.drop.layout import Place
from shared.drop.model_json import MAX_BYTES, Entity, Model, Unusable, parse_model, resolve, too_large
from shared.drop.shapes import Dialect
from tests.drop.made import CONTAINER, TABLE, model_bytes, partitions, table

PLACE = Place("tree", "HighValue", TABLE)
PATH = partitions(1)[0]
HOST = "https://contoso.blob.core.windows.net"


def _model(data: bytes) -> Model:
    parsed = parse_model(data, CONTAINER)
    assert isinstance(parsed, Model), parsed
    return parsed


def _entity(**members: object) -> Entity:
    entity = _model(model_bytes(table("HighValue", [PATH], **members))).entity_of(PLACE)
    assert entity is not None
    return entity


LOCATIONS = [
    f"{HOST}/{CONTAINER}/{PATH}",
    f"https://contoso.dfs.core.windows.net/{CONTAINER}/{PATH}",
    f"https://contoso.blob.core.windows.net:443/{CONTAINER}/{PATH}",
    f"https://somebody.else.example/{CONTAINER}/{PATH}",
    f"HTTPS://contoso.blob.core.windows.net/{CONTAINER}/{PATH}",
    f"http://127.0.0.1:10000/devstoreaccount1/{CONTAINER}/{PATH}",
    f"http://localhost:10000/devstoreaccount1/{CONTAINER}/{PATH}",
    f"http://[::1]:10000/{CONTAINER}/{CONTAINER}/{PATH}",
    f"{HOST}/{CONTAINER}/{quote(PATH, safe='')}",
    f"{HOST}/{CONTAINER}/{PATH}?snapshot=2026-08-24T02:14:00.0000000Z",
    f"{HOST}/{CONTAINER}/{PATH}@snapshot=2026-08-24T02:14:00.0000000Z",
    f"{HOST}/{CONTAINER}/{PATH}%40snapshot=2026-08-24T02%3A14%3A00.0000000Z",
    f"{HOST}/{CONTAINER}/{PATH}%3Fsnapshot=2026-08-24T02%3A14%3A00.0000000Z",
    f"{HOST}/{CONTAINER}/{PATH}?sv=2024-11-04&sig=secret",
]


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_location_is_a_name_in_our_container(location: str) -> None:
    """Whatever host, encoding, snapshot or query it comes with."""
    assert resolve(location, CONTAINER) == PATH


@pytest.mark.parametrize("name", ["Kundinnen über 50 %/2026/08/24/0214/a#b_1.csv", "50% off/x_1.csv", "a+b/c_1.csv"])
def test_a_location_need_not_be_encoded(name: str) -> None:
    """Written plainly or percent-encoded, it is the same blob."""
    assert resolve(f"{HOST}/{CONTAINER}/{name}", CONTAINER) == name
    assert resolve(f"{HOST}/{CONTAINER}/{quote(name)}", CONTAINER) == name


REFUSED = [
    "",
    PATH,
    f"/{CONTAINER}/{PATH}",
    f"ftp://contoso/{CONTAINER}/{PATH}",
    f"file:///{CONTAINER}/{PATH}",
    HOST,
    f"{HOST}/",
    f"{HOST}/{CONTAINER}",
    f"{HOST}/{CONTAINER}/",
    f"{HOST}/{CONTAINER}/a//b_1.csv",
    f"{HOST}/other/{PATH}",
    f"{HOST}/{CONTAINER}s/{PATH}",
    f"{HOST}/{CONTAINER}/../other/{PATH}",
    f"{HOST}/{CONTAINER}/%2e%2e/other/{PATH}",
    f"{HOST}/{CONTAINER}/..%2Fother/{PATH}",
    f"{HOST}/{CONTAINER}/..\\other\\{PATH}",
    f"{HOST}/{CONTAINER}/./{PATH}",
    f"{HOST}//{CONTAINER}/{PATH}",
    f"{HOST}/{CONTAINER}/a%00b_1.csv",
    f"{HOST}/{CONTAINER}/%ff_1.csv",
    f"{HOST}/{CONTAINER}/{'a' * 1025}",
    f"http://127.0.0.1:10000/{CONTAINER}/{PATH}",
]


@pytest.mark.parametrize("location", REFUSED)
def test_a_location_outside_our_container_is_refused(location: str) -> None:
    """Nothing but a blob of our own container is ever read, however the address is written."""
    with pytest.raises(ValueError, match="a partition's location"):
        resolve(location, CONTAINER)


def test_a_refusal_never_repeats_the_location() -> None:
    """It may carry a signature that opens somebody's storage."""
    entity = _entity(partitions=[{"location": f"{HOST}/other/{PATH}?sig=secret"}, {"location": 3}, {}])
    assert entity.partitions == ()
    assert entity.refused == f"a partition's location is not in container {CONTAINER}, the only one that is read"


@pytest.mark.parametrize("member", ["entities", "tables"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_both_names_of_the_list_are_read(member: str, bom: bytes) -> None:
    """``entities`` and ``tables`` mean the same, with or without a byte order mark."""
    model = _model(bom + model_bytes(table("HighValue", [PATH]), member=member))
    entity = model.entity_of(PLACE)
    assert entity is not None
    assert entity.partitions == (PATH,)
    assert entity.columns == ("CustomerId", "EMail")
    assert entity.primary_key == "CustomerId"


@pytest.mark.parametrize(
    "second",
    [
        table("HighValue", [PATH]),
        table("HighValue", [PATH], attributes=[{"name": "Other"}]),
        table("Other", []),
    ],
)
def test_a_table_under_both_names_is_one(second: dict[str, object]) -> None:
    """Of a table that both describe, ``entities`` says how it is."""
    data = json.dumps({"entities": [table("HighValue", [PATH])], "tables": [second]}).encode()
    entity = _model(data).entity_of(PLACE)
    assert entity is not None
    assert (entity.columns, entity.partitions) == (("CustomerId", "EMail"), (PATH,))


def test_utf_16_is_read_too() -> None:
    """Whoever rewrote the file with another tool still has a model.json."""
    assert _model(model_bytes(table("HighValue", [PATH])).decode().encode("utf-16")).entity_of(PLACE)


def test_unknown_members_and_prefixes_change_nothing() -> None:
    """Only ``c360:PrimaryKey`` is looked at among what is prefixed."""
    plain = _entity()
    decorated = _entity(
        annotations=[
            {"name": "pbi:PrimaryKey", "value": "Other"},
            {"name": "c360:PrimaryKey", "value": "CustomerId"},
            {"name": "cdm:x"},
            7,
        ],
        **{"pbi:refresh": {"deep": [1]}, "c360:Display": None, "description": ["?"]},
    )
    assert decorated == plain


@pytest.mark.parametrize("missing", ["$type", "attributes", "annotations", "partitions"])
def test_missing_members_are_no_error(missing: str) -> None:
    """What is not said is not known; the rest holds."""
    described = table("HighValue", [PATH])
    del described[missing]
    entity = _model(json.dumps({"entities": [described]}).encode()).entity_of(PLACE)
    assert entity is not None
    assert (entity.columns is None) == (missing == "attributes")
    assert (entity.primary_key is None) == (missing == "annotations")
    assert (entity.partitions == ()) == (missing == "partitions")


@pytest.mark.parametrize(
    "attributes", [[], {}, "CustomerId", [{"name": "A"}, {}], [{"name": ""}], [None], [{"name": 1}]]
)
def test_malformed_attributes_are_no_columns(attributes: object) -> None:
    """A list with a hole would shift every column behind it."""
    assert _entity(attributes=attributes).columns is None


DEFAULT = Dialect(delimiter=",", quote='"')

DIALECTS = [
    (None, DEFAULT),
    ({}, DEFAULT),
    (
        {
            "$type": "CsvFormatSettings",
            "columnHeaders": False,
            "delimiter": ",",
            "quoteStyle": "QuoteStyle.Csv",
            "csvStyle": "CsvStyle.QuoteAlways",
            "encoding": "UTF-8",
        },
        Dialect(",", '"', False, "utf-8"),
    ),
    ({"columnHeaders": "true"}, Dialect(",", '"', True)),
    ({"columnHeaders": "False"}, Dialect(",", '"', False)),
    ({"columnHeaders": "perhaps"}, DEFAULT),
    ({"delimiter": ";"}, Dialect(";", '"')),
    ({"delimiter": "\t"}, Dialect("\t", '"')),
    ({"delimiter": "\\t"}, Dialect("\t", '"')),
    ({"quoteStyle": "QuoteStyle.None"}, Dialect(",", "")),
    ({"quoteCharacter": "'"}, Dialect(",", "'")),
    ({"encoding": "Windows-1252"}, Dialect(",", '"', None, "cp1252")),
    ({"encoding": "utf8"}, Dialect(",", '"', None, "utf-8")),
]


@pytest.mark.parametrize(("settings", "dialect"), DIALECTS)
def test_file_format_settings_become_a_dialect(settings: object, dialect: Dialect) -> None:
    """Defaults hold for what is missing; Booleans may be strings; whether there is a header is never assumed."""
    partition: dict[str, object] = {"location": f"{HOST}/{CONTAINER}/{PATH}"}
    if settings is not None:
        partition["fileFormatSettings"] = settings
    entity = _entity(partitions=[partition])
    assert entity.dialect_problem is None
    assert entity.dialect == dialect


@pytest.mark.parametrize(
    "settings",
    [
        {"delimiter": ""},
        {"delimiter": "||"},
        {"delimiter": 7},
        {"delimiter": "\n"},
        {"quoteStyle": "QuoteStyle.Other"},
        {"quoteStyle": 1},
        {"quoteCharacter": "''"},
        {"quoteCharacter": True},
        {"encoding": "klingon"},
        {"encoding": "base64"},
        {"encoding": 8},
        {"encoding": "\0"},
    ],
)
def test_settings_that_cannot_be_followed_are_said_not_guessed(settings: object) -> None:
    """A wrong guess would shift columns."""
    entity = _entity(partitions=[{"location": f"{HOST}/{CONTAINER}/{PATH}", "fileFormatSettings": settings}])
    assert entity.dialect_problem is not None
    assert "fileFormatSettings" in entity.dialect_problem


def test_partitions_that_are_written_differently_are_a_problem() -> None:
    """One table is read one way."""
    described = [
        {"location": f"{HOST}/{CONTAINER}/{path}", "fileFormatSettings": {"delimiter": delimiter}}
        for path, delimiter in zip(partitions(1, 2), ",;", strict=True)
    ]
    assert _entity(partitions=described).dialect_problem is not None


def test_a_table_is_known_by_its_name_or_by_where_it_lies() -> None:
    """The folder is the output table name; where they differ, the locations tell."""
    renamed = table("High value customers", partitions(1))
    other = table("Customer", [PATH.replace("HighValue", "Customer")])
    entity = _model(model_bytes(other, renamed)).entity_of(PLACE)
    assert entity is not None
    assert entity.name == "High value customers"


def test_two_tables_of_one_name_are_told_apart_by_where_they_lie() -> None:
    """And where even that does not tell, there is none."""
    here, there = table("HighValue", [PATH]), table("HighValue", [f"elsewhere/{PATH}"])
    entity = _model(model_bytes(there, here)).entity_of(PLACE)
    assert entity is not None
    assert entity.partitions == (PATH,)
    assert _model(model_bytes(here, here)).entity_of(PLACE) is None


def test_a_partition_listed_twice_is_one() -> None:
    """Its rows are read once."""
    entity = _model(model_bytes(table("HighValue", [PATH, PATH]))).entity_of(PLACE)
    assert entity is not None
    assert entity.partitions == (PATH,)


UNUSABLE = [
    (b"", "model_unreadable"),
    (b"{", "model_unreadable"),
    (b"\xff\xfe\x00", "model_unreadable"),
    (b'{"a": "\xff"}', "model_unreadable"),
    (b"[]", "model_unreadable"),
    (b"null", "model_unreadable"),
    (b"[" * 200_000, "model_unreadable"),
    (b'{"entities": ' + b"9" * 5000 + b"}", "model_unreadable"),
    (b"{}", "model_empty"),
    (b'{"entities": {"name": "HighValue"}}', "model_empty"),
    (b'{"entities": [1, null, {"name": 3}, {"name": ""}, {}]}', "model_empty"),
    (b'{"entities": [{"name": "\\ud800"}]}', "model_empty"),
    (b" " * (MAX_BYTES + 1), "model_too_large"),
]


@pytest.mark.parametrize(("data", "code"), UNUSABLE, ids=[f"{code}-{n}" for n, (_, code) in enumerate(UNUSABLE)])
def test_an_unusable_model_gives_a_reason(data: bytes, code: str) -> None:
    """Never an exception."""
    parsed = parse_model(data, CONTAINER)
    assert isinstance(parsed, Unusable)
    assert parsed.code == code


def test_a_model_that_is_too_large_is_told_its_size() -> None:
    """So that somebody can look at the file."""
    assert "40000000" in too_large(40_000_000).message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
members = st.sampled_from(["name", "attributes", "annotations", "partitions", "value", "$type"])
tables = st.lists(st.dictionaries(members, json_values, max_size=4) | json_values, max_size=3)


@given(tables, st.sampled_from(["entities", "tables"]))
def test_any_json_at_all_is_a_model_or_a_reason(described: object, member: str) -> None:
    """Members of any shape never raise."""
    parsed = parse_model(json.dumps({member: described}).encode(), CONTAINER)
    if isinstance(parsed, Model):
        parsed.entity_of(PLACE)
    else:
        assert parsed.code == "model_empty"


@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_a_model_or_a_reason(data: bytes) -> None:
    """Bytes of any kind never raise."""
    assert isinstance(parse_model(data, CONTAINER), Model | Unusable)


@given(st.text(max_size=80))
def test_a_location_never_leads_out_of_the_container(path: str) -> None:
    """Whatever it holds, it is refused or is a plain path."""
    try:
        name = resolve(f"{HOST}/{CONTAINER}/{path}", CONTAINER)
    except ValueError:
        return
    assert not {"", ".", ".."} & set(name.split("/"))
    assert "\\" not in name


blob_names = st.lists(
    st.text(
        st.characters(min_codepoint=32, exclude_characters="/\\?", exclude_categories=["Cs"]), min_size=1, max_size=9
    ),
    min_size=1,
    max_size=5,
).filter(lambda parts: not {".", ".."} & set(parts))


@given(blob_names)
def test_an_encoded_name_is_found_again(parts: list[str]) -> None:
    """Encoding a name and resolving the address gives the name."""
    name = "/".join(parts)
    if "@snapshot=" not in name.lower():
        assert resolve(f"{HOST}/{CONTAINER}/{quote(name)}", CONTAINER) == name
