"""Is a drop whole? The one decision, row by row of its tables."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.documents import Drop, DropBlob
from shared.doors.ports import Blob
from shared.drop import completeness as subject
from shared.drop.completeness import PATIENCE, Evidence, NotUsable, NotYet, Whole, completeness
from shared.drop.layout import Place
from shared.drop.model_json import Model, Unusable, parse_model
from tests.drop.made import CONTAINER, FOLDER, NOW, OLDER, SETTLE, TABLE, blob, model, partitions

TREE = Place("tree", "HighValue", TABLE)
PLAIN = Place("folder", "HighValue", "HighValue")
ROOT = Place("file", "HighValue", "HighValue")
STAMP = datetime(2026, 8, 24, 2, 14, tzinfo=UTC)
HOUR = 3600
DAY = 24 * HOUR
BROKEN = Unusable("model_unreadable", "model.json is not JSON")
OTHER_TABLE = parse_model(b'{"entities": [{"name": "Customer"}]}', CONTAINER)
OUTSIDE = model([], partitions=[{"location": "https://contoso.blob.core.windows.net/other/x_1.csv"}])
UNREADABLE = model(
    [],
    partitions=[
        {
            "location": f"https://contoso.blob.core.windows.net/{CONTAINER}/{partitions(1)[0]}",
            "fileFormatSettings": {"delimiter": "||"},
        }
    ],
)


def tree(
    *files: Blob, model: Model | Unusable | None = None, model_age: float = HOUR, previous: Drop | None = None
) -> Evidence:
    """The newest folder of a Customer Insights tree."""
    written = NOW - timedelta(seconds=model_age) if model else None
    return Evidence(TREE, files, FOLDER, STAMP, model, written, previous)


def parts(*numbers: int, age: float = HOUR) -> list[Blob]:
    """Partitions of the newest folder."""
    return [blob(name, age=age) for name in partitions(*numbers)]


def code_of(evidence: Evidence, now: datetime = NOW) -> str:
    """``whole``, or the verdict's code; one that waiting does not help is marked with ``!``."""
    verdict = completeness(evidence, now, SETTLE)
    if isinstance(verdict, Whole):
        return "whole"
    return verdict.code + ("!" if isinstance(verdict, NotUsable) else "")


two = partitions(1, 2)

LISTED: list[tuple[str, Evidence, str]] = [
    ("all that is listed is there and nothing else", tree(*parts(1, 2), model=model(two)), "whole"),
    ("numbers do not matter where there is a list", tree(*parts(3, 7), model=model(partitions(3, 7))), "whole"),
    (
        "bookkeeping beside the partitions",
        tree(*parts(1, 2), blob(f"{FOLDER}_SUCCESS", size=0), model=model(two)),
        "whole",
    ),
    ("other files beside the partitions", tree(*parts(1, 2), blob(f"{FOLDER}notes.txt"), model=model(two)), "whole"),
    ("a listed file of an unknown kind", tree(blob(f"{FOLDER}part0"), model=model([f"{FOLDER}part0"])), "whole"),
    ("a partition changed a moment ago", tree(*parts(1), *parts(2, age=10), model=model(two)), "settling"),
    ("model.json changed a moment ago", tree(*parts(1, 2), model=model(two), model_age=10), "settling"),
    ("a partition from the future", tree(*parts(1), *parts(2, age=-60), model=model(two)), "settling"),
    (
        "one partition came a little after model.json",
        tree(*parts(1), *parts(2, age=SETTLE), model=model(two), model_age=SETTLE + 90),
        "whole",
    ),
    (
        "files long after model.json must stand still for longer",
        tree(*parts(1, 2, age=2 * SETTLE), model=model(two), model_age=HOUR),
        "settling",
    ),
    (
        "and are then whole",
        tree(*parts(1, 2, age=5 * SETTLE), model=model(two), model_age=HOUR),
        "whole",
    ),
    ("one listed partition is missing", tree(*parts(1), model=model(two)), "partition_missing"),
    ("and still is after a day", tree(*parts(1, age=DAY), model=model(two), model_age=DAY), "drop_incomplete!"),
    ("a missing one is waited for since model.json", tree(*parts(1, age=DAY), model=model(two)), "partition_missing"),
    ("a partition that is not listed", tree(*parts(1, 2, 3), model=model(two)), "partition_unlisted"),
    (
        "and still is not after a day",
        tree(*parts(1, 2, 3, age=DAY), model=model(two), model_age=DAY),
        "drop_incomplete!",
    ),
    (
        "model.json still lists the folder before",
        tree(*parts(1, 2), model=model(partitions(1, folder=OLDER))),
        "model_stale",
    ),
    (
        "and does so a day later, though rewritten for other tables",
        tree(*parts(1, 2, age=DAY), model=model(partitions(1, folder=OLDER))),
        "drop_incomplete!",
    ),
    (
        "model.json lists a folder that is still to come",
        tree(*parts(1, 2), model=model(partitions(1, folder=f"{TABLE}/2026/08/24/0814/"))),
        "partition_missing",
    ),
    (
        "model.json lists two folders",
        tree(*parts(1, 2), model=model([*two, *partitions(1, folder=OLDER)])),
        "model_mixed",
    ),
    ("a partition without a byte", tree(*parts(1), blob(two[1], size=0), model=model(two)), "partition_empty"),
    ("the only partition without a byte", tree(blob(two[0], size=0), model=model(two[:1])), "partition_empty"),
    (
        "and still without one after a day",
        tree(blob(two[0], size=0, age=DAY), model=model(two[:1]), model_age=DAY),
        "drop_incomplete!",
    ),
    ("a location outside the container", tree(*parts(1), model=OUTSIDE), "location_outside!"),
    ("a partition without a location", tree(*parts(1), model=model([], partitions=[{}])), "location_outside!"),
    ("a location outside, not long ago", tree(*parts(1), model=OUTSIDE, model_age=4 * SETTLE), "location_outside"),
    ("a location outside, a moment ago", tree(*parts(1), model=OUTSIDE, model_age=10), "location_outside"),
    ("files that cannot be read as described", tree(*parts(1), model=UNREADABLE), "dialect_unsupported!"),
    ("an empty folder", tree(model=model(two)), "partition_missing"),
    ("an empty folder that is not listed yet", tree(model=model(partitions(1, folder=OLDER))), "model_stale"),
]


