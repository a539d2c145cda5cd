"""What must never be in a log: addresses, phone numbers, names and keys of the test data."""

import re

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


def personal_data(text: str) -> list[str]:
    """Every piece of personal data in a text."""
    return PERSONAL.findall(text)
