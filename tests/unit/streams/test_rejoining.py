"""A worker joins its group again however long that takes, and however long its lanes have wanted nothing."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any, cast

from aiokafka import TopicPartition
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from faust.transport.drivers.aiokafka import ConsumerRebalanceListener
from faust.types import TP

from cem.streams.consumer_thread import ConsumerThread
from cem.streams.transport import Consumer

LONG_AGO_S = 1_000.0
MAX_POLL_INTERVAL_S = 60.0


class _Faust:
    """Faust's app and its consumer, as far as a rebalance calls them; nothing is fetched meanwhile."""

    def on_rebalance_start(self) -> None: ...

    async def threadsafe_partitions_revoked(self, *_: Any) -> None: ...

    async def threadsafe_partitions_assigned(self, *_: Any) -> None: ...


def a_member() -> tuple[ConsumerThread, GroupCoordinator, SubscriptionState]:
    """Return our consumer thread, and aiokafka's member of the group, which has one partition."""
    subscriptions = SubscriptionState()
    thread = ConsumerThread.__new__(ConsumerThread)
    thread._rebalance = contextlib.ExitStack()
    thread.app, thread.consumer, thread.thread_loop = _Faust(), _Faust(), None
    coordinator = GroupCoordinator.__new__(GroupCoordinator)
    coordinator._subscription = subscriptions
    coordinator.group_id, coordinator.generation = "g", 1
    coordinator._enable_auto_commit, coordinator._performed_join_prepare = False, False
    coordinator._max_poll_interval, coordinator._retry_backoff_ms = MAX_POLL_INTERVAL_S, 1
    coordinator._heartbeat_task = None
    coordinator._start_heartbeat_task = lambda: None
    thread._consumer = SimpleNamespace(_subscription=subscriptions, _coordinator=coordinator)
    subscriptions.subscribe({"a"}, listener=ConsumerRebalanceListener(thread))
    subscriptions.assign_from_subscribed([TopicPartition("a", 0)])
    return thread, coordinator, subscriptions


def test_a_rejoin_is_tried_until_it_succeeds() -> None:
    """Also when it takes longer than a consumer may go without fetching: Faust fetches again only after it."""

    async def main() -> None:
        _, coordinator, subscriptions = a_member()
        tried = 0

        async def join(subscription: Any) -> bool:
            nonlocal tried
            tried += 1
            # Kafka is away, or leads us from one coordinator to the other.
            subscriptions._last_fetch_ended -= LONG_AGO_S
            if tried == 3:
                subscriptions.assign_from_subscribed([TopicPartition("a", 0)])
                await subscriptions.listener.on_partitions_assigned([TopicPartition("a", 0)])
            return tried == 3

        coordinator._do_rejoin_group = join
        subscription = subscriptions.subscription
        before = subscription.assignment
        found = None
        for _ in range(3):
            found = await coordinator.ensure_active_group(subscription, before)
        assert tried == 3
        assert found is subscription.assignment is not before
        # From now on it is to fetch again, as any other.
        subscriptions._last_fetch_ended -= LONG_AGO_S
        assert subscriptions.fetcher_idle_time > MAX_POLL_INTERVAL_S

    asyncio.run(main())


def test_lanes_that_want_nothing_do_not_make_a_worker_idle() -> None:
    """All of them wait for Redis, say: the worker goes round, and stays in its group."""

    class Full:
        def wants(self, tp: TP) -> bool:
            return False

        def all_read(self) -> bool:
            return False

    async def main() -> None:
        thread, _, subscriptions = a_member()
        consumer = Consumer.__new__(Consumer)
        consumer.lanes = cast(Any, Full())  # type: ignore[misc]
        consumer._next, consumer._seeking, consumer._thread = {TP("a", 0): 0}, set(), thread
        subscriptions._last_fetch_ended -= LONG_AGO_S
        assert await consumer._getmany({TP("a", 0)}, 0.0) == {}
        assert subscriptions.fetcher_idle_time < MAX_POLL_INTERVAL_S

    asyncio.run(main())
