"""A short soak: the long one is ``make soak``."""

from pathlib import Path

import pytest

from tests.soak import Tally, soak


@pytest.mark.parametrize("seed", [1001, 1002])
def test_whatever_goes_wrong_a_recovered_run_leaves_list_and_ledger_right(tmp_path: Path, seed: int) -> None:
    """Faults by chance in every call: list, ledger and counts are right after each recovered run."""
    tally = Tally()
    soak(tmp_path, seed, 6, tally)
    assert tally.runs == 6
