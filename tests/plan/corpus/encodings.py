"""Traps in bytes: encodings, compression, and files that are no text."""

import codecs
import gzip

from shared.drop.shapes import Dialect
from tests.plan.corpus.trap import Trap, text

A, B, C = "a@example.com", "b@example.com", "c@example.com"
ASA = text(f"1,{A},Åsa").decode()

TRAPS = (
    Trap("UTF-8", ASA.encode(), {A: "Åsa"}, (2,)),
    Trap("UTF-8 with a byte order mark", ASA.encode("utf-8-sig"), {A: "Åsa"}, (2,)),
    Trap(
        "UTF-16 with a byte order mark, little end first",
        codecs.BOM_UTF16_LE + ASA.encode("utf-16-le"),
        {A: "Åsa"},
        (2,),
    ),
    Trap(
        "UTF-16 with a byte order mark, big end first", codecs.BOM_UTF16_BE + ASA.encode("utf-16-be"), {A: "Åsa"}, (2,)
    ),
    Trap("UTF-16 with characters beyond its first plane", text(f"1,{A},😀").decode().encode("utf-16"), {A: "😀"}, (2,)),
    Trap(
        "UTF-16 with CRLF and a line end in quotes",
        text(f'1,{A},"Å', 'sa"', f"2,{B},Bo").decode().replace("\n", "\r\n").encode("utf-16"),
        {A: "Å sa", B: "Bo"},
        (2, 4),
    ),
    Trap(
        "UTF-16 as the drop says",
        ASA.encode("utf-16-le"),
        {A: "Åsa"},
        (2,),
        dialect=Dialect(header=True, encoding="utf-16-le"),
    ),
    Trap("UTF-16 without a mark", ASA.encode("utf-16-le"), stops="file_unreadable", at=1),
    Trap("UTF-16 cut in the middle of a character", ASA.encode("utf-16")[:-1], stops="file_unreadable"),
    Trap("UTF-32 with a byte order mark", ASA.encode("utf-32"), {A: "Åsa"}, (2,)),
    Trap(
        "a byte order mark outranks what the drop says",
        ASA.encode("utf-8-sig"),
        {A: "Åsa"},
        (2,),
        dialect=Dialect(header=True, encoding="utf-16"),
    ),
    Trap("Windows-1252", text(f"1,{A},Åsa €").decode().encode("cp1252"), {A: "Åsa €"}, (2,), warns=True),
    Trap(
        "Windows-1252 and no quoting at all",
        text(f'1,{A},"Åsa').decode().encode("cp1252"),
        {A: '"Åsa'},
        (2,),
        warns=True,
        dialect=Dialect(",", "", True),
    ),
    Trap(
        "Latin-1 with a byte that Windows-1252 leaves out",
        f"Id,EMail,Name\n1,{A},Åsa\x81\n".encode("latin-1"),
        {A: "Åsa"},
        (2,),
        warns=True,
    ),
    Trap(
        "Windows-1252 in the header",
        f"Id,EMail,Name,Straße\n1,{A},Åsa,x\n".encode("cp1252"),
        {A: "Åsa"},
        (2,),
        warns=True,
    ),
    Trap(
        "Windows-1251 as the drop says",
        text(f"1,{A},Жан").decode().encode("cp1251"),
        {A: "Жан"},
        (2,),
        dialect=Dialect(header=True, encoding="windows-1251"),
    ),
    Trap(
        "UTF-8 although the drop says Windows-1252",
        ASA.encode(),
        {A: "Åsa"},
        (2,),
        dialect=Dialect(header=True, encoding="cp1252"),
    ),
    Trap(
        "UTF-8 with a damaged row",
        text(f"1,{A},Åsa").replace(b"\n", b"\n9,z@example.com,Zo\xeb\n", 1) + text(f"2,{B},Zoë", f"3,{C},Ö")[14:],
        {A: "Åsa", B: "Zoë", C: "Ö"},
        (3, 4, 5),
        ((2, "encoding_invalid"),),
    ),
    Trap(
        "UTF-8 with one sound and one damaged row, of more bytes",
        text(f"1,{A},Åsa", f"2,{B},XX").replace(b"XX", b"\xff\xfe"),
        {A: "Åsa"},
        (2,),
        ((3, "encoding_invalid"),),
    ),
    Trap(
        "UTF-8 with a mark and a damaged row",
        b"\xef\xbb\xbf" + text(f"1,{A},Ada", f"2,{B},X").replace(b"X", b"\xff"),
        {A: "Ada"},
        (2,),
        ((3, "encoding_invalid"),),
    ),
    Trap(
        "UTF-8 damaged where nobody looks",
        f"Id,EMail,Name,Other\n1,{A},Zoë,X\n2,{B},Åsa,y\n".encode().replace(b"X", b"\xff"),
        {A: "Zoë", B: "Åsa"},
        (2, 3),
    ),
    Trap(
        "an encoding nobody knows",
        ASA.encode(),
        stops="encoding_unknown",
        dialect=Dialect(header=True, encoding="klingon"),
    ),
    Trap(
        "an encoding that is none of texts",
        ASA.encode(),
        stops="encoding_unknown",
        dialect=Dialect(header=True, encoding="rot13"),
    ),
    Trap("NUL bytes in a name", text(f"1,{A},A\0da\0"), {A: "Ada"}, (2,)),
    Trap("NUL bytes in an email", text(f"1,a\0{A},Ada"), {}, (), ((2, "email_invalid"),)),
    Trap("gzip under the name of a text", gzip.compress(ASA.encode()), {A: "Åsa"}, (2,)),
    Trap("gzip in two parts", gzip.compress(text()) + gzip.compress(f"1,{A},Åsa\n".encode()), {A: "Åsa"}, (2,)),
    Trap("gzip of UTF-16", gzip.compress(ASA.encode("utf-16")), {A: "Åsa"}, (2,)),
    Trap("gzip that ends too early", gzip.compress(ASA.encode() * 50)[:-12], stops="file_unreadable"),
    Trap("gzip with a wrong checksum", gzip.compress(ASA.encode())[:-8] + b"\0" * 8, stops="file_unreadable"),
    Trap("gzip of nothing", gzip.compress(b""), stops="file_empty"),
    Trap("a zip archive", b"PK\x03\x04" + bytes(60), stops="file_unreadable"),
    Trap("Parquet that is none", b"PAR1" + bytes(60), stops="file_unreadable"),
)
