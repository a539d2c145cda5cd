"""List prices in US dollars, as published on the dates given. Look them up before you rely on them.

They differ by region, agreement and time; free monthly grants (100,000 GB-s, 250,000 executions) are not deducted.
"""

from dataclasses import dataclass

FUNCTIONS = "https://azure.microsoft.com/pricing/details/functions/"
BLOBS = "https://azure.microsoft.com/pricing/details/storage/blobs/"
QUEUES = "https://azure.microsoft.com/pricing/details/storage/queues/"


@dataclass(frozen=True)
class Price:
    """``dollars`` buy ``units`` of what is billed. ``date`` is when that was the list price in ``region``."""

    what: str
    dollars: float
    units: float
    region: str
    date: str
    source: str

    def of(self, amount: float) -> float:
        """Dollars for that much."""
        return self.dollars * amount / self.units

    def document(self) -> dict[str, str | float]:
        """The price as JSON."""
        return {
            "what": self.what,
            "dollars": self.dollars,
            "units": self.units,
            "region": self.region,
            "date": self.date,
            "source": self.source,
        }


GB_SECOND = Price("Flex Consumption, on demand: GB-s", 0.000026, 1, "East US", "2025-05-22", FUNCTIONS)
EXECUTION = Price("Flex Consumption, on demand: executions", 0.40, 1_000_000, "East US", "2025-05-22", FUNCTIONS)
BLOB_WRITE = Price("Blob storage, hot, LRS: writes", 0.055, 10_000, "West US", "2023-03", BLOBS)
BLOB_LIST = Price("Blob storage, hot, LRS: lists", 0.055, 10_000, "West US", "2023-03", BLOBS)
BLOB_READ = Price("Blob storage, hot, LRS: reads and others", 0.0044, 10_000, "West US", "2023-03", BLOBS)
QUEUE_OPERATION = Price("Queue storage, v2 account, LRS: operations", 0.004, 10_000, "West US", "2023-03", QUEUES)

PRICES = (GB_SECOND, EXECUTION, BLOB_WRITE, BLOB_LIST, BLOB_READ, QUEUE_OPERATION)
