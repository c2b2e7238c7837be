"""Servers that forget, refuse, hang or restart: nothing is half saved, nothing is saved twice."""

from __future__ import annotations

import asyncio
import random
import shutil
from typing import Any

import pytest

from cem.ports import NO_TOKEN
from cem.stores import RedisStore, StoreBroken, StoreUnavailable
from tests.builders.redis_store import HASTY, run_with_store
from tests.builders.stores import emission, save, saved
from tests.servers.child import wait_until
from tests.servers.redis import RedisServer, bundled_executable, system_executable

pytestmark = pytest.mark.redis


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
            run_with_store(torn.url, two_saves)
            torn.kill()
            torn.truncate_append_only_file(-cut)
            torn.start()
            run_with_store(torn.url, first_start)
            torn.restart()
            run_with_store(torn.url, second_start)
            torn.kill()
            torn.remove_data()
            torn.start()
    assert refused > 0


def test_scripts_are_forgotten(server: RedisServer) -> None:
    """SCRIPT FLUSH between any two saves costs a resend, nothing else."""

    async def scenario(store: RedisStore) -> None:
        token = NO_TOKEN
        for number in range(10):
            server.command("SCRIPT", "FLUSH")
            await saved(store, 0, save(f"t{number}", token, {"c:a": b"%d" % number}))
            token = f"t{number}"
        assert (await store.save(0, save("t9", "t8"))).outcome == "already"

    run_with_store(server.url, scenario)


def test_a_restart(server: RedisServer) -> None:
    """After kill -9 on a healthy disk nothing is lost, and the same store goes on."""

    async def scenario(store: RedisStore) -> None:
        await saved(store, 0, save("t1", values={"c:a": b"A"}, due={"a": 5}, outbox=[emission("x")]))
        before = await store.open_lane(0)
        server.restart()
        assert await store.open_lane(0) == before
        await saved(store, 0, save("t2", "t1"))

    run_with_store(server.url, scenario)


@pytest.mark.parametrize("seed", range(4))
def test_a_torn_tail(server: RedisServer, seed: int) -> None:
    """A server that lost the tail of its file has each save whole or not at all, and late owners are fenced."""
    draw = random.Random(seed)

    async def write(store: RedisStore) -> None:
        token = NO_TOKEN
        for number in range(30):
            values: dict[str, bytes | None] = {f"c:{i}": b"%d" % number for i in range(5)}
            await saved(store, 0, save(f"t{number}", token, values, due={str(i): number for i in range(5)}))
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

    run_with_store(server.url, write)
    server.kill()
    lost = server.truncate_append_only_file(-draw.randrange(1, 6000))
    assert lost > 0
    server.start()
    run_with_store(server.url, look)


def test_memory_is_full(server: RedisServer) -> None:
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

    run_with_store(server.url, scenario)


def test_memory_runs_out_during_a_save(server: RedisServer) -> None:
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
        run_with_store(server.url, scenario)
    finally:
        server.command("CONFIG", "SET", "maxmemory", 0)


def test_a_read_only_replica(server: RedisServer) -> None:
    """A server that was demoted refuses saves; that may pass."""

    async def scenario(store: RedisStore) -> None:
        await saved(store, 0, save("t1"))
        server.command("REPLICAOF", "127.0.0.1", 1)
        with pytest.raises(StoreUnavailable, match="read-only replica") as demoted:
            await store.save(0, save("t2", "t1"))
        assert demoted.value.retryable
        server.command("REPLICAOF", "NO", "ONE")
        await saved(store, 0, save("t2", "t1"))

    run_with_store(server.url, scenario)


def test_a_frozen_server(server: RedisServer) -> None:
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
        await asyncio.to_thread(wait_until, lambda: bool(server.command("PING")), timeout_s=10, what="awake")
        assert (await store.save(0, change)).outcome in {"already", "saved"}

    run_with_store(server.url, scenario, HASTY)


def test_a_busy_server(server: RedisServer) -> None:
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

    run_with_store(server.url, scenario)


def test_the_disk_is_gone() -> None:
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

        run_with_store(server.url, scenario)


def test_still_loading() -> None:
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

        run_with_store(server.url, scenario)


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

    run_with_store(server.url, scenario)


def _quietly(server: RedisServer, *arguments: Any) -> None:
    try:
        server.command(*arguments, timeout_s=60)
    except Exception:
        return
