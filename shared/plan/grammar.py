"""What a record looks like in one dialect, as expressions of the engine.

A value is quoted as a whole, with quotes in it doubled, or it does not start with a quote (RFC 4180, and leniently:
a quote further on in an unquoted value stands for itself).
"""

from dataclasses import dataclass

from shared.plan.characters import point
from shared.plan.engine import text

_UNIT_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Grammar:
    """Records with that delimiter and quote character; an empty ``quote`` is never met."""

    delimiter: str
    quote: str

    def values(self, line: str) -> str:
        """The values of a record as a list, for :meth:`unquoted`; ``NULL`` where the line is not one whole record."""
        split = f"string_split({line}, {text(self.delimiter)})"
        if not self.quote:
            return split
        return f"""CASE WHEN NOT contains({line}, {text(self.quote)}) THEN {split}
             WHEN {self._is_all_quoted(line)} THEN {self._split_all_quoted(line)}
             WHEN {self._is_strict(line)} THEN {self._split_outside_quotes(line)}
             ELSE {self._cut(line)} END"""

    def unquoted(self, value: str) -> str:
        """What a value of :meth:`values` stands for. One that is not in quotes any more has none in it."""
        if not self.quote:
            return value
        inner = f"replace(substring({value}, 2, length({value}) - 2), {text(self.quote * 2)}, {text(self.quote)})"
        return f"CASE WHEN starts_with({value}, {text(self.quote)}) THEN {inner} ELSE {value} END"

    def opens(self, line: str) -> str:
        """Whether a line is the first of a record that goes on in the next line."""
        if not self.quote:
            return "false"
        return _matches(line, f"^(?:{self._value}{self._d})*{self._q}{self._text}$")

    def goes_on(self, line: str) -> str:
        """Whether a line that starts within a quoted value ends within one."""
        reopened = f"{self._text}{self._q}(?:{self._d}{self._value})*{self._d}{self._q}{self._text}"
        return _matches(line, f"^(?:{self._text}|{reopened})$")

    def closes(self, line: str) -> str:
        """Whether a line that starts within a quoted value is the proper last line of a record."""
        return _matches(line, f"^{self._text}{self._q}(?:{self._d}{self._value})*$")

    def _is_all_quoted(self, line: str) -> str:
        """Whether all values are quoted and none has a quote in it: all quotes but the outer ones belong to seams."""
        quote, seam = text(self.quote), text(self._seam)
        quotes = f"(strlen({line}) - strlen(replace({line}, {quote}, ''))) / {len(self.quote.encode())}"
        seams = f"(strlen({line}) - strlen(replace({line}, {seam}, ''))) / {len(self._seam.encode())}"
        return f"""starts_with({line}, {quote}) AND NOT starts_with({line}, {seam})
                  AND ends_with({line}, {quote}) AND NOT ends_with({line}, {seam})
                  AND {quotes} = 2 + 2 * {seams}"""

    def _split_all_quoted(self, line: str) -> str:
        return f"string_split(substring({line}, 2, length({line}) - 2), {text(self._seam)})"

    def _is_strict(self, line: str) -> str:
        value = f"(?:{self._quoted}|[^{self._q}{self._d}]*)"
        strict = _matches(line, f"^{value}(?:{self._d}{value})*$")
        return f"{strict} AND NOT contains({line}, {text(_UNIT_SEPARATOR)})"

    def _split_outside_quotes(self, line: str) -> str:
        """Every other part between quotes is outside of them; only there a delimiter delimits."""
        return f"""string_split(array_to_string(list_transform(string_split({line}, {text(self.quote)}),
                 lambda part, place: CASE WHEN place % 2 = 1
                     THEN replace(part, {text(self.delimiter)}, {text(_UNIT_SEPARATOR)}) ELSE part END),
                 {text(self.quote)}), {text(_UNIT_SEPARATOR)})"""

    def _cut(self, line: str) -> str:
        """Cut with a delimiter put in front, so that each value has one; the cuts are whole if nothing is left over."""
        led = f"({text(self.delimiter)} || {line})"
        cuts = f"regexp_extract_all({led}, {text(self._d + self._value)})"
        rest = f"list_transform({cuts}, lambda cut: substring(cut, 2))"
        return f"CASE WHEN array_to_string({cuts}, '') = {led} THEN {rest} END"

    @property
    def _seam(self) -> str:
        """What is between two quoted values."""
        return f"{self.quote}{self.delimiter}{self.quote}"

    @property
    def _d(self) -> str:
        return point(self.delimiter)

    @property
    def _q(self) -> str:
        return point(self.quote)

    @property
    def _text(self) -> str:
        """What may stand within quotes."""
        return f"(?:[^{self._q}]|{self._q}{self._q})*"

    @property
    def _quoted(self) -> str:
        return f"{self._q}{self._text}{self._q}"

    @property
    def _value(self) -> str:
        return f"(?:{self._quoted}|[^{self._q}{self._d}][^{self._d}]*|)"


def _matches(line: str, pattern: str) -> str:
    return f"regexp_matches({line}, {text(pattern)})"
