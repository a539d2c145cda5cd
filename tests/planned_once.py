"""Plans that are made once and used again: what is planned from the same files comes to the same."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from shared.documents import BatchEntry
from shared.plan.planner import Draft, drafted
from shared.plan.shapes import Job, Outcome


class KeptBatches:
    """The lines that were made, and where they lie."""

    def __init__(self, lines: list[bytes], index: list[BatchEntry]) -> None:
        self.index = index
        self._lines = lines

    def __iter__(self) -> Iterator[bytes]:
        """All of them."""
        return iter(self._lines)


@dataclass(frozen=True)
class KeptDraft:
    """A draft that was finished before, with its files in one folder."""

    outcome: Outcome
    planned: Path | None
    batches: KeptBatches

    def finish(self) -> tuple[Path | None, KeptBatches]:
        """The same as then."""
        return self.planned, self.batches

    def moved(self, folder: Path) -> "KeptDraft":
        """The same draft, with copies of its files in that folder."""
        planned = _copied(self.planned, folder) if self.planned else None
        return replace(
            self, outcome=replace(self.outcome, rejects=_copied(self.outcome.rejects, folder)), planned=planned
        )


class PlannedOnce:
    """Makes drafts as ``drafted`` does, each only once; ``folder`` keeps their files.

    For tests of what comes after planning: hundreds of runs over the same drop differ in nothing else.
    """

    def __init__(self, folder: Path, draft: Callable[[Job], AbstractContextManager[Draft]] = drafted) -> None:
        self._folder = folder
        self._draft = draft
        self._known: dict[str, KeptDraft] = {}

    @contextmanager
    def __call__(self, job: Job) -> Iterator[KeptDraft]:
        """The draft of that job, with its files in the job's folder."""
        key = _fingerprint(job)
        if key not in self._known:
            kept = self._folder / key
            kept.mkdir()
            with self._draft(job) as draft:
                planned, batches = draft.finish()
                lines = list(batches)
                self._known[key] = KeptDraft(draft.outcome, planned, KeptBatches(lines, batches.index)).moved(kept)
        yield self._known[key].moved(job.folder)


def _copied(file: Path, folder: Path) -> Path:
    target = folder / file.name
    if target != file:
        shutil.copyfile(file, target)
    return target


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
