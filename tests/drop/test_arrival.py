"""Arrival: which runs a dropped blob leads to, when, and how often."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from shared import names
from shared.courier import Courier
from shared.documents import Drop, Export, ExportState, Look, Run, RunState, Trigger
from shared.doors.clock import now
from shared.drop.finding import newest_drop
from shared.exports import all_exports
from shared.messages import LookMessage
from shared.steps.arrival import dropped, look_again, refresh_due
from tests.drop.made import CONTAINER, DESTINATION, FOLDER, SETTLE, TABLE, model_bytes, partitions, table
from tests.fakes import ManualClock, MemoryBlobs, MemoryQueues, courier

MODEL = f"{DESTINATION}/model.json"
DAY = 86_400


class World:
    """The app's hands in memory, and the host that plays its triggers."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.courier: Courier = courier(folder, clock=self.clock, DROP_SETTLE_SECONDS=str(SETTLE))
        assert isinstance(self.courier.drops, MemoryBlobs)
        assert isinstance(self.courier.queues, MemoryQueues)
        self.drops, self.queues = self.courier.drops, self.courier.queues

    def export(self, name: str, *segments: str, **changes: object) -> Export:
        """Store an export of those segments."""
        document = {"connection": "acme", "list_id": 3, "segments": segments, "mapping": {"email": "EMail"}} | changes
        export = Export.model_validate(document)
        self.courier.store.put(names.export(name), export)
        return export

    def put(self, *blobs: str, data: bytes = b"x") -> None:
        """Write blobs without any event."""
        for name in blobs:
            self.drops.write(name, data)

    def drop(self, *blobs: str, data: bytes = b"x") -> None:
        """Write blobs, each with its event."""
        for name in blobs:
            self.put(name, data=data)
            dropped(self.courier, name)

    def drop_model(self, *tables: dict[str, object]) -> None:
        """Write ``model.json`` with its event."""
        self.drop(MODEL, data=model_bytes(*tables))

    def looks(self) -> list[LookMessage]:
        """The looks under way."""
        return [message for message in self.queues.sent_to(names.SEGMENT_DROPS) if isinstance(message, LookMessage)]

    def play(self, *, seconds: float = 7 * DAY, each: Callable[[LookMessage], None] | None = None) -> int:
        """Deliver looks as they come due for that long; how many there were."""
        end, count = self.clock.time() + seconds, 0
        while waiting := min((w for w in self.queues.waiting if w.queue == names.SEGMENT_DROPS), default=None):
            if waiting.visible > end:
                break
            taken = self.queues.take(names.SEGMENT_DROPS)
            assert taken is not None
            assert isinstance(taken.message, LookMessage)
            count += 1
            (each or (lambda message: look_again(self.courier, message)))(taken.message)
        self.clock.sleep_until(end if seconds < 7 * DAY else self.clock.time())
        return count

    def runs(self) -> list[Run]:
        """Every run asked for, oldest first."""
        found = [blob.name for blob in self.courier.store.blobs.below(names.RUNS) if blob.name.endswith("/run.json")]
        return [self.courier.store.get(name, Run) for name in found]

    def finish(self, export: str, *drops: Drop) -> None:
        """As if those drops had been exported and nothing were active."""
        self.courier.store.put(names.export_state(export), ExportState(drops=list(drops)))

    def newest(self, segment: str) -> Drop:
        """The newest whole drop."""
        return newest_drop(self.drops, segment, now(self.clock), SETTLE, CONTAINER).drop


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One export of one segment."""
    world = World(tmp_path)
    world.export("high", "HighValue")
    return world


def test_a_drop_is_asked_for_once_it_has_settled(world: World) -> None:
    """One look after the settle time, one run, and nothing is left behind."""
    world.drop(*partitions(1, 2))
    world.drop_model(table("HighValue", partitions(1, 2)))
    assert world.runs() == []
    world.play()
    (run,) = world.runs()
    assert (run.export, run.trigger, run.state) == ("high", Trigger.DROP, RunState.QUEUED)
    assert world.looks() == []
    assert not world.courier.store.blobs.exists(names.look("HighValue"))


def test_the_last_partition_may_come_after_model_json(world: World) -> None:
    """90 seconds later: one run, of all partitions."""
    world.drop(*partitions(1))
    world.drop_model(table("HighValue", partitions(1, 2)))
    world.play(seconds=90)
    world.drop(partitions(2)[0])
    assert world.runs() == []
    world.play()
    assert len(world.runs()) == 1
    assert [blob.name for blob in world.newest("HighValue").blobs] == partitions(1, 2)


def test_an_event_that_comes_late_needs_no_second_look(world: World) -> None:
    """What has settled already is asked for at once."""
    world.put(*partitions(1))
    world.put(MODEL, data=model_bytes(table("HighValue", partitions(1))))
    world.clock.pass_by(SETTLE)
    dropped(world.courier, partitions(1)[0])
    assert len(world.runs()) == 1
    assert world.looks() == []


def test_fifty_partitions_at_once_are_one_chain_of_looks(world: World) -> None:
    """And one listing of the container, not fifty."""
    world.put(*partitions(*range(1, 51)))
    for name in partitions(*range(1, 51)):
        dropped(world.courier, name)
    assert len(world.looks()) == 1
    assert world.drops.calls["level"] == 8
    assert world.play() == 1
    assert len(world.runs()) == 1


def test_chains_that_started_at_the_same_time_become_one(world: World) -> None:
    """Instances that could not know of each other look once each; from then on one of them looks."""
    world.put(*partitions(1))
    world.put(MODEL, data=model_bytes(table("HighValue", partitions(1, 2))))
    for _ in range(16):
        world.courier.store.blobs.delete(names.look("HighValue"))
        dropped(world.courier, partitions(1)[0])
        world.clock.pass_by(0.001)
    assert len(world.looks()) == 16
    world.drops.calls.clear()
    world.play(seconds=SETTLE + 1)
    assert len(world.looks()) == 1
    assert world.drops.calls["level"] == 8


def test_a_look_delivered_twice_leads_to_one_chain(world: World) -> None:
    """However often each message comes."""
    world.drop(*partitions(1))
    world.drop_model(table("HighValue", partitions(1, 2)))

    def twice(message: LookMessage) -> None:
        look_again(world.courier, message)
        look_again(world.courier, message)

    world.play(seconds=3600, each=twice)
    assert len(world.looks()) == 1


def test_a_look_that_was_announced_is_always_on_its_way(world: World) -> None:
    """Cut off between message and document, the message still counts, and so does the next event."""
    world.drop(*partitions(1))
    world.courier.store.blobs.delete(names.look("HighValue"))
    world.play()
    assert len(world.runs()) == 1


def test_a_document_left_behind_stops_nobody(world: World) -> None:
    """A look whose time has passed is no reason not to look."""
    past = Look(segment="HighValue", first_seen=now(world.clock), looks=3, at=now(world.clock))
    world.courier.store.put(names.look("HighValue"), past)
    world.clock.pass_by(1)
    world.drop(*partitions(1))
    assert len(world.looks()) == 1
    world.play()
    assert len(world.runs()) == 1


def test_a_look_older_than_the_message_does_not_replace_it(world: World) -> None:
    """What the message knows of, that look may not have seen."""
    world.put(*partitions(1))
    past = Look(segment="HighValue", first_seen=now(world.clock), looks=3, at=now(world.clock))
    world.courier.store.put(names.look("HighValue"), past)
    world.clock.pass_by(5 * SETTLE)
    look_again(world.courier, LookMessage(segment="HighValue", first_seen=now(world.clock)))
    assert len(world.runs()) == 1


def test_without_exports_nothing_is_listed(world: World) -> None:
    """A container may be filled before anything is set up."""
    world.courier.store.blobs.delete(names.export("high"))
    world.drop_model(table("HighValue", partitions(1)))
    assert "level" not in world.drops.calls


def test_an_empty_folder_brings_no_run(world: World) -> None:
    """Neither from the trigger nor from the timer, and nobody leaves."""
    world.put(FOLDER, data=b"")
    world.drop(f"{TABLE}/2026/08/23/0214/HighValue_1.csv")
    world.play()
    assert world.runs() == []
    export = all_exports(world.courier.store)["high"]
    assert refresh_due(world.courier, "high", export, ExportState()) is None


def test_a_late_partition_is_not_kept_waiting_by_a_slow_chain(world: World) -> None:
    """After hours the looks come every quarter of an hour; the event of what was missing is looked at sooner."""
    world.drop(*partitions(1))
    world.drop_model(table("HighValue", partitions(1, 2)))
    world.play(seconds=6 * 3600)
    arrived = world.clock.time()
    world.drop(partitions(2)[0])
    world.play()
    (run,) = world.runs()
    assert run.requested_at.timestamp() - arrived <= 5 * SETTLE + 1


def test_the_same_drop_asks_for_one_run(world: World) -> None:
    """Copies of an event change nothing, before the run has ended or after."""
    world.drop(*partitions(1))
    world.play()
    for name in partitions(1) * 3:
        dropped(world.courier, name)
    assert len(world.runs()) == 1
    world.finish("high", world.newest("HighValue"))
    world.courier.store.blobs.delete(names.run(world.runs()[0].id))
    dropped(world.courier, partitions(1)[0])
    assert world.runs() == []
    assert world.looks() == []


def test_a_replaced_file_is_a_new_drop(world: World) -> None:
    """Under the same name, with another content."""
    world.drop("HighValue.csv")
    world.play()
    world.finish("high", world.newest("HighValue"))
    world.clock.pass_by(DAY)
    world.drop("HighValue.csv", data=b"y")
    world.play()
    assert len(world.runs()) == 2


def test_an_export_of_several_segments_waits_for_all_of_them(world: World) -> None:
    """Each must be whole, whichever comes last."""
    world.export("high", "HighValue", "Gold")
    world.drop("HighValue.csv")
    world.play()
    assert world.runs() == []
    world.put("Gold.csv")
    dropped(world.courier, "HighValue.csv")
    world.play(seconds=SETTLE - 1)
    assert world.runs() == []
    world.play()
    (run,) = world.runs()
    assert run.export == "high"


def test_a_drop_asks_for_a_run_of_every_export_that_uses_it(world: World) -> None:
    """And of no other: not of disabled ones, not of those that want no drops, not of other segments."""
    world.export("also", "BlobExport/HighValue")
    world.export("off", "HighValue", enabled=False)
    world.export("nightly", "HighValue", triggers={"drop": False})
    world.export("gold", "Gold")
    world.drop(*partitions(1))
    world.play()
    assert sorted(run.export for run in world.runs()) == ["also", "high"]


@pytest.mark.parametrize("name", [f"{FOLDER}_SUCCESS", "Gold.csv", "readme.txt", f"{TABLE}/"])
def test_what_nobody_exports_is_not_looked_at(world: World, name: str) -> None:
    """Not even listed."""
    world.drop(name)
    assert world.looks() == []
    assert "level" not in world.drops.calls


def test_an_old_folder_brings_no_run(world: World) -> None:
    """An event from the past finds the newest drop exported."""
    world.put(*partitions(1))
    world.clock.pass_by(DAY)
    world.finish("high", world.newest("HighValue"))
    world.drop(f"{TABLE}/2020/01/01/0000/HighValue_1.csv")
    world.play()
    assert world.runs() == []


def _events(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, object]]:
    lines = [json.loads(record.message) for record in caplog.records if record.name == "courier"]
    return [line for line in lines if line["event"] == event]


@pytest.mark.parametrize("data", [b"x", b""])
def test_a_drop_that_never_completes_ends_as_a_failed_run_to_be(
    world: World, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    """After a day the run is asked for that will say so, once; the log has it as ``drop_incomplete``."""
    caplog.set_level(logging.INFO, "courier")
    world.drop(partitions(1)[0], data=data)
    world.drop_model(table("HighValue", partitions(1, 2)))
    began = world.clock.time()
    looks = world.play()
    assert DAY <= world.clock.time() - began <= DAY + 900
    assert looks < 150
    (run,) = world.runs()
    assert (run.export, run.trigger) == ("high", Trigger.DROP)
    (end,) = _events(caplog, "drop_incomplete")
    assert (end["segment"], end["code"], end["looks"]) == ("HighValue", "drop_incomplete", looks + 1)
    assert len(_events(caplog, "drop_waiting")) == looks
    dropped(world.courier, partitions(1)[0])
    assert len(world.runs()) == 1


def test_a_drop_that_keeps_changing_is_given_up_after_two_days(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The chain ends, and says so."""
    world.drop("HighValue.csv")

    def touched(message: LookMessage) -> None:
        world.put("HighValue.csv")
        look_again(world.courier, message)

    world.play(each=touched)
    assert world.looks() == []
    (end,) = _events(caplog, "drop_incomplete")
    assert end["code"] == "settling"
    assert 2 * DAY <= float(str(end["seconds"])) < 2 * DAY + 900


