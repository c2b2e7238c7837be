"""The servers and the seed of chaos tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.harness import Chaos, is_long, seed_of, wipe
from tests.chaos.links import Links
from tests.servers import kafka as real_kafka
from tests.servers import redis as real_redis
from tests.servers.child import free_port
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer


@pytest.fixture(scope="session")
def chaos_servers() -> Iterator[tuple[KafkaServer, RedisServer]]:
    """One Kafka and one Redis for all chaos tests, which may break them: `start_chaos` mends and empties them."""
    if reason := real_kafka.missing() or real_redis.missing():
        pytest.skip(reason)
    heap = ("-Xmx1g",) if is_long() else ()
    # Two ways past proxies: for the workers, and for the API.
    fronts = free_port(), free_port()
    with RedisServer() as redis, KafkaServer(java_options=heap, fronts=fronts) as kafka:
        yield kafka, redis


@pytest.fixture
def links(chaos_servers: tuple[KafkaServer, RedisServer]) -> Iterator[Links]:
    """A proxy on each link of the system, to be named when it is started."""
    with Links(*chaos_servers) as running:
        yield running


@pytest.fixture
def start_chaos(
    request: pytest.FixtureRequest, chaos_servers: tuple[KafkaServer, RedisServer], tmp_path: Path
) -> Callable[..., Chaos]:
    """Return a function that makes the `Chaos` of this test; its arguments are those of `Chaos`.

    Without `kafka` and `redis` of the test's own, it runs on the shared servers, emptied.
    """
    name = request.node.name.removeprefix("test_")

    def start(**options: object) -> Chaos:
        kafka, redis = chaos_servers
        wipe(kafka, redis)
        arguments = {
            "kafka": kafka, "redis": redis, "state_dir": tmp_path, "seed": seed_of(name), **options,
        }  # fmt: skip
        return Chaos(name, **arguments)  # type: ignore[arg-type]

    return start
