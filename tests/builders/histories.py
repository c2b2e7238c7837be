"""Histories of a lane, drawn by hypothesis: any events of any topic, repeats and rubbish among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from cem.domain.events import (
    EVENT_TYPES,
    Event,
    IdentifierLinked,
    IdentifierUnlinked,
    ServiceDegraded,
    SmsRated,
    encode,
)
from cem.pipeline import Limits
from cem.streams.topics import CUSTOMER_TOPICS, INBOX, LANE_TOPICS
from tests.builders.any_event import any_event
from tests.builders.customers import DAY, HOUR, MINUTE, T0
from tests.builders.one_lane import LANE, Moment, Trouble
from tests.builders.records import LogRecord

__all__ = ["cuts", "histories", "limits", "troubles"]

#: The ids that `any_event` puts into fields; as customers they meet each other there.
CUSTOMERS = ("a", "b", "talk-50")
_RUBBISH = (b"{", b"[]", b"null", b'{"line": 1}', b"\xff", None)
_BURST = 66
#: Where a worker may die: `LanePipeline`'s crash points, and nowhere.
_POINTS = ("", "loaded", "before-journal", "journalled", "saved", "published", "republished")


class _Drawn(NamedTuple):
    """One record before it has its place."""

    event: Event | None
    customer: str
    #: How long before the lane's time it happened (ms; negative: after it).
    ago_ms: int
    #: It comes twice in a row, or numbered by its source, or is a burst of messages to many people.
    repeated: bool
    numbered: bool


def _events_of(topic: str) -> st.SearchStrategy[Event]:
    return st.one_of([any_event(cls) for cls in EVENT_TYPES.values() if topic == cls.TOPIC])


#: The keys, on the inbox, of what would be the customers' elsewhere.
_IDENTIFIERS = dict(zip(CUSTOMERS, ("line:1", "line:+491701234567", "area:x"), strict=True))
_LINKS = {
    "kind": st.just("line"),
    "value": st.sampled_from(["1", "+491701234567"]),
    "customer_id": st.sampled_from(CUSTOMERS),
}
_EVENTS = {topic: _events_of(topic) for topic in CUSTOMER_TOPICS}
_EVENTS[INBOX] = st.one_of(
    any_event(SmsRated),
    any_event(ServiceDegraded),
    st.builds(IdentifierLinked, **_LINKS),
    st.builds(IdentifierUnlinked, **_LINKS),
)
_AGO = st.one_of(
    st.just(0),
    st.integers(-23 * HOUR, 3 * HOUR),
    st.integers(0, 20).map(lambda days: days * DAY),
)


@st.composite
def _moments(draw: st.DrawFn) -> tuple[int, str, list[_Drawn]]:
    topic = draw(st.sampled_from(LANE_TOPICS))
    passed_ms = draw(st.sampled_from([0, 1, MINUTE, 5 * HOUR, DAY, 7 * DAY, 7 * DAY + 1, 30 * DAY]))
    if topic == "cem.sms-usage" and draw(st.booleans()):
        customer, line = draw(st.sampled_from(CUSTOMERS)), draw(st.sampled_from("12"))
        burst = [SmsRated(line=line, recipient=f"r{n}", in_allowance=True) for n in range(_BURST)]
        return passed_ms, topic, [_Drawn(event, customer, 0, False, False) for event in burst]
    one = st.builds(
        _Drawn,
        st.one_of(_EVENTS[topic], _EVENTS[topic], _EVENTS[topic], st.none()),
        st.sampled_from(CUSTOMERS),
        _AGO,
        st.booleans(),
        st.booleans(),
    )
    return passed_ms, topic, draw(st.lists(one, min_size=1, max_size=6))


def _record(drawn: _Drawn, topic: str, offset: int, now_ms: int, number: int) -> LogRecord:
    if drawn.event is None:
        return LogRecord(topic, LANE, offset, now_ms, drawn.customer.encode(), _RUBBISH[number % 6], ())
    customer = drawn.event.key() or (_IDENTIFIERS[drawn.customer] if topic == INBOX else drawn.customer)
    more: dict[str, Any] = {"sequence": number} if drawn.numbered else {}
    headers, value = encode(
        drawn.event,
        id=f"e{number}",
        source="numbered" if drawn.numbered else "drawn",
        time_ms=now_ms - drawn.ago_ms,
        customer_id=customer,
        **more,
    )
    return LogRecord(topic, LANE, offset, now_ms, customer.encode(), value, headers)


def _placed(drawn: Sequence[tuple[int, str, list[_Drawn]]]) -> list[Moment]:
    moments: list[Moment] = []
    ends = dict.fromkeys(LANE_TOPICS, 0)
    now_ms, number = T0, 0
    for passed_ms, topic, records in drawn:
        now_ms += passed_ms
        placed = []
        for record in records:
            number += 1
            for _ in range(1 + record.repeated):
                placed.append(_record(record, topic, ends[topic], now_ms, number))
                ends[topic] += 1
        moments.append(Moment(now_ms, topic, placed))
    # What was left open falls due.
    return [*moments, Moment(now_ms + 40 * DAY, CUSTOMER_TOPICS[0], [])]


def histories(most: int = 8) -> st.SearchStrategy[list[Moment]]:
    """Return histories of a lane: at most so many moments, at lane times that never go back, and a last, late tick."""
    return st.lists(_moments(), min_size=1, max_size=most).map(_placed)


def cuts() -> st.SearchStrategy[list[int]]:
    """Return places between records at which a batch ends."""
    return st.lists(st.integers(0, 120), max_size=12)


def limits() -> st.SearchStrategy[Limits]:
    """Return bounds of a save, down to one customer, and of the cache, down to none."""
    return st.builds(
        Limits,
        customers=st.sampled_from([1, 2, 500]),
        bytes=st.sampled_from([300, 2_000, 512_000]),
        cached=st.sampled_from([0, 1, 100_000]),
    )


def troubles() -> st.SearchStrategy[dict[int, Trouble]]:
    """Return what befalls the worker before which batch: it starts anew, dies at a crash point, loses saves."""
    trouble = st.builds(Trouble, st.sampled_from(_POINTS), st.sampled_from([0, 0, 1, 4]))
    batches = st.lists(st.one_of(st.none(), trouble), min_size=4, max_size=12)
    return batches.map(lambda drawn: {number: one for number, one in enumerate(drawn) if one is not None})