def test_a_drop_that_cannot_be_used_is_asked_for_so_that_its_run_says_why(world: World) -> None:
    """Once for each state of it."""
    world.put("a/HighValue/x.csv", "b/HighValue/x.csv")
    for _ in range(2):
        dropped(world.courier, "a/HighValue/x.csv")
        world.play()
    assert len(world.runs()) == 1


def test_an_export_deleted_while_its_drop_settles_brings_nothing(world: World) -> None:
    """The chain of looks ends."""
    world.drop(*partitions(1))
    world.courier.store.blobs.delete(names.export("high"))
    assert world.play() == 1
    assert (world.runs(), world.looks()) == ([], [])


def test_the_timer_asks_for_what_was_not_exported_yet(world: World) -> None:
    """Nothing there: nothing. Something new: its drops. Exported: nothing."""
    export = all_exports(world.courier.store)["high"]
    assert refresh_due(world.courier, "high", export, ExportState()) is None
    world.put(*partitions(1))
    world.clock.pass_by(5 * SETTLE)
    due = refresh_due(world.courier, "high", export, ExportState())
    assert due == [world.newest("HighValue")]
    assert refresh_due(world.courier, "high", export, ExportState(drops=due)) is None


def test_the_timer_asks_for_what_is_not_whole_yet(world: World) -> None:
    """Planning waits for it, or says why it cannot be used."""
    export = all_exports(world.courier.store)["high"]
    world.put(*partitions(2))
    assert refresh_due(world.courier, "high", export, ExportState())
    world.clock.pass_by(2 * DAY)
    assert refresh_due(world.courier, "high", export, ExportState())


