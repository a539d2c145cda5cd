"""From a container to the newest drop of a segment, listing no more than it takes."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.documents import Drop
from shared.doors.clock import as_datetime
from shared.doors.ports import Blob, Content
from shared.drop.completeness import NotUsable, NotYet
from shared.drop.finding import SegmentOverview, newest_drop, places_of, segments_in
from shared.drop.shapes import Dialect, SegmentDrop
from shared.errors import DropNotReady, DropUnusable
from tests.drop.made import CONTAINER, DESTINATION, FOLDER, OLDER, SETTLE, TABLE, model_bytes, partitions, table
from tests.fakes import ManualClock, MemoryBlobs

MODEL = f"{DESTINATION}/model.json"
QUIET = 5 * SETTLE


class Container:
    """A container in memory and the time in it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.blobs = MemoryBlobs(self.clock)

    def put(self, *names: str, data: bytes = b"x") -> None:
        """Write blobs now."""
        for name in names:
            self.blobs.write(name, data)

    def put_model(self, *tables: dict[str, object]) -> None:
        """Write the destination's ``model.json`` now."""
        self.blobs.write(MODEL, model_bytes(*tables))

    def find(self, segment: str, previous: Drop | None = None) -> SegmentDrop:
        """The newest drop now."""
        now = as_datetime(self.clock.time())
        return newest_drop(self.blobs, segment, now, SETTLE, CONTAINER, previous)

    def overview(self) -> tuple[SegmentOverview, ...]:
        """All segments now."""
        return segments_in(self.blobs, as_datetime(self.clock.time()), SETTLE, CONTAINER)


@pytest.fixture
def container() -> Container:
    """An empty container."""
    return Container()


def _names(found: SegmentDrop) -> list[str]:
    return [blob.name for blob in found.drop.blobs]


def test_the_newest_folder_of_a_tree_is_the_drop(container: Container) -> None:
    """With what ``model.json`` says of it; older folders and other tables stay out."""
    container.put(
        *partitions(1, 2, 3, folder=OLDER), *partitions(1, 2), f"{DESTINATION}/Customer/2026/08/24/0214/x_1.csv"
    )
    container.put_model(table("HighValue", partitions(1, 2)), table("Customer", []))
    container.clock.pass_by(SETTLE)
    found = container.find("HighValue")
    assert _names(found) == partitions(1, 2)
    assert found.drop.segment == "HighValue"
    assert found.columns == ("CustomerId", "EMail")
    assert found.primary_key == "CustomerId"
    assert found.dialect == Dialect(delimiter=",", quote='"')
    assert found.warnings == ()


def test_without_model_json_numbers_and_quiet_decide(container: Container) -> None:
    """Nothing is known of columns and dialect then, and the run is warned."""
    container.put(*partitions(2, 1))
    container.clock.pass_by(QUIET)
    found = container.find("HighValue")
    assert _names(found) == partitions(1, 2)
    assert (found.columns, found.dialect, len(found.warnings)) == (None, Dialect(), 1)


@pytest.mark.parametrize(
    ("names", "drop"),
    [
        (["HighValue.csv"], ["HighValue.csv"]),
        (["HighValue/x.csv", "HighValue/y.csv.gz"], ["HighValue/x.csv", "HighValue/y.csv.gz"]),
        (["in/HighValue/x.parquet"], ["in/HighValue/x.parquet"]),
        (["B_HighValue_1756000000.csv", "B_HighValue_1756000009.csv"], ["B_HighValue_1756000009.csv"]),
        (["HighValue.csv", "Value.csv", "B_Very_HighValue_1756000000.csv", "x.txt"], ["HighValue.csv"]),
    ],
)
def test_plain_drops_have_a_header_row(container: Container, names: list[str], drop: list[str]) -> None:
    """Their files are found by name, and name their columns themselves."""
    container.put(*names)
    container.clock.pass_by(QUIET)
    found = container.find("HighValue")
    assert (_names(found), found.dialect, found.columns) == (drop, Dialect(header=True), None)


