"""How soon the lanes of a killed worker move again, without hands: the requirement's own deadlines."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cem.settings import Settings
from tests.chaos.harness import Chaos
from tests.chaos.recovery import TAKEN_OVER_S, WORKER_BACK_S, lanes_move_within

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]

#: What decides how soon a worker counts as gone: the product's own, not the short one of the other tests.
SESSION_TIMEOUT_S = Settings.from_env({}).session_timeout_s


def test_lanes_of_a_killed_worker_move_again(start_chaos: Callable[..., Chaos]) -> None:
    """Within four seconds when it is started again at once; within fifteen when another one has to take over.

    Within `make test`, whose machine may be any, four times and twice that are good enough: a start is nearly all CPU.
    """
    with start_chaos(session_timeout_s=SESSION_TIMEOUT_S) as chaos:
        to_start, to_take_over = chaos.scale((4, 2), (1, 1))
        chaos.worker("stays")
        with chaos.produce(rate=1_000):
            chaos.wait_applied(500)
            for _ in range(chaos.scale(1, 10)):
                lanes_move_within(to_start * WORKER_BACK_S, chaos, lambda: chaos.kill("stays"))
            for _ in range(chaos.scale(1, 5)):
                lanes_move_within(
                    to_take_over * TAKEN_OVER_S, chaos, lambda: second_one_comes_and_is_killed(chaos)
                )
        chaos.verify()


def second_one_comes_and_is_killed(chaos: Chaos) -> None:
    """Have a second worker take its share of the lanes, and kill it for good."""
    name = f"goes-{chaos.kills.sigkills}"
    chaos.worker(name)
    chaos.wait_lanes(name)
    chaos.wait_moving()
    chaos.kill(name, restart=False)
