"""The pure rules: which addresses are taken, which are excluded, what a report says, how a part is split."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.activecampaign.rows import is_email as stand_in_takes
from shared.activecampaign.answers import Reply
from shared.activecampaign.emails import comparable, fails_in_processing, is_email
from shared.activecampaign.exclusions import Exclusions
from shared.activecampaign.imports import ImportProgress, Stage, read_progress
from shared.documents import Receipt, ReceiptState
from shared.receipts import EMAIL_INVALID, REFUSED_INVALID, refusal
from shared.repair import (
    SUSPICIOUS_REFUSALS,
    after_lone_refusal,
    believed,
    in_order,
    is_stuck,
    is_suspicious,
    known_offenders,
    split,
)
from tests.delivery.scene import RUN
from tests.delivery.scene import accepted as _import


@pytest.mark.parametrize(
    "email", ["a@b.co", "ada+news@example.com", "o'hara@example.com", "ä@exämple.org", "a@xn--exmple-cua.xn--p1ai"]
)
def test_addresses_that_are_queued(email: str) -> None:
    """One at sign, something before it, a domain with a dot and two letters after it."""
    assert is_email(email)
    assert stand_in_takes(email)


@pytest.mark.parametrize(
    "email",
    [
        "",
        "a",
        "a@",
        "@b.co",
        "a@b",
        "a@b.c",
        "a@b.c1",
        "a@.co",
        "a@b..co",
        "a@b@c.co",
        "a b@c.co",
        "a,b@c.co",
        "a@b.co ",
    ]
    + [f"a{bad}b@c.co" for bad in '"(),:;<>[\\]\t\n']
    + [None, 7, {"email": "a@b.co"}],
)
def test_addresses_that_refuse_a_whole_import(email: object) -> None:
    """What ActiveCampaign's help page forbids, and everything that is no text."""
    assert not is_email(email)
    assert not stand_in_takes(email)


def test_an_apostrophe_is_queued_and_fails_later() -> None:
    """The one case that is known in advance."""
    assert fails_in_processing("o'hara@example.com")
    assert not fails_in_processing("ohara@example.com")


@pytest.mark.parametrize(
    ("entry", "email", "excluded"),
    [
        ("ada@example.com", "ADA@example.com", True),
        ("Ada@Example.com", "ada@example.com", True),
        ("ada@example.com", "bea@example.com", False),
        ("*@example.org", "ada@example.org", True),
        ("*@example.org", "ada@sub.example.org", False),
        ("*@*.example.org", "ada@sub.example.org", True),
        ("spam*", "spammer@example.com", True),
        ("@example.org", "ada@example.org", True),
        ("example.org", "ada@example.org", True),
        ("example.org", "ada@notexample.org", False),
        ("*@*", "ada@example.org", True),
        ("*@Example.ORG", "ada@example.org", True),
        ("", "ada@example.org", False),
        ("a.a@example.com", "aXa@example.com", False),
        ("[ab]*@example.com", "ada@example.com", False),
        ("[ab]*@example.com", "[ab]c@example.com", True),
    ],
)
def test_exclusions_are_addresses_domains_and_patterns(entry: str, email: str, excluded: bool) -> None:
    """Case does not matter; only an asterisk stands for anything."""
    assert Exclusions([entry, "somebody@else.example.com"]).has(email) is excluded


@pytest.mark.parametrize(
    ("status", "body", "progress"),
    [
        (200, {"status": "waiting"}, ImportProgress(Stage.PENDING)),
        (200, {"status": "claimed"}, ImportProgress(Stage.PENDING)),
        (200, {"status": "active", "success": ["1"]}, ImportProgress(Stage.PENDING)),
        (200, {"status": "something new"}, ImportProgress(Stage.PENDING)),
        (200, {"status": "completed", "success": ["1"], "failure": []}, ImportProgress(Stage.COMPLETED)),
        (200, {"status": "completed", "success": ["1"]}, ImportProgress(Stage.COMPLETED)),
        (200, {"status": "Completed", "failure": None}, ImportProgress(Stage.COMPLETED)),
        (200, {"status": "completed", "failure": ["a@b.co"]}, ImportProgress(Stage.COMPLETED, ("a@b.co",))),
        (200, {"status": "completed", "failure": {"0": " a@b.co "}}, ImportProgress(Stage.COMPLETED, ("a@b.co",))),
        (200, {"status": "completed", "failure": [{"email": "a@b.co"}]}, ImportProgress(Stage.COMPLETED, ("a@b.co",))),
        (200, {"status": "completed", "failure": "a@b.co"}, ImportProgress(Stage.COMPLETED, ("a@b.co",))),
        (200, {"status": "failed"}, ImportProgress(Stage.FAILED)),
        (200, {"status": "interrupted", "failure": ["a@b.co"]}, ImportProgress(Stage.FAILED)),
        (200, {"status": False}, ImportProgress(Stage.UNSEEN)),
        (200, False, ImportProgress(Stage.UNSEEN)),
        (200, {}, ImportProgress(Stage.UNSEEN)),
        (200, [], ImportProgress(Stage.UNSEEN)),
        (404, {"message": "No Result found for Import"}, ImportProgress(Stage.UNSEEN)),
        (400, {"message": "The batchId is not valid."}, ImportProgress(Stage.UNSEEN)),
        (404, {"status": "completed"}, ImportProgress(Stage.UNSEEN)),
    ],
)
def test_a_report_on_an_import_is_read_in_every_shape(status: int, body: object, progress: ImportProgress) -> None:
    """Absent, null, keyed and nested failures; four ways of not knowing an import; statuses nobody has heard of."""
    assert read_progress(Reply(status, {}, json.dumps(body).encode())) == progress