def test_thousands_of_old_folders_are_not_opened(container: Container) -> None:
    """Eight listings and one read, however long the history and however many other tables."""
    for year, month, day in itertools.product(range(2020, 2026), range(1, 13), range(1, 29)):
        container.put(f"{TABLE}/{year}/{month:02}/{day:02}/0214/HighValue_1.csv")
    for number in range(200):
        container.put(f"{DESTINATION}/Other{number}/2026/08/24/0214/Other{number}_1.csv")
    container.put(*partitions(1))
    container.put_model(table("HighValue", partitions(1)), *(table(f"Other{number}", []) for number in range(200)))
    container.clock.pass_by(SETTLE)
    container.blobs.calls.clear()
    assert _names(container.find("HighValue")) == partitions(1)
    assert container.blobs.calls == {"level": 8, "read": 1}


def test_tables_nobody_asked_for_are_not_opened_to_their_last_level(container: Container) -> None:
    """Without a ``model.json`` it takes two listings to tell a table: its years, and that there are months below."""
    for number in range(300):
        container.put(f"{DESTINATION}/Other{number}/2026/08/24/0214/Other{number}_1.csv")
    container.put(*partitions(1), f"{DESTINATION}/Archive/2025/HighValue2/x.csv")
    container.clock.pass_by(QUIET)
    container.blobs.calls.clear()
    assert _names(container.find("HighValue")) == partitions(1)
    assert container.blobs.calls == {"level": 3 + 5 + 2 * 300 + 5}
    assert _names(container.find("HighValue2")) == [f"{DESTINATION}/Archive/2025/HighValue2/x.csv"]
    with pytest.raises(DropUnusable) as raised:
        container.find("Missing")
    assert {"HighValue", "HighValue2", "Other0"} <= set(raised.value.details)


EARLIER_HOUR = f"{TABLE}/2026/08/24/0130/"


def test_the_hour_that_autumn_repeats_is_not_lost(container: Container) -> None:
    """``model.json`` lists a folder with a smaller name whose files came later: that is the newest drop."""
    container.put(*partitions(1))
    container.put_model(table("HighValue", partitions(1)))
    container.clock.pass_by(SETTLE)
    first = container.find("HighValue").drop
    container.clock.pass_by(3600)
    container.put(*partitions(1, 2, folder=EARLIER_HOUR))
    container.put_model(table("HighValue", partitions(1, 2, folder=EARLIER_HOUR)))
    with pytest.raises(DropNotReady) as raised:
        container.find("HighValue", first)
    assert raised.value.code == "settling"
    container.clock.pass_by(SETTLE)
    assert _names(container.find("HighValue", first)) == partitions(1, 2, folder=EARLIER_HOUR)


def test_a_list_of_yesterday_brings_no_older_folder_back(container: Container) -> None:
    """However new ``model.json`` is: other tables have it rewritten, too."""
    container.put(*partitions(1, folder=OLDER))
    container.clock.pass_by(3600)
    container.put(*partitions(1))
    container.put_model(table("HighValue", partitions(1, folder=OLDER)))
    container.clock.pass_by(QUIET)
    with pytest.raises(DropNotReady) as raised:
        container.find("HighValue")
    assert raised.value.code == "model_stale"


def test_an_overview_opens_only_the_newest_folder_of_each_segment(container: Container) -> None:
    """Five listings a segment, and ``model.json`` once."""
    for name, day in itertools.product(("A", "B", "C"), range(1, 29)):
        container.put(f"{DESTINATION}/{name}/2026/07/{day:02}/0214/{name}_1.csv")
    container.put_model(*(table(name, [f"{DESTINATION}/{name}/2026/07/28/0214/{name}_1.csv"]) for name in "ABC"))
    container.clock.pass_by(SETTLE)
    container.blobs.calls.clear()
    assert [(one.name, one.problem) for one in container.overview()] == [("A", None), ("B", None), ("C", None)]
    assert container.blobs.calls == {"level": 3 + 3 * 5, "read": 1}


