"""What Redis, its network and its operators do to a store: nothing is half saved, nothing is saved twice."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from cem.ports import NO_TOKEN, LaneImage
from cem.stores import RedisStore, StoreBroken, StoreUnavailable, Timeouts
from tests.builders.stores import emission, save, saved, under_deadline
from tests.servers.child import wait_until
from tests.servers.proxy import TcpProxy
from tests.servers.redis import RedisServer, bundled_executable, make_certificates, system_executable

pytestmark = pytest.mark.redis

PARTITIONS = 6
PATIENT = Timeouts(work_s=20.0, read_s=20.0, connect_s=5.0)
HASTY = Timeouts(work_s=0.3, read_s=0.3, connect_s=0.3)


@pytest.fixture(scope="module", params=["system", "bundled"])
def running(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """Redis 7 and then Redis 6.2; tests put back what they change."""
    executable = system_executable() if request.param == "system" else bundled_executable()
    if executable is None:
        pytest.skip(f"no {request.param} redis-server")
    with RedisServer(executable=executable) as server:
        yield server


@pytest.fixture
def server(running: RedisServer) -> RedisServer:
    """The server, empty."""
    running.command("FLUSHALL")
    running.command("CONFIG", "RESETSTAT")
    return running


def with_store(
    url: str, scenario: Callable[[RedisStore], Awaitable[None]], timeouts: Timeouts = PATIENT
) -> None:
    """Run the scenario with a store at `url`."""

    async def main() -> None:
        store = RedisStore(url, PARTITIONS, timeouts=timeouts)
        try:
            await scenario(store)
        finally:
            await store.close()

    under_deadline(main())


def key(suffix: str, lane: int = 0) -> bytes:
    """Return the key of a suffix of a lane."""
    return RedisStore("redis://nowhere", PARTITIONS).keys(lane).of(suffix)


def script_runs(server: RedisServer) -> int:
    """Return how many times a script was asked for, by name or by text."""
    text = server.command("INFO", "commandstats").decode()
    lines = [line for line in text.splitlines() if line.startswith(("cmdstat_evalsha:", "cmdstat_eval:"))]
    return sum(int(line.split("calls=")[1].split(",")[0]) for line in lines)


@pytest.mark.parametrize("which", ["system", "bundled"])
def test_half_a_save_that_redis_brings_back_is_refused(which: str) -> None:
    """After a cut through a save's writes and two starts, the lane is where it was, or says that it is half saved."""
    executable = system_executable() if which == "system" else bundled_executable()
    if executable is None:
        pytest.skip(f"no {which} redis-server")
    refused = 0
    # Every write is in the file before it is answered, so that the cut is where it is meant to be.
    with RedisServer(executable=executable, options={"appendfsync": "always"}) as torn:

        async def two_saves(store: RedisStore) -> None:
            await saved(store, 0, save("t1", values={"c:a": b"A" * 500}))
            change = save("t2", "t1", {"c:a": b"B" * 500, "c:b": b"C" * 500}, due={"a": 5, "b": 6})
            await saved(store, 0, change)

        async def first_start(store: RedisStore) -> None:
            assert await store.load(0, ["c:a", "c:b"]) == ("t1", [b"A" * 500, None])
            # The save of another lane closes what the cut left open.
            await saved(store, 1, save("x1", values={"c:z": b"Z"}))

        async def second_start(store: RedisStore) -> None:
            nonlocal refused
            try:
                await store.open_lane(0)
            except StoreBroken as half:
                assert "half of a save" in str(half)
                assert (await store.load(0, []))[0] != "t1"
                assert set(await store.headers()) == {1}
                refused += 1
            else:
                # Whole: the save before the cut, or the one that it went through at its very end.
                assert await store.load(0, ["c:a", "c:b"]) in (
                    ("t1", [b"A" * 500, None]),
                    ("t2", [b"B" * 500, b"C" * 500]),
                )

        for cut in range(10, 1_200, 170):
            with_store(torn.url, two_saves)
            torn.kill()
            torn.truncate_append_only_file(-cut)
            torn.start()
            with_store(torn.url, first_start)
            torn.restart()
            with_store(torn.url, second_start)
            torn.kill()
            torn.remove_data()
            torn.start()
    assert refused > 0


