"""Row 15 of the fault matrix: what happened between ten seconds and thirty days ago comes now, in any order."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from cem.domain.events import SmsRated
from cem.domain.events.enums import SmsDestination
from cem.streams.producer import Outgoing
from tests.chaos.api_under_load import asked_in_long_runs
from tests.chaos.harness import Chaos

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]
DAY_MS = 86_400_000


def bursts(chaos: Chaos, prefix: str, age_ms: int, customers: int = 20) -> list[Outgoing]:
    """Return bursts of messages, as an alert is raised for, that began so long ago; shuffled."""
    from tests.e2e.system import outgoing

    start_ms = time.time_ns() // 1_000_000 - age_ms
    records = [
        outgoing(
            SmsRated(
                line=f"+8491{c:0>7}", destination=SmsDestination.OFFNET, recipient=f"r{n}", charge_minor=9
            ),
            f"{prefix}-{c}",
            event_id=f"{prefix}-{c}-{n}",
            time_ms=start_ms - n * 1_000,
        )
        for c in range(customers)
        for n in range(40)
    ]
    random.Random(chaos.seed).shuffle(records)
    return records


def test_row_15_late_and_out_of_order(start_chaos: Callable[..., Chaos]) -> None:
    """Late records count as others do, and tell nobody beyond the declared limit; the order makes no difference to it."""
    with start_chaos(late=0.6, late_limit_s=86_400) as chaos:
        chaos.worker("a")
        with asked_in_long_runs(chaos), chaos.produce(rate=2_000) as producer:
            chaos.wait_applied(500)
            chaos.plain.produce(bursts(chaos, "fresh", 60_000))
            chaos.plain.produce(bursts(chaos, "stale", 10 * DAY_MS))
            producer.wait_written(chaos.scale(3_000, 150_000), within_s=600)
        chaos.verify()
        told = {
            (record.key or b"").decode().partition("-")[0] for record in chaos.plain.read_topic("cem.alerts")
        }
        assert "fresh" in told
        assert "stale" not in told
