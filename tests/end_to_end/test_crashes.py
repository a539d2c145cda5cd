"""A host that dies at any point of a run and is started again finishes it."""

from local.customers import first_day
from local.host import HostFailed, HostProcess
from local.scene import EXPORT
from tests.end_to_end.conftest import Scene, end_of

PEOPLE = 3_000
LEASE_SECONDS = 5
POINTS = (
    "plan_run:1:before",
    "plan_run:1:after",
    "watch_run:1:before",
    "watch_run:1:after",
    "deliver_batch:2:before",
    "deliver_batch:3:after",
    "watch_run:2:after",
)


def test_a_killed_host_finishes_the_run_when_it_is_started_again(scene: Scene) -> None:
    """SIGKILL in planning, in delivery and in watching, one after the other: right list, honest counts."""
    today = first_day(PEOPLE)
    scene.drop(today)
    with scene.world.start_host(lease_seconds=LEASE_SECONDS) as host:
        caller = scene.store_documents(host, triggers={"refresh": False, "drop": False})
        asked = caller.call("POST", f"/exports/{EXPORT}/runs", {"dry_run": True})
        assert end_of(caller, asked["id"])["state"] == "succeeded"
    run_id = _request(scene, POINTS[0])
    for point in POINTS[1:]:
        _live_until(scene, point)
    with scene.world.start_host(lease_seconds=LEASE_SECONDS) as host:
        run = end_of(scene.caller(host), run_id)
    assert run["state"] == "succeeded"
    assert run["counts"]["confirmed"] == run["counts"]["sent"] == PEOPLE
    scene.check(today)
    assert sum(scene.journal.extra_sends().values()) <= 250 * len(POINTS)


def _request(scene: Scene, point: str) -> str:
    """Ask for a run and let the host die at that point of it."""
    with scene.world.start_host(lease_seconds=LEASE_SECONDS, kill_at=point) as host:
        asked = scene.caller(host).call("POST", f"/exports/{EXPORT}/runs")
        _dies(host)
    return str(asked["id"])


def _live_until(scene: Scene, point: str) -> None:
    """Start the host and let it die at that point, which may come before it is known to be ready."""
    try:
        with scene.world.start_host(lease_seconds=LEASE_SECONDS, kill_at=point) as host:
            _dies(host)
    except HostFailed as early:
        assert "exit code -9" in str(early)


def _dies(host: HostProcess) -> None:
    assert host.wait(60) < 0
