"""Traps in lines, quotes and delimiters."""

from shared.drop.shapes import Dialect
from tests.plan.corpus.trap import ATTRIBUTES, HEADER, Trap, text

A, B, C = "a@example.com", "b@example.com", "c@example.com"
ROWS = "1,a@example.com,Ada\n2,b@example.com,Bob\n"
BOTH = {A: "Ada", B: "Bob"}

TRAPS = (
    Trap("LF ends a line", f"{HEADER}\n{ROWS}".encode(), BOTH, (2, 3)),
    Trap("CRLF ends a line", f"{HEADER}\n{ROWS}".replace("\n", "\r\n").encode(), BOTH, (2, 3)),
    Trap("CR ends a line", f"{HEADER}\n{ROWS}".replace("\n", "\r").encode(), BOTH, (2, 3)),
    Trap("the last line has no end", f"{HEADER}\n{ROWS}".rstrip().encode(), BOTH, (2, 3)),
    Trap(
        "CRLF between rows, LF within a value",
        f'{HEADER}\r\n1,{A},"Ada\nL"\r\n2,{B},Bob\r\n'.encode(),
        {A: "Ada L", B: "Bob"},
        (2, 4),
    ),
    Trap("LF in the first lines, CRLF in the last", f"{HEADER}\n1,{A},Ada\n2,{B},Bob\r\n".encode(), BOTH, (2, 3)),
    Trap("a CR in a value", text(f"1,{A},A\rda", f'2,{B},"B\rob"'), {A: "A da", B: "B ob"}, (2, 3)),
    Trap(
        "a CR in the first record",
        f"1,{A},A\rda\n".encode(),
        {A: "A da"},
        (1,),
        dialect=Dialect(",", '"'),
        attributes=ATTRIBUTES,
    ),
    Trap(
        "a CR in a value of several lines",
        text(f'1,{A},"A\rd', 'a\rx"', f"2,{B},Bob"),
        {A: "A d a x", B: "Bob"},
        (2, 4),
    ),
    Trap(
        "CR between two rows, LF between the others",
        f"{HEADER}\n1,{A},Ada\r2,{B},Bob\n".encode(),
        stops="line_ends_mixed",
        at=2,
    ),
    *(
        Trap(f"{name}, {spelling}", f"{HEADER}|{body}|3,{C},C|".replace("|", end).encode(), members, lines)
        for spelling, end in (("LF", "\n"), ("CRLF", "\r\n"))
        for name, body, members, lines in (
            ("a CR before a space", f"1,{A},Ada\r Lovelace", {A: "Ada  Lovelace", C: "C"}, (2, 3)),
            ("a CR before a space in quotes", f'1,{A},"x\r y"', {A: "x  y", C: "C"}, (2, 3)),
            ("two of them", f"1,{A},x \r \r 2", {A: "x     2", C: "C"}, (2, 3)),
            ("a CR after a line end", f"1,{A},x|\r 2,{B},B", {A: "x", B: "B", C: "C"}, (2, 3, 4)),
        )
    ),
    Trap(
        "CR between rows and within a value",
        f'{HEADER}\r1,{A},"A\rda"\r2,{B},Bob\r'.encode(),
        {A: "A da", B: "Bob"},
        (2, 4),
    ),
    Trap("blank lines are no rows but count as lines", text("", f"1,{A},Ada", "", "", f"2,{B},Bob", ""), BOTH, (3, 6)),
    Trap("blank lines before the header", f"\n\n{HEADER}\n{ROWS}".encode(), BOTH, (4, 5)),
    Trap(
        "every value is quoted",
        text(f'"1","{A}","Ada"', f'"2","{B}","Bob"', header='"Id","EMail","Name"'),
        BOTH,
        (2, 3),
    ),
    Trap("some values are quoted", text(f'1,"{A}",Ada', f'"2",{B},"Bob"'), BOTH, (2, 3)),
    Trap("a delimiter in quotes", text(f'1,{A},"Ada, Countess"'), {A: "Ada, Countess"}, (2,)),
    Trap("doubled quotes", text(f'1,{A},"""Ada"" L"', f'2,{B},""""'), {A: '"Ada" L', B: '"'}, (2, 3)),
    Trap("an empty quoted value", text(f'1,{A},""'), {A: None}, (2,)),
    Trap(
        "a quote within an unquoted value stands for itself",
        text(f'1,{A},5" Ada', f"2,{B},Bob"),
        {A: '5" Ada', B: "Bob"},
        (2, 3),
    ),
    Trap("spaces before a quote make it no quote", text(f'1,{A}, "Ada"'), {A: '"Ada"'}, (2,)),
    Trap("a line end in quotes", text(f'1,{A},"Ada', 'L"', f"2,{B},Bob"), {A: "Ada L", B: "Bob"}, (2, 4)),
    Trap("blank lines in quotes", text(f'1,{A},"Ada', "", "", 'L"', f"2,{B},Bob"), {A: "Ada L", B: "Bob"}, (2, 6)),
    Trap("a line end in the first value", text('"1', f'",{A},Ada', f"2,{B},Bob"), BOTH, (2, 4)),
    Trap(
        "line ends in two values of a row", text('"1', f'","{A}","A', 'd"', f"2,{B},Bob"), {A: "A d", B: "Bob"}, (2, 5)
    ),
    Trap("rows of several lines one after the other", text(f'1,{A},"Ada', '"', f'2,{B},"Bob', '"'), BOTH, (2, 4)),
    Trap(
        "quotes and delimiters on the inner lines",
        text(f'1,{A},"Ada', '""x"",y', 'z, ""', '"'),
        {A: 'Ada "x",y z, "'},
        (2,),
    ),
    Trap("a row without its last value", text(f"1,{A}", f"2,{B},Bob"), {B: "Bob"}, (3,), ((2, "row_malformed"),)),
    Trap(
        "a row with one value too many", text(f"1,{A},Ada,x", f"2,{B},Bob"), {B: "Bob"}, (3,), ((2, "row_malformed"),)
    ),
    Trap(
        "a row with an empty value too many",
        text(f"1,{A},Ada,", f"2,{B},Bob"),
        {B: "Bob"},
        (3,),
        ((2, "row_malformed"),),
    ),
    Trap(
        "a stray delimiter that would shift the columns",
        text(f"1,,{A},", f"2,{B},Bob"),
        {B: "Bob"},
        (3,),
        ((2, "row_malformed"),),
    ),
    Trap("text after a closing quote", text(f'1,"{A}"x,Ada', f"2,{B},Bob"), {B: "Bob"}, (3,), ((2, "row_malformed"),)),
    Trap(
        "a line of spaces is a row without columns",
        text("   ", f"2,{B},Bob"),
        {B: "Bob"},
        (3,),
        ((2, "row_malformed"),),
    ),
    Trap("a row of empty values", text(",,", f"2,{B},Bob"), {B: "Bob"}, (3,), ((2, "email_missing"),)),
    Trap(
        "lines stay exact after malformed rows",
        text("1", f'2,{A},"Ada', 'L"', "3", f"4,{B},Bob"),
        {A: "Ada L", B: "Bob"},
        (3, 6),
        ((2, "row_malformed"), (5, "row_malformed")),
    ),
    Trap("a quote that is never closed", text(f'1,{A},"Ada', f"2,{B},Bob", f"3,{C},Cy"), stops="quote_unclosed", at=2),
    Trap(
        "a quote that is closed by the next one opened",
        text(f'1,{A},"Ada', f'2,{B},"Bob"', f"3,{C},Cy"),
        stops="quote_unclosed",
        at=2,
    ),
    Trap(
        "a quote missing where all values are quoted",
        text(f'"1","{A}","Ada', f'"2","{B}","Bob"'),
        stops="quote_unclosed",
        at=2,
    ),
    Trap(
        "two quotes gone astray with a row of empty quoted values between",
        text(f'1,{A},"Ada', f'2,{B},""', f'3,{C},Cy"'),
        stops="quote_unclosed",
        at=2,
    ),
    Trap(
        "two quotes gone astray with whole rows between",
        text(f'1,{A},"Ada', f"2,{B},Bob", f'3,{C},Cy"'),
        stops="quote_unclosed",
        at=2,
    ),
    Trap(
        "a closing and an opening quote lost in the same column",
        text(f'1,{A},"Ada', f'2,{B},Bob"', f"3,{C},Cy"),
        stops="quote_unclosed",
        at=2,
    ),
    Trap(
        "a closing and an opening quote lost in the first column",
        text(f'"1,{A},Ada', f'2",{B},Bob', f"3,{C},Cy"),
        stops="quote_unclosed",
        at=2,
    ),
    Trap(
        "a line end after an email in quotes",
        text(f'1,"{A}', '",Ada', f"2,{B},Bob"),
        {A: "Ada", B: "Bob"},
        (2, 4),
    ),
    Trap(
        "two emails on two lines of one value",
        text(f'Ada,1,"{A}', f'{C}"', f"Bob,2,{B}", header="Name,Id,EMail"),
        {B: "Bob"},
        (4,),
        ((2, "email_invalid"),),
    ),
    Trap(
        "a letter with delimiters and an address in it",
        text(f'1,{A},"Dear Ada,', "write to me, soon, at", 'x@example.org, or call"', f"2,{B},Bob"),
        {A: "Dear Ada, write to me, soon, at x@example.org, or call", B: "Bob"},
        (2, 5),
    ),
    Trap(
        "a value of several lines in a row with too few values",
        text(f'1,"{A}', "2", 'x"', f"3,{C},Cy"),
        stops="quote_unclosed",
        at=2,
    ),
    Trap(
        "a quote that is never closed in the last line", text(f"1,{A},Ada", f'2,{B},"Bob'), stops="quote_unclosed", at=3
    ),
    Trap("semicolons, found out by the header", text(f"1;{A};Ada", header="Id;EMail;Name"), {A: "Ada"}, (2,)),
    Trap(
        "semicolons and quotes, found out by the header",
        text(f'"1";"{A}";"A;a"', header='"Id";"EMail";"Name"'),
        {A: "A;a"},
        (2,),
    ),
    Trap("tabs, found out by the header", text(f"1\t{A}\tAda", header="Id\tEMail\tName"), {A: "Ada"}, (2,)),
    Trap("vertical bars, found out by the header", text(f"1|{A}|Ada", header="Id|EMail|Name"), {A: "Ada"}, (2,)),
    Trap(
        "another delimiter and quote, as the drop says",
        text(f"1^{A}^$A^d$", header="Id^EMail^Name"),
        {A: "A^d"},
        (2,),
        dialect=Dialect("^", "$", True),
    ),
    Trap(
        "single quotes, as the drop says",
        text(f"'1','{A}','O''Hara'"),
        {A: "O'Hara"},
        (2,),
        dialect=Dialect(",", "'", True),
    ),
    Trap(
        "a backslash as delimiter, an asterisk as quote",
        text(f"1\\{A}\\*A\\d*", header="Id\\EMail\\Name"),
        {A: "A\\d"},
        (2,),
        dialect=Dialect("\\", "*", True),
    ),
    Trap(
        "no quoting at all, as the drop says",
        text(f'1,{A},"Ada', f'2,{B},Bob"'),
        {A: '"Ada', B: 'Bob"'},
        (2, 3),
        dialect=Dialect(",", "", True),
    ),
    Trap(
        "a delimiter of two characters", text(f"1||{A}||Ada"), stops="dialect_unknown", dialect=Dialect("||", '"', True)
    ),
    Trap("a delimiter that is the quote", text(f"1,{A},Ada"), stops="dialect_unknown", dialect=Dialect(",", ",", True)),
    Trap("a very long value", text(f"1,{A},{'x' * 399_000}", f"2,{B},Bob"), {A: "x" * 399_000, B: "Bob"}, (2, 3)),
    Trap("the bytes the engine reads lines with", text(f"1,{A},A\x01\x02\x03\x04da"), stops="file_unreadable"),
    Trap("the bytes the engine reads lines with, quoted", text(f'1,{A},"A\x01\x02\x03\x04da"'), {A: "Ada"}, (2,)),
    Trap(
        "a record that goes on for more lines than any value",
        text(f'1,{A},"', *["x"] * 10_000, '"'),
        stops="quote_unclosed",
        at=2,
    ),
    Trap(
        "headerless and quoted over lines from the first line on",
        f'1,{A},"A\nd"\n2,{B},Bob\n'.encode(),
        {A: "A d", B: "Bob"},
        (1, 3),
        dialect=Dialect(",", '"'),
        attributes=ATTRIBUTES,
    ),
)
