"""The records that every contestant folds, and what must have come of them, by brute force.

One record is one rated message of 157 bytes or so. The fold, per customer: messages, segments, charge outside the
allowance, premium messages, a decaying mean of segments, the time of the last message; and one alert when the charge
first passes `ALERT_ABOVE_MINOR`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
from confluent_kafka import Producer

__all__ = ["ALERT_ABOVE_MINOR", "TOPIC", "Expected", "expected", "messages", "produce"]

TOPIC = "cem.sms-usage"
ALERT_ABOVE_MINOR = 3_000

_FIRST_S = 1_700_000_000
_DESTINATIONS = ("onnet", "offnet", "premium", "intl")


class Message(msgspec.Struct, gc=False):
    """One rated message, as its JSON."""

    id: str
    customer: str
    time: int
    type: str
    line: str
    segments: int
    destination: str
    in_allowance: bool
    charge_minor: int


@dataclass
class Expected:
    """What a contestant must end with."""

    counts: dict[str, int] = field(default_factory=dict)
    charges: dict[str, int] = field(default_factory=dict)
    alerts: set[str] = field(default_factory=set)


def messages(records: int, customers: int, seed: int = 1) -> Iterator[Message]:
    """Yield the messages, the same for the same arguments."""
    draw = random.Random(seed)
    for number in range(records):
        yield Message(
            id=f"e{number}",
            customer=f"c{draw.randrange(customers):07d}",
            time=_FIRST_S + number,
            type="sms",
            line=f"8490{draw.randrange(10**6):06d}",
            segments=draw.randrange(1, 4),
            destination=_DESTINATIONS[draw.randrange(4)],
            in_allowance=draw.random() < 0.8,
            charge_minor=draw.randrange(1000),
        )


def expected(records: int, customers: int) -> Expected:
    """Return what folding the messages gives, counted without any of the contestants' code."""
    result = Expected()
    for message in messages(records, customers):
        customer = message.customer
        result.counts[customer] = result.counts.get(customer, 0) + 1
        charge = result.charges.get(customer, 0) + (0 if message.in_allowance else message.charge_minor)
        result.charges[customer] = charge
        if charge > ALERT_ABOVE_MINOR:
            result.alerts.add(customer)
    return result


def produce(bootstrap: str, topic: str, records: int, customers: int) -> int:
    """Write the messages to `topic`, keyed by customer; return their mean size in bytes."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 50,
            "batch.size": 262_144,
            "queue.buffering.max.messages": 500_000,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
        }
    )
    encode = msgspec.json.Encoder().encode
    size = 0
    for number, message in enumerate(messages(records, customers)):
        value = encode(message)
        size += len(value)
        while True:
            try:
                producer.produce(topic, value, key=message.customer)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 10_000 == 0:
            producer.poll(0)
    if left := producer.flush(60):
        raise RuntimeError(f"{left} records were not taken by Kafka")
    return round(size / max(1, records))
