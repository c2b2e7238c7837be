"""`cem state`: what is known of a customer, and one digest of all that is known."""

from __future__ import annotations

import asyncio
from typing import Any

import click
import msgspec

from cem.cli.connection import settings_from
from cem.cli.errors import FAILED, Failure
from cem.cli.output import json_option, print_json, stdout_console

__all__ = ["command"]


@click.group()
def command() -> None:
    """Show what is known of a customer; digest all states."""


@command.command()
@click.argument("customer")
@json_option
@click.pass_context
def show(ctx: click.Context, customer: str, as_json: bool) -> None:
    """Show everything that is kept of CUSTOMER."""
    from cem.domain.customer import decode_customer
    from cem.domain.describe import describe

    data = asyncio.run(_read(settings_from(ctx), customer))
    if data is None:
        raise Failure(f"nothing is known of customer {customer!r}", FAILED)
    shown = {**describe(decode_customer(data)), "bytes": len(data)}
    if as_json:
        print_json(shown)
    else:
        _print_tree(shown)


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
            async for customer_id, state in parts.store.scan_customers(lane):
                digester.add(customer_id, state)
    return digester.result()


def _print_tree(value: Any, indent: int = 0) -> None:
    """Print nested facts one a line, leaving out what is empty."""
    out = stdout_console()
    pad = "  " * indent
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if item in (None, "", [], {}, ()):
            continue
        if isinstance(item, dict) or (
            isinstance(item, list) and any(isinstance(i, dict | list) for i in item)
        ):
            out.print(f"{pad}{key}:", markup=False, highlight=False)
            _print_tree(item, indent + 1)
        else:
            out.print(f"{pad}{key}: {item}", markup=False, highlight=False, soft_wrap=True)
