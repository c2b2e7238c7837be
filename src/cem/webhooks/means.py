"""What every sender of a process uses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from cem.alerts.delivery.endpoint import EndPoint
from cem.alerts.delivery.plan import Answer, Limits
from cem.ports import Clock, Log, Publisher
from cem.stores.webhook_states import WebhookStates
from cem.streams.alert_feed import AlertSource
from cem.streams.clock import wall_ms
from cem.webhooks.metrics import WebhookMetrics

__all__ = ["Means", "Posts"]

_LEASE_MS: Final = 10_000


class Posts(Protocol):
    """Does one request."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer: ...


@dataclass
class Means:
    """What every sender of a process uses."""

    source: AlertSource
    log: Log
    states: WebhookStates
    publisher: Publisher
    poster: Posts
    #: The service's clock: alerts expire by it.
    clock: Clock
    #: The key that secrets are made of, as it is now; None if there is none.
    key: Callable[[], bytes | None]
    environ: Mapping[str, str]
    #: Writes the end point's record anew.
    register: Callable[[EndPoint], Awaitable[None]]
    metrics: WebhookMetrics = field(default_factory=WebhookMetrics)
    limits: Limits = field(default_factory=Limits)
    lease_ms: int = _LEASE_MS
    #: Wall time, by which attempts are scheduled.
    wall_ms: Callable[[], int] = wall_ms
