"""`cem webhooks list`, `attempts`: which end points there are, and what became of their messages."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from cem.cli.connection import settings_from
from cem.cli.output import json_option, note, print_json, print_table
from cem.cli.reach import require_redis
from cem.cli.webhooks.common import find, opened
from cem.settings import Settings

if TYPE_CHECKING:
    from cem.stores.webhook_states import Attempt

__all__ = ["attempts", "list_"]


@click.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the end points: what they want, and what became of it. Never a secret."""
    rows = asyncio.run(_rows(settings_from(ctx)))
    if as_json:
        print_json({"end_points": rows})
        return
    if not rows:
        note("there are no end points; `cem webhooks add URL` registers one")
        return
    columns = ("id", "state", "delivered", "failed", "expired", "held", "wants", "url")
    print_table(columns, [[row[name] for name in columns] for row in rows])


async def _rows(settings: Settings) -> list[dict[str, Any]]:
    from cem.stores.webhook_states import WebhookStates

    await require_redis(settings)
    async with opened(settings) as (parts, service):
        states = WebhookStates(parts.store)
        rows: list[dict[str, Any]] = []
        for point in sorted(service.points, key=lambda p: p.name):
            record, totals = point.record, (await states.load(point.name)).totals
            state = "on" if record.enabled else f"off: {record.reason or ''}".rstrip(": ")
            if record.enabled and totals.failing_since_ms:
                state = f"failing since {_when(totals.failing_since_ms)}"
            if record.enabled and totals.unsigned:
                state = f"cannot sign: {totals.unsigned}"
            wants = [
                *(record.types or ("all",)),
                f">={record.severity}",
                *([str(record.tier)] if record.tier else ()),
            ]
            rows.append(
                {
                    "id": point.name,
                    "url": record.url,
                    "state": state,
                    "wants": " ".join(wants),
                    "delivered": totals.delivered,
                    "failed": totals.failed,
                    "expired": totals.expired,
                    "held": totals.held,
                    "secret_number": record.secret_number,
                    "by": record.by,
                    "since": _when(point.since_ms),
                }
            )
        return rows


@click.command("attempts")
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, help="How many, newest first.")
@click.option("--failed", is_flag=True, help="Only what was not delivered.")
@json_option
@click.pass_context
def attempts(ctx: click.Context, name: str, limit: int, failed: bool, as_json: bool) -> None:
    """Show the last attempts (1,000 are kept) at the end point NAME: when, which alert, what was answered."""
    found = asyncio.run(_attempts(settings_from(ctx), name, 1000 if failed else limit))
    if failed:
        found = [attempt for attempt in found if attempt.outcome != "delivered"][:limit]
    if as_json:
        print_json({"attempts": [{f: getattr(a, f) for f in a.__struct_fields__} for a in found]})
        return
    rows = [
        (
            _when(a.at_ms),
            a.place,
            a.outcome,
            a.attempt,
            a.status or "-",
            f"{a.took_ms} ms",
            a.alert_id,
            a.error or a.body,
        )
        for a in found
    ]
    print_table(("at", "place", "outcome", "attempt", "status", "took", "alert", "answer"), rows)
    if not rows:
        note("nothing has been sent to it yet" if not failed else "nothing of late was not delivered")


async def _attempts(settings: Settings, name: str, limit: int) -> list[Attempt]:
    from cem.stores.webhook_states import WebhookStates

    await require_redis(settings)
    async with opened(settings) as (parts, service):
        return await WebhookStates(parts.store).attempts(find(service, name).name, limit)


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
