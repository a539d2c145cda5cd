"""The guard over all logs of the suite would notice what it is there for."""

import json
from urllib.parse import quote, quote_plus

import pytest

from local.customers import first_day
from local.scene import API_KEY
from tests.privacy import personal_data

CUSTOMER = first_day(3).customers[0]


@pytest.mark.parametrize(
    "leak",
    [
        CUSTOMER.email,
        CUSTOMER.email.upper(),
        f"https://acme.api-us1.com/api/3/contacts?email={CUSTOMER.email}",
        f"Failed to parse headers (url=/api/3/contacts?email={quote_plus(CUSTOMER.email)})",
        f"/contacts?email={quote(quote(CUSTOMER.email))}",
        f"/contacts?search={quote('+1 555 0941592')}",
        f"/contacts?search={quote_plus('+1 555 0941592')}",
        f"/contacts?search={quote_plus('Björn Brontë')}",
        json.dumps({"name": "Björn Brontë"}),
        "+1 555 0941592",
        f"{CUSTOMER.first_name} {CUSTOMER.last_name}",
        f"Api-Token: {API_KEY}",
    ],
)
def test_a_leak_is_noticed(leak: str) -> None:
    """Addresses in any spelling, phone numbers, names and keys are found within a line, URLs and JSON included."""
    assert personal_data(f'2026-08-24 run "{leak}" delivered')


def test_ordinary_lines_pass() -> None:
    """Ids, hosts, codes and counts are no personal data."""
    line = '{"event":"run_ended","run":"20260824T090000Z-high-value-c17e357d","host":"acme.api-us1.com","sent":250}'
    assert personal_data(line) == []
