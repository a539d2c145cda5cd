"""Traps in emails and names."""

from tests.plan.corpus.trap import Trap, text

A, B = "a@example.com", "b@example.com"


def _rejected(name: str, email: str, code: str = "email_invalid") -> Trap:
    return Trap(name, text(f'1,"{email}",Ada', f"2,{B},Bob"), {B: "Bob"}, (3,), ((2, code),))


TRAPS = (
    Trap("an email in capitals", text("1,A@EXAMPLE.COM,Ada"), {A: "Ada"}, (2,)),
    Trap(
        "an email in all kinds of white space", text("1,\u00a0\t a@example.com\u2003\u200b\ufeff,Ada"), {A: "Ada"}, (2,)
    ),
    Trap("an internationalised domain", text("1,a@BÜCHER.example,Ada"), {"a@xn--bcher-kva.example": "Ada"}, (2,)),
    Trap("a domain in another script", text("1,a@пример.рф,Ada"), {"a@xn--e1afmkfd.xn--p1ai": "Ada"}, (2,)),
    _rejected("a dotted capital I before the @", "\u0130nfo@example.com"),
    _rejected("a dotless i before the @", "\u0131nfo@example.com"),
    _rejected("a Kelvin sign before the @", "\u212aelvin@example.com"),
    Trap(
        "a dotted capital I in the domain is another domain",
        text("1,a@\u0130stanbul.example,Ada"),
        {"a@xn--istanbul-o0e.example": "Ada"},
        (2,),
    ),
    _rejected("an apostrophe", "o'hara@example.com"),
    _rejected("two addresses", "a@example.com;b@example.com"),
    _rejected("a name around the address", "Ada <a@example.com>"),
    _rejected("a space in the middle", "a b@example.com"),
    _rejected("no dot in the domain", "a@localhost"),
    _rejected("a domain of numbers", "a@10.0.0.1"),
    _rejected("65 characters before the @", "a" * 65 + "@example.com"),
    _rejected("a word in place of an email", "unknown"),
    _rejected("nothing in place of an email", "", "email_missing"),
    _rejected("white space in place of an email", " \u00a0 ", "email_missing"),
    Trap("a name of white space and control characters", text(f"1,{A},\u2003\x07 "), {A: None}, (2,)),
    Trap("a tab and a bell in a name", text(f"1,{A},Ada\tL\x07"), {A: "Ada L"}, (2,)),
    Trap("a name that looks like a formula", text(f"1,{A},=1+1"), {A: "=1+1"}, (2,)),
    Trap("a name that looks like JSON", text(f'1,{A},"{{""a"": ""\\u0041\\""}}"'), {A: '{"a": "\\u0041\\"}'}, (2,)),
    Trap("a name right to left and an emoji of several parts", text(f"1,{A},שלום 👩‍👩‍👧"), {A: "שלום 👩‍👩‍👧"}, (2,)),
    Trap(
        "a contact larger than an import",
        text(f"1,{A},{'å' * 200_000}", f"2,{B},Bob"),
        {B: "Bob"},
        (3,),
        ((2, "value_too_long"),),
    ),
)
