"""Lanes whose server changes: slots that move through a cluster, nodes that die, a primary that Sentinel replaces."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from cem.ports import NO_TOKEN, Save, SaveAnswer
from cem.stores import RedisStore, StoreUnavailable, Timeouts
from tests.builders.stores import emission, save, saved, under_deadline
from tests.servers.child import wait_until
from tests.servers.redis import RedisServer
from tests.servers.redis_groups import RedisCluster, RedisSentinels

pytestmark = pytest.mark.redis

PARTITIONS = 6
TIMEOUTS = Timeouts(work_s=2.0, read_s=2.0, connect_s=1.0)


@pytest.fixture(scope="module")
def running_cluster() -> Iterator[RedisCluster]:
    """A cluster of three primaries."""
    with RedisCluster() as running:
        yield running


@pytest.fixture
def cluster(running_cluster: RedisCluster) -> RedisCluster:
    """The cluster, empty."""
    running_cluster.flush()
    return running_cluster


def with_store(url: str, scenario: Callable[[RedisStore], Awaitable[None]]) -> None:
    """Run the scenario with a store at `url`."""

    async def main() -> None:
        store = RedisStore(url, PARTITIONS, timeouts=TIMEOUTS)
        try:
            await scenario(store)
        finally:
            await store.close()

    under_deadline(main())


async def patiently(store: RedisStore, lane: int, change: Save) -> SaveAnswer:
    """Save as the pipeline does: again and again while the store is away."""
    while True:
        try:
            return await store.save(lane, change)
        except StoreUnavailable as away:
            assert away.retryable, away
            await asyncio.sleep(0.05)


class TestCluster:
    """A Redis Cluster that is rearranged."""

    def test_a_slot_that_has_moved(self, cluster: RedisCluster) -> None:
        """A store that remembers a lane's old node follows it to the new one, with all that it holds."""

        async def scenario(store: RedisStore) -> None:
            slot = store.keys(0).slot
            await saved(store, 0, save("t1", values={"c:a": b"A"}, due={"a": 1}, alerts={"a|x": 2}))
            before = await store.open_lane(0)
            home = cluster.server_of(slot)
            target = next(s for s in cluster.servers if s is not home)
            await asyncio.to_thread(cluster.move_slot, slot, target)
            assert await store.newest("alerts", 9, 9) == [("a|x", 2)]
            assert await store.open_lane(0) == before
            await saved(store, 0, save("t2", "t1", {"c:b": b"B"}))
            assert await store.load(0, ["c:a", "c:b"]) == ("t2", [b"A", b"B"])
            await asyncio.to_thread(cluster.move_slot, slot, home)
            await saved(store, 0, save("t3", "t2"))
            assert await store.load(0, ["c:a", "c:b"]) == ("t3", [b"A", b"B"])

        with_store(cluster.url, scenario)

    def test_a_slot_on_its_way(self, cluster: RedisCluster) -> None:
        """While a slot moves, a lane whose keys have all arrived goes on (ASK); nothing is saved in two places."""

        async def scenario(store: RedisStore) -> None:
            slot = store.keys(1).slot
            await saved(store, 1, save("t1", values={"c:a": b"A"}, due={"a": 1}, outbox=[emission("1")]))
            home = cluster.server_of(slot)
            target = next(s for s in cluster.servers if s is not home)
            await asyncio.to_thread(lambda: cluster.move_slot(slot, target, finish=False))
            try:
                image = await store.open_lane(1)
                assert (image.outbox, image.next_due_ms) == ((emission("1"),), 1)
                await saved(store, 1, save("t2", "t1", {"c:a": b"AA"}, due={"a": 2}))
                assert await store.load(1, ["c:a"]) == ("t2", [b"AA"])
                assert (await store.save(1, save("t3", "t1"))).outcome == "fenced"
                assert home.command("CLUSTER", "COUNTKEYSINSLOT", slot) == 0
            finally:
                await asyncio.to_thread(cluster.finish_move, slot, target)
            await saved(store, 1, save("t3", "t2"))
            await asyncio.to_thread(cluster.move_slot, slot, home)
            assert await store.load(1, ["c:a"]) == ("t3", [b"AA"])

        with_store(cluster.url, scenario)

    def test_a_lane_split_between_two_nodes(self, cluster: RedisCluster) -> None:
        """While a lane's keys are on two nodes a save is refused whole; it goes through when the move is finished."""

        async def scenario(store: RedisStore) -> None:
            keys = store.keys(2)
            await saved(store, 2, save("t1", values={"c:a": b"A", "c:b": b"B"}))
            home = cluster.server_of(keys.slot)
            target = next(s for s in cluster.servers if s is not home)
            target.command("CLUSTER", "SETSLOT", keys.slot, "IMPORTING", cluster.node_id(home))
            home.command("CLUSTER", "SETSLOT", keys.slot, "MIGRATING", cluster.node_id(target))
            home.command("MIGRATE", "127.0.0.1", target.port, keys.of("c:a"), 0, 5000)
            change = save("t2", "t1", {"c:a": b"AA", "c:b": b"BB"})
            with pytest.raises(StoreUnavailable, match="moving") as split:
                await store.save(2, change)
            assert split.value.retryable
            assert home.command("HGET", keys.lane, "token") == b"t1"
            await asyncio.to_thread(cluster.move_slot, keys.slot, target)
            await saved(store, 2, change)
            assert await store.load(2, ["c:a", "c:b"]) == ("t2", [b"AA", b"BB"])
            await asyncio.to_thread(cluster.move_slot, keys.slot, home)

        with_store(cluster.url, scenario)

    def test_lanes_move_under_load(self, cluster: RedisCluster) -> None:
        """Saves that go on while slots move back and forth all arrive, in order, once."""

        async def scenario(store: RedisStore) -> None:
            moving = True

            async def work(lane: int) -> int:
                token, number = NO_TOKEN, 0
                while moving or number < 5:
                    number += 1
                    fresh = f"t{lane}-{number}"
                    values: dict[str, bytes | None] = {f"c:{i}": b"%d" % number for i in range(20)}
                    answer = await patiently(store, lane, save(fresh, token, values))
                    assert answer.outcome in {"saved", "already"}, answer
                    token = fresh
                assert await store.load(lane, [f"c:{i}" for i in range(20)]) == (token, [b"%d" % number] * 20)
                return number

            workers = [asyncio.create_task(work(lane)) for lane in range(PARTITIONS)]
            for lane in (0, 3):
                slot = store.keys(lane).slot
                home = cluster.server_of(slot)
                target = next(s for s in cluster.servers if s is not home)
                await asyncio.to_thread(cluster.move_slot, slot, target)
                await asyncio.to_thread(cluster.move_slot, slot, home)
            moving = False
            assert min(await asyncio.gather(*workers)) >= 5

        with_store(cluster.url, scenario)

    def test_a_node_that_dies(self, cluster: RedisCluster) -> None:
        """The lanes of a dead node wait for it, the others go on, and all is there when it is back."""

        async def scenario(store: RedisStore) -> None:
            homes = {lane: cluster.server_of(store.keys(lane).slot) for lane in range(PARTITIONS)}
            for lane in range(PARTITIONS):
                await saved(store, lane, save("t1", values={"c:a": b"A"}))
            dead = homes[0]
            dead.kill()
            with pytest.raises(StoreUnavailable) as away:
                await store.save(0, save("t2", "t1"))
            assert away.value.retryable
            dead.start()  # here, not in a thread: the kernel ends a child with the thread that started it
            for lane in range(PARTITIONS):
                assert (await patiently(store, lane, save("t2", "t1"))).outcome == "saved"
                assert await store.load(lane, ["c:a"]) == ("t2", [b"A"])

        with_store(cluster.url, scenario)

    def test_any_node_will_do_to_begin_with(self, cluster: RedisCluster) -> None:
        """The URL may name nodes that are gone, as long as one of them lives."""

        async def scenario(store: RedisStore) -> None:
            for lane in range(PARTITIONS):
                await saved(store, lane, save("t1"))

        with_store(f"redis+cluster://127.0.0.1:1,127.0.0.1:{cluster.servers[2].port}", scenario)

    def test_the_wrong_scheme(self, cluster: RedisCluster) -> None:
        """A cluster's node as a single server, or a single server as a cluster: the message says what to write."""

        async def single(store: RedisStore) -> None:
            with pytest.raises(StoreUnavailable, match=r"write redis\+cluster://") as wrong:
                for lane in range(PARTITIONS):
                    await store.open_lane(lane)
            assert not wrong.value.retryable

        async def clustered(store: RedisStore) -> None:
            with pytest.raises(StoreUnavailable, match="is not a cluster: write redis://"):
                await store.open_lane(0)

        with_store(f"redis://127.0.0.1:{cluster.servers[0].port}", single)
        with RedisServer() as server:
            with_store(f"redis+cluster://127.0.0.1:{server.port}", clustered)

    def test_every_primary_is_described(self, cluster: RedisCluster) -> None:
        """The doctor hears from all three nodes."""

        async def scenario(store: RedisStore) -> None:
            infos = await store.server_info()
            assert sorted(i.address for i in infos) == sorted(f"127.0.0.1:{s.port}" for s in cluster.servers)
            assert all(i.cluster and i.role == "master" for i in infos)

        with_store(cluster.url, scenario)


