"""The names other people's scripts use: queues, and where each document lives in the state container."""

import hashlib

EXPORT_RUNS = "export-runs"
CONTACT_BATCHES = "contact-batches"
RUN_WATCH = "run-watch"
SEGMENT_DROPS = "segment-drops"
BLOB_TRIGGER_POISON = "webjobs-blobtrigger-poison"
"""Where the Functions host itself puts blobs whose trigger failed five times."""
QUEUES = (EXPORT_RUNS, CONTACT_BATCHES, RUN_WATCH, SEGMENT_DROPS)


def poison(queue: str) -> str:
    """Where the Functions host moves a message it has given up on."""
    return f"{queue}-poison"


CONNECTIONS = "connections/"
EXPORTS = "exports/"
RUNS = "runs/"


def connection(name: str) -> str:
    """The document of a connection."""
    return f"{CONNECTIONS}{name}.json"


def export(name: str) -> str:
    """The document of an export."""
    return f"{EXPORTS}{name}.json"


def export_state(name: str) -> str:
    """Active and waiting run, ledger pointer and last drop of an export."""
    return f"{EXPORTS}{name}/state.json"


def ledgers(name: str) -> str:
    """The folder of an export's ledgers."""
    return f"{EXPORTS}{name}/ledger/"


def ledger(name: str, run: str) -> str:
    """What ActiveCampaign had been told when that run ended."""
    return f"{ledgers(name)}{run}.parquet"


def run_folder(run: str) -> str:
    """The folder of everything a run stores."""
    return f"{RUNS}{run}/"


def run(run: str) -> str:
    """The document of a run."""
    return f"{RUNS}{run}/run.json"


def plan(run: str) -> str:
    """Where each batch lies in the claim-check file."""
    return f"{RUNS}{run}/plan.json"


def planned(run: str) -> str:
    """Every member and leaver of a run with the batch it travels in."""
    return f"{RUNS}{run}/planned.parquet"


def batches(run: str) -> str:
    """The claim-check file: one bulk import per line, ready to post."""
    return f"{RUNS}{run}/batches.jsonl"


def rejects(run: str) -> str:
    """Every row that did not travel, with its reason."""
    return f"{RUNS}{run}/rejects.csv"


def receipts(run: str) -> str:
    """The folder of a run's receipts."""
    return f"{RUNS}{run}/receipts/"


def receipt(run: str, batch: int) -> str:
    """What became of one batch."""
    return f"{receipts(run)}{batch:06d}.json"


def inquiry(run: str) -> str:
    """How far the search for the reasons of a run's refusals has come."""
    return f"{RUNS}{run}/inquiry.json"


def look(segment: str) -> str:
    """When that segment's drop is looked at again. A segment's name may hold what the name of a blob may not."""
    return f"segments/{hashlib.sha256(segment.encode()).hexdigest()[:32]}.json"


def pacing(host: str) -> str:
    """The next free moment of each lane to one ActiveCampaign host."""
    return f"pacing/{host}.json"
