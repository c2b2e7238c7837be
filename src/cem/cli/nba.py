"""`cem nba`: the next best action for a customer, with its reasons."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from cem.cli.connection import settings_from
from cem.cli.errors import USAGE, Failure
from cem.cli.http import get_json
from cem.cli.instant import instant
from cem.cli.output import json_option, print_json, print_table

__all__ = ["command"]


@click.command("nba")
@click.argument("customer", required=False)
@click.option("--reason", metavar="TEXT", help="Why the customer calls.")
@click.option(
    "--channel",
    metavar="NAME",
    help="Channel of the contact: call, chat, shop, email, ...; best: where he answers.",
)
@click.option("--text", metavar="TEXT", help="What the customer just said.")
@click.option("--language", metavar="TAG", help="Language of the call: en, vi, ...")
@click.option("--rep-id", metavar="ID", help="The representative.")
@click.option("--call-id", metavar="ID", help="The call.")
@click.option("--as-of", metavar="TIME", help="As of an earlier instant (RFC 3339), as for imported history.")
@click.option("--facts", is_flag=True, help="List the facts that policies may name, and what each means.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    customer: str | None,
    reason: str | None,
    channel: str | None,
    text: str | None,
    language: str | None,
    rep_id: str | None,
    call_id: str | None,
    as_of: str | None,
    facts: bool,
    as_json: bool,
) -> None:
    """Ask the API what to do for CUSTOMER now, and why; with --as-of what to do then, and nothing is recorded."""
    if facts:
        _print_facts(as_json=as_json)
        return
    if customer is None:
        raise Failure("name a customer, or ask for --facts", USAGE)
    if as_of is not None:
        instant("--as-of", as_of)
    query = {
        "reason": reason,
        "channel": channel,
        "text": text,
        "language": language,
        "rep_id": rep_id,
        "call_id": call_id,
        "as_of": as_of,
    }
    path = f"/v1/customers/{quote(customer, safe='')}/next-best-action"
    answer = get_json(settings_from(ctx), path, query)
    if as_json:
        print_json(answer)
    else:
        _print_answer(answer)


def _print_answer(answer: dict[str, Any]) -> None:
    first = answer["actions"][0]
    tier = "" if answer["tier"] == "full" else f"  [{answer['tier']}]"
    click.echo(click.style(f"{first['action']}", bold=True) + f" for {answer['customer_id']}{tier}")
    click.echo(f"  say to the representative  {answer['sentences']['rep']}")
    click.echo(f"  say to the customer        {answer['sentences']['customer']}")
    click.echo("")
    for floor in answer.get("floors", ()):
        dropped = f", no {' or '.join(floor['drops'])}" if floor["drops"] else ""
        click.echo(
            f"{floor['rule']} holds (saw {_observed(floor['observed'])}): "
            f"{floor['order']}{dropped}, whatever the priority"
        )
    print_table(
        ["action", "priority", "propensity", "context", "value", "lever", "probability"],
        [
            [
                a["action"],
                round(a["priority"], 1),
                f"{a['factors']['propensity']:.2f}",
                f"{a['factors']['context']:.2f}",
                round(a["factors"]["value"], 1),
                f"{a['factors']['lever']:.2f}",
                f"{a['probability']:.2f}",
            ]
            for a in answer["actions"]
        ],
        title="ranked (amounts in minor units)",
    )
    if answer["flips"]:
        click.echo("")
        click.echo("another action would be first if")
        for flip in answer["flips"]:
            whose = "" if flip["factor"] == "price_of_satisfaction" else f" of {flip['action']}"
            click.echo(
                f"  {flip['factor']}{whose} went from {flip['now']:.4g} past {flip['at']:.4g}: {flip['winner']}"
            )
    if answer["dropped"]:
        click.echo("")
        rows = [[d["action"], d["rule"], _observed(d["observed"])] for d in answer["dropped"]]
        print_table(["action", "rule", "observed"], rows, title="dropped")
    click.echo("")
    ages = ", ".join(
        f"{topic} {'unknown' if age is None else f'{age:.1f} s'}"
        for topic, age in answer["staleness_s"].items()
    )
    logged = "logged" if answer["logged"] else "not logged"
    click.echo(
        f"decision {answer['decision_id']} as of {answer['as_of']}, {logged}; age of the facts: {ages}"
    )


def _observed(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _print_facts(*, as_json: bool) -> None:
    from cem.nba import FACTS

    if as_json:
        print_json(list(FACTS.values()))
        return
    print_table(
        ["fact", "type", "says"],
        [[f.name, f.kind + (" or null" if f.nullable else ""), f.says] for f in FACTS.values()],
    )
