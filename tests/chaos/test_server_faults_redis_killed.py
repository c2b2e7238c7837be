"""Row 16 of the fault matrix: Redis is killed under load, and comes back with its disk."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.api_under_load import asked_in_long_runs
from tests.chaos.harness import Chaos
from tests.chaos.recovery import REDIS_BACK_S, lanes_move_within

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


def test_row_16_redis_killed_on_the_same_disk(start_chaos: Callable[..., Chaos]) -> None:
    """The lanes go on within five seconds of its return, and no save was lost or made twice."""
    with start_chaos() as chaos:
        chaos.worker("a")
        with asked_in_long_runs(chaos), chaos.produce(rate=2_000):
            chaos.wait_applied(1_000)
            for _ in range(chaos.scale(4, 60)):
                chaos.wait_seconds(0.05, 0.6)
                lanes_move_within(REDIS_BACK_S, chaos, chaos.redis.restart)
        chaos.verify()
        assert "waits: " in chaos.system.log("a")