class TestNetwork:
    """Lost, late and broken connections."""

    def test_a_reply_that_is_lost(self, server: RedisServer) -> None:
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

            with_store(f"redis://127.0.0.1:{proxy.port}", scenario)

    def test_a_reply_that_is_late(self, server: RedisServer) -> None:
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

            with_store(f"redis://127.0.0.1:{proxy.port}", scenario, HASTY)

    def test_a_request_that_is_lost(self, server: RedisServer) -> None:
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

            with_store(f"redis://127.0.0.1:{proxy.port}", scenario)

    def test_a_dead_connection_under_a_read(self, server: RedisServer) -> None:
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

            with_store(f"redis://127.0.0.1:{proxy.port}", scenario)

    def test_a_request_in_pieces(self, server: RedisServer) -> None:
        """Requests and replies that arrive byte by byte are understood."""
        with TcpProxy(("127.0.0.1", server.port)) as proxy:
            proxy.slice_bytes = 1

            async def scenario(store: RedisStore) -> None:
                await saved(store, 0, save("t1", values={"c:a": b"\r\n" * 40}, due={"a": 5}))
                assert await store.load(0, ["c:a"]) == ("t1", [b"\r\n" * 40])

            with_store(f"redis://127.0.0.1:{proxy.port}", scenario)

    def test_nobody_listens(self) -> None:
        """A server that is not there is named, and may come."""

        async def scenario(store: RedisStore) -> None:
            with pytest.raises(StoreUnavailable, match=r"no connection to Redis at 127\.0\.0\.1:1") as away:
                await store.open_lane(0)
            assert away.value.retryable

        with_store("redis://127.0.0.1:1", scenario)

    def test_cancellations_do_not_mix_replies(self, server: RedisServer) -> None:
        """After 2,000 reads given up at any moment, every answer is still the one that was asked for."""
        draw = random.Random(19)
        names = [f"cust-{i}" for i in range(60)]

        async def scenario(store: RedisStore) -> None:
            by_lane: dict[int, dict[str, bytes | None]] = {lane: {} for lane in range(PARTITIONS)}
            from cem.streams.partition import lane_of

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

        with_store(server.url, scenario)


