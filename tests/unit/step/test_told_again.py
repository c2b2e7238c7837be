"""A warning that did not arrive, or that the collapse of thresholds no longer covers, is told again: on a lane, by its clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from cem.domain.events import (
    ContactDelivered,
    ContactFailed,
    Event,
    PlanChanged,
    SmsDestination,
    SmsRated,
    encode,
)
from cem.domain.events.enums import Channel
from tests.builders.customers import DAY, HOUR, MINUTE, T0
from tests.builders.one_lane import LANE, OneLane
from tests.builders.records import LogRecord

FATHER, LINE = "C1", "+4915100000001"
EVENING, MORNING, NOON = 22 * HOUR, 32 * HOUR, 36 * HOUR


class Life:
    """A lane at which events arrive one by one while its clock is moved, and the sender that answers it."""

    def __init__(self, *, restarts: bool) -> None:
        self._lane = OneLane()
        self._restarts = restarts
        self._pipeline = self._lane.owner()

    async def begin(self) -> None:
        await self._pipeline.open()
        await self.at(T0, PlanChanged(plan="M", line=LINE, sms_allowance=100))

    async def at(self, now_ms: int, event: Event | None = None) -> None:
        """Move the clock, do what is due until then, and take the event."""
        if self._restarts:
            self._pipeline = self._lane.owner()
            await self._pipeline.open()
        while await self._pipeline.tick(now_ms):
            pass
        if event is None:
            return
        topic = topic_of(event)
        taken = self._lane.inputs[topic]
        headers, value = encode(
            event, id=f"{topic}-{len(taken)}", source="t", time_ms=now_ms, customer_id=FATHER
        )
        taken.append(LogRecord(topic, LANE, len(taken), now_ms, FATHER.encode(), value, headers))
        await self._pipeline.apply(topic, taken[-1:], now_ms)

    async def texts(self, segments: int, now_ms: int) -> None:
        """Let the line send so many segments to one friend, ten a message."""
        for n in range(segments // 10):
            message = SmsRated(line=LINE, destination=SmsDestination.ONNET, recipient="r", segments=10)
            await self.at(now_ms + n * MINUTE, message)

    def said(self, topic: str) -> list[dict[str, Any]]:
        """Return what was published to the topic, each record once, in its order."""
        found = {dict(e.headers)["ce_id"]: e.value for e in self._lane.published if e.topic == topic}
        return [msgspec.json.decode(value) for value in found.values() if value is not None]


def topic_of(event: Event) -> str:
    return type(event).TOPIC


async def failed_first(*, restarts: bool) -> Life:
    """The notice of the evening waits for the morning, does not arrive, and is an alert in the afternoon."""
    life = Life(restarts=restarts)
    await life.begin()
    await life.texts(80, T0 + EVENING)
    await life.at(T0 + MORNING - 1)
    assert life.said("cem.outreach") == []
    await life.at(T0 + MORNING)
    (first,) = life.said("cem.outreach")
    await life.at(T0 + MORNING + HOUR, ContactFailed(contact_id=first["contact_id"], channel=Channel.SMS))
    await life.texts(20, T0 + NOON)
    _, second = life.said("cem.outreach")
    await life.at(T0 + NOON + HOUR, ContactDelivered(contact_id=second["contact_id"], channel=Channel.SMS))
    await life.at(T0 + 60 * DAY)
    return life


@pytest.mark.parametrize("restarts", [False, True])
def test_what_failed_is_told_when_it_becomes_more_urgent(restarts: bool) -> None:
    """Under an id of its own, about the same alert; it is told from that delivery on, and no third message is asked for."""
    life = asyncio.run(failed_first(restarts=restarts))
    first, second = life.said("cem.outreach")
    assert first["alert_id"] == second["alert_id"]
    assert first["contact_id"] != second["contact_id"]
    alerts = life.said("cem.alerts")
    assert [(a["tier"], a["reason"]) for a in alerts] == [
        ("notice", None),
        ("notice", "quiet hours over"),
        ("alert", "higher threshold"),
        ("alert", "told"),
        ("alert", "over"),
    ]
    told = datetime.fromtimestamp((T0 + NOON + HOUR) / 1000, UTC)
    assert [a["told_at"] for a in alerts][:3] == [None] * 3
    assert datetime.fromisoformat(alerts[3]["told_at"]) == told


async def thresholds(days_between: int, *, restarts: bool) -> Life:
    """80 % at noon, delivered; 100 % so many days later."""
    life = Life(restarts=restarts)
    await life.begin()
    await life.texts(80, T0 + NOON)
    (first,) = life.said("cem.outreach")
    await life.at(T0 + NOON + HOUR, ContactDelivered(contact_id=first["contact_id"], channel=Channel.SMS))
    await life.texts(20, T0 + NOON + days_between * DAY)
    await life.at(T0 + 60 * DAY)
    return life


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("days", "alerts"), [(1, 1), (3, 2)])
def test_a_threshold_is_told_again_as_the_same_alert_within_the_collapse_and_as_a_new_one_after_it(
    days: int, alerts: int, restarts: bool
) -> None:
    """Two messages either way, each asked for once; after 48 hours the second alert has yet to be told."""
    life = asyncio.run(thresholds(days, restarts=restarts))
    asked = life.said("cem.outreach")
    assert len({each["contact_id"] for each in asked}) == len(asked) == 2
    assert len({each["alert_id"] for each in asked}) == alerts
    last = [a for a in life.said("cem.alerts") if a["alert_id"] == asked[1]["alert_id"]][-1]
    assert (last["state"], last["told_at"] is None) == ("resolved", alerts == 2)
