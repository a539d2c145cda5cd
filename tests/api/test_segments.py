"""Segments: what lies in the container, as far as it is known."""

from shared import names
from shared.courier import Courier
from shared.documents import ExportState
from shared.doors.clock import now
from shared.drop.finding import newest_drop
from tests.api.client import Client
from tests.fakes import ManualClock

ROWS = b"EMail\nada@example.com\n"
RUN = "20260824T090000Z-vip-0123abcd"


def test_segments_are_listed_with_their_newest_drop(client: Client, app: Courier, clock: ManualClock) -> None:
    """Whole ones, and those still being written with the reason."""
    app.drops.write("HighValueSegment.csv", ROWS)
    clock.pass_by(3600)
    app.drops.write("Newcomers.csv", ROWS)
    document = client.get("segments")
    assert document["container"] == "segments"
    newest, whole = sorted(document["segments"], key=lambda segment: segment["whole"])
    assert (whole["name"], whole["files"], whole["size"]) == ("HighValueSegment", ["HighValueSegment.csv"], len(ROWS))
    assert whole["modified"] == "2026-08-24T09:00:00Z"
    assert whole["columns"] == ["EMail"]
    assert "problem" not in whole
    assert newest["name"] == "Newcomers"
    assert newest["problem"]["waiting"] is True
    assert newest["problem"]["code"] == "settling"


def test_rows_are_known_once_a_run_has_counted_them(client: Client, app: Courier, clock: ManualClock) -> None:
    """Of this very drop; after the next one they are unknown again."""
    app.drops.write("HighValueSegment.csv", ROWS)
    clock.pass_by(3600)
    drop = newest_drop(app.drops, "HighValueSegment", now(clock), 120, "segments").drop
    app.store.put(names.export_state("vip"), ExportState(ledger=RUN, drops=[drop], rows=1))
    assert client.get("segments")["segments"][0]["rows"] == 1
    app.drops.write("HighValueSegment.csv", ROWS * 2)
    assert "rows" not in client.get("segments")["segments"][0]


def test_an_empty_container_has_no_segments(client: Client) -> None:
    """That is no error."""
    assert client.get("segments") == {"container": "segments", "segments": []}