@pytest.mark.parametrize(
    ("failure", "told", "nameless"),
    [
        ([12], (), 1),
        (["12", "a@b.co"], ("a@b.co",), 1),
        ([None, "a@b.co", "", {}], ("a@b.co",), 0),
        ([None, ""], (), 2),
        ([0, None], (), 1),
        ([["a@b.co"]], (), 1),
        (True, (), 1),
        (7, (), 7),
        ("7", (), 7),
        (10**30, (), 250),
        (0, (), 0),
        (False, (), 0),
        ("", (), 0),
        ({}, (), 0),
        ("none", (), 1),
        ("a@b.co, c@d.co;e@f.co\ng@h.co", ("a@b.co", "c@d.co", "e@f.co", "g@h.co"), 0),
        (["Lovelace, Ada <a@b.co>"], ("Ada <a@b.co>",), 0),
        (["o&#39;hara&#43;news@b.co"], ("o'hara+news@b.co",), 0),
        (["a%40b.co"], ("a%40b.co",), 0),
        ({"a@b.co": "bounced", "c@d.co": None}, ("a@b.co", "c@d.co"), 0),
        ([{"reason": "bounced", "address": "a@b.co"}, {"contact": 7}], ("a@b.co",), 1),
    ],
)
def test_failures_are_read_in_every_shape(failure: object, told: tuple[str, ...], nameless: int) -> None:
    """Addresses as they are told, and how many failures are told without one."""
    body = json.dumps({"status": "completed", "failure": failure}).encode()
    assert read_progress(Reply(200, {}, body)) == ImportProgress(Stage.COMPLETED, told, nameless)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        (" ada@example.com ", "ada@example.com"),
        ("Ada Lovelace <ada@example.com>", "ada@example.com"),
        ('other" <ada@example.com>', "ada@example.com"),
        ("ada@bücher.example.com", "ada@xn--bcher-kva.example.com"),
        ("ada@Bu\u0308cher.example.com", "ada@xn--bcher-kva.example.com"),
        ("ada@straße.de", "ada@xn--strae-oqa.de"),
        ("ada@XN--BCHER-KVA.example.com", "ada@bücher.example.com"),
        ("ada news@example.com", "ada+news@example.com"),
        ("ada%2Bnews%40example.com", "ada+news@example.com"),
        ("ada&#43;news&#64;example.com", "ada+news@example.com"),
        ("ada@xn--a\u00e4.example.com", "ada@xn--a\u00e4.example.com"),
    ],
)
def test_an_address_is_the_same_in_every_spelling(one: str, other: str) -> None:
    """Cases, display names, both forms of a domain, and characters that were escaped."""
    assert comparable(one) == comparable(other)


@given(st.text())
def test_any_text_can_be_compared(text: str) -> None:
    """Whatever is told in place of an address."""
    assert comparable(text) == comparable(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "ada@example.org"),
        ("a.da@example.com", "ada@example.com"),
        ("adanews@b.co", "ada+news@b.co"),
    ],
)
def test_other_addresses_stay_others(one: str, other: str) -> None:
    """Nobody is taken for somebody else."""
    assert comparable(one) != comparable(other)


def _contacts(*emails: str) -> list[dict[str, str]]:
    return [{"email": email} for email in emails]


def test_offenders_against_the_published_rules_are_known_at_once() -> None:
    """By their positions in the batch, however many."""
    refused = known_offenders([4, 7, 9], _contacts("a@b", "a@b.co", "a b@c.co"), named=False)
    assert [(one.position, one.code) for one in refused] == [(4, EMAIL_INVALID), (9, EMAIL_INVALID)]


def test_a_contact_that_is_named_alone_is_the_offender() -> None:
    """Of two that look alike nobody knows which, and an answer that names nobody blames nobody."""
    (refused,) = known_offenders([4], _contacts("a@b.co"), named=True)
    assert (refused.position, refused.code) == (4, REFUSED_INVALID)
    assert known_offenders([4, 5], _contacts("a@b.co", "b@b.co"), named=True) == []
    assert known_offenders([4], _contacts("a@b.co"), named=False) == []