def test_the_timer_asks_again_when_one_of_several_segments_is_new(world: World) -> None:
    """With the drops of all, in the order of the export."""
    export = world.export("high", "HighValue", "Gold")
    world.put("HighValue.csv", "Gold.csv")
    world.clock.pass_by(SETTLE)
    old = ExportState(drops=[world.newest("Gold")])
    due = refresh_due(world.courier, "high", export, old)
    assert due == [world.newest("HighValue"), world.newest("Gold")]
    assert refresh_due(world.courier, "high", export, ExportState(drops=list(reversed(due)))) is None


def test_a_missing_segment_asks_for_nothing_and_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """With those there are."""
    world.put("Gold.csv")
    export = all_exports(world.courier.store)["high"]
    assert refresh_due(world.courier, "high", export, ExportState()) is None
    assert "it holds Gold" in caplog.text


def test_every_export_is_found_by_name(world: World) -> None:
    """State and ledgers below an export's name are not taken for exports."""
    world.finish("high")
    world.export("another", "Gold")
    assert sorted(all_exports(world.courier.store)) == ["another", "high"]


def test_a_document_that_cannot_be_understood_stops_no_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """It is named in the log, without what it holds."""
    world.courier.store.blobs.write(names.export("broken"), b'{"version": 1, "segments": ["secret"]}')
    assert list(all_exports(world.courier.store)) == ["high"]
    assert "exports/broken.json" in caplog.text
    assert "secret" not in caplog.text
