"""Line ends and quotes, wherever the blocks of a file end."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.plan import marks
from shared.plan.marks import count_marks


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([b"\r", b"\n", b'"', b" ", b"x"]), max_size=20).map(b"".join), st.integers(1, 6))
def test_marks_are_those_of_the_whole_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, block: int
) -> None:
    """Also where a pair lies on both sides of a border."""
    monkeypatch.setattr(marks, "_BLOCK", block)
    path = tmp_path / "text"
    path.write_bytes(b"\xef\xbb\xbf" + data)
    found = count_marks(path, '"')
    assert (found.size, found.lf, found.cr, found.quotes) == (
        len(data),
        *(data.count(mark) for mark in (b"\n", b"\r", b'"')),
    )
    assert found.crlf == data.count(b"\r\n")
    assert found.lines == len(re.findall(rb"[^\n]*\n|[^\n]+\Z", data))
    spaced = re.search(rb'" +"', data) is not None
    assert found.has_spaced_quotes or not spaced
    assert not found.has_spaced_quotes or spaced or b'"' + b" " * block in data


def test_no_quotes_are_counted_where_nothing_quotes(tmp_path: Path) -> None:
    """Then a quote is a character."""
    path = tmp_path / "text"
    path.write_bytes(b'" "\n')
    found = count_marks(path, "")
    assert (found.quotes, found.has_spaced_quotes, found.lines) == (0, False, 1)
