"""`cem brake`: stop what customers are told, at once; let it go on; show what is stopped."""

from __future__ import annotations

import asyncio
import re

import click

from cem.cli.connection import settings_from
from cem.cli.deciding import by, by_and_reason, say
from cem.cli.errors import FAILED, USAGE, Failure
from cem.cli.output import json_option, note, print_json, print_table
from cem.settings import Settings

__all__ = ["brakes_on", "command", "unknown_action"]

_ACTION = re.compile(r"[a-z][a-z0-9_]{0,56}").fullmatch


@click.group("brake")
def command() -> None:
    """Stop all messages to customers within a second, or let them go on.

    Alerts are noticed and delivered to consumers all the same. What would have been said is recorded on cem.audit;
    it is not made up for when the brake is off again.
    """


@command.command("on")
@click.option("--type", "type_", help="Only about alerts of this type.")
@click.option("--action", help="Only those that carry this action.")
@by_and_reason("Who sets it.")
@click.pass_context
def on(
    ctx: click.Context, type_: str | None, action: str | None, reason: str | None, by_: str | None
) -> None:
    """Stop all messages to customers, or those of a type or an action."""
    settings, scope = settings_from(ctx), _scope(type_, action)
    asyncio.run(_set(settings, scope, True, reason, by_))
    note(f"the brake on {scope} is on")
    if action is not None and (warning := unknown_action(settings, action)) is not None:
        note(warning)


@command.command("off")
@click.option("--type", "type_", help="That on alerts of this type.")
@click.option("--action", help="That on this action.")
@by_and_reason("Who releases it.")
@click.pass_context
def off(
    ctx: click.Context, type_: str | None, action: str | None, reason: str | None, by_: str | None
) -> None:
    """Release the brake that `on` with the same options has set; others stay."""
    scope = _scope(type_, action)
    asyncio.run(_set(settings_from(ctx), scope, False, reason, by_))
    note(f"the brake on {scope} is off")


@command.command("status")
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Show which brakes are on: who set them, when, and why."""
    rows = asyncio.run(brakes_on(settings_from(ctx)))
    if as_json:
        print_json({"brakes": rows})
    elif rows:
        names = ("scope", "by", "at", "reason")
        print_table(names, [[row[name] or "" for name in names] for row in rows])
    else:
        note("no brake is on")


def _scope(type_: str | None, action: str | None) -> str:
    from cem.domain.restraint import ALL

    if type_ is not None and action is not None:
        raise Failure("either --type or --action", USAGE)
    if type_ is not None:
        from cem.domain.alert_types import ALERT_TYPES

        if type_ not in ALERT_TYPES:
            from cem.nba.policy_file import nearest

            hint = nearest(type_, ALERT_TYPES) or f"; there are {', '.join(ALERT_TYPES)}"
            raise Failure(f"no alert is of type {type_!r}{hint}", USAGE)
        return f"type:{type_}"
    if action is not None:
        if _ACTION(action) is None:
            raise Failure(f"{action!r} is no action's name", USAGE)
        return f"action:{action}"
    return ALL


def unknown_action(settings: Settings, action: str) -> str | None:
    """Return what to say of an action that the policies here do not have; None if they have it, or cannot be read.

    A warning only, and after the brake was set: the workers' policies may be others, and a brake must not wait.
    """
    from cem.bootstrap.rules import read_policies
    from cem.nba.policy_file import nearest
    from cem.settings import SettingsError

    try:
        _, policy, _ = read_policies(settings)
    except SettingsError:
        return None
    known = policy.catalogue.by_name
    if action in known:
        return None
    return (
        f"warning: nothing is stopped unless the workers' policies have an action {action!r}; "
        f"those here do not{nearest(action, known)}"
    )


async def _set(settings: Settings, scope: str, is_on: bool, reason: str | None, by_: str | None) -> None:
    from cem.domain.events import ControlBrakeSet

    # Nothing is looked up first: a brake must not wait.
    await say(settings, ControlBrakeSet(on=is_on, by=by_ or by(), reason=reason, scope=scope))


async def brakes_on(settings: Settings) -> list[dict[str, str | None]]:
    """Return the brakes that are on, the oldest first: scope, by, at, reason. Raises Failure."""
    from cem.bootstrap import open_parts
    from cem.bootstrap.brakes import PREFIX
    from cem.bootstrap.objects import objects_set
    from cem.cli.reach import require_kafka
    from cem.domain.events import ControlBrakeSet
    from cem.domain.events.rfc3339 import format_ms
    from cem.ports import Unavailable

    await require_kafka(settings)
    async with open_parts(settings) as parts:
        try:
            set_ = await objects_set(parts, settings, (PREFIX,))
        except Unavailable as error:
            raise Failure(str(error), FAILED) from None
    found = [(s.event, s.timestamp_ms) for s in set_.values()]
    return [
        {"scope": e.scope, "by": e.by, "at": format_ms(at_ms).decode(), "reason": e.reason}
        for e, at_ms in sorted(found, key=lambda pair: pair[1])
        if isinstance(e, ControlBrakeSet) and e.on
    ]
