"""A short soak: the long one is ``make soak``."""

import signal
from pathlib import Path

import pytest

from local.caller import wait_for
from tests.soak import Tally, soak, told
from tests.world.commands import read_until, started


@pytest.mark.parametrize("seed", [1001, 1002])
def test_whatever_goes_wrong_a_recovered_run_leaves_list_and_ledger_right(tmp_path: Path, seed: int) -> None:
    """Faults by chance in every call: list, ledger and counts are right after each recovered run."""
    tally = Tally()
    soak(tmp_path, seed, 6, tally)
    assert tally.runs == 6


def test_a_soak_says_how_far_it_is() -> None:
    """A line in words, with the time that is left while any is."""
    tally = Tally(runs=250, recoveries=3, holds=2, extra_sends=1_050)
    assert told(tally, 1_000, 300) == (
        "250 of 1,000 runs: 3 needed another run, 2 holds were released, 1,050 contacts were sent again; "
        "about 15 min left"
    )
    assert told(tally, 250, 300).endswith("sent again")


def test_a_soak_that_is_stopped_says_so(tmp_path: Path) -> None:
    """Ctrl-C ends it with a sentence, and no line of the app's log comes between."""
    with started("tests.soak", temporary=tmp_path) as process:
        said = read_until(process, "Playing")
        wait_for(lambda: next(tmp_path.glob("soak-*"), None), seconds=30, what="first world")
        process.send_signal(signal.SIGINT)
        said += process.communicate(timeout=60)[0]
    assert said == (
        "Playing 1,000 runs in 40 worlds, with faults by chance...\n"
        "Stopped after 0 runs; list, ledger and counts were right after each of them.\n"
    )
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []
