"""What reaches the streams by another way: messages that know only their line, and messages of ours to customers."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec

from cem.domain.events import ContactAnswered, ContactDelivered, SmsRated
from cem.simulator.errands import Errand
from cem.simulator.facade import deliver, open_world
from cem.simulator.parameters import DAY_MS, Parameters
from cem.simulator.snapshot import freeze, thaw
from tests.builders.simulation import lived, log_record


def messages(**parameters: Any) -> dict[tuple[str, int, str], str]:
    """Return line, time and recipient of each message, and the topic that it came by."""
    life = lived(8, 40, **parameters)
    return {
        (e.event.line, e.time_ms, e.event.recipient or ""): e.topic
        for e in life.events
        if isinstance(e.event, SmsRated)
    }


def test_the_feed_by_line_brings_the_same_messages_another_way() -> None:
    """All of a household's or none of it; what is sent, when and for how much does not depend on it."""
    plain, mixed = messages(), messages(share_by_line=0.3)
    assert sorted(plain) == sorted(mixed)
    assert set(plain.values()) == {"cem.sms-usage"}
    came = set(mixed.values())
    assert came == {"cem.sms-usage", "cem.inbox"}
    life = lived(8, 40, share_by_line=0.3)
    owner = {name: life.world.owners[i] for i, name in enumerate(life.world.line_names)}
    ways: dict[int, set[str]] = defaultdict(set)
    for (line, _, _), topic in mixed.items():
        ways[owner[line]].add(topic)
    assert all(len(topics) == 1 for topics in ways.values())


def test_a_record_of_the_feed_by_line_names_no_customer() -> None:
    """Key, id, source and bytes know the line; each line is a source of its own, numbered without a gap."""
    numbers: dict[str, int] = defaultdict(int)
    for event in lived(8, 40, share_by_line=0.3).events:
        if event.topic == "cem.inbox":
            assert isinstance(event.event, SmsRated)
            assert event.key == f"line:{event.event.line}"
            numbers[event.source] += 1
            assert event.sequence == numbers[event.source]
            record = log_record(event)
            assert b"C0000" not in b"".join(
                [record.key or b"", record.value or b"", *(v for _, v in record.headers)]
            )
    assert len(numbers) > 5


def errand(**changes: Any) -> Errand:
    """Return a message about an alert to the first household."""
    expires_ms = Parameters().start_ms + 9 * DAY_MS
    return msgspec.structs.replace(
        Errand("C000001", "alert-1", "sms", expires_ms, action="sms_bundle"), **changes
    )


def test_a_message_of_ours_is_delivered_once_and_after_a_restart() -> None:
    """It arrives or is said to have failed; the same one again is not delivered again, also by a world thawed."""
    world = open_world(Parameters(customers=30))
    world.advance(world.parameters.day_start_ms(5))
    assert deliver(world, errand())
    assert not deliver(world, errand())
    assert not deliver(thaw(freeze(world)), errand())
    assert not deliver(world, errand(contact_id="alert-2", customer_id="nobody"))
    said = [e for e in world.advance(world.parameters.day_start_ms(6)) if e.event.TYPE.startswith("contact.")]
    ours = [e for e in said if getattr(e.event, "contact_id", "") == "alert-1"]
    assert next(e.event.TYPE for e in ours) in ("contact.delivered", "contact.failed")


def test_a_message_waits_until_it_may_be_sent() -> None:
    """At night it is asked for, in the morning it arrives."""
    world = open_world(Parameters(customers=30))
    morning_ms = world.parameters.day_start_ms(5) + 8 * 3_600_000
    world.advance(world.parameters.day_start_ms(5))
    for n in range(20):
        deliver(world, errand(customer_id=f"C{n + 1:06d}", contact_id=f"alert-{n}", send_after_ms=morning_ms))
    told = [e for e in world.advance(morning_ms + DAY_MS) if isinstance(e.event, ContactDelivered)]
    ours = [e for e in told if e.event.contact_id.startswith("alert-")]
    assert len(ours) >= 10
    assert min(e.time_ms for e in ours) >= morning_ms


def test_the_user_of_a_line_reads_and_says_nothing() -> None:
    """He does not speak for the household."""
    world = open_world(Parameters(customers=60))
    world.advance(world.parameters.day_start_ms(5))
    for n in range(60):
        deliver(world, errand(customer_id=f"C{n + 1:06d}", contact_id=f"alert-{n}", to_user=True))
    events = [e.event for e in world.advance(world.parameters.day_start_ms(8))]
    assert sum(isinstance(e, ContactDelivered) and e.contact_id.startswith("alert-") for e in events) > 40
    assert not [e for e in events if isinstance(e, ContactAnswered)]
