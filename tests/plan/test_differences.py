"""Only what changed travels: the plan against the ledger."""

import hashlib
from pathlib import Path
from typing import Any

import duckdb
import pytest

from shared.drop.shapes import Dialect
from tests.plan.planning import (
    BEFORE,
    MARKED,
    PLAIN,
    UNSUBSCRIBED,
    Planned,
    Segment,
    export,
    next_ledger,
    plan,
    table,
)

NAMED = {"email": "EMail", "customer_id": "Id", "first_name": "Name"}
QUIET = {"exclude_automations": True}
FIRST = table("Id,EMail,Name", "1,a@example.com,Ada", "2,b@example.com,Bob", "3,c@example.com,Cy")


def twice(tmp_path: Path, second: bytes, before: dict[str, Any] | None = None, **after: Any) -> Planned:
    """The plan of a second drop, after everything of a first one was confirmed; ``after`` changes the export."""
    full = after.pop("full", False)
    first = plan(tmp_path, FIRST, export(NAMED, **(before or {})))
    ledger = next_ledger(tmp_path / "ledger.parquet", first)
    return plan(tmp_path, second, export(NAMED, **(before or {}) | after), ledger=ledger, full=full)


def test_the_first_run_sends_everybody(tmp_path: Path) -> None:
    """Without a ledger all members join."""
    planned = plan(tmp_path, FIRST, export(NAMED))
    assert planned.of("joiner") == sorted(planned.contacts) == ["a@example.com", "b@example.com", "c@example.com"]
    assert all(row["ledger_state"] is None and row["since"] is None for row in planned.rows.values())
    assert planned.outcome.ledger_members == 0


def test_the_same_drop_again_sends_nothing(tmp_path: Path) -> None:
    """Nothing changed, nothing travels, in whatever order the rows are."""
    planned = twice(
        tmp_path, table("Name,Id,EMail", "Cy,3,C@example.com", "Ada,1,a@example.com", " Bob,2,b@example.com")
    )
    assert planned.outcome.counts.unchanged == planned.outcome.ledger_members == 3
    assert (planned.bodies, planned.index) == ([], [])


@pytest.mark.parametrize(
    ("rows", "is_same"),
    [
        (("1,a@example.com", "2,r@example.com"), True),
        (("1,a@example.com", "2,r@example.com", "3,nobody"), True),
        (("1,a@example.com", "2,r@example.com,x"), True),
        (("7,a@example.com", "2,r@example.com"), False),
        (("1,a@example.com", "7,r@example.com"), False),
        ((",a@example.com", "2,r@example.com"), False),
        (("2,r@example.com",), False),
        (("1,a@example.com",), True),
        (("1,a@example.com", "2,r@example.com", "3,new@example.com"), False),
    ],
    ids=[
        "nothing differs",
        "a reject of nobody",
        "somebody in a reject",
        "a member's id",
        "a refused one's id",
        "an id is gone",
        "a leaver who is kept",
        "a refused one who is gone",
        "a joiner",
    ],
)
def test_a_plan_that_leaves_the_ledger_as_it_is_says_so(tmp_path: Path, rows: tuple[str, ...], is_same: bool) -> None:
    """Whatever would make another row of the ledger counts as a difference, even if nothing of it is sent."""
    first = plan(tmp_path, table("Id,EMail", "1,a@example.com", "2,r@example.com"))
    ledger = [
        ("a@example.com", "1", str(first.rows["a@example.com"]["hash"]), "member"),
        ("r@example.com", "2", str(first.rows["r@example.com"]["hash"]), "refused"),
        ("f@example.com", "3", "x", "former"),
    ]
    planned = plan(tmp_path, table("Id,EMail", *rows), export(leavers={"action": "keep"}), ledger=ledger)
    assert (planned.file is None) == is_same


def test_a_first_plan_has_a_ledger_to_write(tmp_path: Path) -> None:
    """Even if nobody is in the drop: from then on there is one."""
    assert plan(tmp_path, table("Id,EMail", "1,nobody")).file is not None


def test_joiners_changed_and_leavers_are_told_apart(tmp_path: Path) -> None:
    """Who is new joins, who differs in what is sent changed, who is absent leaves."""
    planned = twice(
        tmp_path, table("Id,EMail,Name", "1,a@example.com,Ada", "2,b@example.com,Rob", "4,d@example.com,Di")
    )
    assert [planned.of(kind) for kind in ("unchanged", "changed", "joiner", "leaver")] == [
        ["a@example.com"],
        ["b@example.com"],
        ["d@example.com"],
        ["c@example.com"],
    ]
    assert sorted(planned.contacts) == ["b@example.com", "d@example.com"]
    leaver = planned.rows["c@example.com"]
    assert (leaver["ledger_state"], leaver["batch"], leaver["customer_id"]) == ("member", None, "3")
    assert leaver["hash"] == leaver["ledger_hash"]
    assert leaver["since"] == BEFORE.strftime("%Y-%m-%d %H:%M:%S+00")