class Folders(MemoryBlobs):
    """Storage with real directories, which may be empty."""

    def __init__(self, clock: ManualClock, *folders: str) -> None:
        super().__init__(clock)
        self._folders = folders

    def level(self, prefix: str = "") -> tuple[list[str], list[Blob]]:
        """As the base, with the empty folders."""
        folders, blobs = super().level(prefix)
        empty = {
            prefix + name.removeprefix(prefix).split("/")[0] + "/"
            for name in self._folders
            if name.startswith(prefix) and name != prefix
        }
        return sorted({*folders, *empty}), blobs


@pytest.mark.parametrize("empty", [f"{TABLE}/2026/08/25/0214/", f"{TABLE}/2026/09/", f"{TABLE}/2027/"])
def test_an_empty_newest_folder_is_waited_for(container: Container, empty: str) -> None:
    """The folder before it is never taken in its place, at whatever level it is empty."""
    container.blobs = Folders(container.clock, empty)
    container.put(*partitions(1))
    container.clock.pass_by(QUIET)
    with pytest.raises(DropNotReady) as raised:
        container.find("HighValue")
    assert raised.value.code == "folder_empty"
    assert empty in raised.value.message


@pytest.mark.parametrize("marker", [f"{TABLE}/2026/08/25/0214/", f"{TABLE}/2026/09/", f"{TABLE}/2027/"])
def test_a_marker_makes_no_folder_full(container: Container, marker: str) -> None:
    """Where an empty blob stands for a folder, the folder is as empty as without it."""
    container.put(*partitions(1))
    container.put(marker, data=b"")
    container.clock.pass_by(QUIET)
    with pytest.raises(DropNotReady) as raised:
        container.find("HighValue")
    assert raised.value.code == "folder_empty"
    (overview,) = container.overview()
    assert (overview.drop, overview.size) == (None, 0)


def test_folders_that_are_no_moments_are_not_the_newest(container: Container) -> None:
    """A month 13 or a 30th of February is somebody's own folder."""
    container.put(*partitions(1), f"{TABLE}/2026/13/01/0214/x_1.csv", f"{TABLE}/2026/notes.txt", f"{TABLE}/2027/x.txt")
    container.clock.pass_by(QUIET)
    assert _names(container.find("HighValue")) == partitions(1)


@pytest.mark.parametrize("root", ["", "CustomerInsights_abcd/", "CustomerInsights_abcd/Export/", "a/b/c/d/e/"])
@pytest.mark.parametrize("above", [0, 1, 2])
def test_a_tree_may_stand_anywhere_below_its_model_json(container: Container, root: str, above: int) -> None:
    """With or without the destination's level, and with ``model.json`` beside the table or further up."""
    name = f"{root}HighValue/2026/08/24/0214/HighValue_1.csv"
    levels = root.split("/")[:-1]
    place = "".join(f"{level}/" for level in levels[: max(0, len(levels) - above)])
    container.put(name)
    container.put(f"{place}model.json", data=model_bytes(table("HighValue", [name])))
    container.clock.pass_by(SETTLE)
    assert container.find("HighValue").columns == ("CustomerId", "EMail")


def test_the_nearest_model_json_counts(container: Container) -> None:
    """One further up may be about something else, and hides nothing."""
    container.put(*partitions(1))
    container.put("model.json", data=model_bytes(table("Other", []), table(DESTINATION.partition("/")[0] + "x", [])))
    container.put_model(table("HighValue", partitions(1)))
    container.clock.pass_by(SETTLE)
    assert container.find("HighValue").columns == ("CustomerId", "EMail")


def test_a_missing_segment_is_named_with_those_there_are(container: Container) -> None:
    """Whoever mistyped it sees what they could have meant; tables that were not opened are among them."""
    container.put(*partitions(1), f"{DESTINATION}/Gold/2026/08/24/0214/Gold_1.csv", "Silver.csv", "Bronze/x.csv")
    container.put_model(table("HighValue", partitions(1)), table("Gold", []))
    with pytest.raises(DropUnusable) as raised:
        container.find("Hihgvalue")
    assert raised.value.code == "segment_missing"
    assert raised.value.details == ("Bronze", "Gold", "HighValue", "Silver")
    assert "Bronze, Gold, HighValue, Silver" in raised.value.message


