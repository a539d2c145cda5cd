"""One contact per email, the same one whatever the order, and people recognised under a new address."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.plan.planning import Segment, export, plan, table

NAMED = export({"email": "EMail", "customer_id": "Id", "first_name": "Name", "last_name": "Last"})
HEADER = "Id,EMail,Name,Last"


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        (["1,a@example.com,,", "2,a@example.com,Ada,", "3,a@example.com,Ada,Lovelace"], "3"),
        (["2,a@example.com,Ada,", "1,a@example.com,Bob,", "3,a@example.com,Cy,"], "1"),
        (["1,a@example.com,Ada,", "1,A@Example.com ,Bob,", ",a@example.com,Cy,"], "1"),
    ],
)
def test_the_same_row_is_kept_in_any_order(tmp_path: Path, rows: list[str], kept: str) -> None:
    """Most values first, then the lowest customer id, then the lowest hash; never the place in the files."""
    found = set()
    for order in itertools.permutations(rows):
        for files in (
            {"S_1.csv": table(HEADER, *order)},
            {f"S_{n}.csv": table(HEADER, row) for n, row in enumerate(order)},
        ):
            planned = plan(tmp_path, Segment(files), NAMED)
            found.add((planned.rows["a@example.com"]["customer_id"], planned.rows["a@example.com"]["hash"]))
            assert planned.outcome.counts.duplicates == 2
    assert len(found) == 1
    assert found.pop()[0] == kept


def test_duplicates_are_listed_with_the_row_that_is_sent(tmp_path: Path) -> None:
    """A duplicate is no reject of the counts, but stands in rejects.csv with the line that travels in its place."""
    planned = plan(tmp_path, table(HEADER, "2,a@example.com,,", "1,a@example.com,,"), NAMED)
    assert planned.codes == [(2, "duplicate_email")]
    assert planned.rejects[0]["detail"].startswith("line 3 of S/2026")
    assert planned.outcome.counts.rejected == {}


def test_the_first_segment_wins(tmp_path: Path) -> None:
    """Of several segments, the export's first one that has a person says who that is, even with fewer values."""
    first = Segment({"A.csv": table("EMail,Id,Name,Last", "a@example.com,9,,")})
    second = Segment({"B.csv": table(HEADER, "1,a@example.com,Ada,Lovelace", "2,b@example.com,Bob,")})
    planned = plan(tmp_path, [first, second], NAMED)
    assert planned.rows["a@example.com"]["customer_id"] == "9"
    assert sorted(planned.contacts) == ["a@example.com", "b@example.com"]
    assert planned.outcome.counts.rows == 3


def readdressed(tmp_path: Path, rows: list[str], ledger: list[Any]) -> list[tuple[str, str]]:
    """Old and new emails of those who are recognised."""
    planned = plan(tmp_path, table("Id,EMail,PreviousCustomerId", *rows), ledger=ledger)
    assert set(planned.of("leaver")) >= {old for old, _ in planned.outcome.readdressed}
    return list(planned.outcome.readdressed)


@pytest.mark.parametrize(
    ("rows", "ledger", "found"),
    [
        (
            ["1,new@example.com,"],
            [("old@example.com", "1", "x", "member")],
            [("old@example.com", "new@example.com")],
        ),
        (
            ["2,new@example.com,9;1"],
            [("old@example.com", "1", "x", "member")],
            [("old@example.com", "new@example.com")],
        ),
        (
            ["2,new@example.com,1", "1,other@example.org,"],
            [("old@example.com", "1", "x", "member"), ("other@example.org", "1", "x", "member")],
            [],
        ),
        (["2,new@example.com,1", "1,,"], [("old@example.com", "1", "x", "member")], []),
        (["1,new@example.com,", "3,old@example.com,"], [("old@example.com", "1", "x", "member")], []),
        (["1,new@example.com,"], [("old@example.com", "1", "x", "former")], []),
        (
            ["1,new@example.com,"],
            [("old@example.com", "1", "x", "member"), ("new@example.com", "5", "x", "former")],
            [],
        ),
        (["1,n1@example.com,", "1,n2@example.com,"], [("old@example.com", "1", "x", "member")], []),
        (["2,n1@example.com,1", "3,n2@example.com,1"], [("old@example.com", "1", "x", "member")], []),
        (
            ["1,new@example.com,", "1,NEW@example.com,"],
            [("old@example.com", "1", "x", "member")],
            [("old@example.com", "new@example.com")],
        ),
        (
            ["H,b@example.com,", "H,c@example.com,"],
            [("a@example.com", "H", "x", "member"), ("b@example.com", "H", "x", "member")],
            [],
        ),
        (
            ["H,c@example.com,"],
            [("a@example.com", "H", "x", "member"), ("b@example.com", "H", "x", "member")],
            [],
        ),
        (
            ["9,new@example.com,1;2"],
            [("o1@example.com", "1", "x", "member"), ("o2@example.com", "2", "x", "member")],
            [("o1@example.com", "new@example.com")],
        ),
        (
            ["2,o2@example.com,1"],
            [("o1@example.com", "1", "x", "member"), ("o2@example.com", "2", "x", "member")],
            [],
        ),
        ([",new@example.com,"], [("old@example.com", None, "x", "member")], []),
    ],
)
def test_a_person_with_a_new_address_is_recognised(
    tmp_path: Path, rows: list[str], ledger: list[Any], found: list[tuple[str, str]]
) -> None:
    """The same or a merged customer id, an old address that is gone and a new one that is unknown make one person."""
    assert readdressed(tmp_path, rows, ledger) == found


@pytest.mark.parametrize(
    ("rows", "left", "handed_on"),
    [
        (["1,b@example.com,", "2,a@example.com,"], [], 2),
        (["1,b@example.com,", "2,c@example.com,"], ["a@example.com"], 1),
        (["1,b@example.com,"], ["a@example.com"], 1),
        (["3,b@example.com,", "1,a@example.com,"], [], 0),
        (["1,a@example.com,", "2,b@example.com,"], [], 0),
    ],
    ids=["exchanged", "handed on", "taken over", "new id", "unchanged"],
)
def test_an_address_that_goes_from_one_customer_to_another_is_told(
    tmp_path: Path, rows: list[str], left: list[str], handed_on: int
) -> None:
    """A contact is its address, and none can be given one that another has; so the run says how often that was."""
    ledger = [("a@example.com", "1", "x", "member"), ("b@example.com", "2", "x", "member")]
    planned = plan(tmp_path, table("Id,EMail,PreviousCustomerId", *rows), ledger=ledger)
    assert planned.of("leaver") == left
    assert planned.outcome.readdressed == ()
    told = f"{handed_on} members have the address of another customer by now, and its contact with it"
    assert planned.outcome.warnings == ((told,) if handed_on else ())
