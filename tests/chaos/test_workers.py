"""What may happen to workers, and leaves the states as the log says: rows 1 to 7 of the matrix in docs/chaos.md."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.harness import Chaos

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


def test_row_01_workers_killed_at_random(start_chaos: Callable[..., Chaos]) -> None:
    """SIGKILL of any worker at any moment loses nothing, doubles nothing, and says nothing in two ways."""
    with start_chaos() as chaos:
        names = ["a", "b"]
        for name in names:
            chaos.worker(name)
        chaos.wait_lanes("a")
        with chaos.produce(rate=2_500):
            for _ in range(chaos.scale(6, 60)):
                chaos.kill(chaos.draw.choice(names))
                chaos.wait_seconds(0.1, 3.0)
        counters = chaos.verify()
        assert counters.emissions > 0
        assert counters.ticks > 0
