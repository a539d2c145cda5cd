"""In which ways an account tells what became of an import."""

from typing import Any, get_args

import pytest

from local.activecampaign.variants import FailureForm, StatusForm, Variants
from tests.activecampaign_standin.conftest import MakeWorld, World, person

FAILING = ["o'neil+news@xn--bcher-kva.example.com", "o'hara@example.com"]


def _report(world: World) -> Any:
    """What is told of an import of which two contacts failed."""
    return world.imported(*({"email": email} for email in FAILING), person(1))


@pytest.mark.parametrize(
    ("form", "failure"),
    [
        ("emails", FAILING),
        ("upper_case", ["O'NEIL+NEWS@XN--BCHER-KVA.EXAMPLE.COM", "O'HARA@EXAMPLE.COM"]),
        ("unicode", ["o'neil+news@bücher.example.com", "o'hara@example.com"]),
        ("objects", [{"reason": "refused", "email": email} for email in FAILING]),
        ("keyed", dict.fromkeys(FAILING, "refused")),
        ("names", [f'"Somebody, or other" <{email}>' for email in FAILING]),
        ("joined", "o'neil+news@xn--bcher-kva.example.com, o'hara@example.com"),
        ("plus_as_space", ["o'neil news@xn--bcher-kva.example.com", "o'hara@example.com"]),
        ("escaped", ["o&#39;neil&#43;news@xn--bcher-kva.example.com", "o&#39;hara@example.com"]),
        ("twice", [*FAILING, *FAILING]),
        ("with_stranger", [*FAILING, "stranger@elsewhere.example.net"]),
        ("with_null", [None, *FAILING]),
        ("strangers", ["stranger@elsewhere.example.net"] * 2),
        ("ids", ["0", "1"]),
        ("count", 2),
    ],
)
def test_failures_are_told_in_every_form(make_world: MakeWorld, form: FailureForm, failure: object) -> None:
    """The addresses in another spelling or shape, with entries too many, or in a way that leads to nobody."""
    assert _report(make_world(Variants(failure_form=form)))["failure"] == failure


@pytest.mark.parametrize("form", get_args(FailureForm))
def test_nobody_failed_is_an_empty_list_in_every_form(make_world: MakeWorld, form: FailureForm) -> None:
    """There is nothing to be told in another way."""
    assert make_world(Variants(failure_form=form)).imported(person(1))["failure"] == []


@pytest.mark.parametrize(
    ("form", "before", "after"),
    [
        ("documented", False, "completed"),
        ("capitals", False, " COMPLETED "),
        ("another_word", False, "done"),
        ("number", False, 4),
        ("null", False, None),
    ],
)
def test_the_status_is_told_in_every_form(
    make_world: MakeWorld, form: StatusForm, before: object, after: object
) -> None:
    """As documented, in other words, or in none."""
    world = make_world(Variants(status_form=form))
    batch_id = world.batch_id(world.post_import(person(1)))
    assert world.info(batch_id)["status"] is before
    world.clock.sleep(60)
    assert world.info(batch_id)["status"] == after
