"""Row 12 of the fault matrix: retention takes records that nobody has read yet."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from cem.domain.events import TicketOpened
from cem.streams.producer import Outgoing
from tests.chaos.harness import Chaos, is_long
from tests.e2e.system import outgoing
from tests.servers.child import wait_until
from tests.servers.kafka import KafkaServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]
TOPIC = TicketOpened.TOPIC
TICKETS = 400
#: Retention looks for old records once a second here, not every five minutes.
HASTY = {"log.retention.check.interval.ms": 1_000, "log.initial.task.delay.ms": 500}


def tickets(first: int, stop: int) -> list[Outgoing]:
    """Return tickets of a hundred customers, which the load never opens."""
    now_ms = time.time_ns() // 1_000_000
    return [
        outgoing(TicketOpened(ticket_id=f"t{n}"), f"t-{n % 100}", event_id=f"t{n}", time_ms=now_ms)
        for n in range(first, stop)
    ]


@pytest.mark.parametrize("how", ["records deleted", *(["retention.ms"] if is_long() else [])])
def test_row_12_retention_passed_us(
    start_chaos: Callable[..., Chaos], start_kafka: Callable[..., KafkaServer], how: str
) -> None:
    """The lanes stop and name the range; with --accept-loss they go on, and count what is left once."""
    own = {"kafka": start_kafka(properties=HASTY)} if how == "retention.ms" else {}
    with start_chaos(**own) as chaos:
        chaos.worker("a")
        chaos.produce_now(chaos.scale(1_500, 50_000))
        chaos.plain.wait_read()
        chaos.stop_workers()
        # The lanes have never read this topic, so the journal needs nothing of what goes.
        chaos.plain.produce(tickets(0, TICKETS))
        ends = {at: end for at, end in chaos.plain.ends([TOPIC]).items() if end}
        assert len(ends) == chaos.plain.settings.partitions
        if how == "retention.ms":
            chaos.kafka.configure_topic(TOPIC, retention_ms=1)
            wait_until(
                lambda: all(first == end for first, end in chaos.plain.bounds([TOPIC]).values()),
                timeout_s=120,
                what="retention has taken the tickets",
                every_s=0.5,
            )
            chaos.kafka.configure_topic(TOPIC, retention_ms=86_400_000)
            kept = ends
        else:
            kept = {at: chaos.draw.randrange(1, end) for at, end in ends.items()}
            chaos.kafka.delete_records(kept)
        refused = chaos.worker("a")
        assert refused.wait(60) == 1
        said = chaos.system.log("a")
        for (topic, lane), first in kept.items():
            assert f"Kafka no longer has {topic}[{lane}] offsets 0 to {first - 1}" in said
        assert "--accept-loss" in said
        assert all(chaos.plain.positions()[at] == 0 for at in kept)
        chaos.worker("a", CEM_ACCEPT_LOSS="1")
        chaos.plain.produce(tickets(TICKETS, 2 * TICKETS))
        chaos.produce_now(500)
        chaos.verify()
