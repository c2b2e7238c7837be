"""`cem topics`: the table of topics, and whether Kafka has them as they should be."""

from __future__ import annotations

import asyncio

import click

from cem.cli.connection import settings_from
from cem.cli.errors import DONE, FAILED
from cem.cli.output import json_option, note, print_json, print_table
from cem.settings import Settings
from cem.streams.topics import TOPICS, TopicSpec

__all__ = ["command"]

_DAY_MS = 86_400_000

_partitions = click.option(
    "--partitions",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Lanes: partitions of every customer topic.",
)
_replication = click.option(
    "--replication", type=click.IntRange(1, 7), metavar="N", help="Replicas of every topic."
)


@click.group("topics")
def command() -> None:
    """Create, list and check the Kafka topics, all from one table."""


@command.command("create")
@_partitions
@_replication
@json_option
@click.pass_context
def create(ctx: click.Context, partitions: int | None, replication: int | None, as_json: bool) -> None:
    """Create the topics that are missing. A topic with a wrong number of partitions is refused, and nothing done."""
    from cem.streams.topic_admin import ensure_topics

    settings = settings_from(ctx, partitions=partitions, replication=replication)
    created = asyncio.run(ensure_topics(settings))
    if as_json:
        print_json(
            {"created": created, "existing": [spec.name for spec in TOPICS if spec.name not in created]}
        )
        return
    for name in created:
        click.echo(f"created {name}")
    note(f"{len(created)} topics created, {len(TOPICS) - len(created)} were there")


@command.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """Show every topic: what it carries, its key, its partitions as they should be and as they are, its retention."""
    from cem.streams.topic_admin import describe_topics

    settings = settings_from(ctx)
    states = asyncio.run(describe_topics(settings))
    rows = []
    for spec in TOPICS:
        state = states.get(spec.name)
        rows.append(
            {
                "topic": spec.name,
                "carries": spec.carries,
                "key": spec.key,
                "role": spec.role,
                "partitions": spec.partitions(settings.partitions),
                "partitions_found": None if state is None else state.partitions,
                "replication_found": None if state is None else state.replication,
                "cleanup": spec.cleanup,
                "retention_days": spec.retention_ms // _DAY_MS,
                "config": spec.config(settings.replication),
            }
        )
    if as_json:
        print_json({"topics": rows})
        return
    print_table(
        ("topic", "partitions", "found", "kept", "key", "carries"),
        [
            (
                row["topic"],
                row["partitions"],
                row["partitions_found"],
                _kept(spec),
                row["key"],
                row["carries"],
            )
            for row, spec in zip(rows, TOPICS, strict=True)
        ],
    )


@command.command("check")
@_partitions
@_replication
@json_option
@click.pass_context
def check(ctx: click.Context, partitions: int | None, replication: int | None, as_json: bool) -> int:
    """Say where Kafka's topics are not as the table wants them. Exit code 1 when the service cannot run with them."""
    from cem.streams.topic_admin import describe_topics, differences

    settings: Settings = settings_from(ctx, partitions=partitions, replication=replication)
    found = differences(settings, asyncio.run(describe_topics(settings)))
    failing = any(difference.level == "fail" for difference in found)
    if as_json:
        print_json({"verdict": "fail" if failing else "warn" if found else "ok", "differences": found})
    elif not found:
        click.echo(f"all {len(TOPICS)} topics are as they should be")
    else:
        for difference in found:
            click.echo(f"{difference.level:<5} {difference.message}: {difference.remedy}")
    return FAILED if failing else DONE


def _kept(spec: TopicSpec) -> str:
    days = f"{spec.retention_ms // _DAY_MS} days"
    return f"newest a key, all for {days}" if spec.cleanup == "compact" else days
