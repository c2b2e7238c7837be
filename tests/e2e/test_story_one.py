"""Story 1 on real servers: the daughter texts as never before, and her father hears of it before he has to call."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cem.domain.events import CallStarted, Event, ProfileChanged, ProfileLine, Role, SmsRated
from tests.e2e.system import System, outgoing
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]

DAY_MS = 86_400_000
#: 2026-09-01 00:00 UTC; the rise begins on the 3rd of October.
START_MS = 1_788_220_800_000
RISE_MS = START_MS + 32 * DAY_MS
FATHER, DAUGHTER = "+4915100000001", "+4915100000002"


def texting() -> list[tuple[int, Event]]:
    """Return a month of four messages a day, then a week of thirty; beyond a hundred a month each costs 9 cents."""
    draw = random.Random(1)
    found: list[tuple[int, Event]] = []
    used: dict[int, int] = {}
    for day in range(39):
        rises = day >= 32
        sent = sorted(draw.randrange(8 * 3600, 22 * 3600) for _ in range(30 if rises else draw.randint(2, 5)))
        for second in sent:
            month = day // 30
            used[month] = used.get(month, 0) + 1
            inside = used[month] <= 100
            found.append(
                (
                    START_MS + day * DAY_MS + second * 1000,
                    SmsRated(
                        line=DAUGHTER,
                        destination="offnet",
                        recipient=f"friend{draw.randrange(12 if rises else 5)}",
                        in_allowance=inside,
                        charge_minor=0 if inside else 9,
                    ),
                )
            )
    return found


def test_the_father_is_told_line_cause_cost_and_remedy_before_he_calls(
    start_kafka: Callable[..., KafkaServer], tmp_path: Path
) -> None:
    """His bill grows for a week until he calls; by then alerts have named the line, what it did, what it cost, what helps."""
    profile = ProfileChanged(
        lines=(
            ProfileLine(line=FATHER, role=Role.PAYER),
            ProfileLine(line=DAUGHTER, role=Role.CHILD, user="p2", sms_allowance=100),
        ),
        cycle_day=1,
    )
    called_ms = RISE_MS + 7 * DAY_MS
    story = [
        (START_MS, profile),
        *texting(),
        (called_ms, CallStarted(call_id="c1", line=FATHER, reason="sms")),
    ]
    with (
        RedisServer() as redis,
        System(
            kafka=start_kafka().bootstrap,
            redis=redis.url,
            state_dir=tmp_path,
            clock="simulated",
            partitions=2,
        ) as system,
    ):
        system.command("topics", "create")
        evening_ms = RISE_MS - 4 * 3_600_000
        records = [
            (at_ms, outgoing(event, "father", event_id=f"e{n}", time_ms=at_ms, recorded_ms=at_ms))
            for n, (at_ms, event) in enumerate(story)
        ]
        system.set_clock(evening_ms)
        system.produce(record for at_ms, record in records if at_ms < evening_ms)
        worker = system.worker("w")
        system.wait_read()
        # Then from evening to evening, before the quiet hours: what is told is told in time, or not at all.
        for begin_ms in range(evening_ms, called_ms + 1, DAY_MS):
            end_ms = begin_ms + DAY_MS
            system.set_clock(end_ms)
            system.produce(record for at_ms, record in records if begin_ms <= at_ms < end_ms)
            system.wait_read()
        assert system.stop(worker) == 0
        alerts: list[dict[str, Any]] = [msgspec.json.decode(r.value) for r in system.read_topic("cem.alerts")]
    of_line = [alert for alert in alerts if alert["subject"] == DAUGHTER]
    kinds = {alert["type"] for alert in of_line}
    assert {"sms_allowance", "sms_rise"} <= kinds
    rises = [alert for alert in of_line if alert["type"] == "sms_rise"]
    # The notice is hers, the alert is his; both are counts.
    assert (rises[0]["tier"], rises[0]["tell"]["who"]) == ("notice", "user")
    assert any((alert["tier"], alert["tell"]["who"]) == ("alert", "payer") for alert in rises)
    assert rises[-1]["evidence"]["messages_3d"] > 2 * rises[-1]["evidence"]["usual_3d"]
    told = [alert for alert in of_line if alert["tell"]["who"] == "payer" and alert["tier"] == "alert"]
    assert all(alert["opened_at"] < "2026-10-10" for alert in told)
    costs = [alert for alert in told if alert["type"] == "sms_allowance"]
    assert costs[-1]["cost_minor"] >= 500
    assert costs[-1]["evidence"]["charged_offnet_minor"] == costs[-1]["cost_minor"]
    # What it costs is said with it; a cap on the child's line costs nothing.
    assert costs[-1]["remedy"]["action"] in ("sms_bundle", "usage_control")
    assert costs[-1]["remedy"]["price_minor"] is not None
    assert all("friend" not in str(alert) for alert in alerts)