@pytest.mark.parametrize(("evidence", "code"), [row[1:] for row in LISTED], ids=[row[0] for row in LISTED])
def test_a_folder_whose_files_model_json_lists(evidence: Evidence, code: str) -> None:
    """The list is the authority: all of it, nothing else, in the newest folder."""
    assert code_of(evidence) == code


NUMBERED: list[tuple[str, Evidence, str]] = [
    ("one partition", tree(*parts(1)), "whole"),
    ("partitions from 1", tree(*parts(1, 2, 3)), "whole"),
    ("partitions from 0", tree(*parts(0, 1)), "whole"),
    ("padded numbers", tree(*(blob(f"{FOLDER}x_{n:03}.csv") for n in range(1, 12))), "whole"),
    ("one file without a number", tree(blob(f"{FOLDER}HighValue.csv")), "whole"),
    ("compressed and not", tree(blob(f"{FOLDER}x_1.csv"), blob(f"{FOLDER}x_2.csv.gz")), "whole"),
    ("a model.json that is not JSON", tree(*parts(1), model=BROKEN), "whole"),
    ("a newer model.json without the segment", tree(*parts(1, age=2 * HOUR), model=OTHER_TABLE), "whole"),
    ("a table without partitions", tree(*parts(1, age=2 * HOUR), model=model([], partitions=[])), "whole"),
    ("an older model.json without the segment", tree(*parts(1), model=OTHER_TABLE, model_age=2 * HOUR), "model_stale"),
    ("one of the same second", tree(*parts(1), model=OTHER_TABLE), "model_stale"),
    ("one settle time is not enough", tree(*parts(1, age=4 * SETTLE)), "settling"),
    ("five are", tree(*parts(1, age=5 * SETTLE)), "whole"),
    ("a broken model.json that changed a moment ago", tree(*parts(1), model=BROKEN, model_age=10), "settling"),
    ("a gap", tree(*parts(1, 3)), "partition_gap"),
    ("a gap after a day", tree(*parts(1, 3, age=DAY)), "drop_incomplete!"),
    ("the first is missing", tree(*parts(2, 3)), "partition_gap"),
    ("several without numbers", tree(blob(f"{FOLDER}a.csv"), blob(f"{FOLDER}b.csv")), "partition_gap"),
    ("a number twice", tree(blob(f"{FOLDER}x_1.csv"), blob(f"{FOLDER}x_01.csv")), "partitions_mixed!"),
    ("two stems", tree(blob(f"{FOLDER}x_1.csv"), blob(f"{FOLDER}y_2.csv")), "partitions_mixed!"),
    ("two stems, a moment ago", tree(blob(f"{FOLDER}x_1.csv", age=9), blob(f"{FOLDER}y_2.csv")), "partitions_mixed"),
    ("a partition without a byte", tree(*parts(1), blob(two[1], size=0)), "partition_empty"),
    ("an upload under way", tree(*parts(1), blob(f"{two[1]}.tmp")), "file_unknown"),
    ("no file", tree(), "folder_empty"),
    ("bookkeeping only", tree(blob(f"{FOLDER}_SUCCESS", size=0)), "folder_empty"),
]