@pytest.mark.parametrize(
    ("change", "sent"),
    [
        ({"tags": ["VIP"]}, 3),
        ({"list_id": 4}, 3),
        ({"leavers": MARKED}, 3),
        ({"automations": "all"}, 0),
        ({"display_name": "Other"}, 0),
    ],
)
def test_the_hash_covers_what_is_sent_and_nothing_else(tmp_path: Path, change: dict[str, Any], sent: int) -> None:
    """A change of tags, list or mark travels to everybody; what is not part of a contact sends nobody."""
    assert twice(tmp_path, FIRST, **change).outcome.counts.changed == sent


def test_tags_have_no_order(tmp_path: Path) -> None:
    """Tags in another order are the same tags."""
    assert not twice(tmp_path, FIRST, {"tags": ["a", "b"]}, tags=["b", "a", "b"]).contacts


def test_the_hash_is_the_same_on_every_machine(tmp_path: Path) -> None:
    """Ledgers outlive machines and versions; where another hash is wanted, everybody is sent again."""
    planned = plan(tmp_path, table("Id,EMail,Name", '1,a@example.com,"Å ""\\ x"'), export(NAMED, tags=["b", "a"]))
    values = r'a@example.com,"first_name":"Å \"\\ x'
    same = r'[[],",\"tags\":[\"a\",\"b\"],\"subscribe\":[{\"listid\":3}]"]'
    one, other = (hashlib.md5(text.encode()).digest() for text in (values, same))
    assert planned.rows["a@example.com"]["hash"].bytes[::-1] == bytes(a ^ b for a, b in zip(one, other, strict=True))


def test_a_field_that_is_mapped_later_sends_those_who_have_a_value(tmp_path: Path) -> None:
    """Of the others nothing new is told."""
    drop = table("Id,EMail,Tier", "1,a@example.com,Gold", "2,b@example.com,")
    ledger = next_ledger(tmp_path / "ledger.parquet", plan(tmp_path, drop))
    later = export({"email": "EMail", "customer_id": "Id", "fields": {"TIER": "Tier"}})
    assert list(plan(tmp_path, drop, later, types={"TIER": "text"}, ledger=ledger).contacts) == ["a@example.com"]


def test_a_full_run_sends_every_member(tmp_path: Path) -> None:
    """The ledger is ignored for what travels, not for what a contact is called."""
    planned = twice(tmp_path, table("Id,EMail,Name", "1,a@example.com,Ada", "4,d@example.com,Di"), full=True)
    assert (planned.of("changed"), planned.of("joiner")) == (["a@example.com"], ["d@example.com"])


@pytest.mark.parametrize(
    ("state", "same", "full", "kind"),
    [
        ("refused", True, False, "refused"),
        ("refused", False, False, "joiner"),
        ("refused", True, True, "joiner"),
        ("former", True, False, "joiner"),
        ("former", False, False, "joiner"),
        ("member", True, False, "unchanged"),
        ("member", False, False, "changed"),
        ("member", True, True, "changed"),
    ],
)
def test_the_ledger_decides_what_a_member_is(tmp_path: Path, state: str, same: bool, full: bool, kind: str) -> None:
    """Whoever was refused travels again once changed, and whoever left and is back joins."""
    rows = table("Id,EMail", "1,a@example.com", "2,b@example.com")
    known = plan(tmp_path, rows).rows["a@example.com"]["hash"]
    planned = plan(tmp_path, rows, ledger=[("a@example.com", "1", known if same else "other", state)], full=full)
    row = planned.rows["a@example.com"]
    assert (row["kind"], row["ledger_state"]) == (kind, state)
    assert (row["batch"] is not None) == (kind in ("joiner", "changed"))
    assert planned.outcome.counts.refused_earlier == (kind == "refused")
    assert planned.outcome.counts.unchanged == (kind in ("refused", "unchanged"))


def test_a_ledger_with_hashes_as_text_is_understood(tmp_path: Path) -> None:
    """Ledgers of earlier versions have them so."""
    ledger, earlier = next_ledger(tmp_path / "ledger.parquet", plan(tmp_path, FIRST)), tmp_path / "earlier.parquet"
    with duckdb.connect() as engine:
        engine.execute(f"COPY (SELECT * REPLACE (hash::VARCHAR AS hash) FROM '{ledger}') TO '{earlier}'")
    assert plan(tmp_path, FIRST, ledger=earlier).outcome.counts.unchanged == 3


def test_whoever_is_no_member_any_more_carries_on(tmp_path: Path) -> None:
    """Former and refused rows of the ledger that are not in the drop stay known, without travelling."""
    ledger = [("f@example.com", "8", "x", "former"), ("r@example.com", "9", "y", "refused")]
    planned = plan(tmp_path, table("Id,EMail", "1,a@example.com"), ledger=ledger)
    assert planned.of("former") == ["f@example.com", "r@example.com"]
    assert {planned.rows[email]["ledger_state"] for email in planned.of("former")} == {"former", "refused"}
    assert planned.outcome.counts.leavers == 0


