"""The list of rows that do not travel, as people open it."""

from pathlib import Path

import pytest

from shared.documents import Counts
from shared.errors import CourierError
from shared.plan.planner import check_equations
from tests.plan.planning import FOLDER, Segment, plan, table


def test_a_reject_has_its_place_its_person_and_a_reason(tmp_path: Path) -> None:
    """Source, line of the original file, customer id, email, code and a sentence."""
    planned = plan(
        tmp_path, Segment({"S_1.csv": table("Id,EMail", "1,a@example.com"), "S_2.csv": table("Id,EMail", "2,b@", "3")})
    )
    assert [list(reject.values())[:5] for reject in planned.rejects] == [
        [f"{FOLDER}/S_2.csv", "2", "2", "b@", "email_invalid"],
        [f"{FOLDER}/S_2.csv", "3", "", "", "row_malformed"],
    ]
    assert all(reject["detail"] for reject in planned.rejects)
    assert planned.outcome.counts.rejected == {"email_invalid": 1, "row_malformed": 1}


@pytest.mark.parametrize("email", ['=HYPERLINK("x")', "+1", "-1", "@sum", "\u0009=1"])
def test_formulas_are_defused(tmp_path: Path, email: str) -> None:
    """A value that a spreadsheet would calculate starts with an apostrophe."""
    planned = plan(tmp_path, table("Id|EMail", f"-7|{email}").replace(b'"', b""))
    assert planned.rejects[0]["customer_id"] == "'-7"
    assert planned.rejects[0]["email"].startswith("'")


def test_the_list_has_its_header_without_rejects(tmp_path: Path) -> None:
    """Without rejects the file has the names of its columns."""
    planned = plan(tmp_path, table("Id,EMail", "1,a@example.com"))
    assert planned.outcome.rejects.read_text() == "source,line,customer_id,email,code,detail\n"


def test_a_reject_is_one_row_whatever_was_in_it(tmp_path: Path) -> None:
    """Quotes and delimiters in an email stay in their value, and a huge one is cut."""
    planned = plan(tmp_path, table("Id;EMail", f'1;"a,""b"" {"x" * 5000}"'))
    assert planned.rejects[0]["email"].startswith('a,"b" xxx')
    assert len(planned.rejects[0]["email"]) == 320


@pytest.mark.parametrize(
    "counts",
    [
        Counts(rows=3, members=1, joiners=1, duplicates=1),
        Counts(rows=1, members=1, joiners=0, changed=0, unchanged=0),
        Counts(rows=0, members=0, rejected={"email_missing": 1}),
    ],
)
def test_a_plan_that_loses_a_row_is_never_used(counts: Counts) -> None:
    """Counts that do not add up end the plan with an error of their own."""
    with pytest.raises(CourierError) as caught:
        check_equations(counts)
    assert caught.value.code == "accounting"


def test_a_dry_run_can_show_examples(tmp_path: Path) -> None:
    """Up to five contacts that would be sent are named by their lines."""
    planned = plan(tmp_path, table("Id,EMail", *(f"{number},p{number}@example.com" for number in range(9))))
    assert [(example.kind, example.line) for example in planned.outcome.examples] == [
        ("joiner", line) for line in range(2, 7)
    ]
