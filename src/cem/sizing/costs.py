"""What one record, one request and one customer cost: the figures of the benchmarks, shipped as data.

`costs.json` is written from `bench/results` by `scripts/sizing_doc.py --measure`; it names the machine and the time.
"""

from __future__ import annotations

from importlib import resources

import msgspec

__all__ = ["Costs", "measured_costs"]


class Costs(msgspec.Struct, frozen=True):
    """Measured costs. CPU is microseconds of one core of the machine named."""

    #: Processor, system and commit that the figures were taken on, and when.
    measured_on: str
    measured_at: str
    #: The stream job, a record, by topic, without the transport.
    step_us: dict[str, float]
    #: What transport, Redis client and publishing add for a record at full load; and, on 24 lanes, at 1,000 records/s,
    #: where nearly each record is a batch of its own: no plan rests on the latter.
    transport_us: float
    transport_quiet_us: float
    redis_us: float
    kafka_us: float
    #: One next best action of 40 actions, its record included.
    api_us: float
    #: A typical household in Redis, keys and overhead included, and what a due time adds.
    customer_bytes: float
    due_bytes: float
    #: What a record leaves on a broker's disk, its part of the journal included.
    record_bytes: float


def measured_costs() -> Costs:
    """Return the costs that this version was measured to have."""
    return msgspec.json.decode(resources.files("cem.sizing").joinpath("costs.json").read_bytes(), type=Costs)
