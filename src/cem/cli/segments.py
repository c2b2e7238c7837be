"""`cem segments`: which customers belong together, how many they are, what they are worth, how they feel."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cem.cli.connection import settings_from
from cem.cli.errors import FAILED, USAGE, Failure
from cem.cli.output import counted, json_option, note, print_json, print_table, stdout_console
from cem.settings import Settings

if TYPE_CHECKING:
    from cem.segments import Explained, Segment, SegmentRules, Sums

__all__ = ["command"]


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show each segment's customers, value, satisfaction and risk of leaving, as they are now.

    Value is what was billed, on average; satisfaction (CSAT 1 to 5) and risk are averages over the customers of whom
    they are known.
    """
    if ctx.invoked_subcommand is not None:
        return
    settings = settings_from(ctx)
    rules, asked, found, others = asyncio.run(_sums(settings))
    rows = [_shown(s, found.get(s.name), settings.currency) for s in rules.segments]
    if as_json:
        print_json({"customers": asked.customers, "under_other_rules": others, "segments": rows})
        return
    print_table(
        ["segment", "customers", "value each", "csat", "risk %", "who they are"],
        [
            [r["name"], r["customers"], _money(r["value_each_minor"], settings.currency), r["csat"], r["risk_percent"],
             r["title"]]
            for r in rows
        ],
    )  # fmt: skip
    if others:
        note(
            f"{counted(others, 'customer')} stood under other rules last, and will move at their next record"
        )


@command.command()
@click.argument("name")
@json_option
@click.pass_context
def show(ctx: click.Context, name: str, as_json: bool) -> None:
    """Show the segment NAME: its rule, and what its customers are together."""
    settings = settings_from(ctx)
    rules, _, found, _ = asyncio.run(_sums(settings))
    segment = _named(rules, name)
    shown = {**_shown(segment, found.get(name), settings.currency), "says": segment.says}
    shown |= {"rule": segment.rule.source, "facts": list(segment.rule.names), "line": segment.line}
    if as_json:
        print_json(shown)
        return
    out = stdout_console()
    for key, value in shown.items():
        text = ", ".join(value) if isinstance(value, list) else "-" if value is None else str(value)
        out.print(f"{key}: {text}", markup=False, highlight=False, soft_wrap=True)


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def check(file: Path, as_json: bool) -> None:
    """Check the rules in FILE: nothing is changed. A mistake is named with its line and the nearest known name."""
    from cem.bootstrap.policy_files import text_of
    from cem.nba import PolicyError
    from cem.segments import load
    from cem.settings import SettingsError

    try:
        rules = load(text_of(file), str(file))
    except (PolicyError, SettingsError) as error:
        raise Failure(str(error), USAGE) from None
    if as_json:
        print_json({"segments": list(rules.names)})
    else:
        click.echo(f"{file}: {counted(len(rules.segments), 'segment')}, all in order")


@command.command()
@json_option
def facts(as_json: bool) -> None:
    """List the facts that rules may name, and what each means."""
    from cem.nba import FACTS
    from cem.segments import TYPES

    rows = [(n, f"{t.kind} or null" if t.nullable else t.kind, FACTS[n].says) for n, t in TYPES.items()]
    if as_json:
        print_json([{"name": name, "type": kind, "says": says} for name, kind, says in rows])
    else:
        print_table(["fact", "type", "says"], rows)


@command.command("of")
@click.argument("customer")
@click.option("--all", "every", is_flag=True, help="Also the segments that he is not in.")
@json_option
@click.pass_context
def of_customer(ctx: click.Context, customer: str, every: bool, as_json: bool) -> None:
    """Show which segments CUSTOMER is in, by which rules and which values of their facts."""
    settings = settings_from(ctx)
    found = asyncio.run(_explained(settings, customer))
    if found is None:
        raise Failure(f"nothing is known of customer {customer!r}", FAILED)
    rows = [_row(e) for e in found if e.is_in or every]
    if as_json:
        print_json({"customer": customer, "segments": rows})
        return
    out = stdout_console()
    for row in rows:
        since = f" since {row['since']}" if row["since"] else ""
        line = f"{row['name']}: {row['title']}{since}" + ("" if row["is_in"] else " (not in it)")
        out.print(line, markup=False, highlight=False, soft_wrap=True)
        out.print(f"  {row['rule']}", markup=False, highlight=False, soft_wrap=True)
        said = ", ".join(f"{name} = {_value(value)}" for name, value in row["facts"].items())
        out.print(f"  {said}", markup=False, highlight=False, soft_wrap=True)
    if not rows:
        note("in no segment")


def _named(rules: SegmentRules, name: str) -> Segment:
    from cem.nba.policy_file import nearest

    for segment in rules.segments:
        if segment.name == name:
            return segment
    hint = nearest(name, rules.names) or f"; there are {', '.join(rules.names)}"
    raise Failure(f"there is no segment {name!r}{hint}", USAGE)


def _shown(segment: Segment, sums: Sums | None, currency: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": segment.name, "title": segment.title, "customers": 0, "value_minor": 0}
    shown |= {"value_each_minor": None, "currency": currency, "csat": None, "rated": 0, "risk_percent": None}
    if sums is not None:
        shown |= {"customers": sums.customers, "value_minor": sums.value_minor, "rated": sums.rated}
        if sums.customers:
            shown["value_each_minor"] = round(sums.value_minor / sums.customers)
        if sums.rated:
            shown["csat"] = round(sums.csat_centi / sums.rated / 100, 2)
        if sums.scored:
            shown["risk_percent"] = round(sums.risk_milli / sums.scored / 10, 1)
    return shown


def _row(explained: Explained) -> dict[str, Any]:
    from cem.domain.localtime import date_of

    segment, since = explained.segment, explained.since_day
    return {
        "name": segment.name,
        "title": segment.title,
        "is_in": explained.is_in,
        # Day 0: of a state from before the time of such a record was kept.
        "since": date_of(since).isoformat() if since else None,
        "rule": segment.rule.source,
        "facts": explained.facts,
    }


def _value(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.2f}"
    return repr(value) if isinstance(value, str) else str(value)


def _money(minor: int | None, currency: str) -> str:
    from cem.domain.money import money

    return "-" if minor is None else money(minor, currency, "en")


async def _sums(settings: Settings) -> tuple[SegmentRules, Sums, dict[str, Sums], int]:
    """Return the rules, what all customers are together and each segment's, and how many other rules were asked of."""
    from cem.bootstrap import open_parts, read_segments
    from cem.domain.state.lane import LaneState
    from cem.segments import TALLY, add_up

    rules = read_segments(settings)
    async with open_parts(settings) as parts:
        states = await parts.store.own_states()
    tallies = [LaneState.decode(data).look(TALLY) for data in states if data]
    return rules, *add_up(tallies, rules.key)


async def _explained(settings: Settings, customer_id: str) -> list[Explained] | None:
    from cem.bootstrap import open_parts, read_segments
    from cem.domain.customer import decode_customer
    from cem.streams.partition import lane_of

    rules = read_segments(settings)
    async with open_parts(settings) as parts:
        data = await parts.store.read(customer_id)
        headers = await parts.store.headers()
    header = headers.get(lane_of(customer_id, settings.partitions))
    if data is None or header is None:
        return None
    return rules.explain(decode_customer(data), header.lane_time_ms, settings.timezone)