class TestServer:
    """Servers that forget, refuse, hang or restart."""

    def test_scripts_are_forgotten(self, server: RedisServer) -> None:
        """SCRIPT FLUSH between any two saves costs a resend, nothing else."""

        async def scenario(store: RedisStore) -> None:
            token = NO_TOKEN
            for number in range(10):
                server.command("SCRIPT", "FLUSH")
                await saved(store, 0, save(f"t{number}", token, {"c:a": b"%d" % number}))
                token = f"t{number}"
            assert (await store.save(0, save("t9", "t8"))).outcome == "already"

        with_store(server.url, scenario)

    def test_a_restart(self, server: RedisServer) -> None:
        """After kill -9 on a healthy disk nothing is lost, and the same store goes on."""

        async def scenario(store: RedisStore) -> None:
            await saved(store, 0, save("t1", values={"c:a": b"A"}, due={"a": 5}, outbox=[emission("x")]))
            before = await store.open_lane(0)
            server.restart()
            assert await store.open_lane(0) == before
            await saved(store, 0, save("t2", "t1"))

        with_store(server.url, scenario)

    @pytest.mark.parametrize("seed", range(4))
    def test_a_torn_tail(self, server: RedisServer, seed: int) -> None:
        """A server that lost the tail of its file has each save whole or not at all, and late owners are fenced."""
        draw = random.Random(seed)

        async def write(store: RedisStore) -> None:
            token = NO_TOKEN
            for number in range(30):
                values: dict[str, bytes | None] = {f"c:{i}": b"%d" % number for i in range(5)}
                await saved(
                    store, 0, save(f"t{number}", token, values, due={str(i): number for i in range(5)})
                )
                token = f"t{number}"

        async def look(store: RedisStore) -> None:
            image = await store.open_lane(0)
            token, values = await store.load(0, [f"c:{i}" for i in range(5)])
            if image.header is None:
                assert (token, values) == (NO_TOKEN, [None] * 5)
            else:
                number = token.removeprefix("t").encode()
                assert values == [number] * 5
                assert image.next_due_ms == int(number)
                assert image.header.token == token
            assert token != "t29"
            answer = await store.save(0, save("t30", "t29", {"c:0": b"late"}))
            assert (answer.outcome, answer.found) == ("fenced", token)

        with_store(server.url, write)
        server.kill()
        lost = server.truncate_append_only_file(-draw.randrange(1, 6000))
        assert lost > 0
        server.start()
        with_store(server.url, look)

    def test_memory_is_full(self, server: RedisServer) -> None:
        """At maxmemory a save is refused whole, even one that only deletes; with more memory it goes through."""

        async def scenario(store: RedisStore) -> None:
            await saved(store, 0, save("t1", values={"c:a": b"A"}, due={"a": 1}, outbox=[emission("1")]))
            before = await store.open_lane(0)
            server.command("CONFIG", "SET", "maxmemory", 1)
            for change in (
                save("t2", "t1", {"c:b": b"B" * 1000}, due={"b": 1}, outbox=[emission("2")]),
                save("t2", "t1", {"c:a": None}, due={"a": None}),
            ):
                with pytest.raises(StoreUnavailable, match="maxmemory") as full:
                    await store.save(0, change)
                assert full.value.retryable
            server.command("CONFIG", "SET", "maxmemory", 0)
            assert await store.open_lane(0) == before
            assert await store.load(0, ["c:a", "c:b"]) == ("t1", [b"A", None])
            await saved(store, 0, change)

        with_store(server.url, scenario)

    def test_memory_runs_out_during_a_save(self, server: RedisServer) -> None:
        """A save that begins below maxmemory and ends above it is applied whole."""

        async def scenario(store: RedisStore) -> None:
            await saved(store, 0, save("t1"))
            used = int(server.command("INFO", "memory").split(b"used_memory:")[1].split(b"\r\n")[0])
            server.command("CONFIG", "SET", "maxmemory", used + 24_000_000)
            values: dict[str, bytes | None] = {f"c:{i}": b"x" * 1000 for i in range(9_000)}
            due = {str(i): i for i in range(9_000)}
            token, number = "t1", 2
            while True:
                change = save(f"t{number}", token, {f"{s}:{number}": v for s, v in values.items()}, due=due)
                try:
                    await saved(store, 0, change)
                except StoreUnavailable:
                    break
                token, number = f"t{number}", number + 1
            assert number > 2
            found, kept = await store.load(0, [f"{s}:{number - 1}" for s in values])
            assert (found, kept) == (token, list(values.values()))
            found, kept = await store.load(0, [f"{s}:{number}" for s in values])
            assert (found, kept) == (token, [None] * 9_000)

        try:
            with_store(server.url, scenario)
        finally:
            server.command("CONFIG", "SET", "maxmemory", 0)

    def test_a_read_only_replica(self, server: RedisServer) -> None:
        """A server that was demoted refuses saves; that may pass."""

        async def scenario(store: RedisStore) -> None:
            await saved(store, 0, save("t1"))
            server.command("REPLICAOF", "127.0.0.1", 1)
            with pytest.raises(StoreUnavailable, match="read-only replica") as demoted:
                await store.save(0, save("t2", "t1"))
            assert demoted.value.retryable
            server.command("REPLICAOF", "NO", "ONE")
            await saved(store, 0, save("t2", "t1"))

        with_store(server.url, scenario)

    def test_a_frozen_server(self, server: RedisServer) -> None:
        """A server that says nothing is given up at the deadline, and used again when it wakes."""

        async def scenario(store: RedisStore) -> None:
            await saved(store, 0, save("t1", values={"c:a": b"A"}))
            server.pause()
            try:
                change = save("t2", "t1")
                with pytest.raises(StoreUnavailable, match="did not answer within 300 ms"):
                    await store.read("a")
                with pytest.raises(StoreUnavailable, match="did not answer within 300 ms"):
                    await store.save(0, change)
            finally:
                server.resume()
            await asyncio.to_thread(
                wait_until, lambda: bool(server.command("PING")), timeout_s=10, what="awake"
            )
            assert (await store.save(0, change)).outcome in {"already", "saved"}

        with_store(server.url, scenario, HASTY)

    def test_a_busy_server(self, server: RedisServer) -> None:
        """A server that is held by somebody's script says so; that may pass."""
        server.command("CONFIG", "SET", "lua-time-limit", 20)

        async def scenario(store: RedisStore) -> None:
            await saved(store, 0, save("t1"))
            endless = asyncio.create_task(asyncio.to_thread(_quietly, server, "EVAL", "while true do end", 0))
            with pytest.raises(StoreUnavailable, match="busy") as busy:
                while True:
                    await store.load(0, ["c:a"])
            assert busy.value.retryable
            with pytest.raises(StoreUnavailable, match="busy"):
                await store.save(0, save("t2", "t1"))
            server.command("SCRIPT", "KILL")
            await endless
            await saved(store, 0, save("t2", "t1"))

        with_store(server.url, scenario)

    def test_the_disk_is_gone(self) -> None:
        """A server that cannot save to its disk refuses writes; the lane stays as it was."""
        with RedisServer(options={"appendonly": "no", "save": "3600 1000000"}) as server:

            async def scenario(store: RedisStore) -> None:
                await saved(store, 0, save("t1", values={"c:a": b"A"}))
                shutil.rmtree(server.data_dir)
                server.command("BGSAVE")
                failed = b"rdb_last_bgsave_status:err"
                await asyncio.to_thread(
                    wait_until,
                    lambda: failed in server.command("INFO", "persistence"),
                    timeout_s=10,
                    what="MISCONF",
                )
                with pytest.raises(StoreUnavailable, match="cannot write to its disk") as full:
                    await store.save(0, save("t2", "t1", {"c:a": None}))
                assert full.value.retryable
                assert await store.load(0, ["c:a"]) == ("t1", [b"A"])
                server.data_dir.mkdir()
                server.command("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
                await saved(store, 0, save("t2", "t1", {"c:a": None}))

            with_store(server.url, scenario)

    def test_still_loading(self) -> None:
        """A server that still loads its data is unavailable, not broken."""
        with RedisServer(options={"appendonly": "no"}) as server:
            for number in range(50):
                server.command("SET", f"k{number}", "x" * 100_000)
            server.command("SAVE")
            server.kill()
            server.options |= {"key-load-delay": "50000", "loading-process-events-interval-bytes": "1024"}

            async def scenario(store: RedisStore) -> None:
                starting = asyncio.create_task(asyncio.to_thread(server.start))
                while True:
                    try:
                        await store.open_lane(0)
                    except StoreUnavailable as away:
                        assert away.retryable
                        if "loading" in str(away):
                            break
                await starting

            with_store(server.url, scenario)


class TestForeignData:
    """Keys that hold what was not written there."""

    @pytest.mark.parametrize("suffix", ["lane", "outbox", "names", "due", "alerts"])
    def test_a_key_of_another_type(self, server: RedisServer, suffix: str) -> None:
        """It is found before anything is written, and named."""

        async def scenario(store: RedisStore) -> None:
            await saved(store, 0, save("t1", values={"c:a": b"A"}, due={"a": 1}, alerts={"a|x": 1}))
            server.command("DEL", key(suffix))
            server.command("RPUSH", key(suffix), "planted")
            change = save("t2", "t1", {"c:a": b"B", "c:b": b"B"}, due={"b": 1}, alerts={"b|x": 1})
            with pytest.raises(StoreBroken, match=f"{suffix} is not a"):
                await store.save(0, change)
            assert server.command("GET", key("c:a")) == b"A"
            assert server.command("EXISTS", key("c:b")) == 0
            if suffix != "lane":
                assert server.command("HGET", key("lane"), "token") == b"t1"

        with_store(server.url, scenario)

    def test_a_state_of_another_type(self, server: RedisServer) -> None:
        """A customer's key that holds no state stops the lane instead of passing for a new customer."""

        async def scenario(store: RedisStore) -> None:
            await saved(store, 0, save("t1", values={"c:a": b"A"}))
            server.command("LPUSH", key("c:b"), "planted")
            assert await store.load(0, ["c:a", "c:new"]) == ("t1", [b"A", None])
            for before in (["c:a", "c:new"], ["c:a"]):
                # Whether more absent keys were expected or not.
                await store.load(0, before)
                with pytest.raises(StoreBroken, match="c:b hold"):
                    await store.load(0, ["c:a", "c:b", "c:new"])

        with_store(server.url, scenario)

    def test_reading_the_wrong_type(self, server: RedisServer) -> None:
        """Opening, reading and listing say what is wrong instead of passing over it."""

        async def scenario(store: RedisStore) -> None:
            for name in ("due", "alerts", "outbox"):
                server.command("FLUSHALL")
                await saved(store, 0, save("t1"))
                server.command("DEL", key(name))
                server.command("HSET", key(name), "a", "b")
                with pytest.raises(StoreBroken, match="another type"):
                    await (store.newest("alerts", 5, 5) if name == "alerts" else store.open_lane(0))

        with_store(server.url, scenario)

    @pytest.mark.parametrize(
        ("field", "value", "says"),
        [
            ("header", b"\xc1 not MessagePack", "cannot be read"),
            ("header", b"\x93\x01\x02\x03", "cannot be read"),
            ("token", b"another", "belongs to save 't1', not 'another'"),
        ],
    )
    def test_a_damaged_header(self, server: RedisServer, field: str, value: bytes, says: str) -> None:
        """A lane whose header cannot be trusted is not opened."""

        async def scenario(store: RedisStore) -> None:
            await saved(store, 0, save("t1"))
            server.command("HSET", key("lane"), field, value)
            with pytest.raises(StoreBroken, match=says):
                await store.open_lane(0)
            with pytest.raises(StoreBroken, match=says):
                await store.headers()

        with_store(server.url, scenario)

    def test_a_damaged_outbox(self, server: RedisServer) -> None:
        """A lane whose outbox cannot be read is not opened: what it held would never be published."""

        async def scenario(store: RedisStore) -> None:
            await saved(store, 0, save("t1", outbox=[emission("x")]))
            server.command("SET", key("outbox"), b"\x91\xa1")
            with pytest.raises(StoreBroken, match="outbox"):
                await store.open_lane(0)

        with_store(server.url, scenario)

    def test_an_evicted_header(self, server: RedisServer) -> None:
        """A lane that lost its header but not its outbox or due times does not pass for an empty one."""

        async def scenario(store: RedisStore) -> None:
            await saved(store, 0, save("t1", due={"a": 1}))
            server.command("DEL", key("lane"))
            with pytest.raises(StoreBroken, match="noeviction"):
                await store.open_lane(0)

        with_store(server.url, scenario)

    def test_an_empty_outbox_key(self, server: RedisServer) -> None:
        """A lane without an outbox key has an empty outbox."""

        async def scenario(store: RedisStore) -> None:
            change = save("t1")
            await saved(store, 0, change)
            server.command("DEL", key("outbox"))
            assert await store.open_lane(0) == LaneImage(change.header, (), None)

        with_store(server.url, scenario)


class TestRights:
    """Users, passwords and certificates: what a person has to change is said, and not retried."""

    def test_no_password(self) -> None:
        """A server that wants a password says so, whatever is asked."""
        with RedisServer(password="s3cret") as server:

            async def scenario(store: RedisStore) -> None:
                for call in (
                    lambda: store.open_lane(0),
                    lambda: store.save(0, save("t1")),
                    lambda: store.read("a"),
                ):
                    with pytest.raises(StoreUnavailable, match="wants a user and password") as refused:
                        await call()
                    assert not refused.value.retryable

            with_store(f"redis://127.0.0.1:{server.port}", scenario)

    def test_a_wrong_password(self) -> None:
        """A wrong password is named as such, and not shown."""
        with RedisServer(password="s3cret") as server:

            async def scenario(store: RedisStore) -> None:
                with pytest.raises(StoreUnavailable, match="does not accept") as refused:
                    await store.open_lane(0)
                assert not refused.value.retryable
                assert "wr0ng" not in str(refused.value)

            with_store(f"redis://:wr0ng@127.0.0.1:{server.port}", scenario)

    def test_a_missing_right_is_found_before_writing(self) -> None:
        """A user who may not do all that a save does changes nothing (Redis 7; earlier ones cannot be asked)."""
        with RedisServer() as server:
            for right in ("hset", "set", "mset", "del", "sadd", "srem", "zadd", "zrem"):
                server.command(
                    "ACL", "SETUSER", "worker", "reset", "on", ">pw", "~cem:*", "+@all", f"-{right}"
                )

                async def scenario(store: RedisStore) -> None:
                    with pytest.raises(StoreUnavailable, match="ACL") as refused:
                        await store.save(
                            0, save("t1", values={"c:a": b"A", "c:b": None}, due={"a": 1, "b": None})
                        )
                    assert not refused.value.retryable

                with_store(f"redis://worker:pw@127.0.0.1:{server.port}", scenario)
                assert server.command("DBSIZE") == 0

    def test_a_reader_needs_few_rights(self) -> None:
        """The API's reads work for a user with GET, MGET, HMGET and ZREVRANGEBYSCORE on `cem:*` alone."""
        with RedisServer() as server:
            rights = ["+get", "+mget", "+hmget", "+zrevrangebyscore"]
            server.command("ACL", "SETUSER", "reader", "on", ">pw", "~cem:*", *rights)

            async def write(store: RedisStore) -> None:
                for lane in range(PARTITIONS):
                    await saved(store, lane, save("t1", values={"c:a": b"A"}, alerts={"a|x": 4}))

            async def read(store: RedisStore) -> None:
                assert await store.read("a") == b"A"
                assert len(await store.headers()) == PARTITIONS
                assert await store.newest("alerts", 5, 1) == [("a|x", 4)]
                with pytest.raises(StoreUnavailable, match="ACL"):
                    await store.save(0, save("t2", "t1"))

            with_store(server.url, write)
            with_store(f"redis://reader:pw@127.0.0.1:{server.port}", read)

    def test_a_certificate_that_does_not_verify(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """A server with a certificate of another authority is refused, and so is plain text to a TLS port."""
        ours, theirs = (make_certificates(tmp_path_factory.mktemp(name)) for name in ("ours", "theirs"))
        with RedisServer(certificates=theirs) as server:

            async def wrong_authority(store: RedisStore) -> None:
                with pytest.raises(StoreUnavailable, match="certificate") as refused:
                    await store.open_lane(0)
                assert not refused.value.retryable

            async def no_tls(store: RedisStore) -> None:
                with pytest.raises(StoreUnavailable):
                    await store.open_lane(0)

            async def unverified(store: RedisStore) -> None:
                assert await store.open_lane(0) == LaneImage(None, (), None)

            address = f"127.0.0.1:{server.port}"
            with_store(f"rediss://{address}?ssl_ca_certs={ours.ca}", wrong_authority)
            with_store(f"redis://{address}", no_tls)
            with_store(f"rediss://{address}?ssl_cert_reqs=none", unverified)


def test_what_a_server_says_of_itself(server: RedisServer) -> None:
    """The doctor learns version, role, persistence and what happens when memory is full."""

    async def scenario(store: RedisStore) -> None:
        (info,) = await store.server_info()
        assert info.address == f"127.0.0.1:{server.port}"
        assert info.version.split(".")[0] in {"6", "7", "8"}
        assert (info.role, info.cluster, info.replicas) == ("master", False, 0)
        assert (info.maxmemory_bytes, info.maxmemory_policy) == (0, "noeviction")
        assert (info.aof, info.aof_fsync, info.aof_last_write_ok) == (True, "everysec", True)
        assert info.used_memory_bytes > 0

    with_store(server.url, scenario)


def _quietly(server: RedisServer, *arguments: Any) -> None:
    try:
        server.command(*arguments, timeout_s=60)
    except Exception:
        return
