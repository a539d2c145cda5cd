"""``python -m bench.with_pandas``: the same plan the way most people would write it. Not part of the app.

It reads clean files of known columns only, and does without most of what a drop can have wrong with it.
"""

import argparse
import hashlib
import json
from pathlib import Path

import pandas as pd

from bench.apart import tell
from bench.machine import Stopwatch
from bench.workload import COLUMNS, CONTACTS_AN_IMPORT

LIST_ID, TIER_ID, STATUS_ID = 34, 31, 33


def main() -> None:
    """Plan, and tell how it went."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--ledger", type=Path, required=True, help="of the last plan, if it exists; replaced")
    parser.add_argument("--batches", type=Path, required=True)
    asked = parser.parse_args()
    watch = Stopwatch()
    members, rows = read(asked.files)
    plan = compare(members, asked.ledger)
    batches = write_batches(plan, asked.batches)
    members[["email", "hash"]].to_csv(asked.ledger, index=False)
    tell(
        seconds=watch.seconds,
        processor_seconds=watch.processor_seconds,
        rows=rows,
        members=len(members),
        batches=batches,
    )


def read(files: list[Path]) -> tuple[pd.DataFrame, int]:
    """Everybody with a usable address, once, with a hash of what is sent of them; and how many rows there were."""
    frames = [pd.read_csv(file, header=None, names=COLUMNS, dtype=str, keep_default_na=False) for file in files]
    rows = pd.concat(frames, ignore_index=True)
    rows["email"] = rows["EMail"].str.strip().str.lower()
    for column in ("FirstName", "LastName", "LoyaltyTier"):
        rows[column] = rows[column].str.strip()
    usable = rows["email"].str.fullmatch(r"[^\s@]+@[^\s@]+\.[a-z]{2,}")
    members = rows[usable].drop_duplicates("email").copy()
    sent = zip(members["FirstName"], members["LastName"], members["LoyaltyTier"], strict=True)
    members["hash"] = [hashlib.sha256("\x1f".join(values).encode()).hexdigest() for values in sent]
    return members, len(rows)


def compare(members: pd.DataFrame, ledger: Path) -> pd.DataFrame:
    """Joiners, changed members and leavers, by what the last plan left."""
    if not ledger.exists():
        return members.assign(status="member")
    before = pd.read_csv(ledger, dtype=str, keep_default_na=False)
    both = members.merge(before, on="email", how="outer", suffixes=("", "_before"), indicator=True)
    joined, left = both["_merge"] == "left_only", both["_merge"] == "right_only"
    changed = (both["_merge"] == "both") & (both["hash"] != both["hash_before"])
    both["status"] = left.map({True: "former", False: "member"})
    return both[joined | left | changed]


def write_batches(plan: pd.DataFrame, path: Path) -> int:
    """One bulk import per line; returns how many."""
    lines = 0
    with path.open("w") as file:
        for start in range(0, len(plan), CONTACTS_AN_IMPORT):
            block = plan.iloc[start : start + CONTACTS_AN_IMPORT]
            contacts = [contact(*row) for row in zip(*(block[name] for name in _SENT), strict=True)]
            file.write(json.dumps({"contacts": contacts, "exclude_automations": True}) + "\n")
            lines += 1
    return lines


_SENT = ("email", "FirstName", "LastName", "LoyaltyTier", "status")


def contact(email: str, first_name: str, last_name: str, tier: str, status: str) -> dict[str, object]:
    """One contact of a bulk import."""
    if status == "former":
        return {"email": email, "fields": [{"id": STATUS_ID, "value": status}]}
    return {
        "email": email,
        "first_name": first_name,
        "last_name": last_name,
        "tags": ["High value"],
        "fields": [{"id": TIER_ID, "value": tier}, {"id": STATUS_ID, "value": status}],
        "subscribe": [{"listid": LIST_ID}],
    }


if __name__ == "__main__":
    main()
