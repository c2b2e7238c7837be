"""Keys of a store that hold what it did not write there: it is found and named, and never passed over."""

from __future__ import annotations

import pytest

from cem.ports import LaneImage
from cem.stores import RedisStore, StoreBroken
from tests.builders.redis_store import PARTITIONS, run_with_store
from tests.builders.stores import emission, save, saved
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.redis


def key(suffix: str, lane: int = 0) -> bytes:
    """Return the key of a suffix of a lane."""
    return RedisStore("redis://nowhere", PARTITIONS).keys(lane).of(suffix)


@pytest.mark.parametrize("suffix", ["lane", "outbox", "names", "due", "alerts"])
def test_a_key_of_another_type(server: RedisServer, suffix: str) -> None:
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

    run_with_store(server.url, scenario)


def test_a_state_of_another_type(server: RedisServer) -> None:
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

    run_with_store(server.url, scenario)


def test_reading_the_wrong_type(server: RedisServer) -> None:
    """Opening, reading and listing say what is wrong instead of passing over it."""

    async def scenario(store: RedisStore) -> None:
        for name in ("due", "alerts", "outbox"):
            server.command("FLUSHALL")
            await saved(store, 0, save("t1"))
            server.command("DEL", key(name))
            server.command("HSET", key(name), "a", "b")
            with pytest.raises(StoreBroken, match="another type"):
                await (store.newest("alerts", 5, 5) if name == "alerts" else store.open_lane(0))

    run_with_store(server.url, scenario)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("header", b"\xc1 not MessagePack", "cannot be read"),
        ("header", b"\x93\x01\x02\x03", "cannot be read"),
        ("token", b"another", "belongs to save 't1', not 'another'"),
    ],
)
def test_a_damaged_header(server: RedisServer, field: str, value: bytes, says: str) -> None:
    """A lane whose header cannot be trusted is not opened."""

    async def scenario(store: RedisStore) -> None:
        await saved(store, 0, save("t1"))
        server.command("HSET", key("lane"), field, value)
        with pytest.raises(StoreBroken, match=says):
            await store.open_lane(0)
        with pytest.raises(StoreBroken, match=says):
            await store.headers()

    run_with_store(server.url, scenario)


def test_a_damaged_outbox(server: RedisServer) -> None:
    """A lane whose outbox cannot be read is not opened: what it held would never be published."""

    async def scenario(store: RedisStore) -> None:
        await saved(store, 0, save("t1", outbox=[emission("x")]))
        server.command("SET", key("outbox"), b"\x91\xa1")
        with pytest.raises(StoreBroken, match="outbox"):
            await store.open_lane(0)

    run_with_store(server.url, scenario)


def test_an_evicted_header(server: RedisServer) -> None:
    """A lane that lost its header but not its outbox or due times does not pass for an empty one."""

    async def scenario(store: RedisStore) -> None:
        await saved(store, 0, save("t1", due={"a": 1}))
        server.command("DEL", key("lane"))
        with pytest.raises(StoreBroken, match="noeviction"):
            await store.open_lane(0)

    run_with_store(server.url, scenario)


def test_an_empty_outbox_key(server: RedisServer) -> None:
    """A lane without an outbox key has an empty outbox."""

    async def scenario(store: RedisStore) -> None:
        change = save("t1")
        await saved(store, 0, change)
        server.command("DEL", key("outbox"))
        assert await store.open_lane(0) == LaneImage(change.header, (), None)

    run_with_store(server.url, scenario)