def test_an_empty_container_has_no_segment_yet(container: Container) -> None:
    """And says so in words."""
    with pytest.raises(DropUnusable, match="it holds no segment yet"):
        container.find("HighValue")


def test_a_segment_in_two_places_is_not_guessed(container: Container) -> None:
    """It is called by its path then, in exports and in the overview."""
    container.put("a/HighValue/x.csv", "b/HighValue/x.csv")
    container.clock.pass_by(QUIET)
    with pytest.raises(DropUnusable) as raised:
        container.find("HighValue")
    assert raised.value.code == "segment_ambiguous"
    assert raised.value.details == ("a/HighValue", "b/HighValue")
    assert _names(container.find("b/HighValue")) == ["b/HighValue/x.csv"]
    assert [one.name for one in container.overview()] == ["a/HighValue", "b/HighValue"]


@pytest.mark.parametrize(
    "names", [("HighValue.csv", "HighValue/x.csv"), ("A_HV_1756000000.csv", "B_HV_1756000000.csv")]
)
def test_two_sources_of_one_segment_are_not_mixed(container: Container, names: tuple[str, ...]) -> None:
    """A file and a folder, or two destinations, are two places."""
    container.put(*names)
    container.clock.pass_by(QUIET)
    segment = "HighValue" if "HighValue.csv" in names else "HV"
    with pytest.raises(DropUnusable) as raised:
        container.find(segment)
    assert raised.value.code == "segment_ambiguous"


def test_problems_are_raised_with_their_code(container: Container) -> None:
    """Not ready while it may still come, unusable when it will not."""
    container.put(*partitions(1))
    container.put_model(table("HighValue", partitions(1, 2)))
    with pytest.raises(DropNotReady) as not_ready:
        container.find("HighValue")
    assert not_ready.value.code == "partition_missing"
    container.clock.pass_by(timedelta(days=1).total_seconds())
    with pytest.raises(DropUnusable) as unusable:
        container.find("HighValue")
    assert unusable.value.code == "drop_incomplete"


class Slow(MemoryBlobs):
    """Storage in which every blob is replaced between its listing and its reading."""

    def read(self, name: str, *, offset: int = 0, length: int | None = None, etag: str | None = None) -> Content:
        """Of the version that came after the one that was listed."""
        self.write(name, super().read(name).data)
        return super().read(name, offset=offset, length=length, etag=etag)


def test_a_model_json_that_is_replaced_while_it_is_read_has_just_changed(container: Container) -> None:
    """Its drop settles anew."""
    container.blobs = Slow(container.clock)
    container.put(*partitions(1))
    container.put_model(table("HighValue", partitions(1)))
    container.clock.pass_by(QUIET)
    with pytest.raises(DropNotReady) as raised:
        container.find("HighValue")
    assert raised.value.code == "settling"


