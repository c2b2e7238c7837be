"""Users, passwords and certificates of a Redis: what a person has to change is said, and not retried."""

from __future__ import annotations

import pytest

from cem.ports import LaneImage
from cem.stores import RedisStore, StoreUnavailable
from tests.builders.redis_store import PARTITIONS, run_with_store
from tests.builders.stores import save, saved
from tests.servers.redis import RedisServer, make_certificates

pytestmark = pytest.mark.redis


def test_no_password() -> None:
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

        run_with_store(f"redis://127.0.0.1:{server.port}", scenario)


def test_a_wrong_password() -> None:
    """A wrong password is named as such, and not shown."""
    with RedisServer(password="s3cret") as server:

        async def scenario(store: RedisStore) -> None:
            with pytest.raises(StoreUnavailable, match="does not accept") as refused:
                await store.open_lane(0)
            assert not refused.value.retryable
            assert "wr0ng" not in str(refused.value)

        run_with_store(f"redis://:wr0ng@127.0.0.1:{server.port}", scenario)


def test_a_missing_right_is_found_before_writing() -> None:
    """A user who may not do all that a save does changes nothing (Redis 7; earlier ones cannot be asked)."""
    with RedisServer() as server:
        for right in ("hset", "set", "mset", "del", "sadd", "srem", "zadd", "zrem"):
            server.command("ACL", "SETUSER", "worker", "reset", "on", ">pw", "~cem:*", "+@all", f"-{right}")

            async def scenario(store: RedisStore) -> None:
                with pytest.raises(StoreUnavailable, match="ACL") as refused:
                    await store.save(
                        0, save("t1", values={"c:a": b"A", "c:b": None}, due={"a": 1, "b": None})
                    )
                assert not refused.value.retryable

            run_with_store(f"redis://worker:pw@127.0.0.1:{server.port}", scenario)
            assert server.command("DBSIZE") == 0


def test_a_reader_needs_few_rights() -> None:
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

        run_with_store(server.url, write)
        run_with_store(f"redis://reader:pw@127.0.0.1:{server.port}", read)


def test_a_certificate_that_does_not_verify(tmp_path_factory: pytest.TempPathFactory) -> None:
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
        run_with_store(f"rediss://{address}?ssl_ca_certs={ours.ca}", wrong_authority)
        run_with_store(f"redis://{address}", no_tls)
        run_with_store(f"rediss://{address}?ssl_cert_reqs=none", unverified)
