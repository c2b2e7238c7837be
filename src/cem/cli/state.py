"""`cem state`: what is known of a customer, and one digest of all that is known."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import click
import msgspec

from cem.cli.connection import settings_from
from cem.cli.errors import FAILED, Failure
from cem.cli.output import json_option, print_json, stdout_console

__all__ = ["command", "tree_lines"]

#: Stands between an amount and its sign.
_NBSP = "\u00a0"


@click.group()
def command() -> None:
    """Show what is known of a customer; digest all states."""


@command.command()
@click.argument("customer")
@json_option
@click.pass_context
def show(ctx: click.Context, customer: str, as_json: bool) -> None:
    """Show what is kept of CUSTOMER: names, dates in UTC, amounts; what is empty is left out.

    In place of a customer an identifier, as line:+4915112345678 or email:anna@example.com, tells whom it finds and
    what waits for that; area:NAME is an area, lane:NUMBER what a lane keeps across its customers.

    Behind it, what follows from it at the newest record's time: where and when he answers, what he needs, what he could
    afford, how he fares. --json gives the same: `*_minor` are minor units of `currency`, `bytes` is the size of the
    stored state.
    """
    from cem.bootstrap.rules import read_value
    from cem.domain.customer import Customer
    from cem.domain.describe_subject import describe_subject
    from cem.domain.subject_states import decode_subject
    from cem.domain.subjects import AREA, LANE, is_customer, kind_of
    from cem.nba.customer_known import known_of
    from cem.normal_form import normal_name

    settings = settings_from(ctx)
    if not is_customer(customer) and kind_of(customer) not in (AREA, LANE):
        customer = normal_name(customer, settings.region)
    data = asyncio.run(_read(settings, customer))
    if data is None:
        raise Failure(f"nothing is known of {'customer ' * is_customer(customer)}{customer!r}", FAILED)
    state = decode_subject(customer, data)
    known: dict[str, Any] = {}
    if isinstance(state, Customer):
        # Nothing of it depends on the call, so no policy's topics are needed.
        known = known_of(state, state.as_of_ms, {}, settings.timezone, settings.currency)
    shown = {
        **describe_subject(state, read_value(settings), settings.timezone),
        **_without_nothing(known),
        **(_segments(settings, state) if isinstance(state, Customer) else {}),
        "currency": settings.currency,
        "bytes": len(data),
    }
    if as_json:
        print_json(shown)
    else:
        out = stdout_console()
        for line in tree_lines(shown, settings.currency):
            out.print(line, markup=False, highlight=False, soft_wrap=True)


@command.command()
@json_option
@click.pass_context
def digest(ctx: click.Context, as_json: bool) -> None:
    """Print one number for all states: equal for equal states, whatever the order."""
    result = asyncio.run(_digest(settings_from(ctx)))
    if as_json:
        print_json(msgspec.to_builtins(result))
    else:
        stdout_console().print(
            f"{result.digest}  {result.customers} customers  ({result.platform})", soft_wrap=True
        )


def _without_nothing(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return it without what is empty, at any depth."""
    return {
        name: _without_nothing(item)
        if isinstance(item, Mapping)
        else [_without_nothing(each) if isinstance(each, Mapping) else each for each in item]
        if isinstance(item, list)
        else item
        for name, item in known.items()
        if item not in (None, "", [], {})
    }


def _segments(settings: Any, state: Any) -> dict[str, Any]:
    """Return the segments that he is in, by name, with the day since when; nothing under other rules than these."""
    from cem.bootstrap import read_segments
    from cem.domain.localtime import date_of
    from cem.domain.state.segments import unpack_standing

    rules = read_segments(settings)
    since = unpack_standing(state.segments).since if rules.segments and rules.knows(state) else {}
    # Day 0: of a state from before the time of such a record was kept.
    days = {
        number: date_of(day).isoformat() if day else "the beginning" for number, day in sorted(since.items())
    }
    found = {rules.names[number]: day for number, day in days.items()}
    return {"segments": found} if found else {}


async def _read(settings: Any, customer: str) -> bytes | None:
    from cem.bootstrap import open_parts

    async with open_parts(settings) as parts:
        found = await parts.store.read_many([customer])
        return found[0]


async def _digest(settings: Any) -> Any:
    from cem.bootstrap import open_parts
    from cem.stores.digest import Digester

    digester = Digester()
    async with open_parts(settings) as parts:
        for lane in range(settings.partitions):
            async for subject, state in parts.store.scan_subjects(lane):
                digester.add(subject, state)
    return digester.result()


def tree_lines(
    shown: Mapping[str, Any], currency: str, indent: str = "", *, minor: bool = False
) -> Iterator[str]:
    """Yield nested facts one a line, lists as rows; amounts with their value in the currency behind them.

    minor: the numbers are minor units, whatever their names.
    """
    for key, item in shown.items():
        amount = minor or key.endswith("_minor")
        if isinstance(item, Mapping):
            yield f"{indent}{_visible(key)}:"
            yield from tree_lines(item, currency, indent + "  ", minor=amount)
        elif isinstance(item, list) and any(isinstance(each, Mapping) for each in item):
            yield f"{indent}{_visible(key)}:"
            for row in item:
                yield from _row(row, currency, indent + "  ")
        else:
            yield f"{indent}{_visible(key)}: {_text(item, currency if amount else None)}"


def _row(row: Mapping[str, Any], currency: str, indent: str) -> Iterator[str]:
    """Yield a list's row: what is plain on one line, what is nested below it."""
    plain = {key: item for key, item in row.items() if not _nested(item)}
    parts = [
        f"{key}: {_text(item, currency if key.endswith('_minor') else None)}" for key, item in plain.items()
    ]
    yield f"{indent}- {', '.join(parts)}"
    nested = {key: item for key, item in row.items() if _nested(item)}
    yield from tree_lines(nested, currency, indent + "  ")


def _nested(item: Any) -> bool:
    return isinstance(item, Mapping) or (isinstance(item, list) and any(isinstance(i, Mapping) for i in item))


def _text(item: Any, currency: str | None) -> str:
    """Return one fact as text; currency: it is an amount of minor units."""
    from cem.domain.money import money

    if isinstance(item, bool):
        return "yes" if item else "no"
    if currency is not None and isinstance(item, int):
        return f"{item} ({money(item, currency, 'en')})"
    if isinstance(item, list):
        return ", ".join(_text(each, currency) for each in item)
    return _visible(str(item))


def _visible(text: str) -> str:
    """Return the text on one line, with control characters spelled out: what customers wrote steers no terminal."""
    return "".join(c if c.isprintable() or c == _NBSP else repr(c)[1:-1] for c in text)
