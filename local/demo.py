"""``make demo``: the whole way of a contact on this machine, twice, and proof that every contact arrived."""

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local.caller import Caller, wait_for
from local.customers import Day, drop_day, first_day, next_day
from local.running import fail, run
from local.scene import CONNECTION, CONNECTION_DOCUMENT, EXPORT, Stage, differences, prepare
from local.terminal import Run, progress, terminal
from local.world import ACTIVECAMPAIGN_HOST, World

UNSUBSCRIBED, BOUNCED, EXCLUDED = 40, 25, 10
ENDED_WELL = ("succeeded", "nothing_to_do")
START_SECONDS, RUN_SECONDS = 90.0, 600.0


@dataclass(frozen=True)
class Script:
    """What is played: how many people, how many of them move on the second day, and over which connection."""

    customers: int = 20_000
    leave: int = 150
    change: int = 200
    join: int = 300
    connection: Mapping[str, Any] = field(default_factory=lambda: CONNECTION_DOCUMENT)


@dataclass(frozen=True)
class Act:
    """One day: what is told of it, the segment on it, and when its export is dropped."""

    name: str
    story: str
    day: Day
    moment: datetime


def main() -> int:
    """Exit code 0 if both runs ended well and the list is what the segment says."""
    console = terminal()
    console.print("[bold]Segment Courier[/bold]: from a Customer Insights export to an ActiveCampaign list\n")
    say(
        console, "Starting storage, identity, Key Vault and ActiveCampaign on this machine (the first time takes long)."
    )
    return run(lambda world: show(world, console, Script()), console)


def show(world: World, console: Console, script: Script) -> int:
    """Play the days one after the other, as long as their runs end well; 0 if all of it is as it should be."""
    stage = prepare(world.activecampaign)
    today = first_day(script.customers)
    gone = spoil(stage, today)
    runs: dict[str, Run] = {}
    wrong: list[str] = []
    with world.start_host() as host:
        caller = Caller(host.url)
        say(console, "The app is running. Storing a connection and an export, as an administrator would over HTTP.")
        store_documents(caller, console, script.connection, stage.export_document())
        for act in acts(script, today, gone):
            say(console, act.story)
            runs[act.name] = play(world, caller, console, act)
            if runs[act.name]["state"] not in ENDED_WELL:
                break
            wrong += differences(stage, act.day, gone)
    console.print(summary(runs))
    problems = [*problems_of(world, runs.values()), *different(wrong)]
    for problem in problems:
        fail(console, problem)
    if not problems:
        console.print(praise(act.day, gone))
    return 1 if problems else 0


def store_documents(caller: Caller, console: Console, connection: Mapping[str, Any], export: Mapping[str, Any]) -> None:
    """Store both, and show what the test of the connection says."""
    caller.call("PUT", f"/connections/{CONNECTION}", connection)
    for check in caller.call("POST", f"/connections/{CONNECTION}/test")["checks"]:
        console.print(f"    [dim]{escape(check['message'])}[/dim]")
    caller.call("PUT", f"/exports/{EXPORT}", export)


def acts(script: Script, today: Day, gone: frozenset[str]) -> list[Act]:
    """Both days; who was gone from the list before takes no part in what moves, so that the numbers are those told."""
    tomorrow = next_day(today, leave=script.leave, change=script.change, join=script.join, untouched=gone)
    first = f"Day 1: Customer Insights drops {today.rows:,} rows into the container. The drop starts the run by itself."
    second = (
        f"Day 2: {script.leave} people have left the segment, {script.change} have changed, {script.join} have joined."
    )
    return [
        Act("day 1", first, today, datetime(2026, 8, 24, 2, 14, tzinfo=UTC)),
        Act("day 2", second, tomorrow, datetime(2026, 8, 25, 2, 14, tzinfo=UTC)),
    ]


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


