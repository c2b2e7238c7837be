"""The four links of a system, each through a proxy: worker and API to Kafka and to Redis."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import Self

from tests.servers.kafka import KafkaServer
from tests.servers.proxy import TcpProxy
from tests.servers.redis import RedisServer

__all__ = ["Links", "redis_through"]


def redis_through(proxy: TcpProxy) -> str:
    """Return the store URL of the Redis behind the proxy."""
    return f"redis://127.0.0.1:{proxy.port}/0"


class Links:
    """Proxies that forward faithfully until a test makes them do otherwise."""

    def __init__(self, kafka: KafkaServer, redis: RedisServer) -> None:
        worker_front, api_front = kafka.fronts
        self.worker_kafka = TcpProxy(kafka.behind(worker_front), port=worker_front)
        self.api_kafka = TcpProxy(kafka.behind(api_front), port=api_front)
        self.worker_redis = TcpProxy(("127.0.0.1", redis.port))
        self.api_redis = TcpProxy(("127.0.0.1", redis.port))
        self._open = contextlib.ExitStack()

    @property
    def of_worker(self) -> dict[str, str]:
        """Where `start_chaos` shall tell the workers to find the servers."""
        return {
            "kafka_address": f"127.0.0.1:{self.worker_kafka.port}",
            "redis_url": redis_through(self.worker_redis),
        }

    @property
    def of_api(self) -> dict[str, str]:
        """Where `ApiUnderLoad` shall tell the API to find the servers."""
        return {"kafka": f"127.0.0.1:{self.api_kafka.port}", "redis": redis_through(self.api_redis)}

    def by_name(self, name: str) -> TcpProxy:
        """Return the proxy of a link: `worker_kafka`, `worker_redis`, `api_kafka` or `api_redis`."""
        proxy = getattr(self, name)
        assert isinstance(proxy, TcpProxy)
        return proxy

    def __enter__(self) -> Self:
        for proxy in (self.worker_kafka, self.api_kafka, self.worker_redis, self.api_redis):
            self._open.enter_context(proxy)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