def test_a_huge_model_json_is_not_read(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size in the listing is enough."""
    container.put(*partitions(1))
    container.put_model(table("HighValue", partitions(1)))
    container.clock.pass_by(QUIET)
    monkeypatch.setattr("shared.drop.finding.MAX_BYTES", 10)
    container.blobs.calls.clear()
    found = container.find("HighValue")
    assert "read" not in container.blobs.calls
    assert "model.json has" in found.warnings[0]


def test_the_previous_export_counts(container: Container) -> None:
    """A folder of which a part was replaced since waits for the others."""
    container.put(*partitions(1, 2))
    container.put_model(table("HighValue", partitions(1, 2)))
    container.clock.pass_by(QUIET)
    exported = container.find("HighValue").drop
    container.put(partitions(1, 2)[1], data=b"new")
    container.put_model(table("HighValue", partitions(1, 2)))
    container.clock.pass_by(SETTLE)
    assert not container.find("HighValue").drop.same_as(exported)
    with pytest.raises(DropNotReady) as raised:
        container.find("HighValue", exported)
    assert raised.value.code == "folder_mixed"
    container.put(partitions(1, 2)[0], data=b"new")
    container.clock.pass_by(QUIET)
    assert _names(container.find("HighValue", exported)) == partitions(1, 2)


@pytest.mark.parametrize(
    "names",
    [
        ("HighValue/mon.csv", "HighValue/tue.csv"),
        ("B_HighValue_1756000010.csv", "B_HighValue_1756000020.csv"),
        (partitions(1, folder=OLDER)[0], partitions(1)[0]),
    ],
)
def test_an_older_drop_never_stands_in_for_one_that_was_exported(container: Container, names: tuple[str, str]) -> None:
    """Whoever joined with the newer one would leave; where it was removed, the run says so instead."""
    for name in names:
        container.put(name)
        container.clock.pass_by(timedelta(days=1).total_seconds())
    exported = container.find("HighValue").drop
    assert [blob.name for blob in exported.blobs] == [names[1]]
    container.blobs.delete(names[1])
    assert _names(container.find("HighValue")) == [names[0]]
    with pytest.raises(DropUnusable) as raised:
        container.find("HighValue", exported)
    assert raised.value.code == "drop_older"


def test_an_overview_tells_all_about_every_segment(container: Container) -> None:
    """Whole, waiting or unusable, with what is known."""
    container.put(*partitions(1, 2), data=b"12345")
    container.put_model(table("HighValue", partitions(1, 2)))
    container.put("empty.csv", data=b"")
    container.clock.pass_by(timedelta(days=1).total_seconds())
    container.put("Fresh.csv")
    container.clock.pass_by(1)
    empty, fresh, high = sorted(container.overview(), key=lambda one: one.name.lower())
    assert (high.name, high.path, high.problem, high.columns, high.size) == (
        "HighValue",
        TABLE,
        None,
        ("CustomerId", "EMail"),
        10,
    )
    assert isinstance(fresh.problem, NotYet)
    assert isinstance(empty.problem, NotUsable)
    assert empty.problem.code == "drop_incomplete"
    assert empty.drop is not None
    assert [blob.name for blob in empty.drop.blobs] == ["empty.csv"]


@pytest.mark.parametrize(
    ("name", "segments"),
    [
        (partitions(1)[0], ["HighValue"]),
        (MODEL, ["Gold", "HighValue"]),
        ("model.json", ["CustomerInsights_abcd1234-4312-11f4-93dc-24f72f43e7d5"]),
        ("B_HighValue_1756000000.csv", ["HighValue"]),
        (f"{FOLDER}_SUCCESS", []),
    ],
)
def test_a_blob_says_which_segments_it_is_about(container: Container, name: str, segments: list[str]) -> None:
    """Its own, or all tables beside a ``model.json``."""
    container.put(*partitions(1), f"{DESTINATION}/Gold/2026/08/24/0214/Gold_1.csv")
    assert [place.segment for place in places_of(container.blobs, name)] == segments


moments = st.datetimes(
    min_value=as_datetime(946_684_800).replace(tzinfo=None), max_value=as_datetime(4e9).replace(tzinfo=None)
)


@given(st.lists(moments.map(lambda moment: f"{moment:%Y/%m/%d/%H%M}"), min_size=1, max_size=12, unique=True))
def test_whatever_the_history_the_newest_folder_is_found(folders: list[str]) -> None:
    """And never anything beside it."""
    container = Container()
    container.put(*(f"{TABLE}/{folder}/x_{number}.csv" for folder in folders for number in (1, 2)))
    container.clock.pass_by(QUIET)
    newest = max(folders)
    assert _names(container.find("HighValue")) == [f"{TABLE}/{newest}/x_1.csv", f"{TABLE}/{newest}/x_2.csv"]
