"""What ActiveCampaign was told of whom, as far as it confirmed it."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from shared.ledger import BatchOutcome, write_ledger
from shared.plan.diff import MAY_HAVE_JOINED, TELL_AGAIN

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 8, 24, tzinfo=UTC)

OLD, NEW = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"

COLUMNS = (
    "email VARCHAR, customer_id VARCHAR, hash UUID, kind VARCHAR, batch INTEGER, position INTEGER, "
    "since TIMESTAMPTZ, source VARCHAR, line BIGINT, ledger_state VARCHAR, ledger_hash UUID"
)
Row = tuple[str, str, datetime]


def _ledger(
    tmp_path: Path, rows: list[tuple[object, ...]], outcomes: list[BatchOutcome], *, complete: bool = True
) -> dict[str, Row]:
    """The ledger that follows: hash, state and since by the part of the address before the @."""
    planned, target = tmp_path / "planned.parquet", tmp_path / "ledger.parquet"
    with duckdb.connect() as engine:
        engine.execute(f"CREATE TABLE planned ({COLUMNS})")
        for name, kind, batch, position, state, known in rows:
            engine.execute(
                "INSERT INTO planned VALUES (?, 'c', ?, ?, ?, ?, ?, 's', 1, ?, ?)",
                [f"{name}@example.com", NEW, kind, batch, position, LONG_AGO if state else None, state, known],
            )
        engine.execute(f"COPY planned TO '{planned}' (FORMAT parquet)")
    write_ledger(planned, outcomes, NOW, target, complete=complete)
    with duckdb.connect() as engine:
        found = engine.execute(
            f"SELECT email, hash::VARCHAR, state, epoch(since) FROM read_parquet('{target}')"
        ).fetchall()
    return {
        email.split("@")[0]: (known, state, datetime.fromtimestamp(since, UTC)) for email, known, state, since in found
    }


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("joiner", 0, 0, None, None), (NEW, "member", NOW)),
        (("joiner", 0, 0, "former", OLD), (NEW, "member", NOW)),
        (("joiner", 0, 1, None, None), (NEW, "refused", NOW)),
        (("joiner", 0, 2, None, None), None),
        (("joiner", 0, 2, "former", OLD), (OLD, "former", LONG_AGO)),
        (("joiner", 0, 3, None, None), (MAY_HAVE_JOINED, "member", NOW)),
        (("joiner", 0, 3, "refused", OLD), (MAY_HAVE_JOINED, "member", NOW)),
        (("joiner", 1, 0, None, None), None),
        (("changed", 0, 0, "member", OLD), (NEW, "member", LONG_AGO)),
        (("changed", 0, 1, "member", OLD), (NEW, "refused", NOW)),
        (("changed", 0, 2, "member", OLD), (OLD, "member", LONG_AGO)),
        (("changed", 0, 3, "member", OLD), (TELL_AGAIN, "member", LONG_AGO)),
        (("changed", 1, 0, "member", OLD), (OLD, "member", LONG_AGO)),
        (("changed", 0, 0, "refused", OLD), (NEW, "member", NOW)),
        (("changed", 0, 1, "refused", OLD), (NEW, "refused", LONG_AGO)),
        (("unchanged", None, None, "member", OLD), (OLD, "member", LONG_AGO)),
        (("refused", None, None, "refused", OLD), (OLD, "refused", LONG_AGO)),
        (("former", None, None, "former", OLD), (OLD, "former", LONG_AGO)),
        (("former", None, None, "refused", OLD), (OLD, "refused", LONG_AGO)),
        (("leaver", None, None, "member", OLD), (OLD, "former", NOW)),
        (("leaver", 0, 0, "member", OLD), (NEW, "former", NOW)),
        (("leaver", 0, 1, "member", OLD), (NEW, "former", NOW)),
        (("leaver", 0, 2, "member", OLD), (OLD, "member", LONG_AGO)),
        (("leaver", 0, 3, "member", OLD), (TELL_AGAIN, "member", LONG_AGO)),
        (("leaver", 1, 0, "member", OLD), (OLD, "member", LONG_AGO)),
    ],
)
def test_each_person_ends_as_their_batch_did(tmp_path: Path, row: tuple[object, ...], expected: Row | None) -> None:
    """Batch 0 was sent: 1 was refused, 2 was not taken, 3 may have been; batch 1 was not sent."""
    outcomes = [BatchOutcome(0, refused={1: "refused_bounced"}, lost=frozenset({2}), unsure=frozenset({3}))]
    assert _ledger(tmp_path, [("ada", *row)], outcomes) == ({"ada": expected} if expected else {})


def test_a_cancelled_run_decides_nothing_about_leavers(tmp_path: Path) -> None:
    """Whoever was not sent stays a member, also where nothing would have been sent of them."""
    rows: list[tuple[object, ...]] = [
        ("ada", "leaver", None, None, "member", OLD),
        ("bea", "leaver", 0, 0, "member", OLD),
    ]
    assert _ledger(tmp_path, rows, [BatchOutcome(0)], complete=False) == {
        "ada": (OLD, "member", LONG_AGO),
        "bea": (NEW, "former", NOW),
    }


def test_a_run_that_sent_nothing_keeps_what_was_known(tmp_path: Path) -> None:
    """Without outcomes only leavers that nobody has to be told of change."""
    rows: list[tuple[object, ...]] = [
        ("ada", "unchanged", None, None, "member", OLD),
        ("bea", "leaver", None, None, "member", OLD),
    ]
    assert _ledger(tmp_path, rows, []) == {"ada": (OLD, "member", LONG_AGO), "bea": (OLD, "former", NOW)}
