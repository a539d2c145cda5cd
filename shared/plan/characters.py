r"""Characters that are not seen or stand for something, as they are written in the engine's patterns (RE2).

Those of ``CONTROL`` are never sent. Those of ``EDGES`` are cut off a value: white space, control characters and marks
of direction. Both go between ``[`` and ``]``.
"""

CONTROL = r"\x{0}-\x{1f}\x{7f}-\x{9f}\x{2028}\x{2029}\x{feff}"
EDGES = r"\x{0}-\x{20}\x{7f}-\x{a0}\x{ad}\pZ\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}\x{2066}-\x{2069}\x{feff}"


def point(mark: str) -> str:
    """One character, standing for itself."""
    return f"\\x{{{ord(mark):x}}}"
