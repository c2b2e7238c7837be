"""Row 14 of the fault matrix: a producer that sends what it has sent before, under the same ids, at new offsets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.api_under_load import asked_in_long_runs
from tests.chaos.harness import Chaos

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


def test_row_14_duplicate_producer(start_chaos: Callable[..., Chaos]) -> None:
    """Each id counts once, however often and through whichever owner it comes."""
    with start_chaos(duplicates=0.5) as chaos:
        chaos.worker("a")
        with asked_in_long_runs(chaos), chaos.produce(rate=2_000) as producer:
            chaos.wait_applied(500)
            for _ in range(chaos.scale(1, 10)):
                chaos.kill("a")
                producer.wait_written(producer.written + chaos.scale(1_500, 15_000))
        counters = chaos.verify()
        assert counters.repeated > 0.4 * counters.records
