"""Traps in header rows, attribute names, partitions and empty files."""

from shared.drop.shapes import Dialect
from tests.plan.corpus.trap import ATTRIBUTES, HEADER, Trap, text

A, B = "a@example.com", "b@example.com"
ROW_A, ROW_B = f"1,{A},Ada\n", f"2,{B},Bob\n"
INSIGHTS = Dialect(",", '"')
WITH_HEADER = Dialect(",", '"', True)
HEADERLESS = Dialect(",", '"', False)

TRAPS = (
    Trap(
        "headerless, found out by the attribute names",
        f"{ROW_A}{ROW_B}".encode(),
        {A: "Ada", B: "Bob"},
        (1, 2),
        dialect=INSIGHTS,
        attributes=ATTRIBUTES,
    ),
    Trap(
        "a header, found out by the attribute names",
        f"{HEADER}\n{ROW_A}".encode(),
        {A: "Ada"},
        (2,),
        dialect=INSIGHTS,
        attributes=ATTRIBUTES,
    ),
    Trap(
        "a header in another order than the attributes",
        f"Name,EMail,Id\nAda,{A},1\n".encode(),
        {A: "Ada"},
        (2,),
        dialect=INSIGHTS,
        attributes=ATTRIBUTES,
    ),
    Trap(
        "a header although the drop says there is none",
        f"{HEADER}\n{ROW_A}".encode(),
        {A: "Ada"},
        (2,),
        warns=True,
        dialect=HEADERLESS,
        attributes=ATTRIBUTES,
    ),
    Trap(
        "no header although the drop says there is one",
        f"{ROW_A}{ROW_B}".encode(),
        stops="columns_differ",
        at=1,
        dialect=WITH_HEADER,
        attributes=ATTRIBUTES,
    ),
    Trap(
        "a header that half agrees with the attributes",
        f"Id,EMail,First\n{ROW_A}".encode(),
        stops="columns_differ",
        at=1,
        dialect=INSIGHTS,
        attributes=ATTRIBUTES,
    ),
    Trap(
        "headerless with one column more than attributes",
        f"1,{A},Ada,x\n".encode(),
        stops="columns_differ",
        at=1,
        dialect=INSIGHTS,
        attributes=ATTRIBUTES,
    ),
    Trap(
        "headerless with one column less than attributes",
        f"1,{A}\n".encode(),
        stops="columns_differ",
        at=1,
        dialect=INSIGHTS,
        attributes=ATTRIBUTES,
    ),
    Trap(
        "a header with one column more than attributes",
        f"{HEADER},New\n1,{A},Ada,x\n".encode(),
        stops="columns_differ",
        at=1,
        dialect=WITH_HEADER,
        attributes=ATTRIBUTES,
    ),
    Trap("headerless without any names", f"{ROW_A}{ROW_B}".encode(), stops="columns_unknown", dialect=HEADERLESS),
    Trap("a plain drop without its header", f"{ROW_A}{ROW_B}".encode(), stops="header_missing", at=1),
    Trap(
        "a header with a byte order mark, quotes and spaces",
        f'\ufeff"Id" , EMail ,"Name"\n{ROW_A}'.encode(),
        stops="header_unreadable",
        at=1,
    ),
    Trap("a header with spaces around its names", f"Id, EMail ,Name \n{ROW_A}".encode(), {A: "Ada"}, (2,)),
    Trap("a header with a line end in a name", f'Id,EMail,Name,"Long\nname"\n1,{A},Ada,x\n'.encode(), {A: "Ada"}, (3,)),
    Trap(
        "a header with a name twice that nobody asks for",
        f"Id,EMail,Name,X,X\n1,{A},Ada,x,y\n".encode(),
        {A: "Ada"},
        (2,),
    ),
    Trap(
        "a header with a mapped name twice", f"Id,EMail,Name,EMail\n1,{A},Ada,{B}\n".encode(), stops="column_ambiguous"
    ),
    Trap(
        "names that differ in case are different columns",
        f"Id,EMail,Name,EMAIL\n1,{A},Ada,x\n".encode(),
        {A: "Ada"},
        (2,),
    ),
    Trap(
        "a header whose quote is never closed",
        b'Id,"EMail,Name\n',
        stops="header_unreadable",
        at=1,
        dialect=WITH_HEADER,
    ),
    Trap("a header and nothing else", f"{HEADER}\n".encode()),
    Trap("a file without a byte", b"", stops="file_empty"),
    Trap("a headerless file without a byte", b"", stops="file_empty", dialect=HEADERLESS, attributes=ATTRIBUTES),
    Trap("a file of blank lines", b"\n\r\n\n", stops="file_empty"),
    Trap("a byte order mark and nothing else", b"\xef\xbb\xbf", stops="file_empty"),
    Trap("an empty partition among others", {"S_1.csv": text(f"1,{A},Ada"), "S_2.csv": b""}, stops="file_empty"),
    Trap("a partition that has only its header", {"S_1.csv": text(f"1,{A},Ada"), "S_2.csv": text()}, {A: "Ada"}, (2,)),
    Trap(
        "partitions with the same columns",
        {"S_1.csv": text(f"1,{A},Ada"), "S_2.csv": text(f"2,{B},Bob")},
        {A: "Ada", B: "Bob"},
        (2, 2),
    ),
    Trap(
        "partitions with their columns in another order",
        {"S_1.csv": text(f"1,{A},Ada"), "S_2.csv": text(f"Bob,2,{B}", header="Name,Id,EMail")},
        {A: "Ada", B: "Bob"},
        (2, 2),
    ),
    Trap(
        "partitions with other columns",
        {"S_1.csv": text(f"1,{A},Ada"), "S_2.csv": text(f"2,{B}", header="Id,EMail")},
        stops="columns_differ",
        at=1,
    ),
    Trap(
        "partitions with and without a header",
        {"S_1.csv": f"{HEADER}\n{ROW_A}".encode(), "S_2.csv": ROW_B.encode()},
        {A: "Ada", B: "Bob"},
        (2, 1),
        dialect=INSIGHTS,
        attributes=ATTRIBUTES,
    ),
    Trap(
        "partitions of which one has lost a column",
        {"S_1.csv": ROW_A.encode(), "S_2.csv": f"2,{B}\n".encode()},
        stops="columns_differ",
        at=1,
        dialect=INSIGHTS,
        attributes=ATTRIBUTES,
    ),
    Trap("a drop without files", {}, stops="drop_empty"),
)
