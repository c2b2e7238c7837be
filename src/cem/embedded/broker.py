"""The embedded Kafka broker as a child process: one machine, in memory, forgotten when it stops.

`python -m cem.embedded.broker LANES` creates every topic of the table, prints its address and serves until SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import Final

from cem.embedded.child import Child
from cem.embedded.mock_cluster import MockCluster
from cem.embedded.retention import raise_limits
from cem.streams.topics import TOPICS

__all__ = ["BrokerFailed", "start_broker"]

#: How long a new consumer group waits for more members; Kafka's own 3 s would delay every start.
_REBALANCE_DELAY_MS: Final = 100
_START_S: Final = 20.0


class BrokerFailed(RuntimeError):
    """The embedded broker did not come up; the message says why."""


async def start_broker(lanes: int, log: Path) -> tuple[Child, str]:
    """Return the broker's process and its address once it serves all topics. Raises BrokerFailed."""
    arguments = [sys.executable, "-m", "cem.embedded.broker", str(lanes)]
    child = await Child.start("broker", arguments, log=log, read_stdout=True)
    address = None
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_S):
                address = await child.line()
    finally:
        if not address:
            await child.stop(1.0)
    if not address:
        said = child.last_lines(1)
        raise BrokerFailed(
            f"the embedded Kafka broker did not start: {said[0] if said else 'no reason given'}"
        )
    return child, address


def _serve(lanes: int) -> None:
    # Blocked before librdkafka starts its threads, which inherit the mask: the signal waits for us.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    cluster = MockCluster()
    cluster.group_rebalance_delay(_REBALANCE_DELAY_MS)
    for spec in TOPICS:
        cluster.create_topic(spec.name, spec.partitions(lanes))
    if not raise_limits(sum(spec.partitions(lanes) for spec in TOPICS)):
        sys.stderr.write("the broker keeps 5 MB a partition: its limits were not found\n")
    sys.stdout.write(cluster.bootstrap + "\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    cluster.close()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
