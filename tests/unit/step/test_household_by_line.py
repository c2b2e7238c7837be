"""Households whose messages come from a feed that knows only the line, and whose profiles come days late."""

from __future__ import annotations

from collections import defaultdict

from cem.domain.customer import Customer
from cem.domain.identity import IdentityRules
from cem.domain.state.identifier import Identifier
from cem.domain.thresholds import AlertPolicy, RisePolicy, WatchPolicy
from cem.ports import Emission
from cem.simulator import Produced
from tests.builders.many_lanes import ManyLanes
from tests.builders.simulation import lived, log_record

HOUR_MS = 3_600_000
LATE_MS = 72 * HOUR_MS
#: What depends on the way that a record came by, or on when it was looked at: everything else must be the same.
OF_THE_WAY = {"seen", "seen_mark_s", "seen_marked", "sources", "stirred_s", "_estimates", "_piece"}
#: Lines of a few days are compared with what their lane knows of all lines by then, which is another thing days later.
NOT_YOUNG = AlertPolicy(sms_watch=WatchPolicy(rise=RisePolicy(young_days=14)))


def lanes_of(share_by_line: float, *, profiles_late: bool) -> ManyLanes:
    """Return lanes that have read six days of a few households, hour by hour."""
    life = lived(6, 12, share_by_line=share_by_line)
    start_ms = life.world.parameters.start_ms
    lanes = ManyLanes(3, identity=IdentityRules(waiting_records=500), alerts=NOT_YOUNG)

    def arrives_ms(event: Produced) -> int:
        late = profiles_late and event.topic == "cem.profiles"
        return max(event.recorded_ms, start_ms + LATE_MS) if late else event.recorded_ms

    hours: dict[int, list[Produced]] = defaultdict(list)
    for event in sorted(life.events, key=arrives_ms):
        hours[arrives_ms(event) // HOUR_MS].append(event)
    for hour, events in sorted(hours.items()):
        lanes.now_ms = (hour + 1) * HOUR_MS
        for event in events:
            record = log_record(event)
            lanes.take(Emission(record.topic, record.key, record.value, record.headers))
        lanes.run()
    return lanes


def ids_by_source(lanes: ManyLanes, topic: str) -> dict[bytes, list[bytes]]:
    """Return the messages of each line in the order in which they stand on the topic."""
    found: dict[bytes, list[bytes]] = defaultdict(list)
    for (name, _), records in lanes.log.items():
        for headers in (dict(record.headers) for record in records if name == topic):
            if headers["ce_type"] == b"sms.rated":
                found[headers["ce_source"]].append(headers["ce_id"])
    return found


def test_a_household_known_late_is_as_one_known_from_the_first_on() -> None:
    """Its messages wait for the profile, follow in their order, and make the same facts; none is lost or doubled."""
    known, late = lanes_of(0.0, profiles_late=False), lanes_of(1.0, profiles_late=True)
    customers = [name for name in known.subjects() if name.startswith("C")]
    lines = 0
    for name in late.subjects():
        identifier = late.state(name)
        if isinstance(identifier, Identifier):
            lines += 1
            assert (identifier.waiting, identifier.forwarded) == ([], identifier.records)
    assert lines > len(customers)
    for name in customers:
        ours, theirs = late.state(name), known.state(name)
        assert isinstance(ours, Customer)
        assert isinstance(theirs, Customer)
        assert sum(line.counts[1] for line in ours.lines.values()) > 0
        for field in ours.__struct_fields__:
            if field not in OF_THE_WAY:
                assert getattr(ours, field) == getattr(theirs, field), (name, field)
    assert late.dead_letters() == []
    assert ids_by_source(late, "cem.sms-usage") == ids_by_source(late, "cem.inbox")