def play(world: World, caller: Caller, console: Console, act: Act) -> Run:
    """Drop that day's export and follow the run that it starts until it has ended, or waits for a person."""
    known = {found["id"] for found in caller.runs(EXPORT)}
    drop_day(lambda name, data: world.drops.upload_blob(name, data, overwrite=True), act.day, act.moment)
    played: Run = wait_for(
        lambda: next((found for found in caller.runs(EXPORT) if found["id"] not in known), None),
        seconds=START_SECONDS,
        what="run",
    )
    with progress(console) as show_progress:
        for now in caller.follow(played["id"], seconds=RUN_SECONDS):
            show_progress(played := now)
    console.print(f"    run {played['id']} [bold]{played['state']}[/bold]{escape(reason_of(played))}\n")
    return played


def reason_of(played: Run) -> str:
    """Why it ended or waits as it does, where there is something to say."""
    return f": {played['reason']['message']}" if played.get("reason") else ""


def summary(runs: Mapping[str, Run]) -> Table:
    """What the runs did, side by side."""
    table = Table("", title="What happened")
    rows = [lines(played) for played in runs.values()]
    for name in runs:
        table.add_column(name, justify="right")
    for label in dict.fromkeys(label for row in rows for label in row):
        table.add_row(label, *(row.get(label, "0") for row in rows))
    return table


def lines(played: Run) -> dict[str, str]:
    """The summary of one run, a label per line."""
    counts = played["counts"]
    numbers = {"rows": counts["rows"], "rejected": sum(counts["rejected"].values())}
    numbers |= {f"rejected: {code}": number for code, number in counts["rejected"].items()}
    numbers |= {name: counts[name] for name in ("duplicates", "members", "joiners", "changed", "unchanged", "leavers")}
    numbers |= {"sent": counts["sent"], "confirmed": counts["confirmed"], "refused": sum(counts["refused"].values())}
    numbers |= {code.replace("_", ": ", 1): number for code, number in counts["refused"].items()}
    numbers |= {"failed": counts["failed"], "imports": counts["batches"]}
    rate, ended = played.get("imports_per_minute"), played.get("finished_at")
    return {label: f"{number:,}" for label, number in numbers.items()} | {
        "imports per minute": f"{rate:.0f}" if rate else "-",
        "time": f"{(moment(ended) - moment(played['requested_at'])).total_seconds():.0f} s" if ended else "-",
    }


def moment(text: str) -> datetime:
    """A moment as the API writes it."""
    return datetime.fromisoformat(text)


def problems_of(world: World, runs: Iterable[Run]) -> list[str]:
    """What went wrong on the way, a sentence each."""
    journal = world.stand_ins[ACTIVECAMPAIGN_HOST].api.journal
    problems = [f"A run ended as {run['state']}{reason_of(run)}" for run in runs if run["state"] not in ENDED_WELL]
    if journal.rate_limit_answers:
        problems.append(f"ActiveCampaign gave {journal.rate_limit_answers} rate-limit answers.")
    problems += [f"A rule of ActiveCampaign was broken: {kind}" for kind in sorted(journal.violation_kinds())]
    problems += [f"The app asked for {name}." for name in dict.fromkeys(world.proxy.refused)]
    return problems


def different(wrong: Sequence[str]) -> list[str]:
    """How the list is not as the segment, in a sentence or none."""
    return [f"{len(wrong):,} contacts differ, the first: {wrong[0]}"] if wrong else []


def praise(day: Day, gone: frozenset[str]) -> str:
    """What has been shown."""
    members, others = day.emails(), len(day.emails() & gone)
    return (
        f"[green]All as it should be.[/green] {len(members) - others:,} of {len(members):,} members are in the list as "
        f"the segment has them, contact by contact; the other {others} had unsubscribed, bounced or been excluded "
        "before, and nobody brought them back; ActiveCampaign never had to say that it was too much."
    )


def say(console: Console, text: str) -> None:
    """Tell the person at the terminal what happens next."""
    console.print(f"[cyan]{time.strftime('%H:%M:%S')}[/cyan] {text}")


if __name__ == "__main__":
    sys.exit(main())
