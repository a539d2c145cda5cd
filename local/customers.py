"""Made-up customers, the export that Customer Insights would drop of them, and what must become of each.

The truth is kept while the dirt is made, so it owes nothing to the code that has to find it out again. Everything
follows from the seed; every address ends in a domain that RFC 2606 reserves.
"""

import csv
import io
import json
import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

INSTANCE = "CustomerInsights_abcd1234-4312-11f4-93dc-24f72f43e7d5"
DESTINATION = "BlobExport"
SEGMENT = "HighValueSegment"
COLUMNS = (
    "CustomerId",
    "EMail",
    "FirstName",
    "LastName",
    "Telephone",
    "LoyaltyTier",
    "BirthDate",
    "StreetAddress",
    "PreviousCustomerId",
)

FIRST_NAMES = (
    "Ada",
    "Björn",
    "Chloé",
    "Dilek",
    "Emeka",
    "Fatima",
    "Gülşen",
    "Hanako",
    "Íris",
    "João",
    "Kwame",
    "Łucja",
)
LAST_NAMES = ("Almeida", "Brontë", "Çelik", "D'Angelo", "Eriksson", "Fernández", "García", "Haddad", "Ito", "Jørgensen")
_TIERS = ("Bronze", "Silver", "Gold", "Platinum")
_NO_ADDRESS = ("", "   ")
_BAD_ADDRESS = ("not an address", "two@@example.com", "nodot@example")
_DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com", "shop.example.org")


@dataclass(frozen=True)
class Customer:
    """One person as the marketing team knows them; ``email`` is how ActiveCampaign will."""

    number: int
    email: str
    first_name: str
    last_name: str
    phone: str
    tier: str
    birth_date: str

    @property
    def customer_id(self) -> str:
        """32 hex digits, as in Customer Insights."""
        return f"{self.number:032x}"


@dataclass(frozen=True)
class Dirt:
    """How many rows of each kind a drop has beyond its customers."""

    duplicates: int
    missing: int
    invalid: int


@dataclass(frozen=True)
class Day:
    """The segment on one day: who is in it, and the rows that are nobody's."""

    customers: tuple[Customer, ...]
    dirt: Dirt
    seed: int

    @property
    def rows(self) -> int:
        """How many rows its drop has."""
        return len(self.customers) + self.dirt.duplicates + self.dirt.missing + self.dirt.invalid

    def emails(self) -> set[str]:
        """Who must be in the list."""
        return {customer.email for customer in self.customers}


def first_day(count: int, seed: int = 1) -> Day:
    """That many customers, and about two rows of dirt per hundred."""
    chance = random.Random(seed)
    customers = tuple(_customer(number, chance) for number in range(1, count + 1))
    few = max(1, count // 200)
    return Day(customers, Dirt(duplicates=2 * few, missing=few, invalid=few), seed)


def next_day(day: Day, *, leave: int, change: int, join: int, untouched: Collection[str] = frozenset()) -> Day:
    """The day after: some have left, some have changed, some have joined, but nobody of the addresses `untouched`."""
    chance = random.Random(day.seed + 1)
    free = [customer for customer in day.customers if customer.email not in untouched]
    chance.shuffle(free)
    changed = [replace(customer, tier=_next_tier(customer.tier)) for customer in free[leave : leave + change]]
    stay = free[leave + change :] + [customer for customer in day.customers if customer.email in untouched]
    first_new = max(customer.number for customer in day.customers) + 1
    joined = [_customer(number, chance) for number in range(first_new, first_new + join)]
    customers = sorted([*changed, *stay, *joined], key=lambda customer: customer.number)
    return Day(tuple(customers), day.dirt, day.seed + 1)


def drop_day(upload: Callable[[str, bytes], object], day: Day, moment: datetime, partitions: int = 3) -> None:
    """Write that day's export as Customer Insights would: a new folder of partitions, then ``model.json``."""
    root = f"{INSTANCE}/{DESTINATION}"
    folder = f"{root}/{SEGMENT}/{moment:%Y/%m/%d/%H%M}"
    rows = list(_rows(day))
    size = -(-len(rows) // partitions)
    paths = []
    for number in range(partitions):
        paths.append(f"{folder}/{SEGMENT}_{number + 1}.csv")
        upload(paths[-1], _csv(rows[number * size : (number + 1) * size]))
    upload(f"{root}/model.json", _model(paths, moment))


def _customer(number: int, chance: random.Random) -> Customer:
    first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
    return Customer(
        number=number,
        email=f"customer{number}@{chance.choice(_DOMAINS)}",
        first_name=first,
        last_name=last,
        phone=f"+1 555 {chance.randrange(10_000_000):07d}" if chance.random() < 0.8 else "",
        tier=chance.choice(_TIERS),
        birth_date=f"{chance.randrange(1940, 2006)}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}",
    )


def _next_tier(tier: str) -> str:
    return _TIERS[(_TIERS.index(tier) + 1) % len(_TIERS)]


def _rows(day: Day) -> Iterator[tuple[str, ...]]:
    """Rows in an order by chance; what is dirty about a customer's row must not change the customer."""
    chance = random.Random(day.seed * 1000 + 7)
    again = chance.sample(day.customers, day.dirt.duplicates)
    rows = [
        *(_row(customer, _written(customer.email, chance), chance) for customer in day.customers),
        *(_row(replace(customer, number=customer.number + 10**9), customer.email, chance) for customer in again),
        *(_row(_nobody(number), chance.choice(_NO_ADDRESS), chance) for number in range(day.dirt.missing)),
        *(_row(_nobody(number), chance.choice(_BAD_ADDRESS), chance) for number in range(day.dirt.invalid)),
    ]
    chance.shuffle(rows)
    yield from rows


def _written(email: str, chance: random.Random) -> str:
    return chance.choice((email, email, email, email.upper(), f" {email}", email.title()))


def _nobody(number: int) -> Customer:
    return Customer(2 * 10**9 + number, "", "No", "Body", "", "Bronze", "1970-01-01")


def _row(customer: Customer, email: str, chance: random.Random) -> tuple[str, ...]:
    street = chance.choice(("1 Main Street", '5 "Old" Mill Lane', "Flat 2,\n9 High Road", "Straße der Künste 7"))
    return (
        customer.customer_id,
        email,
        f"{customer.first_name} " if chance.random() < 0.1 else customer.first_name,
        customer.last_name,
        customer.phone,
        customer.tier,
        customer.birth_date,
        street,
        "",
    )


def _csv(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _model(paths: list[str], moment: datetime) -> bytes:
    model = {
        "name": DESTINATION,
        "version": "1.0",
        "entities": [
            {
                "$type": "LocalEntity",
                "name": SEGMENT,
                "annotations": [{"name": "c360:PrimaryKey", "value": "CustomerId"}],
                "attributes": [{"name": column, "dataType": "string"} for column in COLUMNS],
                "partitions": [
                    {
                        "name": path.rpartition("/")[2],
                        "location": f"https://contoso.blob.core.windows.net/segments/{path}",
                        "refreshTime": moment.isoformat(),
                        "fileFormatSettings": {
                            "$type": "CsvFormatSettings",
                            "columnHeaders": False,
                            "delimiter": ",",
                            "quoteStyle": "QuoteStyle.Csv",
                            "csvStyle": "CsvStyle.QuoteAlways",
                            "encoding": "UTF-8",
                        },
                    }
                    for path in paths
                ],
            }
        ],
    }
    return json.dumps(model).encode()