@pytest.mark.parametrize(
    ("leavers", "told"),
    [
        ({"action": "keep"}, None),
        (MARKED, {"email": "b@example.com", "fields": [{"id": 90, "value": "out"}], **QUIET}),
        (UNSUBSCRIBED, {"email": "b@example.com", "unsubscribe": [{"listid": 3}], **QUIET}),
    ],
)
def test_leavers_are_told_what_the_export_says(
    tmp_path: Path, leavers: dict[str, Any], told: dict[str, Any] | None
) -> None:
    """Kept leavers do not travel, marked ones get the former value, unsubscribed ones are unsubscribed."""
    rows = table("Id,EMail", "1,a@example.com")
    ledger = [("b@example.com", "2", "x", "member"), ("c@example.com", "3", "x", "former")]
    planned = plan(tmp_path, rows, export(leavers=leavers), ledger=ledger)
    assert planned.of("leaver") == ["b@example.com"]
    assert planned.contacts.get("b@example.com") == told
    assert "c@example.com" not in planned.contacts
    marks = planned.contacts["a@example.com"].get("fields")
    assert marks == ([{"id": 90, "value": "in"}] if leavers is MARKED else None)


@pytest.mark.parametrize(
    "row",
    ["2,Bob <b@example.com>,Bob", "2,,Bob", "2,b@,Bob", ",Bob <b@example.com>,Bob", ",b@example.com;x@example.com,Bob"],
)
def test_a_person_whose_address_is_missing_or_unusable_has_not_left(tmp_path: Path, row: str) -> None:
    """Membership is presence in the drop: the customer id tells who it is, or an address in what is no address."""
    planned = twice(tmp_path, table("Id,EMail,Name", "1,a@example.com,Eva", row, "3,c@example.com,Cy"))
    assert (planned.of("leaver"), planned.outcome.counts.unchanged) == ([], 1)
    assert planned.of("unchanged") == ["b@example.com", "c@example.com"]
    assert [line for line, _ in planned.codes] == [3]
    assert planned.outcome.warnings[-1] == "1 members stay what they were, since their rows are rejects"


IDN = "b@xn--bcher-kva.example"
HEX = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("row", "dialect", "member"),
    [
        ("2,b@example.com", PLAIN, "b@example.com"),
        ('2,B@EXAMPLE.COM,"x"y', PLAIN, "b@example.com"),
        ("2,b@example.com,Zo\udceb", PLAIN, "b@example.com"),
        (f"2,b@example.com,{'x' * 400_000}", PLAIN, "b@example.com"),
        (f"2,{'y' * 20_001},b@example.com,B", PLAIN, "b@example.com"),
        ("2,\u00a0b@example.com\u202c,B,x", PLAIN, "b@example.com"),
        ("2,Write to 'b@example.com'.,B,x", PLAIN, "b@example.com"),
        ("2,at b@example.com.,B,x", PLAIN, "b@example.com"),
        ("2,x|b@example.com,B,x", PLAIN, "x|b@example.com"),
        ("2,b@bücher.example", PLAIN, IDN),
        ("2,b@bücher.example,Zo\udceb", PLAIN, IDN),
        ("2,Bob <b@BÜCHER.example>,B,x", PLAIN, IDN),
        ("2^b@example.com^B^x", Dialect("^", '"', True), "b@example.com"),
        ("2\x01b@example.com\x01B\x01x", Dialect("\x01", '"', True), "b@example.com"),
        ("$2$,$b@example.com$,$B$,$x$", Dialect(",", "$", True), "b@example.com"),
        (f"{HEX.upper()},,B,x", PLAIN, "b@example.com"),
    ],
)
def test_a_member_whose_row_cannot_be_read_has_not_left(
    tmp_path: Path, row: str, dialect: Dialect, member: str
) -> None:
    """Whoever is seen in a reject, however it is written, stays what the ledger says, and the run says so."""
    rows = table("Id,EMail,Name", "1,a@example.com,Zoë").decode().replace(",", dialect.delimiter or ",") + row + "\n"
    ledger = [(member, HEX, "h", "member"), ("c@example.com", "3", "h", "member")]
    segment = Segment({"S.csv": rows.encode(errors="surrogateescape")}, dialect)
    planned = plan(tmp_path, segment, export(NAMED, leavers=UNSUBSCRIBED), ledger=ledger)
    assert planned.of("leaver") == ["c@example.com"]
    assert (planned.of("unchanged"), planned.outcome.counts.unchanged) == ([member], 0)
    assert planned.rows[member]["ledger_state"] == "member"
    assert planned.outcome.warnings[-1] == "1 members stay what they were, since their rows are rejects"
