"""Each of the three triggers takes a drop all the way to the list."""

from typing import Any

from local.caller import Caller, wait_for
from local.customers import first_day, next_day
from local.scene import EXPORT
from tests.end_to_end.conftest import MOMENT, Scene, end_of, first_run

PEOPLE = 1_200


def test_a_drop_is_exported_by_itself(scene: Scene) -> None:
    """The blob trigger finds the drop whole, and the next day's drop sends only what changed."""
    today = first_day(PEOPLE)
    with scene.world.start_host() as host:
        caller = scene.store_documents(host, triggers={"refresh": False, "drop": True})
        scene.drop(today)
        run = end_of(caller, first_run(caller)["id"])
        assert (run["state"], run["trigger"]) == ("succeeded", "drop")
        assert run["counts"]["confirmed"] == PEOPLE
        scene.check(today)

        tomorrow = next_day(today, leave=5, change=10, join=20)
        scene.drop(tomorrow, MOMENT.replace(day=25))
        second = _other_run(caller, run["id"])
        assert second["counts"]["sent"] == 35
        scene.check(tomorrow)


def _other_run(caller: Caller, known: str) -> dict[str, Any]:
    found = wait_for(
        lambda: next((run for run in caller.runs(EXPORT) if run["id"] != known), None), seconds=60, what="second run"
    )
    return end_of(caller, found["id"])


def test_the_refresh_schedule_exports_what_was_not_yet(scene: Scene) -> None:
    """The timer asks for a run once; fired again without a new drop it asks for nothing."""
    today = first_day(PEOPLE)
    with scene.world.start_host() as host:
        caller = scene.store_documents(host, triggers={"refresh": True, "drop": False})
        scene.drop(today)
        host.fire("scheduled_refresh")
        run = end_of(caller, first_run(caller)["id"])
        assert (run["state"], run["trigger"]) == ("succeeded", "refresh")
        scene.check(today)
        host.fire("scheduled_refresh")
        host.fire("sweep")
    assert len(list(scene.world.state.walk_blobs("runs/"))) == 1


def test_a_request_is_accepted_and_done(scene: Scene) -> None:
    """POST answers 202 with the run's address, and the run says how it went."""
    today = first_day(PEOPLE)
    with scene.world.start_host() as host:
        caller = scene.store_documents(host, triggers={"refresh": False, "drop": False})
        scene.drop(today)
        asked = caller.call("POST", f"/exports/{EXPORT}/runs")
        run = end_of(caller, asked["id"])
        assert (run["state"], run["trigger"]) == ("succeeded", "request")
        counts = run["counts"]
        assert (
            counts["rows"] == today.rows == counts["members"] + counts["duplicates"] + sum(counts["rejected"].values())
        )
        scene.check(today)