@pytest.mark.parametrize(
    ("accused", "accepted", "done", "blamed"),
    [
        ({}, 0, 0, False),
        ({}, 1, 100, False),
        ({4: 0}, 0, 0, False),
        ({4: 1}, 1, 100, False),
        ({4: 0}, 1, 100, True),
        ({5: 0}, 1, 100, False),
        ({}, 1, 249, True),
        ({}, 0, 249, False),
    ],
)
def test_nobody_is_blamed_without_a_comparison(accused: dict[int, int], accepted: int, done: int, blamed: bool) -> None:
    """Refused alone twice with an accepted part in between, or the last one of a batch of which some were accepted."""
    others = [position for position in range(250) if position != 4][:done]
    imports = [_import("b", positions=others)] if accepted else []
    refusals = [] if accepted else [refusal(position, EMAIL_INVALID) for position in others]
    before = _after(0).model_copy(update={"imports": imports, "refusals": refusals, "accused": accused})
    after = after_lone_refusal(before, 4)
    assert len(after.refusals) - len(before.refusals) == blamed
    assert blamed or after.accused == accused | {4: accepted}


def test_whoever_was_refused_alone_comes_last_and_the_longest_ago_first() -> None:
    """Small parts first otherwise, which end a search soonest."""
    receipt = _after(0).model_copy(update={"accused": {3: 2, 4: 1, 9: 0}})
    parts = [[3], [4], [], [5, 6, 7], [8], [9, 10]]
    assert in_order(parts, receipt) == [[8], [9, 10], [5, 6, 7], [4], [3]]


def test_a_batch_is_stuck_when_everybody_left_was_refused_alone_since_the_last_part_was_accepted() -> None:
    """There is nobody left to compare them with."""
    receipt = _after(0).model_copy(update={"contacts": 4, "imports": [_import("b", positions=[0, 1])]})
    assert not is_stuck(receipt)
    assert not is_stuck(receipt.model_copy(update={"accused": {2: 1}}))
    assert not is_stuck(receipt.model_copy(update={"accused": {2: 1, 3: 0}}))
    assert is_stuck(receipt.model_copy(update={"accused": {2: 1, 3: 1}}))


@pytest.mark.parametrize(
    ("claimed", "parts"),
    [
        ((3,), [[10, 11, 14, 15, 16, 17], [12], [13]]),
        ((0,), [[11, 12, 13, 14, 15, 16, 17], [10]]),
        ((8,), [[10, 11, 12, 13, 14, 15, 16], [17]]),
        ((1, 4), [[12, 15, 16, 17], [10, 11, 13, 14]]),
        ((), [[10, 11, 12, 13], [14, 15, 16, 17]]),
        ((99,), [[10, 11, 12, 13], [14, 15, 16, 17]]),
        ((1, 3, 5, 7), [[10, 11, 12, 13], [14, 15, 16, 17]]),
    ],
)
def test_a_part_is_split_where_the_answer_points_to_and_else_in_half(
    claimed: tuple[int, ...], parts: list[list[int]]
) -> None:
    """In either base; few suspects travel alone, many together, and claims that fit nobody or everybody say nothing."""
    assert split(list(range(10, 18)), claimed) == parts


def _after(offenders: int) -> Receipt:
    found = [refusal(position, REFUSED_INVALID) for position in range(offenders)]
    return Receipt(run=RUN, batch=0, state=ReceiptState.PARTIAL, contacts=250, refusals=found, imports=[_import("b")])


def test_claims_are_believed_while_they_lead_to_offenders() -> None:
    """Two refusals per offender are what finding one takes; two more without a result are enough."""
    assert [believed((3,), repairs, _after(0)) for repairs in range(4)] == [(3,), (3,), (), ()]
    assert believed((3,), 20, _after(10)) == (3,)
    assert believed((3,), 22, _after(10)) == ()


def test_claims_are_not_believed_where_nobody_was_accepted_so_far() -> None:
    """Offender after offender and no innocent: halves tell sooner whether anybody is to blame."""
    receipt = _after(SUSPICIOUS_REFUSALS).model_copy(update={"imports": []})
    assert is_suspicious(receipt)
    assert believed((3,), 2 * SUSPICIOUS_REFUSALS, receipt) == ()
    assert not is_suspicious(_after(SUSPICIOUS_REFUSALS))


@given(
    part=st.lists(st.integers(0, 249), min_size=2, max_size=250, unique=True),
    claimed=st.lists(st.integers(0, 300), max_size=20),
)
def test_splitting_loses_and_repeats_nobody_and_comes_to_an_end(part: list[int], claimed: list[int]) -> None:
    """Every part is smaller than the whole, and together they are the whole."""
    parts = split(part, tuple(claimed))
    assert sorted(position for some in parts for position in some) == sorted(part)
    assert all(0 < len(some) < len(part) for some in parts)
