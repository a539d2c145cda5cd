"""Traps in who is who."""

from tests.plan.corpus.trap import Trap, text

A, B = "a@example.com", "b@example.com"

TRAPS = (
    Trap("the same row twice", text(f"1,{A},Ada", f"1,{A},Ada"), {A: "Ada"}, (2,), ((3, "duplicate_email"),)),
    Trap("two customers with one email", text(f"2,{A},Bob", f"1,{A},Ada"), {A: "Ada"}, (3,), ((2, "duplicate_email"),)),
    Trap(
        "one email in two forms",
        text(f"1,{A},", " 2 , A@Example.com ,Ada"),
        {A: "Ada"},
        (3,),
        ((2, "duplicate_email"),),
    ),
    Trap("the fuller row wins", text(f"1,{A},", f"2,{A},Ada"), {A: "Ada"}, (3,), ((2, "duplicate_email"),)),
    Trap(
        "an email twice in two partitions",
        {"S_1.csv": text(f"2,{A},Bob"), "S_2.csv": text(f"1,{A},Ada")},
        {A: "Ada"},
        (2,),
        ((2, "duplicate_email"),),
    ),
    Trap(
        "one customer with two emails is two contacts", text(f"1,{A},Ada", f"1,{B},Ada"), {A: "Ada", B: "Ada"}, (2, 3)
    ),
    Trap("a row without a customer id", text(f",{A},Ada"), {A: "Ada"}, (2,)),
    Trap(
        "an unusable duplicate is a reject, not a duplicate",
        text(f"1,{A},Ada", "2,a@example,Ada"),
        {A: "Ada"},
        (2,),
        ((3, "email_invalid"),),
    ),
)
