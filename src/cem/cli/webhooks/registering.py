"""`cem webhooks add`, `remove`, `rotate`: which end points there are, and what signs for them."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import click
import msgspec

from cem.cli.connection import settings_from
from cem.cli.deciding import SOURCE, by
from cem.cli.errors import USAGE, Failure
from cem.cli.output import json_option, note, print_json
from cem.cli.webhooks.common import find, opened
from cem.settings import Settings

__all__ = ["add", "remove", "rotate"]

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}").fullmatch


@click.command("add")
@click.argument("url")
@click.option("--id", "name", help="How it is called here.  [default: made of the URL's host]")
@click.option("--type", "types", multiple=True, help="Only alerts of this type; may be repeated.")
@click.option(
    "--severity",
    type=click.Choice(["info", "warning", "error", "critical"]),
    default="info",
    help="The least.",
)
@click.option("--tier", type=click.Choice(["notice", "alert"]), help="Only notices, or only alerts.")
@click.option("--by", "by_", help="Who registers it.  [default: who runs the command]")
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    url: str,
    name: str | None,
    types: tuple[str, ...],
    severity: str,
    tier: str | None,
    by_: str | None,
    as_json: bool,
) -> None:
    """Register the end point at URL, and print its secret: now, and never again.

    From now on alerts are its own; those of before can be had with recover.
    """
    from cem.alerts.delivery.targets import allowed_names, refused_url
    from cem.domain.alert_types import ALERT_TYPES
    from cem.nba.policy_file import nearest

    settings = settings_from(ctx)
    refused = refused_url(url, allowed_names(settings.webhook_allow))
    if refused is not None:
        raise Failure(f"{url}: {refused}", USAGE)
    for type_ in types:
        if type_ not in ALERT_TYPES:
            hint = nearest(type_, ALERT_TYPES) or f"; there are {', '.join(ALERT_TYPES)}"
            raise Failure(f"no alert is of type {type_!r}{hint}", USAGE)
    name = name or re.sub(r"[^A-Za-z0-9]+", "-", urlsplit(url).hostname or "")[:64].strip("-")
    if _NAME(name) is None:
        raise Failure(f"{name!r}: a name has 1 to 64 of A-Z a-z 0-9 _ . -", USAGE)
    secret = asyncio.run(_add(settings, url, name, types, severity, tier, by_ or by()))
    if as_json:
        print_json({"id": name, "url": url, "secret": secret})
        return
    click.echo(f"id      {name}")
    click.echo(f"secret  {secret}")
    note("the secret is shown this once; `cem webhooks rotate` makes another")


async def _add(
    settings: Settings, url: str, name: str, types: tuple[str, ...], severity: str, tier: str | None, who: str
) -> str:
    from cem.alerts.delivery.signing import key_check, secret_of, show_secret
    from cem.bootstrap.objects import set_object
    from cem.bootstrap.webhooks import make_key
    from cem.domain.events import ControlWebhookRegistered
    from cem.domain.events.enums import AlertTier, Severity

    async with opened(settings) as (parts, service):
        if any(point.name == name for point in service.points):
            raise Failure(
                f"there is an end point called {name!r} already; --id gives this one another name", USAGE
            )
        key, is_new = make_key(settings)
        if is_new:
            note(f"made the key of all secrets in {settings.webhook_key}: every sender needs that file")
        # A name that was used before must not get an old secret again.
        number = service.last_number(name) + 1
        event = ControlWebhookRegistered(
            webhook_id=name,
            url=url,
            types=types,
            severity=Severity(severity),
            tier=None if tier is None else AlertTier(tier),
            secret_number=number,
            key_check=key_check(key),
            by=who,
        )
        await set_object(parts.publisher, event, source=SOURCE)
        return show_secret(secret_of(key, name, number))


@click.command("remove")
@click.argument("name")
@click.pass_context
def remove(ctx: click.Context, name: str) -> None:
    """Forget the end point NAME: nothing is sent to it any more."""
    asyncio.run(_remove(settings_from(ctx), name))
    note(f"{name} is removed")


async def _remove(settings: Settings, name: str) -> None:
    from cem.bootstrap.objects import set_object
    from cem.webhooks.file import BY_FILE

    async with opened(settings) as (parts, service):
        record = find(service, name).record
        if record.by == BY_FILE:
            raise Failure(f"{name} stands in the file that CEM_WEBHOOKS_FILE names: take it out there", USAGE)
        gone = msgspec.structs.replace(record, active=False, by=by())
        await set_object(parts.publisher, gone, source=SOURCE)


@click.command("rotate")
@click.argument("name")
@click.option(
    "--overlap-h", type=click.FloatRange(0, 24 * 31), default=24.0, help="Hours in which both sign."
)
@json_option
@click.pass_context
def rotate(ctx: click.Context, name: str, overlap_h: float, as_json: bool) -> None:
    """Give the end point NAME a new secret and print it: now, and never again.

    For some hours messages are signed under both, so the receiver may change over whenever it likes.
    """
    secret = asyncio.run(_rotate(settings_from(ctx), name, overlap_h))
    if as_json:
        print_json({"id": name, "secret": secret})
        return
    click.echo(f"secret  {secret}")
    note(f"the old one signs too for {overlap_h:g} hours")


async def _rotate(settings: Settings, name: str, overlap_h: float) -> str:
    from cem.alerts.delivery.signing import key_check, secret_of, show_secret
    from cem.bootstrap.objects import set_object
    from cem.bootstrap.webhooks import make_key

    async with opened(settings) as (parts, service):
        record = find(service, name).record
        if record.secret_name:
            raise Failure(
                f"the secret of {name} is in the variable {record.secret_name}: put a new one before the old, "
                "with a blank between",
                USAGE,
            )
        key, is_new = make_key(settings)
        same_key = not is_new and record.key_check in (None, key_check(key))
        new = msgspec.structs.replace(
            record,
            secret_number=record.secret_number + 1,
            # What was made of another key cannot be made here.
            previous_until=datetime.now(UTC) + timedelta(hours=overlap_h) if same_key and overlap_h else None,
            key_check=key_check(key),
            by=by() if record.by != "file" else record.by,
        )
        await set_object(parts.publisher, new, source=SOURCE)
        return show_secret(secret_of(key, name, new.secret_number))