@pytest.mark.parametrize(("evidence", "code"), [row[1:] for row in NUMBERED], ids=[row[0] for row in NUMBERED])
def test_a_folder_that_nothing_lists(evidence: Evidence, code: str) -> None:
    """Numbers from 1 without a gap and a longer quiet have to do, and the run is warned."""
    assert code_of(evidence) == code
    verdict = completeness(evidence, NOW, SETTLE)
    if isinstance(verdict, Whole):
        (warning,) = verdict.warnings
        assert FOLDER in warning


def test_an_empty_folder_is_given_up_a_day_after_the_moment_in_its_name() -> None:
    """Nothing else in it tells the time."""
    empty = tree()
    assert code_of(empty, STAMP + PATIENCE - timedelta(seconds=1)) == "folder_empty"
    assert code_of(empty, STAMP + PATIENCE) == "drop_incomplete!"


def folder(*files: Blob) -> Evidence:
    """A plain folder."""
    return Evidence(PLAIN, files)


def root(*files: Blob) -> Evidence:
    """Plain files of one name in the root."""
    return Evidence(ROOT, files)


def _in(name: str, age: float = HOUR, size: int = 100) -> Blob:
    return blob(f"HighValue/{name}", age=age, size=size)


PLAIN_DROPS: list[tuple[str, Evidence, str, list[str]]] = [
    ("one file", folder(_in("x.csv")), "whole", ["x.csv"]),
    ("files written together", folder(_in("b.csv"), _in("a.csv", age=HOUR + 5)), "whole", ["a.csv", "b.csv"]),
    ("yesterday's file and today's", folder(_in("mon.csv", age=DAY), _in("tue.csv")), "whole", ["tue.csv"]),
    ("a dated file a day", folder(_in("d_20260823.csv", age=DAY), _in("d_20260824.csv")), "whole", ["d_20260824.csv"]),
    (
        "parts of one set in their order",
        folder(_in("p_10.csv"), *(_in(f"p_{n}.csv") for n in range(1, 10))),
        "whole",
        [f"p_{n}.csv" for n in range(1, 11)],
    ),
    (
        "a slow upload without a long pause",
        folder(*(_in(f"p_{n}.csv", age=4 * HOUR - n * 3000) for n in (1, 2, 3))),
        "whole",
        ["p_1.csv", "p_2.csv", "p_3.csv"],
    ),
    ("a set with a gap", folder(_in("p_1.csv"), _in("p_3.csv")), "partition_gap", []),
    ("one part of a set replaced", folder(_in("p_1.csv", age=DAY), _in("p_2.csv")), "folder_mixed!", []),
    ("a set that has shrunk", folder(_in("p_3.csv", age=DAY), _in("p_1.csv"), _in("p_2.csv")), "folder_mixed!", []),
    ("one part replaced a moment ago", folder(_in("p_1.csv", age=DAY), _in("p_2.csv", age=9)), "folder_mixed", []),
    (
        "numbers that are no part numbers",
        folder(_in("y_2024.csv"), _in("y_2026.csv")),
        "whole",
        ["y_2024.csv", "y_2026.csv"],
    ),
    ("an upload after a pause", folder(_in("a.csv", age=3 * HOUR), _in("b.csv")), "whole", ["b.csv"]),
    ("a number that is no part number", folder(_in("top_100.csv")), "whole", ["top_100.csv"]),
    ("no byte", folder(_in("x.csv", size=0)), "partition_empty", []),
    ("no byte in one of several", folder(_in("a.csv"), _in("b.csv", size=0)), "partition_empty", []),
    ("no byte in an earlier drop", folder(_in("a.csv", age=DAY, size=0), _in("b.csv")), "whole", ["b.csv"]),
    ("more may come", folder(_in("x.csv", age=4 * SETTLE)), "settling", []),
    ("one file in the root", root(blob("HighValue.csv")), "whole", ["HighValue.csv"]),
    (
        "the newest by its own moment",
        root(blob("B_HighValue_1756000001.csv", age=9e5), blob("B_HighValue_1756000000.csv")),
        "whole",
        ["B_HighValue_1756000001.csv"],
    ),
    (
        "the newest by when it was written",
        root(blob("HighValue.csv", age=9e5), blob("HighValue.parquet")),
        "whole",
        ["HighValue.parquet"],
    ),
    ("a file in the root changed a moment ago", root(blob("HighValue.csv", age=SETTLE - 1)), "settling", []),
    ("and one settle time later", root(blob("HighValue.csv", age=SETTLE)), "whole", ["HighValue.csv"]),
    ("a file in the root without a byte", root(blob("HighValue.csv", size=0)), "partition_empty", []),
    (
        "which an older one never stands in for",
        root(blob("HighValue.csv", size=0), blob("HighValue.parquet", age=DAY)),
        "partition_empty",
        [],
    ),
    (
        "a file in the root without a byte for a day",
        root(blob("HighValue.csv", size=0, age=DAY)),
        "drop_incomplete!",
        [],
    ),
]


