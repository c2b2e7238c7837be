"""Row 25 of the fault matrix: what networks do, on each of the four links."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.chaos.api_under_load import ApiUnderLoad
from tests.chaos.harness import Chaos, is_long
from tests.chaos.links import Links
from tests.servers.proxy import TcpProxy

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]
LINKS = ("worker_kafka", "api_redis", "worker_redis", "api_kafka")


def half_open(proxy: TcpProxy, seconds: float) -> None:
    """The other side is gone without a word; new connections are served."""
    proxy.abandon()
    time.sleep(seconds)


def reset(proxy: TcpProxy, seconds: float) -> None:
    """Connections break again and again."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        proxy.reset()
        time.sleep(seconds / 5)


def slow(proxy: TcpProxy, seconds: float) -> None:
    """Everything takes 200 ms longer."""
    proxy.delay_s = 0.2
    time.sleep(seconds)


def in_pieces(proxy: TcpProxy, seconds: float) -> None:
    """Everything arrives byte by byte."""
    proxy.slice_bytes = 1
    time.sleep(seconds)


def narrow(proxy: TcpProxy, seconds: float) -> None:
    """A thousand bytes a second get through."""
    proxy.slice_bytes, proxy.bandwidth = 50, 1_000
    time.sleep(seconds)


#: In this order: what hangs on a half-open connection is freed by the reset, and need not be waited for.
FAULTS = (slow, in_pieces, narrow, half_open, reset)


@pytest.mark.parametrize("names", LINKS if is_long() else ["each"])
def test_row_25_network(start_chaos: Callable[..., Chaos], links: Links, names: str) -> None:
    """Lanes go on once the network does; the API's answers stay in time and marked, whatever its own links do."""
    chosen = LINKS if names == "each" else [names]
    with start_chaos(**links.of_worker) as chaos:
        chaos.worker("a")
        with ApiUnderLoad(chaos, **links.of_api) as api, chaos.produce(rate=300):
            chaos.wait_applied(300)
            for name in chosen:
                proxy = links.by_name(name)
                for fault in FAULTS:
                    fault(proxy, chaos.scale(0.8, 20.0))
                    proxy.heal()
                if name.startswith("worker"):
                    chaos.wait_moving()
                else:
                    api.wait_full()
            if is_long():
                # Without a reset: only the clients' own deadlines end what is half open.
                for name in chosen:
                    half_open(links.by_name(name), 1.0)
                    print(f"{chaos.name}: half open for {chaos.wait_moving(120):.1f} s", flush=True)
        chaos.verify()
