"""Route templates as ASP.NET Core reads them, as far as the Functions documentation uses them.

`{name}`, `{name?}` at the end, `{*rest}`, `{id:int}` and more constraints, also several in one segment with text
between them. Letter case of the fixed parts does not matter, and neither does a slash at the end.
https://learn.microsoft.com/aspnet/core/fundamentals/routing
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote

_PARAMETER = re.compile(r"\{(?P<rest>\*{0,2})(?P<name>\w+)(?P<constraints>(?::[^{}?]+)*)(?P<optional>\??)\}")
_CONSTRAINT = re.compile(r":(\w+)(?:\(([^()]*)\))?")
_GUID = r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}"

Check = Callable[[str], bool]


def _shape(pattern: str) -> Check:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _whole(bits: int) -> Check:
    is_number = _shape(r"[+-]?[0-9]+")
    return lambda value: is_number(value) and -(2 ** (bits - 1)) <= int(value) < 2 ** (bits - 1)


def _between(lowest: int | None, highest: int | None) -> Check:
    is_long = _whole(64)
    return lambda value: is_long(value) and _within(int(value), lowest, highest)


def _sized(lowest: int | None, highest: int | None) -> Check:
    return lambda value: _within(len(value), lowest, highest)


def _within(number: int, lowest: int | None, highest: int | None) -> bool:
    return (lowest is None or number >= lowest) and (highest is None or number <= highest)


# A constraint's maker takes its comma-separated arguments, all whole numbers.
_CONSTRAINTS: Mapping[tuple[str, int], Callable[..., Check]] = {
    ("int", 0): lambda: _whole(32),
    ("long", 0): lambda: _whole(64),
    ("alpha", 0): lambda: _shape("[A-Za-z]*"),
    ("bool", 0): lambda: _shape("(?i:true|false)"),
    ("guid", 0): lambda: _shape(_GUID),
    ("required", 0): lambda: bool,
    ("min", 1): lambda lowest: _between(lowest, None),
    ("max", 1): lambda highest: _between(None, highest),
    ("range", 2): _between,
    ("minlength", 1): lambda lowest: _sized(lowest, None),
    ("maxlength", 1): lambda highest: _sized(None, highest),
    ("length", 1): lambda length: _sized(length, length),
    ("length", 2): _sized,
}


class _Segment:
    """What stands between two slashes of a template."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parameters = list(_PARAMETER.finditer(text))
        marks = [found for found in self.parameters if found["rest"] or found["optional"]]
        self.can_be_absent = bool(marks)
        if marks and marks[0][0] != text:
            raise ValueError(f"route segment {text!r}: {marks[0][0]} must stand alone")


class Route:
    """One template. Raises ValueError when it cannot be read."""

    def __init__(self, template: str) -> None:
        self.template = template.strip("/")
        self._checks: list[tuple[str, Check]] = []
        segments = [_Segment(text) for text in self.template.split("/") if text]
        if any(segment.can_be_absent for segment in segments[:-1]):
            raise ValueError(f"route {self.template!r}: only the last segment can be optional")
        pattern = "".join(self._pattern_of(segment) for segment in segments)
        self._pattern = re.compile(pattern, re.IGNORECASE | re.DOTALL)

    def match(self, path: str) -> dict[str, str] | None:
        """Return the parameters if this template fits a raw (still percent-encoded) path, otherwise None."""
        trimmed = path.strip("/")
        found = self._pattern.fullmatch(f"/{trimmed}" if trimmed else "")
        if found is None:
            return None
        values = {name: _decode(value) for name, value in found.groupdict().items() if value is not None}
        if all(check(values[name]) for name, check in self._checks if name in values):
            return values
        return None

    def _pattern_of(self, segment: _Segment) -> str:
        pattern, position = "/", 0
        for found in segment.parameters:
            pattern += self._fixed(segment.text[position : found.start()]) + self._parameter(found)
            position = found.end()
        pattern += self._fixed(segment.text[position:])
        return f"(?:{pattern})?" if segment.can_be_absent else pattern

    def _parameter(self, found: re.Match[str]) -> str:
        for text in re.findall(r":[^:]+", found["constraints"]):
            self._checks.append((found["name"], self._constraint(text)))
        return f"(?P<{found['name']}>{'.*' if found['rest'] else '[^/]+'})"

    def _fixed(self, text: str) -> str:
        if "{" in text or "}" in text:
            raise ValueError(f"route {self.template!r}: cannot read {text!r}")
        return re.escape(text)

    def _constraint(self, text: str) -> Check:
        found = _CONSTRAINT.fullmatch(text)
        arguments = [int(number) for number in re.findall(r"-?\d+", (found and found[2]) or "")]
        maker = found and _CONSTRAINTS.get((found[1].lower(), len(arguments)))
        if not maker:
            raise ValueError(f"route {self.template!r}: constraint {text[1:]!r} is not played by this host")
        return maker(*arguments)


def _decode(text: str) -> str:
    # An encoded slash stays encoded, so that it cannot be taken for a separator.
    return "%2F".join(unquote(part) for part in re.split("%2[Ff]", text))