@pytest.mark.parametrize(
    ("evidence", "code", "names"), [row[1:] for row in PLAIN_DROPS], ids=[row[0] for row in PLAIN_DROPS]
)
def test_a_plain_drop_is_the_newest_file_or_the_newest_files_of_a_folder(
    evidence: Evidence, code: str, names: list[str]
) -> None:
    """What was written together is read together, and never half of it."""
    assert code_of(evidence) == code
    verdict = completeness(evidence, NOW, SETTLE)
    if isinstance(verdict, Whole):
        assert [blob.name.rpartition("/")[2] for blob in verdict.blobs] == names


def _exported(*blobs: Blob) -> Drop:
    found = [DropBlob(name=one.name, etag=one.etag, size=one.size, modified=one.modified) for one in blobs]
    return Drop(segment="HighValue", blobs=found)


def _mixed() -> list[tuple[str, list[Blob], list[Blob], Place, str]]:
    """What was exported, what lies there now, where, and what becomes of it."""
    emea, us = _in("emea.csv", age=DAY), _in("us.csv", age=DAY + 9)
    new_emea, new_us = _in("emea.csv"), _in("us.csv")
    one, two_old, two_new = *parts(1, 2, age=DAY), *parts(2)
    return [
        ("one of two replaced", [emea, us], [new_emea, us], PLAIN, "folder_mixed!"),
        ("one of two replaced, a moment ago", [emea, us], [_in("emea.csv", age=9), us], PLAIN, "folder_mixed"),
        (
            "one of two replaced within the hour",
            [emea, us],
            [_in("emea.csv", age=DAY - 600), us],
            PLAIN,
            "folder_mixed!",
        ),
        ("and the other long after", [emea, us], [_in("emea.csv", age=3 * HOUR), new_us], PLAIN, "folder_mixed!"),
        ("both replaced", [emea, us], [new_emea, new_us], PLAIN, "whole"),
        ("both replaced, and one more", [emea, us], [new_emea, new_us, _in("apac.csv")], PLAIN, "whole"),
        ("one more within the hour", [emea, us], [emea, us, _in("apac.csv", age=DAY - 600)], PLAIN, "whole"),
        ("one replaced, the other removed", [emea, us], [new_emea], PLAIN, "whole"),
        ("a new name beside an old one", [emea], [emea, new_us], PLAIN, "whole"),
        ("the later of two removed", [emea, us], [us], PLAIN, "drop_older!"),
        ("the earlier of two removed", [emea, us], [emea], PLAIN, "drop_older!"),
        ("yesterday's file, today's removed", [new_us], [emea], PLAIN, "drop_older!"),
        ("the same again", [emea, us], [emea, us], PLAIN, "whole"),
        ("a partition replaced", [one, two_old], [one, two_new], TREE, "folder_mixed!"),
        ("all partitions replaced", [one, two_old], [*parts(1), two_new], TREE, "whole"),
        ("a partition removed", [one, two_old], [one], TREE, "drop_older!"),
        ("yesterday's folder, today's removed", [blob(f"{TABLE}/2026/08/25/0214/x_1.csv")], [one], TREE, "drop_older!"),
        (
            "yesterday's moment, today's removed",
            [blob("B_HighValue_1756000020.csv", age=DAY)],
            [blob("B_HighValue_1756000010.csv")],
            ROOT,
            "drop_older!",
        ),
        (
            "a later moment, written earlier",
            [blob("B_HighValue_1756000010.csv")],
            [blob("B_HighValue_1756000020.csv", age=DAY)],
            ROOT,
            "whole",
        ),
    ]


