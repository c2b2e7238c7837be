"""Row 9 of the fault matrix: the broker keeps its connections open and says nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.chaos.api_under_load import ApiUnderLoad
from tests.chaos.harness import Chaos
from tests.chaos.recovery import BROKER_BACK_S, lanes_move_within

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


def test_row_09_broker_frozen(start_chaos: Callable[..., Chaos]) -> None:
    """Deadlines fire, the API answers as always, and the lanes go on within ten seconds of its waking up."""
    with start_chaos() as chaos:
        chaos.worker("a")
        with ApiUnderLoad(chaos) as api, chaos.produce(rate=chaos.scale(800, 2_000)) as producer:
            chaos.wait_applied(1_000)
            frozen_s = chaos.scale(12.0, chaos.draw.uniform(30, 90))
            frozen_from: list[float] = []

            def frozen() -> None:
                chaos.kafka.pause()
                frozen_from.append(time.time())
                try:
                    time.sleep(frozen_s)
                finally:
                    chaos.kafka.resume()

            for _ in range(chaos.scale(1, 3)):
                lanes_move_within(BROKER_BACK_S, chaos, frozen)
            for since in frozen_from:
                # What was under way as it froze may have been acknowledged before; what was asked shortly before it
                # woke up, and is answered after that, does not count.
                answers = api.answers(since + 1, since + frozen_s)
                assert answers.unlogged == answers.asked > 0
                assert answers.fallbacks == 0 < answers.full
                # Nobody knows how far the log goes, so the facts grow old, and the answers say so.
                assert answers.stalest_s > frozen_s - 3
            producer.wait_written(producer.written + 500)
        chaos.verify()
        # The product's own producer wrote the load: its deadline ended each wait that was in vain.
        assert producer.retries > 0
