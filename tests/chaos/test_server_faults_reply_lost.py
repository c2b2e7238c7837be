"""Row 24 of the fault matrix: Redis does what it is asked to, and its reply never arrives."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.chaos.api_under_load import asked_in_long_runs
from tests.chaos.harness import Chaos
from tests.chaos.links import Links

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


def test_row_24_replies_lost_after_the_save(start_chaos: Callable[..., Chaos], links: Links) -> None:
    """The save asked for again is answered `already`; no lane takes its own save for another owner's."""
    with start_chaos(**links.of_worker) as chaos:
        chaos.worker("a")
        way = links.worker_redis
        way.looked_for = b"already"
        with asked_in_long_runs(chaos), chaos.produce(rate=2_000):
            chaos.wait_applied(1_000)
            until = time.monotonic() + 60
            rounds = 0
            while rounds < chaos.scale(6, 200) or (way.found == 0 and time.monotonic() < until):
                rounds += 1
                way.swallow_replies(after_bytes=chaos.draw.choice((0, 2_000, 20_000)))
                chaos.wait_seconds(0.05, 0.4)
                way.resume()
                chaos.wait_seconds(0.05, 0.4)
        chaos.verify()
        print(f"{chaos.name}: {way.found} saves had been made already", flush=True)
        assert way.found > 0
        assert "another owner saved it" not in chaos.system.log("a")
