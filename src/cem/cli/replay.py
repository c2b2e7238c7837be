"""`cem replay`: make all states again from the log and compare them with the store's; or make one decision again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from cem.cli.connection import settings_from
from cem.cli.errors import FAILED, USAGE, Failure
from cem.cli.output import json_option, note, print_json, stdout_console
from cem.embedded.mock_cluster import is_embedded
from cem.ports import NO_TOKEN, LaneStopped, Log
from cem.settings import Settings
from cem.streams.connection import client_options
from cem.streams.log_reader import KafkaLog
from cem.streams.topics import JOURNAL, LANE_TOPICS

__all__ = ["command", "too_little_kept", "whole_lanes"]


@click.command()
@click.argument("decision_id", required=False)
@click.option("--lane", "lanes", type=int, multiple=True, help="Only these lanes (repeatable). Default: all.")
@click.option("--compare/--no-compare", default=True, help="Compare with the states in the store.")
@json_option
@click.pass_context
def command(
    ctx: click.Context, decision_id: str | None, lanes: tuple[int, ...], compare: bool, as_json: bool
) -> None:
    """Rebuild the states from the log's journal and compare; or replay DECISION_ID.

    With DECISION_ID: finds the decision's record on the log, decides again on the facts that it froze, under the
    policy that it names (the one here, or as the log keeps it), and says whether the same bytes come out. Exit code 1
    if they differ, or if there is nothing to make it of.

    Without: reads the journal of each lane from its beginning, makes every save again in memory, up to where the store is,
    and prints the digest that comes out. Nothing is written. Exit code 1 if the store's states differ, or if the
    log no longer has what a replay needs (the broker inside cem up keeps little).
    """
    from cem.bootstrap import replay_lanes

    settings = settings_from(ctx)
    if decision_id is not None:
        if lanes:
            raise Failure("--lane goes with a replay of states, not of a decision", USAGE)
        _replay_decision(settings, decision_id, as_json=as_json)
        return
    chosen = list(lanes) or list(range(settings.partitions))
    wrong = [lane for lane in chosen if not 0 <= lane < settings.partitions]
    if wrong:
        raise Failure(f"there are lanes 0 to {settings.partitions - 1}, no lane {wrong[0]}", 2)
    try:
        result: Any = asyncio.run(
            replay_lanes(settings, chosen, compare=compare, progress=lambda text: note(text))
        )
    except LaneStopped as stopped:
        raise asyncio.run(_why(settings, chosen, stopped)) from None
    if as_json:
        print_json(msgspec.to_builtins(result))
    else:
        line = f"{result.replayed.digest}  {result.replayed.customers} customers  {result.saves} saves"
        stdout_console().print(line, soft_wrap=True)
        if result.stored is not None:
            same = "equal to" if result.equal else "DIFFERENT from"
            stdout_console().print(f"{same} the store: {result.stored.digest}", soft_wrap=True)
            for customer in result.different[:20]:
                stdout_console().print(f"  {customer}", markup=False)
    if result.stored is not None and not result.equal:
        raise Failure(f"{len(result.different)} states differ between replay and store", FAILED)


def _replay_decision(settings: Settings, decision_id: str, *, as_json: bool) -> None:
    from cem.bootstrap.decisions import NotReplayable, replay_decision

    try:
        found = asyncio.run(replay_decision(settings, decision_id, progress=note))
    except NotReplayable as error:
        raise Failure(str(error), FAILED) from None
    if as_json:
        print_json(found)
    else:
        where = "in force here" if found.policy_from == "here" else "as the log keeps it"
        click.echo(f"decision {found.decision_id}, policy {found.policy_hash} ({where})")
        answer = found.answer
        click.echo(
            f"{answer.actions[0].action} first of {len(answer.actions)} ranked, {len(answer.dropped)} dropped, "
            f"tier {answer.tier}, as of {answer.as_of:%Y-%m-%dT%H:%M:%S.%fZ}"
        )
        click.echo("equal: the same bytes" if found.equal else "DIFFERENT from the record on the log")
    if not found.equal:
        what = ", ".join(found.different) or "its bytes"
        raise Failure(f"the decision made again differs from its record in {what}", FAILED)


async def _why(settings: Settings, chosen: Sequence[int], stopped: LaneStopped) -> Failure:
    """Return the failure that says why there is no replay: the embedded broker's log is short by nature."""
    log = KafkaLog(client_options(settings))
    try:
        if is_embedded(await log.cluster_id()):
            whole, cut = await whole_lanes(log, settings.partitions)
            if set(chosen) & set(cut):
                return too_little_kept(whole)
    finally:
        await log.stop()
    return Failure(str(stopped), FAILED)


async def whole_lanes(log: Log, partitions: int) -> tuple[list[int], list[int]]:
    """Return the lanes with a history that the log has from its first save on, and those whose beginning is gone."""
    whole: list[int] = []
    cut: list[int] = []
    for lane in range(partitions):
        bounds = await log.bounds(lane, [JOURNAL, *LANE_TOPICS])
        first, end = bounds[JOURNAL]
        if any(beginning for beginning, _ in bounds.values()):
            cut.append(lane)
        elif end > first:
            entries, _ = await log.journal(lane, first, first + 1)
            begins = bool(entries) and entries[0][1].previous == NO_TOKEN
            (whole if begins else cut).append(lane)
    return whole, cut


def too_little_kept(whole: Sequence[int]) -> Failure:
    """Return the failure of a replay on the embedded broker; whole: the lanes that could be replayed."""
    lanes = " ".join(f"--lane {lane}" for lane in whole)
    rest = f", or take what it still has whole: {lanes}" if whole else "; no lane is whole any more"
    return Failure(
        "the broker inside cem up keeps too little for a replay: the beginning of its log is gone. "
        f"Run cem up or the workers on a real Kafka (CEM_KAFKA_BOOTSTRAP){rest}",
        FAILED,
    )
