"""The heading of a drop: what its columns are called, found out from a few kilobytes of its first file."""

import zlib
from pathlib import Path

from shared.documents import Drop, DropBlob
from shared.doors.ports import Blobs
from shared.doors.scratch import scratch_folder
from shared.drop.shapes import Dialect, column_name
from shared.errors import BlobChanged, BlobMissing, DropUnusable
from shared.plan.dialect import find_layout
from shared.plan.engine import Engine
from shared.plan.load import parquet_columns
from shared.plan.plain import GZIP, PARQUET, NotPlain, Plain, open_plain, rewrite

_HEAD_BYTES = 65_536
"""A multiple of four: text of two or four bytes a character is not cut within one."""

_TRAILER_BYTES = 8
"""Of a Parquet file: how long its footer is, then the magic; https://parquet.apache.org/docs/file-format/."""

_LARGEST_FOOTER = 16 * 1024 * 1024
_MEMORY_MB = 128


def find_columns(blobs: Blobs, drop: Drop, dialect: Dialect, workplace: Path) -> tuple[str, ...] | None:
    """The columns of the first file of a drop; ``None`` where its beginning does not tell."""
    if not drop.blobs:
        return None
    blob = drop.blobs[0]
    with scratch_folder(workplace) as folder:
        head = folder / "head"
        try:
            _fetch(blobs, blob, head)
            plain = open_plain(blob.name, head, dialect.encoding, head.with_suffix(".txt"))
            return _parquet(plain) if plain.is_parquet else _text(plain, dialect)
        except (BlobChanged, BlobMissing, DropUnusable, NotPlain, zlib.error):
            return None


def _fetch(blobs: Blobs, blob: DropBlob, path: Path) -> None:
    """Make a file that begins like the blob or, where the names of columns are at the end, also ends like it."""
    head = _read(blobs, blob, 0, min(blob.size, _HEAD_BYTES))
    if head.startswith(GZIP):
        head = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(head, _HEAD_BYTES)
    path.write_bytes(head)
    if head.startswith(PARQUET) and blob.size > len(head):
        with path.open("r+b") as file:
            file.truncate(blob.size)  # what is in between takes no room, and is not read
            file.seek(-_footer_bytes(blobs, blob), 2)
            file.write(_read(blobs, blob, file.tell(), blob.size - file.tell()))


def _footer_bytes(blobs: Blobs, blob: DropBlob) -> int:
    trailer = _read(blobs, blob, blob.size - _TRAILER_BYTES, _TRAILER_BYTES)
    return min(int.from_bytes(trailer[:4], "little") + _TRAILER_BYTES, blob.size, _LARGEST_FOOTER)


def _read(blobs: Blobs, blob: DropBlob, offset: int, length: int) -> bytes:
    return blobs.read(blob.name, offset=offset, length=length, etag=blob.etag).data if length else b""


def _parquet(plain: Plain) -> tuple[str, ...]:
    engine = Engine(plain.path.parent, _MEMORY_MB)
    try:
        return tuple(column_name(column) for column, _ in parquet_columns(engine, plain))
    finally:
        engine.close()


def _text(plain: Plain, dialect: Dialect) -> tuple[str, ...]:
    try:
        return find_layout(plain, dialect, None, ()).columns
    except NotPlain:
        return find_layout(rewrite(plain, plain.path.with_suffix(".utf8")), dialect, None, ()).columns
