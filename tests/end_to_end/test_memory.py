"""A drop of any size reaches the worker as a name, not as bytes."""

from pathlib import Path

from local.caller import wait_for
from local.host import HostProcess
from tests.end_to_end.conftest import Scene

DROP_MB = 500
ALLOWED_MB = 8


def _memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


def _handled(host: HostProcess, times: int) -> bool | None:
    return True if host.log.read_text().count("Executed 'Functions.segment_dropped' (Succeeded") >= times else None


def test_a_large_drop_does_not_pass_through_the_worker(scene: Scene, tmp_path: Path) -> None:
    """The peak memory of the host stays where it was when 500 MB are dropped."""
    large = tmp_path / "Everybody.csv"
    line = b"customer@example.com," + b"x" * 1002 + b"\n"
    with large.open("wb") as file:
        file.write(b"EMail,Note\n")
        for _ in range(DROP_MB):
            file.write(line * 1024)
    with scene.world.start_host() as host:
        scene.store_documents(host, segments=["Everybody"], triggers={"refresh": False, "drop": True})
        scene.world.drops.upload_blob("Small.csv", b"EMail\n")
        wait_for(lambda: _handled(host, 1), seconds=60, what="call for the small drop")
        before = _memory_mb(host.pid)
        with large.open("rb") as file:
            scene.world.drops.upload_blob("Everybody.csv", file, max_concurrency=4)
        wait_for(lambda: _handled(host, 2), seconds=60, what="call for the large drop")
        assert _memory_mb(host.pid) - before < ALLOWED_MB