@pytest.mark.parametrize(
    ("exported", "there", "place", "code"), [row[1:] for row in _mixed()], ids=[row[0] for row in _mixed()]
)
def test_a_drop_is_neither_older_than_the_last_one_nor_half_of_it(
    exported: list[Blob], there: list[Blob], place: Place, code: str
) -> None:
    """A file that was not replaced with the others, or was removed, makes nobody a leaver."""
    evidence = Evidence(place, tuple(there), FOLDER, STAMP, previous=_exported(*exported))
    assert code_of(evidence) == code


def test_a_list_does_not_make_up_for_a_part_that_was_not_replaced() -> None:
    """``model.json`` is rewritten for every table of its destination, so it does not say that this one is complete."""
    old = parts(1, 2, age=DAY)
    new = [old[0], *parts(2, age=2 * HOUR)]
    assert code_of(tree(*new, model=model(two))) == "whole"
    assert code_of(tree(*new, model=model(two), previous=_exported(*old))) == "folder_mixed!"


def test_a_drop_that_was_exported_stays_whole() -> None:
    """Whether it is exported again is not decided here."""
    old = parts(1, 2, age=SETTLE)
    assert code_of(tree(*old, model=model(two), model_age=SETTLE, previous=_exported(*old))) == "whole"


def test_what_is_incomplete_says_what_was_missing() -> None:
    """The sentence names the files and the code it had while it was waited for."""
    verdict = completeness(tree(*parts(1, age=DAY), model=model(two), model_age=DAY), NOW, SETTLE)
    assert isinstance(verdict, NotUsable)
    assert verdict.details == ("partition_missing",)
    assert two[1] in verdict.message
    assert "2026-08-23 09:00:00 UTC" in verdict.message


def test_a_message_names_a_few_files_and_counts_the_rest() -> None:
    """A thousand missing partitions do not make a message of a megabyte."""
    verdict = completeness(tree(*parts(1), model=model(partitions(*range(1, 1001)))), NOW, SETTLE)
    assert isinstance(verdict, NotYet)
    assert "994 more" in verdict.message
    assert len(verdict.message) < 1000


@pytest.mark.parametrize(
    ("evidence", "seconds"),
    [
        (tree(*parts(1), *parts(2, age=10), model=model(two)), 5 * SETTLE - 10),
        (tree(*parts(1, 2), model=model(two), model_age=10), SETTLE - 10),
        (tree(*parts(1, age=40), model=model(two), model_age=40), SETTLE),
        (tree(*parts(1, age=2000), model=model(two), model_age=2000), 500),
        (tree(*parts(1, age=9 * HOUR), model=model(two), model_age=9 * HOUR), 900),
    ],
)
def test_the_next_look_comes_when_it_may_help(evidence: Evidence, seconds: float) -> None:
    """As soon as a drop has settled; and the longer something has been missing, the less often, to every 15 minutes."""
    verdict = completeness(evidence, NOW, SETTLE)
    assert isinstance(verdict, NotYet)
    assert verdict.look_at - NOW == timedelta(seconds=seconds)


def test_every_code_is_documented() -> None:
    """The module's tables hold exactly the codes that the tables of these tests meet."""
    codes = [code for _, _, code in [*LISTED, *NUMBERED]] + [code for _, _, code, _ in PLAIN_DROPS]
    codes += [code for _, _, _, _, code in _mixed()]
    met = {code.rstrip("!") for code in codes} - {"whole", "drop_incomplete"}
    documented = {line.split("``")[1] for line in (subject.__doc__ or "").splitlines() if line.startswith("| ``")}
    assert met == documented


