"""Lost, late and broken connections between a store and its Redis: nothing is half saved, nothing is saved twice."""

from __future__ import annotations

import asyncio
import random

import pytest

from cem.stores import RedisStore, StoreUnavailable
from cem.streams.partition import lane_of
from tests.builders.redis_store import HASTY, PARTITIONS, run_with_store
from tests.builders.stores import save, saved
from tests.servers.proxy import TcpProxy
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.redis


def script_runs(server: RedisServer) -> int:
    """Return how many times a script was asked for, by name or by text."""
    text = server.command("INFO", "commandstats").decode()
    lines = [line for line in text.splitlines() if line.startswith(("cmdstat_evalsha:", "cmdstat_eval:"))]
    return sum(int(line.split("calls=")[1].split(",")[0]) for line in lines)


def test_a_reply_that_is_lost(server: RedisServer) -> None:
    """The save is sent once, its caller hears that Redis is away, and calling again answers `already`."""
    with TcpProxy(("127.0.0.1", server.port)) as proxy:

        async def scenario(store: RedisStore) -> None:
            await saved(store, 0, save("t1"))
            runs = script_runs(server)
            change = save("t2", "t1", {"c:a": b"A"}, due={"a": 9})
            proxy.swallow_replies()
            with pytest.raises(StoreUnavailable) as away:
                await store.save(0, change)
            assert away.value.retryable
            assert script_runs(server) == runs + 1
            proxy.resume()
            answer = await store.save(0, change)
            assert (answer.outcome, answer.next_due_ms) == ("already", 9)
            await saved(store, 0, save("t3", "t2"))

        run_with_store(f"redis://127.0.0.1:{proxy.port}", scenario)


def test_a_reply_that_is_late(server: RedisServer) -> None:
    """A late reply is never taken for the answer to a later question."""
    with TcpProxy(("127.0.0.1", server.port)) as proxy:

        async def scenario(store: RedisStore) -> None:
            await saved(store, 0, save("t1", values={"c:a": b"A"}))
            proxy.hold_replies()
            change = save("t2", "t1", {"c:a": b"B"})
            with pytest.raises(StoreUnavailable, match="did not answer within 300 ms"):
                await store.save(0, change)
            with pytest.raises(StoreUnavailable, match="did not answer"):
                await store.load(0, ["c:a"])
            proxy.resume()
            assert await store.load(0, ["c:a"]) == ("t2", [b"B"])
            assert (await store.save(0, change)).outcome == "already"

        run_with_store(f"redis://127.0.0.1:{proxy.port}", scenario, HASTY)


def test_a_request_that_is_lost(server: RedisServer) -> None:
    """A connection that is reset before the save arrives leaves the lane as it was; calling again saves."""
    with TcpProxy(("127.0.0.1", server.port)) as proxy:

        async def scenario(store: RedisStore) -> None:
            await saved(store, 0, save("t1"))
            proxy.refuse()
            with pytest.raises(StoreUnavailable):
                await store.save(0, save("t2", "t1"))
            assert script_runs(server) == 1
            proxy.resume()
            await saved(store, 0, save("t2", "t1"))

        run_with_store(f"redis://127.0.0.1:{proxy.port}", scenario)


def test_a_dead_connection_under_a_read(server: RedisServer) -> None:
    """A read whose idle connection broke is answered over another one, unnoticed."""
    with TcpProxy(("127.0.0.1", server.port)) as proxy:

        async def scenario(store: RedisStore) -> None:
            for lane in range(PARTITIONS):
                await saved(store, lane, save("t1", values={"c:a": b"A"}))
            assert await store.read("a") == b"A"
            proxy.reset()
            assert await store.read("a") == b"A"
            proxy.cut()
            assert len(await store.headers()) == PARTITIONS

        run_with_store(f"redis://127.0.0.1:{proxy.port}", scenario)


def test_a_request_in_pieces(server: RedisServer) -> None:
    """Requests and replies that arrive byte by byte are understood."""
    with TcpProxy(("127.0.0.1", server.port)) as proxy:
        proxy.slice_bytes = 1

        async def scenario(store: RedisStore) -> None:
            await saved(store, 0, save("t1", values={"c:a": b"\r\n" * 40}, due={"a": 5}))
            assert await store.load(0, ["c:a"]) == ("t1", [b"\r\n" * 40])

        run_with_store(f"redis://127.0.0.1:{proxy.port}", scenario)


def test_nobody_listens() -> None:
    """A server that is not there is named, and may come."""

    async def scenario(store: RedisStore) -> None:
        with pytest.raises(StoreUnavailable, match=r"no connection to Redis at 127\.0\.0\.1:1") as away:
            await store.open_lane(0)
        assert away.value.retryable

    run_with_store("redis://127.0.0.1:1", scenario)


def test_cancellations_do_not_mix_replies(server: RedisServer) -> None:
    """After 2,000 reads given up at any moment, every answer is still the one that was asked for."""
    draw = random.Random(19)
    names = [f"cust-{i}" for i in range(60)]

    async def scenario(store: RedisStore) -> None:
        by_lane: dict[int, dict[str, bytes | None]] = {lane: {} for lane in range(PARTITIONS)}
        for name in names:
            by_lane[lane_of(name, PARTITIONS)][f"c:{name}"] = name.encode()
        for lane, values in by_lane.items():
            await saved(store, lane, save("t1", values=values))
        answered = 0

        async def give_up(name: str, steps: int) -> None:
            nonlocal answered
            task = asyncio.ensure_future(store.read(name))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            try:
                assert await task == name.encode()
                answered += 1
            except asyncio.CancelledError:
                pass

        for _ in range(200):
            picked = draw.choices(names, k=10)
            await asyncio.gather(*(give_up(name, draw.randrange(14)) for name in picked))
            again = draw.sample(names, 3)
            assert await store.read_many(again) == [n.encode() for n in again]
        assert 0 < answered < 2000
        node = await store.client.topology.node(0)
        pool = node.pool("read")
        assert pool.busy == 0
        assert 1 <= pool.idle <= 11

    run_with_store(server.url, scenario)
