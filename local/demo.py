"""``make demo``: the whole way of a contact on this machine, twice, and proof that every contact arrived."""

import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from local.caller import Caller, wait_for
from local.customers import Day, drop_day, first_day, next_day
from local.scene import CONNECTION, CONNECTION_DOCUMENT, EXPORT, Stage, differences, prepare
from local.world import ACTIVECAMPAIGN_HOST, World

CUSTOMERS = 20_000
UNSUBSCRIBED, BOUNCED, EXCLUDED = 40, 25, 10
LEAVE, CHANGE, JOIN = 150, 200, 300
ENDED_WELL = ("succeeded", "nothing_to_do")

console = Console()


def main() -> int:
    """Exit code 0 if both runs ended well and the list is what the segment says."""
    console.print("[bold]Segment Courier[/bold]: from a Customer Insights export to an ActiveCampaign list\n")
    with tempfile.TemporaryDirectory(prefix="segment-courier-") as folder:
        say("Starting storage, identity, Key Vault and ActiveCampaign on this machine (the first time takes longest).")
        with World(Path(folder)) as world:
            return show(world, prepare(world.activecampaign))


def show(world: World, stage: Stage) -> int:
    """Play both days in that world."""
    today = first_day(CUSTOMERS)
    gone = spoil(stage, today)
    with world.start_host() as host:
        caller = Caller(host.url)
        say("The app is running. Storing a connection and an export, as an administrator would over HTTP.")
        caller.call("PUT", f"/connections/{CONNECTION}", CONNECTION_DOCUMENT)
        for check in caller.call("POST", f"/connections/{CONNECTION}/test")["checks"]:
            console.print(f"    [dim]{check['message']}[/dim]")
        caller.call("PUT", f"/exports/{EXPORT}", stage.export_document())

        say(
            f"Day 1: Customer Insights drops {today.rows:,} rows into the container. The drop starts the run by itself."
        )
        first = play(world, caller, today, datetime(2026, 8, 24, 2, 14, tzinfo=UTC))
        wrong = differences(stage, today, gone)

        tomorrow = next_day(today, leave=LEAVE, change=CHANGE, join=JOIN)
        say(f"Day 2: {LEAVE} people have left the segment, {CHANGE} have changed, {JOIN} have joined.")
        second = play(world, caller, tomorrow, datetime(2026, 8, 25, 2, 14, tzinfo=UTC))
        wrong += differences(stage, tomorrow, gone)
    console.print(summary([("day 1", first), ("day 2", second)]))
    return verdict(world, [first, second], wrong, len(tomorrow.customers) - len(gone & tomorrow.emails()))


def spoil(stage: Stage, day: Day) -> frozenset[str]:
    """Let some customers have left the list, bounced or been excluded before; nothing may bring them back."""
    emails = sorted(day.emails())[: UNSUBSCRIBED + BOUNCED + EXCLUDED]
    for place, email in enumerate(emails):
        if place < UNSUBSCRIBED:
            stage.account.unsubscribe(email, stage.list_id)
        elif place < UNSUBSCRIBED + BOUNCED:
            stage.account.bounce(email, stage.list_id)
        else:
            stage.account.exclude(email)
    return frozenset(emails)


def play(world: World, caller: Caller, day: Day, moment: datetime) -> dict[str, Any]:
    """Drop that day's export and follow the run that it starts to its end."""
    known = {run["id"] for run in caller.runs(EXPORT)}
    drop_day(lambda name, data: world.drops.upload_blob(name, data, overwrite=True), day, moment)
    started = wait_for(
        lambda: next((run for run in caller.runs(EXPORT) if run["id"] not in known), None), seconds=90, what="run"
    )
    with Progress(
        TextColumn("    {task.description:<11}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:>18}"),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        bars = [progress.add_task(name, total=None, rate="") for name in ("sent", "confirmed")]
        run = started
        for run in caller.follow(started["id"]):
            advance(progress, bars, run)
    reason = f": {run['reason']['message']}" if run.get("reason") else ""
    console.print(f"    run {run['id']} [bold]{run['state']}[/bold]{reason}\n")
    return run


def advance(progress: Progress, bars: Sequence[TaskID], run: dict[str, Any]) -> None:
    """Move the bars to where the run is."""
    counts = run["counts"]
    to_send = counts["to_send"] if run.get("planned_at") else None
    rate = f"{run['imports_per_minute']:.0f} imports/min" if run.get("imports_per_minute") else run["state"]
    done = (counts["sent"], counts["confirmed"] + sum(counts["refused"].values()) + counts["failed"])
    for bar, number in zip(bars, done, strict=True):
        progress.update(bar, total=to_send, completed=number, rate=rate)


def summary(runs: Sequence[tuple[str, dict[str, Any]]]) -> Table:
    """What both runs did, side by side."""
    table = Table(title="What happened")
    table.add_column("")
    for name, _ in runs:
        table.add_column(name, justify="right")
    rows = [lines(run) for _, run in runs]
    for label in dict.fromkeys(label for row in rows for label in row):
        table.add_row(label, *(row.get(label, "0") for row in rows))
    return table


def lines(run: dict[str, Any]) -> dict[str, str]:
    """The summary of one run, a label per line."""
    counts = run["counts"]
    numbers = {"rows": counts["rows"]}
    numbers |= {f"rejected: {code}": number for code, number in counts["rejected"].items()}
    numbers |= {name: counts[name] for name in ("duplicates", "members", "joiners", "changed", "unchanged", "leavers")}
    numbers |= {"sent": counts["sent"], "confirmed": counts["confirmed"]}
    numbers |= {code.replace("_", ": ", 1): number for code, number in counts["refused"].items()}
    seconds = (moment(run["finished_at"]) - moment(run["requested_at"])).total_seconds()
    return {label: f"{number:,}" for label, number in numbers.items()} | {
        "imports": f"{counts['batches']:,}",
        "imports per minute": f"{run.get('imports_per_minute') or 0:.0f}",
        "time": f"{seconds:.0f} s",
    }


def moment(text: str) -> datetime:
    """A moment as the API writes it."""
    return datetime.fromisoformat(text)


def verdict(world: World, runs: Sequence[dict[str, Any]], wrong: Sequence[str], members: int) -> int:
    """Say whether all is as it should be; 0 if it is."""
    journal = world.stand_ins[ACTIVECAMPAIGN_HOST].api.journal
    problems = [f"a run ended as {run['state']}" for run in runs if run["state"] not in ENDED_WELL]
    problems += [f"{len(wrong)} contacts differ, such as {text}" for text in wrong[:1]]
    problems += [f"{journal.rate_limit_answers} rate-limit answers"] if journal.rate_limit_answers else []
    problems += [f"broken rule: {kind}" for kind in journal.violation_kinds()]
    problems += [f"the app asked for {name}" for name in dict.fromkeys(world.proxy.refused)]
    for problem in problems:
        console.print(f"[red]✗ {problem}[/red]")
    if not problems:
        console.print(
            f"[green]✓[/green] All {members:,} members are in the list as the segment has them, contact by contact; "
            "nobody who had left was brought back; ActiveCampaign never had to say that it was too much."
        )
    return 1 if problems else 0


def say(text: str) -> None:
    """Tell the person at the terminal what happens next."""
    console.print(f"[cyan]{time.strftime('%H:%M:%S')}[/cyan] {text}")


if __name__ == "__main__":
    sys.exit(main())