ages = st.integers(-300, 3 * DAY)
sizes = st.sampled_from([0, 1, 100, 100, 100])
numbers = st.integers(0, 6)
names = st.builds(lambda n, f: partitions(n, folder=f)[0], numbers, st.sampled_from([FOLDER, FOLDER, FOLDER, OLDER]))


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    """A folder and a model.json that may or may not belong together."""
    there = draw(st.lists(numbers, unique=True, max_size=6))
    files = [blob(name, age=draw(ages), size=draw(sizes)) for name in partitions(*there)]
    listed = draw(st.none() | st.just([blob.name for blob in files]) | st.lists(names, max_size=5))
    known = None if listed is None else model(listed)
    previous = draw(st.none() | st.just(_exported(*files[:1]))) if files else None
    evidence = tree(*files, model=known, model_age=draw(ages), previous=previous)
    return draw(st.sampled_from([evidence, replace(evidence, model=BROKEN)])) if known else evidence


def _listed(evidence: Evidence) -> set[str] | None:
    entity = evidence.model.entity_of(TREE) if isinstance(evidence.model, Model) else None
    return set(entity.partitions) if entity and entity.partitions else None


@given(evidences())
def test_whole_is_said_of_nothing_that_lacks_anything(evidence: Evidence) -> None:
    """Whole: every listed file, no other partition, not one empty, one folder, and all has stood still."""
    verdict = completeness(evidence, NOW, SETTLE)
    if not isinstance(verdict, Whole):
        return
    exported = {one.name for one in verdict.blobs}
    assert exported == {one.name for one in evidence.files}
    assert exported
    assert _listed(evidence) in (None, exported)
    assert all(name.startswith(FOLDER) for name in exported)
    assert all(one.size > 0 for one in verdict.blobs)
    still = max(one.modified for one in verdict.blobs) + timedelta(seconds=SETTLE)
    assert still <= NOW
    if _listed(evidence) is None:
        assert sorted(one.name for one in verdict.blobs)[0] in partitions(0, 1)


@given(evidences())
def test_a_listed_file_taken_away_makes_a_whole_drop_wait(evidence: Evidence) -> None:
    """Whichever it is."""
    if _listed(evidence) is None or code_of(evidence) != "whole":
        return
    for missing in evidence.files:
        rest = tuple(one for one in evidence.files if one != missing)
        assert code_of(replace(evidence, files=rest)) in ("partition_missing", "drop_incomplete!")


@given(evidences(), st.integers(0, 10 * DAY))
def test_time_alone_turns_every_doubt_into_an_end(evidence: Evidence, seconds: int) -> None:
    """Nothing waits for ever: a day after the last change it is whole, or it is not usable and says why."""
    after = NOW + timedelta(days=1, seconds=300 + seconds)
    verdict = completeness(evidence, after, SETTLE)
    assert not isinstance(verdict, NotYet)


@given(evidences(), st.integers(0, 3 * DAY))
def test_a_whole_drop_stays_whole(evidence: Evidence, seconds: int) -> None:
    """Without a change, waiting takes nothing away."""
    if code_of(evidence) == "whole":
        assert code_of(evidence, NOW + timedelta(seconds=seconds)) == "whole"


@given(evidences())
def test_a_look_is_never_asked_for_in_the_past(evidence: Evidence) -> None:
    """Or the app would look as fast as it can."""
    verdict = completeness(evidence, NOW, SETTLE)
    if isinstance(verdict, NotYet):
        assert verdict.look_at > NOW


def _listing(files: Sequence[Blob]) -> set[str]:
    return {one.name for one in files}


plain_files = st.lists(
    st.builds(
        lambda stem, number, age, size: _in(f"{stem}{number}.csv", age=age, size=size),
        st.sampled_from(["a", "p_", "day_"]),
        st.integers(0, 12),
        ages,
        sizes,
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one.name,
)


@given(plain_files)
def test_a_plain_folder_is_never_read_by_half(files: list[Blob]) -> None:
    """What is left out was written more than an hour before the rest, and nothing empty is read."""
    verdict = completeness(folder(*files), NOW, SETTLE)
    if isinstance(verdict, Whole):
        oldest = min(one.modified for one in verdict.blobs)
        left_out = [one for one in files if one.name not in _listing(verdict.blobs)]
        assert all(oldest - one.modified > timedelta(hours=1) for one in left_out)
        assert all(one.size > 0 for one in verdict.blobs)
