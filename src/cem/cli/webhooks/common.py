"""What the commands about end points share."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

from cem.cli.errors import FAILED, USAGE, Failure
from cem.cli.reach import require_kafka
from cem.settings import Settings

if TYPE_CHECKING:
    from cem.alerts.delivery.endpoint import EndPoint
    from cem.bootstrap import Parts
    from cem.webhooks.service import WebhookService

__all__ = ["find", "opened", "require_topics"]


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Parts, WebhookService]]:
    """Give the parts, and the end points as the log has them."""
    from cem.bootstrap import open_parts
    from cem.bootstrap.webhooks import registered_webhooks

    await require_kafka(settings)
    await require_topics(settings)
    async with open_parts(settings) as parts:
        yield parts, await registered_webhooks(parts, settings)


async def require_topics(settings: Settings) -> None:
    """Return if the topics are as they have to be. Raises Failure."""
    from cem.streams.topic_admin import describe_topics, differences

    for difference in differences(settings, await describe_topics(settings)):
        if difference.level == "fail":
            raise Failure(f"{difference.message}: {difference.remedy}", FAILED)


def find(service: WebhookService, name: str) -> EndPoint:
    """Return the end point. Raises Failure with the nearest name."""
    known = {point.name: point for point in service.points}
    if name in known:
        return known[name]
    near = get_close_matches(name, list(known), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "; `cem webhooks list` shows those that there are"
    raise Failure(f"no end point is called {name!r}{hint}", USAGE)
