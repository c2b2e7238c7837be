"""From customers and event rates to workers, partitions, Redis and brokers. Pure: costs and demand in, a plan out.

    load at the peak = customers x events a day / 86,400 x peak factor
    processes        = load x CPU a record / share of a core that is planned to be busy

What a record costs is what it costs a process that is given as much as it can take. One that is given less makes smaller
batches and spends more on each record, so its CPU looks busier than the plan says; given more, it makes larger ones.

Everything is planned for the peak hour with the stated share of each core busy, so that what a failure or a backlog
adds finds room. What is no measurement is a field of `Demand` with a default that says what it stands for.
"""

from __future__ import annotations

from math import ceil
from typing import Final

import msgspec

from cem.sizing.costs import Costs

__all__ = ["FAMILIES", "Demand", "Plan", "plan_for"]

_DAY_S: Final = 86_400
_GIB: Final = 2**30
#: Option name to the topic whose records it counts.
FAMILIES: Final = {
    "sms": "cem.sms-usage",
    "calls": "cem.calls",
    "billing": "cem.billing",
    "interactions": "cem.interactions",
    "service": "cem.service",
    "profiles": "cem.profiles",
}
#: The numbers of partitions to choose from: each has many divisors, so lanes spread evenly.
_PARTITIONS: Final = (24, 48, 96, 192, 384, 768)
#: Lanes a worker should have at least: one that is gone is then taken over by several.
_LANES_PER_WORKER: Final = 4


class Demand(msgspec.Struct, frozen=True):
    """An operator: how many customers, and what happens to one of them in a day."""

    customers: int
    #: Records a customer and day, by option name (`FAMILIES`). A customer is a paying account of about two lines.
    sms: float = 6.0
    calls: float = 0.06
    billing: float = 0.1
    interactions: float = 0.1
    service: float = 0.05
    profiles: float = 0.005
    #: Next best actions asked for a customer and day.
    decisions: float = 0.03
    #: The busiest hour against the average one.
    peak: float = 3.0
    #: Share of a core that is planned to be busy at the peak.
    utilisation: float = 0.5
    #: Copies of each record, and of each state.
    replication: int = 3
    redis_copies: int = 2
    retention_days: float = 30.0
    #: Share of customers of whom something is awaited.
    due_share: float = 0.2
    #: Cores and disk of one broker, memory of one Redis node.
    broker_cores: int = 4
    broker_disk_gib: float = 1000.0
    redis_node_gib: float = 25.0
    #: Memory beside the states: fragmentation, and the copy that a snapshot makes of what changes meanwhile.
    redis_headroom: float = 0.4


class Plan(msgspec.Struct, frozen=True):
    """What is needed. Figures at the peak hour unless they say otherwise."""

    records_per_s: float
    decisions_per_s: float
    #: Worker processes of one core each; what a record costs one that has as much to do as it can; what each must do.
    workers: int
    worker_us: float
    records_per_s_per_worker: float
    partitions: int
    api_processes: int
    #: Primaries and all copies; by memory or by CPU, whichever asks for more.
    redis_primaries: int
    redis_nodes: int
    redis_gib: float
    redis_bound_by: str
    brokers: int
    broker_disk_gib: float
    log_mib_per_s: float
    brokers_bound_by: str
    #: Names of what the plan cannot do as asked.
    warnings: tuple[str, ...]


def plan_for(demand: Demand, costs: Costs) -> Plan:
    """Return what `demand` needs at these costs. Raises ValueError for a demand that makes no sense."""
    _check(demand)
    per_day = {topic: float(getattr(demand, name)) for name, topic in FAMILIES.items()}
    # A decision is a record that its lane folds.
    per_day["cem.decisions"] = demand.decisions
    all_day = sum(per_day.values())
    to_peak = demand.customers / _DAY_S * demand.peak
    records_per_s = all_day * to_peak
    decisions_per_s = demand.decisions * to_peak
    dearest = max(costs.step_us.values())
    step_us = sum(n * costs.step_us.get(t, dearest) for t, n in per_day.items()) / all_day if all_day else 0.0
    busy_us = 1_000_000 * demand.utilisation
    worker_us = step_us + costs.transport_us
    # Two, so that one may end.
    workers = max(2, ceil(records_per_s * worker_us / busy_us))
    partitions = next((p for p in _PARTITIONS if p >= _LANES_PER_WORKER * workers), _PARTITIONS[-1])
    state_bytes = costs.customer_bytes + costs.due_bytes * demand.due_share
    redis_gib = demand.customers * state_bytes * (1 + demand.redis_headroom) / _GIB
    redis = {
        "memory": ceil(redis_gib / demand.redis_node_gib),
        "CPU": ceil(records_per_s * costs.redis_us / busy_us),
        "at least one": 1,
    }
    log_bytes_per_s = records_per_s * costs.record_bytes
    disk_gib = log_bytes_per_s / demand.peak * _DAY_S * demand.retention_days * demand.replication / _GIB
    brokers = {
        "replication": max(demand.replication, 1),
        "disk": ceil(disk_gib / demand.broker_disk_gib),
        "CPU": ceil(records_per_s * costs.kafka_us * demand.replication / (busy_us * demand.broker_cores)),
    }
    redis_by, broker_by = (max(found, key=lambda name: found[name]) for found in (redis, brokers))
    return Plan(
        records_per_s=records_per_s,
        decisions_per_s=decisions_per_s,
        workers=workers,
        worker_us=worker_us,
        records_per_s_per_worker=records_per_s / workers,
        partitions=partitions,
        # Two, so that one may end.
        api_processes=max(2, ceil(decisions_per_s * costs.api_us / busy_us)),
        redis_primaries=redis[redis_by],
        redis_nodes=redis[redis_by] * demand.redis_copies,
        redis_gib=redis_gib,
        redis_bound_by=redis_by,
        brokers=brokers[broker_by],
        broker_disk_gib=disk_gib,
        log_mib_per_s=log_bytes_per_s / 2**20,
        brokers_bound_by=broker_by,
        warnings=_warnings(workers, partitions),
    )


def _warnings(workers: int, partitions: int) -> tuple[str, ...]:
    found = []
    if partitions < workers:
        found.append(
            f"{workers} workers want more than {partitions} lanes: split the customers over two systems"
        )
    elif partitions < _LANES_PER_WORKER * workers:
        found.append(f"less than {_LANES_PER_WORKER} lanes a worker: a worker that ends weighs on few others")
    return tuple(found)


def _check(demand: Demand) -> None:
    if demand.customers < 1:
        raise ValueError("there must be a customer")
    rates = [*(getattr(demand, name) for name in FAMILIES), demand.decisions, demand.due_share]
    if min(rates) < 0:
        raise ValueError("a rate cannot be negative")
    if not 0 < demand.utilisation <= 1:
        raise ValueError("the busy share of a core lies above 0 and at 1 at most")
    if demand.peak < 1:
        raise ValueError("the busiest hour cannot be quieter than the average one")
    if min(demand.replication, demand.redis_copies, demand.broker_cores) < 1:
        raise ValueError("of copies and cores there must be one at least")
    if (
        min(demand.broker_disk_gib, demand.redis_node_gib) <= 0
        or min(demand.retention_days, demand.redis_headroom) < 0
    ):
        raise ValueError("sizes and days cannot be negative")
