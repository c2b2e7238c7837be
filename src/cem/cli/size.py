"""`cem size`: workers, partitions, Redis and brokers for so many customers."""

from __future__ import annotations

import click
import msgspec

from cem.cli.errors import USAGE, Failure
from cem.cli.output import json_option, note, print_json, print_table
from cem.sizing import Costs, Demand, Plan, measured_costs, plan_for

__all__ = ["command"]


def _rate(name: str, what: str) -> click.Option:
    default = getattr(Demand(1), name)
    return click.Option(
        [f"--{name}"],
        type=click.FloatRange(0),
        default=default,
        show_default=True,
        metavar="N",
        help=f"{what} a customer and day.",
    )


@click.command()
@click.argument("customers", type=click.IntRange(1))
@click.option(
    "--peak",
    type=click.FloatRange(1),
    default=Demand(1).peak,
    show_default=True,
    metavar="N",
    help="The busiest hour against the average one.",
)
@click.option(
    "--utilisation",
    type=click.FloatRange(0.05, 1),
    default=Demand(1).utilisation,
    show_default=True,
    metavar="SHARE",
    help="Share of a core that is busy at the peak.",
)
@click.option(
    "--retention-days",
    type=click.FloatRange(0),
    default=Demand(1).retention_days,
    show_default=True,
    metavar="DAYS",
    help="How long Kafka keeps a record.",
)
@click.option(
    "--replication",
    type=click.IntRange(1, 7),
    default=Demand(1).replication,
    show_default=True,
    metavar="N",
    help="Copies of each record.",
)
@click.option(
    "--redis-copies",
    type=click.IntRange(1, 5),
    default=Demand(1).redis_copies,
    show_default=True,
    metavar="N",
    help="Copies of each state, the primary's included.",
)
@json_option
def command(customers: int, as_json: bool, **asked: float) -> None:
    """Say how many workers, partitions, Redis nodes and brokers CUSTOMERS (paying accounts) need.

    Computed from costs that were measured (docs/sizing.md) and from what happens to a customer in a day. Asks
    nobody: no Kafka or Redis is needed.
    """
    demand = msgspec.convert({"customers": customers, **asked}, Demand, strict=False)
    costs = measured_costs()
    try:
        plan = plan_for(demand, costs)
    except ValueError as error:
        raise Failure(str(error), USAGE) from None
    if as_json:
        print_json({"demand": demand, "costs": costs, "plan": plan})
        return
    print_table(("needed", "how many", "because"), rows_of(plan, demand, costs))
    note(
        f"costs measured on {costs.measured_on}, {costs.measured_at}; at the peak {plan.records_per_s:,.0f} records/s"
    )
    for warning in plan.warnings:
        note(f"warning: {warning}")


for _name, _what in (
    ("decisions", "Next best actions asked"),
    ("profiles", "Profile records"),
    ("service", "Records of faults and tickets"),
    ("interactions", "Contacts on other channels, orders"),
    ("billing", "Bills, payments, contracts"),
    ("calls", "Records of calls"),
    ("sms", "Text messages"),
):
    command.params.insert(1, _rate(_name, _what))


def rows_of(plan: Plan, demand: Demand, costs: Costs) -> list[tuple[str, str, str]]:
    """Return the lines of the table: what, how many, and what asks for it."""
    busy = f"{demand.utilisation:.0%} of a core"
    return [
        (
            "workers",
            f"{plan.workers:,}",
            f"{plan.worker_us:.0f} us a record at full load, {busy}; {plan.records_per_s_per_worker:,.0f} records/s each",
        ),
        (
            "partitions (CEM_PARTITIONS)",
            f"{plan.partitions:,}",
            "four lanes a worker, a number that divides well",
        ),
        (
            "API processes",
            f"{plan.api_processes:,}",
            f"{plan.decisions_per_s:,.1f} decisions/s of {costs.api_us:,.0f} us",
        ),
        (
            "Redis memory",
            f"{plan.redis_gib:,.1f} GiB",
            f"{costs.customer_bytes:,.0f} bytes a customer, {demand.redis_headroom:.0%} beside",
        ),
        (
            "Redis primaries / nodes",
            f"{plan.redis_primaries:,} / {plan.redis_nodes:,}",
            f"{plan.redis_bound_by}; {demand.redis_node_gib:g} GiB a node",
        ),
        ("brokers", f"{plan.brokers:,}", f"{plan.brokers_bound_by}; {plan.log_mib_per_s:,.1f} MiB/s in"),
        (
            "brokers' disk",
            f"{plan.broker_disk_gib:,.0f} GiB",
            f"{demand.retention_days:g} days, {demand.replication} copies",
        ),
    ]
