"""`cem ledger`: what telling of alerts has avoided."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click
import msgspec

from cem.cli.connection import settings_from
from cem.cli.output import json_option, note, print_json, print_table
from cem.settings import Settings

if TYPE_CHECKING:
    from cem.alerts.interval import Difference
    from cem.alerts.ledger import LedgerRow

__all__ = ["command"]

_VERDICTS = {True: "fewer calls", False: "no fewer calls", None: "not known yet"}


@click.command("ledger")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show, for each type of alert, what telling of it has avoided.

    A share of the customers, drawn at random (ledger.holdout_share in alerts.yaml), is not told; both kinds are watched
    for ledger.horizon_days. Shown are those told and those held out, and in percent of those told whose call,
    complaint or leaving was avoided, with an interval that holds at 95 % however often one looks. A dash: too few yet.
    """
    rows = asyncio.run(_rows(settings_from(ctx)))
    if as_json:
        print_json({"types": [_shown(row) for row in rows]})
        return
    if not rows:
        note("nobody has been watched to the end of his horizon yet")
        return
    print_table(
        ("type", "told", "held out", "calls avoided", "complaints avoided", "leavings avoided", "verdict"),
        [
            (
                row.type,
                row.told.of,
                row.held_out.of,
                *map(_percent, (row.calls, row.complaints, row.churned)),
                _VERDICTS[row.helps],
            )
            for row in rows
        ],
    )


def _shown(row: LedgerRow) -> dict[str, object]:
    return {
        "type": row.type,
        "told": msgspec.structs.asdict(row.told),
        "held_out": msgspec.structs.asdict(row.held_out),
        "avoided": {"calls": row.calls, "complaints": row.complaints, "churned": row.churned},
        "helps": row.helps,
    }


def _percent(found: Difference | None) -> str:
    if found is None:
        return "-"
    return f"{100 * found.estimate:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f})"


async def _rows(settings: Settings) -> list[LedgerRow]:
    from cem.alerts.ledger import ledger_of
    from cem.stores import Timeouts, open_store

    store = open_store(settings.redis_url, settings.partitions, timeouts=Timeouts(read_s=5.0))
    try:
        return ledger_of(await store.own_states())
    finally:
        await store.close()
