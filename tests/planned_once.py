"""Plans that are made once and used again: what is planned from the same files comes to the same."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from shared.plan.planner import make_plan
from shared.plan.shapes import Job, Outcome


class PlannedOnce:
    """Makes plans as ``make_plan`` does, each only once; ``folder`` keeps their files.

    For tests of what comes after planning: hundreds of runs over the same drop differ in nothing else.
    """

    def __init__(self, folder: Path, plan: Callable[[Job], Outcome] = make_plan) -> None:
        self._folder = folder
        self._plan = plan
        self._known: dict[str, Outcome] = {}

    def __call__(self, job: Job) -> Outcome:
        """The plan of that job, with its files in the job's folder."""
        key = _fingerprint(job)
        if key not in self._known:
            kept = self._folder / key
            kept.mkdir()
            self._known[key] = _moved(self._plan(job), kept)
        return _moved(self._known[key], job.folder)


def _moved(outcome: Outcome, folder: Path) -> Outcome:
    """The same plan, with copies of its files in that folder."""

    def moved(file: Path) -> Path:
        target = folder / file.name
        if target != file:
            shutil.copyfile(file, target)
        return target

    return replace(
        outcome,
        batches=moved(outcome.batches),
        planned=moved(outcome.planned) if outcome.planned else None,
        rejects=moved(outcome.rejects),
        readdressed=moved(outcome.readdressed),
    )


def _fingerprint(job: Job) -> str:
    """Everything a plan depends on but the moment and the folder."""
    digest = hashlib.sha256()
    parts = (job.export.to_bytes(), job.fields, job.mark, job.full, job.known_columns, job.postponed, job.memory_mb)
    digest.update(repr(parts).encode())
    for drop in job.drops:
        digest.update(repr([blob.name for blob in drop.segment.drop.blobs]).encode())
        digest.update(repr((drop.segment.columns, drop.segment.dialect, drop.segment.primary_key)).encode())
    files = [*(file for drop in job.drops for file in drop.files), *([job.ledger] if job.ledger else [])]
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:32]
