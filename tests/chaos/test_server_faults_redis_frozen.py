"""Row 23 of the fault matrix: Redis stands still for a while, and forgets its scripts every second."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.chaos.api_under_load import ApiUnderLoad
from tests.chaos.harness import Chaos
from tests.chaos.recovery import REDIS_BACK_S, lanes_move_within

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


def test_row_23_redis_frozen_and_its_scripts_flushed(start_chaos: Callable[..., Chaos]) -> None:
    """Decisions fall back within their deadline and say so; the lanes go on within five seconds."""
    with start_chaos() as chaos:
        chaos.worker("a")
        with ApiUnderLoad(chaos) as api, chaos.produce(rate=chaos.scale(800, 2_000)):
            chaos.wait_applied(1_000)
            # Longer than a save may take, so that its caller gives up and asks again.
            frozen_s = chaos.scale(6.5, 10.0)
            asked_from = time.time()

            def frozen() -> None:
                chaos.redis.pause()
                try:
                    time.sleep(frozen_s)
                finally:
                    chaos.redis.resume()

            for _ in range(chaos.scale(1, 6)):
                lanes_move_within(REDIS_BACK_S, chaos, frozen)
                for _ in range(chaos.scale(3, 20)):
                    chaos.redis.command("SCRIPT", "FLUSH")
                    time.sleep(chaos.scale(0.4, 1.0))
            during = api.answers(asked_from + 0.5, asked_from + frozen_s - 0.5)
            assert during.fallbacks == during.asked > 0
            api.wait_full()
        assert "did not answer within" in chaos.system.log("a")
        chaos.verify()
