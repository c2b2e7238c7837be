"""Row 19 of the fault matrix: the primary is lost, and a replica that lagged behind takes its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.api_under_load import asked_in_long_runs
from tests.chaos.harness import Chaos
from tests.chaos.links import redis_through
from tests.chaos.recovery import wait_every_lane
from tests.servers.proxy import TcpProxy
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


def test_row_19_failover_with_lag(start_chaos: Callable[..., Chaos]) -> None:
    """What the old primary had acknowledged and the new one never heard of is made again from the journal."""
    with (
        RedisServer() as first,
        RedisServer() as second,
        TcpProxy(("127.0.0.1", first.port)) as way,
        TcpProxy(("127.0.0.1", first.port)) as link,
        start_chaos(redis=second, redis_url=redis_through(way)) as chaos,
    ):
        second.follow(link.address)
        chaos.worker("a")
        with asked_in_long_runs(chaos), chaos.produce(rate=2_000):
            wait_every_lane(chaos)
            # An odd number of times, so that it ends with the server that the verdict looks at.
            for round_ in range(chaos.scale(1, 21)):
                primary, replica = (first, second) if round_ % 2 == 0 else (second, first)
                link.pause()
                chaos.wait_seconds(1.0, 3.0)
                replica.promote()
                way.target = ("127.0.0.1", replica.port)
                way.reset()
                link.target = ("127.0.0.1", replica.port)
                link.reset()
                link.resume()
                chaos.wait_seconds(0.5, 1.0)
                if round_ % 2 == 0 and chaos.scale(False, True):
                    primary.follow(link.address)
        chaos.verify()
        assert "followed" in chaos.system.log("a")
