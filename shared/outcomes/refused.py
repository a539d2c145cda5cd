"""Contacts that planning let through and ActiveCampaign did not take: rows of ``rejects.csv`` like all others."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.plan.engine import Engine, text
from shared.plan.rejects import DEFUSED

_MEMORY_MB = 256

_REFUSALS = "CREATE TABLE refusal (batch INTEGER, position INTEGER, code VARCHAR, detail VARCHAR)"

_FILL = "INSERT INTO refusal SELECT unnest($batches), unnest($positions), unnest($codes), unnest($details)"

_WRITE = """
COPY (
    SELECT defused(source), line, defused(customer_id), defused(email), code, detail
    FROM refusal JOIN read_parquet({planned}) USING (batch, position)
    ORDER BY batch, position
) TO {path} (FORMAT csv, HEADER false)
"""


@dataclass(frozen=True)
class Refused:
    """A contact by its batch and its 0-based position in it, with the reject code and a sentence."""

    batch: int
    position: int
    code: str
    detail: str


def append_refused(rejects: Path, length: int, planned: Path, refused: Sequence[Refused]) -> None:
    """Put those contacts behind the first ``length`` bytes of ``rejects``, the rejects of the plan.

    What lay behind them is replaced, so that doing it twice is doing it once.
    """
    part = rejects.with_suffix(".part")
    engine = Engine(rejects.parent, _MEMORY_MB)
    try:
        engine.run(_REFUSALS)
        engine.run(
            _FILL,
            batches=[one.batch for one in refused],
            positions=[one.position for one in refused],
            codes=[one.code for one in refused],
            details=[one.detail for one in refused],
        )
        engine.run(DEFUSED)
        engine.run(_WRITE.format(planned=text(planned), path=text(part)))
    finally:
        engine.close()
    with rejects.open("r+b") as file:
        file.truncate(length)
        file.seek(length)
        file.write(part.read_bytes())
