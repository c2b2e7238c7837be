"""`cem ledger`: what telling of alerts has avoided, which types are paused, and what people decide about that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cem.cli.connection import settings_from
from cem.cli.deciding import by, by_and_reason, say
from cem.cli.errors import USAGE, Failure
from cem.cli.output import json_option, note, print_json, print_table
from cem.settings import Settings

if TYPE_CHECKING:
    from cem.alerts.pauses import Tellings
    from cem.bootstrap import Parts

__all__ = ["command"]

_VERDICTS = {True: "fewer calls", False: "no fewer calls", None: "not known yet"}


@click.group("ledger", invoke_without_command=True)
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show, for each type of alert, what telling of it has avoided.

    A share of the customers, drawn at random (ledger.holdout_share in alerts.yaml), is not told; both kinds are watched
    for ledger.horizon_days. Shown are those told and those held out, and in percent of those told whose call,
    complaint or leaving was avoided, with an interval that holds at 95 % however often one looks. A dash: too few yet.

    A type that is known to avoid no calls pauses by itself: only ledger.paused_tell_share of the customers are told
    until it may avoid some again. The commands below overrule that.
    """
    if ctx.invoked_subcommand is not None:
        return
    report, known = asyncio.run(_report(settings_from(ctx)))
    if as_json:
        print_json(report)
        return
    rows = report["types"]
    if rows:
        names = (
            "type",
            "told",
            "held out",
            "calls avoided",
            "complaints avoided",
            "leavings avoided",
            "verdict",
            "now",
        )
        print_table(names, [_cells(row) for row in rows])
    else:
        note("nobody has been watched to the end of his horizon yet")
    if not known:
        note("which types are paused is not known: Kafka does not say")


@command.command("pause")
@click.argument("type_", metavar="TYPE")
@by_and_reason("Who decides.")
@click.pass_context
def pause(ctx: click.Context, type_: str, reason: str | None, by_: str | None) -> None:
    """Pause alerts of TYPE, whatever the ledger says: all but a few customers are held out of it."""
    _rule(ctx, type_, "pause", reason, by_)
    note(f"{type_} is paused")


@command.command("tell")
@click.argument("type_", metavar="TYPE")
@by_and_reason("Who decides.")
@click.pass_context
def tell(ctx: click.Context, type_: str, reason: str | None, by_: str | None) -> None:
    """Tell of alerts of TYPE, whatever the ledger says."""
    _rule(ctx, type_, "tell", reason, by_)
    note(f"{type_} is told")


@command.command("auto")
@click.argument("type_", metavar="TYPE")
@by_and_reason("Who decides.")
@click.pass_context
def auto(ctx: click.Context, type_: str, reason: str | None, by_: str | None) -> None:
    """Let the ledger decide about TYPE again."""
    _rule(ctx, type_, "ledger", reason, by_)
    note(f"the ledger decides whether {type_} is told")


def _rule(ctx: click.Context, type_: str, ruling: str, reason: str | None, by_: str | None) -> None:
    from cem.alerts.pauses import COMPARED
    from cem.bootstrap import read_rules
    from cem.domain.events import ControlTellingRuled
    from cem.domain.events.enums import Ruling
    from cem.nba.policy_file import nearest

    settings = settings_from(ctx)
    duty = read_rules(settings).alerts.ledger.duty
    known = [name for name in COMPARED if name not in duty]
    if type_ in duty:
        raise Failure(f"{type_} is a duty notice (ledger.duty in alerts.yaml): it is always told", USAGE)
    if type_ not in known:
        hint = nearest(type_, known) or f"; there are {', '.join(known)}"
        raise Failure(f"nobody is held out of a type {type_!r}{hint}", USAGE)
    event = ControlTellingRuled(alert_type=type_, ruling=Ruling(ruling), by=by_ or by(), reason=reason)
    asyncio.run(say(settings, event))


def _cells(row: dict[str, Any]) -> list[object]:
    effects = [_percent(row["avoided"][name]) for name in ("calls", "complaints", "churned")]
    return [
        row["type"],
        row["told"]["of"],
        row["held_out"]["of"],
        *effects,
        _VERDICTS[row["helps"]],
        _now(row),
    ]


def _now(row: dict[str, Any]) -> str:
    if row["paused"] is None:
        return "?"
    what = "paused" if row["paused"] else "told"
    return f"{what} (by {row['decided_by']})" if row["decided_by"] else what


def _percent(found: dict[str, float] | None) -> str:
    if found is None:
        return "-"
    return f"{100 * found['estimate']:.1f} % ({100 * found['low']:.1f} to {100 * found['high']:.1f})"


async def _report(settings: Settings) -> tuple[dict[str, Any], bool]:
    """Return the ledger, and whether it is known what is paused."""
    from cem.alerts.ledger import ledger_of
    from cem.alerts.ledger_page import ledger_page
    from cem.bootstrap import open_parts

    async with open_parts(settings) as parts:
        states = await parts.store.own_states()
        tellings = await _tellings(parts, settings)
    return msgspec.to_builtins(ledger_page(ledger_of(states), tellings)), tellings is not None


async def _tellings(parts: Parts, settings: Settings) -> Tellings | None:
    """Return what was decided; None if Kafka does not say."""
    from cem.alerts.pauses import PREFIXES, Tellings
    from cem.bootstrap.objects import objects_set
    from cem.ports import Unavailable
    from cem.streams.probe import probe_kafka

    try:
        await probe_kafka(settings)
        found = await objects_set(parts, settings, PREFIXES)
    except Unavailable:
        return None
    tellings = Tellings()
    for setting in found.values():
        tellings.take(setting.event, setting.timestamp_ms)
    return tellings
