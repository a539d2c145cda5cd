"""What must never be in a log: addresses, phone numbers, names and keys of the test data."""

import re
from urllib.parse import unquote, unquote_plus

from local.customers import FIRST_NAMES, LAST_NAMES
from local.scene import API_KEY

PERSONAL = re.compile(
    "|".join(
        [
            r"[^\s\"'<>]+@(?:[\w-]+\.)*example\.(?:com|org|net)",
            r"\+1 555 \d+",
            re.escape(API_KEY),
            rf"\b(?:{'|'.join(map(re.escape, FIRST_NAMES))}) (?:{'|'.join(map(re.escape, LAST_NAMES))})\b",
        ]
    ),
    re.IGNORECASE,
)


def _unescaped(text: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda escape: chr(int(escape[1], 16)), text)


DECODERS = (unquote, unquote_plus, _unescaped)
"""How addresses of the web, their queries, and JSON write what is not plain."""


def personal_data(text: str) -> list[str]:
    """Every piece of personal data in a text, in whatever way and however often it is encoded."""
    readings = [text]
    for reading in readings:
        readings += {decoded for decode in DECODERS if (decoded := decode(reading)) not in readings}
    return sorted({found for reading in readings for found in PERSONAL.findall(reading)})
