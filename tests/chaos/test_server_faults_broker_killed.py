"""Row 8 of the fault matrix: the broker is killed, and is back at once, after a moment, or after a minute."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.chaos.api_under_load import ApiUnderLoad
from tests.chaos.harness import Chaos, is_long
from tests.chaos.recovery import BROKER_BACK_S, lanes_move_within

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


@pytest.mark.parametrize("away_s", [0, 5, 60] if is_long() else [1])
def test_row_08_broker_killed(start_chaos: Callable[..., Chaos], away_s: float) -> None:
    """Workers wait and go on by themselves within ten seconds; nothing acknowledged is lost; the API answers."""
    with start_chaos() as chaos:
        chaos.worker("a")
        with ApiUnderLoad(chaos) as api, chaos.produce(rate=chaos.scale(800, 2_000)) as producer:
            chaos.wait_applied(1_000)

            def killed() -> None:
                chaos.kafka.kill()
                time.sleep(away_s)
                chaos.kafka.start()

            for _ in range(chaos.scale(1, 3)):
                chaos.wait_seconds(0.1, 1.5)
                lanes_move_within(BROKER_BACK_S, chaos, killed)
            producer.wait_written(producer.written + 500)
            answers = api.answers()
            # Without a log a decision is still made of facts, and says that it was not recorded.
            assert answers.unlogged > 0
            assert answers.full > answers.fallbacks
        chaos.verify()
        assert producer.retries > 0
