"""How contacts are put into imports."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.plan.batches import pack
from shared.plan.limits import MOST_BYTES
from tests.plan.planning import MARKED, export, plan, table

SIZES = st.lists(st.integers(1, 100), max_size=60)


@given(SIZES, st.integers(1, 12), st.integers(100, 300))
def test_packing_keeps_every_contact_within_the_limits(sizes: list[int], most: int, room: int) -> None:
    """All contacts are in a batch, no batch is empty, too long or too large."""
    batches = pack(sizes, most, room)
    assert sum(batches) == len(sizes)
    start = 0
    for count in batches:
        part = sizes[start : start + count]
        assert 1 <= count <= most
        assert sum(part) + len(part) - 1 <= room
        start += count


@given(SIZES, st.integers(3, 12), st.integers(100, 300))
def test_packing_is_greedy_but_for_a_lone_last_contact(sizes: list[int], most: int, room: int) -> None:
    """A batch ends only where the next contact does not fit, or to give the last one company."""
    batches = pack(sizes, most, room)
    start = 0
    for number, count in enumerate(batches[:-1]):
        part = sizes[start : start + count + 1]
        gave = number == len(batches) - 2 and batches[-1] == 2
        assert gave or count == most or sum(part) + len(part) - 1 > room
        start += count


@given(SIZES, st.integers(3, 12))
def test_a_lone_last_contact_is_avoided(sizes: list[int], most: int) -> None:
    """With room enough, the last of several batches never has exactly one contact."""
    batches = pack(sizes, most, 100_000)
    assert len(batches) < 2 or batches[-1] > 1


@pytest.mark.parametrize(
    ("sizes", "batches"),
    [
        ([], []),
        ([5], [1]),
        ([5] * 3, [3]),
        ([5] * 4, [2, 2]),
        ([5] * 7, [3, 2, 2]),
        ([9, 9, 90, 95], [3, 1]),
        ([9, 9, 9, 90, 95], [3, 1, 1]),
        ([40, 40, 40, 90], [2, 1, 1]),
    ],
)
def test_packing_examples(sizes: list[int], batches: list[int]) -> None:
    """Three contacts and 110 bytes a batch."""
    assert pack(sizes, 3, 110) == batches


def test_bodies_are_what_the_api_documents(tmp_path: Path) -> None:
    """A body has the documented members, in snake case, and nothing empty."""
    mapping = {
        "email": "EMail",
        "first_name": "First",
        "last_name": "Last",
        "phone": "Phone",
        "fields": {"Tier": "Tier"},
    }
    rows = table("EMail,First,Last,Phone,Tier", 'a@example.com,Åsa,"O""Hara\\",+46 70,Gold')
    planned = plan(tmp_path, rows, export(mapping, tags=["B", "A"]), types={"Tier": "dropdown"})
    assert planned.bodies == [
        {
            "contacts": [
                {
                    "email": "a@example.com",
                    "first_name": "Åsa",
                    "last_name": 'O"Hara\\',
                    "phone": "+46 70",
                    "tags": ["A", "B"],
                    "fields": [{"id": 1, "value": "Gold"}],
                    "subscribe": [{"listid": 3}],
                    "exclude_automations": True,
                }
            ],
            "exclude_automations": True,
        }
    ]
    assert "Åsa".encode() in planned.lines[0]


@pytest.mark.parametrize(
    ("automations", "groups"),
    [
        ("off", [(["n1", "n2", "c1", "c2", "l1", "l2"], True)]),
        ("joiners", [(["n1", "n2"], False), (["c1", "c2", "l1", "l2"], True)]),
        ("all", [(["n1", "n2"], False), (["c1", "c2", "l1", "l2"], False)]),
    ],
)
def test_joiners_travel_apart_where_automations_run(
    tmp_path: Path, automations: str, groups: list[tuple[list[str], bool]]
) -> None:
    """Automations start for joiners only where the export says so, and batches are all of one kind then."""
    ledger = [(f"{name}@example.com", name, "x", "member") for name in ("c1", "c2", "l1", "l2")]
    rows = table("Id,EMail", *(f"{name},{name}@example.com" for name in ("c1", "n1", "c2", "n2")))
    planned = plan(tmp_path, rows, export(automations=automations, leavers=MARKED), ledger=ledger)
    found = [
        ([contact["email"].partition("@")[0] for contact in body["contacts"]], body.get("exclude_automations", False))
        for body in planned.bodies
    ]
    assert found == groups
    for body in planned.bodies:
        in_body = body.get("exclude_automations")
        assert all(contact.get("exclude_automations") == in_body for contact in body["contacts"])


def test_planned_says_where_everybody_sits(tmp_path: Path) -> None:
    """Batch and position of planned.parquet are those of the claim-check file."""
    rows = table("Id,EMail", *(f"{number},p{number}@example.com" for number in range(501)))
    planned = plan(tmp_path, rows, export(leavers=MARKED), ledger=[("gone@example.com", "g", "x", "member")])
    seats = {(row["batch"], row["position"]): email for email, row in planned.rows.items()}
    for batch, body in enumerate(planned.bodies):
        assert [seats[batch, position] for position in range(len(body["contacts"]))] == [
            contact["email"] for contact in body["contacts"]
        ]
    assert [entry.contacts for entry in planned.index] == [250, 250, 2]
    assert planned.outcome.counts.to_send == 502


def test_batches_fill_the_bytes_of_an_import(tmp_path: Path) -> None:
    """Large contacts give batches as large as allowed, and not one byte larger."""
    mapping = {"email": "EMail", "first_name": "First"}
    rows = table("EMail,First", *(f"p{number}@example.com,{'å' * (1000 + number % 7 * 300)}" for number in range(700)))
    planned = plan(tmp_path, rows, export(mapping))
    lengths = [entry.length for entry in planned.index]
    assert all(MOST_BYTES - 6000 < length <= MOST_BYTES for length in lengths[:-1])
    assert len(planned.contacts) == 700


def test_a_contact_as_large_as_an_import_travels_alone(tmp_path: Path) -> None:
    """With all that stands around it; a byte more and it is a reject."""
    mapping = {"email": "EMail", "first_name": "First"}
    empty = plan(tmp_path, table("EMail,First", "a@example.com,x"), export(mapping)).index[0].length - 1
    room = MOST_BYTES - empty
    rows = table("EMail,First", f"a@example.com,{'x' * room}", f"b@example.com,{'x' * (room + 1)}")
    planned = plan(tmp_path, rows, export(mapping))
    assert [entry.length for entry in planned.index] == [MOST_BYTES]
    assert planned.codes == [(3, "value_too_long")]


def test_the_claim_check_file_has_a_line_per_import(tmp_path: Path) -> None:
    """Offsets and lengths are those of the lines, line ends left out, whatever is in the values."""
    mapping = {"email": "EMail", "fields": {"Note": "Note"}}
    rows = table("EMail;Note", *(f'p{number}@example.com;"å\n{number}"' for number in range(600)))
    planned = plan(tmp_path, rows, export(mapping), types={"Note": "textarea"})
    lines = b"".join(planned.lines).split(b"\n")
    assert lines.pop() == b""
    assert [len(line) for line in lines] == [entry.length for entry in planned.index]
    assert json.loads(lines[0])["contacts"][0]["fields"] == [{"id": 1, "value": "å\n0"}]