class TestSentinel:
    """A primary that is lost, with a replica that takes over."""

    @pytest.mark.slow
    @pytest.mark.parametrize("fault", ["kill", "freeze"])
    def test_failover(self, fault: str) -> None:
        """When the primary is lost, saves wait for the replica to take over, and the lane goes on there."""
        with RedisSentinels() as sentinels:

            async def scenario(store: RedisStore) -> None:
                await saved(store, 0, save("t1", values={"c:a": b"A"}, due={"a": 1}, outbox=[emission("1")]))
                before = await store.open_lane(0)
                old = sentinels.primary()
                replica = next(s for s in sentinels.servers if s is not old)
                in_sync = lambda: replica.command("HGET", store.keys(0).lane, "token") == b"t1"  # noqa: E731
                await asyncio.to_thread(wait_until, in_sync, timeout_s=10, what="the replica has the save")
                old.kill() if fault == "kill" else old.pause()
                change = save("t2", "t1", {"c:b": b"B"})
                assert (await patiently(store, 0, change)).outcome == "saved"
                known = lambda: sentinels.primary() is replica  # noqa: E731
                await asyncio.to_thread(
                    wait_until, known, timeout_s=10, what="all sentinels have heard of it"
                )
                assert (await store.open_lane(0)).header == change.header
                assert before.outbox == (emission("1"),)
                assert await store.load(0, ["c:a", "c:b"]) == ("t2", [b"A", b"B"])

            with_store(sentinels.url, scenario)

    def test_an_unknown_service(self) -> None:
        """A service that no sentinel knows, and sentinels that are not there, are named."""
        with RedisSentinels() as sentinels:

            async def unknown(store: RedisStore) -> None:
                with pytest.raises(StoreUnavailable, match="does not know 'other'"):
                    await store.open_lane(0)

            with_store(sentinels.url.replace("/cem", "/other"), unknown)

        async def nobody(store: RedisStore) -> None:
            with pytest.raises(StoreUnavailable, match="no primary for"):
                await store.open_lane(0)

        with_store("redis+sentinel://127.0.0.1:1/cem", nobody)
