"""Small drops, one per trap, each with what has to come of it."""

from tests.plan.corpus import encodings, headers, people, records, values
from tests.plan.corpus.trap import Trap

TRAPS: tuple[Trap, ...] = (*records.TRAPS, *headers.TRAPS, *encodings.TRAPS, *values.TRAPS, *people.TRAPS)
