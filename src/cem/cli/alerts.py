"""`cem alerts`: what is wrong now, newest first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from cem.cli.connection import settings_from
from cem.cli.errors import USAGE, Failure
from cem.cli.output import json_option, note, print_json
from cem.settings import Settings

if TYPE_CHECKING:
    from cem.api.alert_list import AlertFilter, AlertPage

__all__ = ["command"]

_STATES = ("open", "acknowledged", "silenced", "resolved", "expired")
_ANY = "any"
_WATCH_S = 1.0


@click.command("alerts")
@click.option("--customer", metavar="ID", help="Only this customer's.")
@click.option("--type", "type_", metavar="TYPE", help="Only this type, such as sms_allowance.")
@click.option("--state", type=click.Choice([*_STATES, _ANY]), default="open", help="Only in this state.")
@click.option("--tier", type=click.Choice(["notice", "alert"]), help="Only notices, or only alerts.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, help="How many.")
@click.option("--watch", is_flag=True, help="Go on: print what is new or changed, until Ctrl-C.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    customer: str | None,
    type_: str | None,
    state: str,
    tier: str | None,
    limit: int,
    watch: bool,
    as_json: bool,
) -> None:
    """Show what is wrong, newest first: one line an alert, or the objects of GET /v1/alerts with --json.

    With --watch the newest are printed oldest first, and then each one that opens or changes; --json prints one
    object a line.
    """
    from cem.api.alert_list import AlertFilter
    from cem.cli.alert_line import alert_line

    if type_ is not None:
        _check_type(type_)
    wanted = AlertFilter(customer=customer, type=type_, state=None if state == _ANY else state, tier=tier)
    settings = settings_from(ctx)
    if watch:
        asyncio.run(_watch(settings, wanted, limit, as_json=as_json))
        return
    page, is_known = asyncio.run(_page(settings, wanted, limit))
    if as_json:
        print_json(page)
        return
    for alert in page.alerts:
        click.echo(alert_line(alert, settings.currency))
    if not is_known:
        note(f"no customer {customer} is known")
    elif not page.alerts:
        note("no such alerts")
    elif page.next:
        note(f"(the newest {len(page.alerts)}; --limit shows more)")


def _check_type(name: str) -> None:
    """Return if alerts of that type can be. Raises Failure with the nearest name."""
    from cem.domain.alert_types import ALERT_TYPES
    from cem.nba.policy_file import nearest

    if name not in ALERT_TYPES:
        hint = nearest(name, ALERT_TYPES) or f"; there are {', '.join(ALERT_TYPES)}"
        raise Failure(f"no alert is of type {name!r}{hint}", USAGE)


async def _page(settings: Settings, wanted: AlertFilter, limit: int) -> tuple[AlertPage, bool]:
    """Return the newest alerts, and whether the customer asked for, if one is, is known."""
    from cem.api.alert_list import page_of
    from cem.stores import Timeouts, open_store

    store = open_store(settings.redis_url, settings.partitions, timeouts=Timeouts(read_s=5.0))
    try:
        page = await page_of(store, wanted, limit, None)
        customer = wanted.customer
        return page, bool(page.alerts) or customer is None or await store.read(customer) is not None
    finally:
        await store.close()


async def _watch(settings: Settings, wanted: AlertFilter, limit: int, *, as_json: bool) -> None:
    """Print the alerts as they open and change, until interrupted."""
    import msgspec

    from cem.api.alert_list import page_of
    from cem.cli.alert_line import alert_line
    from cem.stores import Timeouts, open_store

    store = open_store(settings.redis_url, settings.partitions, timeouts=Timeouts(read_s=5.0))
    seen: dict[str, bytes] = {}
    try:
        while True:
            page = await page_of(store, wanted, limit, None)
            for alert in reversed(page.alerts):
                shown = msgspec.json.encode(alert)
                if seen.get(alert.alert_id) != shown:
                    seen[alert.alert_id] = shown
                    click.echo(shown.decode() if as_json else alert_line(alert, settings.currency))
            await asyncio.sleep(_WATCH_S)
    finally:
        await store.close()
