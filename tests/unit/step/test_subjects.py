"""States of other kinds beside the customers': names that cannot meet, one way of saving, one digest, the same replay."""

from __future__ import annotations

import asyncio
import re

import msgspec
import pytest

from cem.domain import fold
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events import INBOX_KINDS, ServiceDegraded, SmsRated, encode
from cem.domain.events.envelope import Received
from cem.domain.message import add_message
from cem.domain.state.area import Area
from cem.domain.state.lane import LaneSection, LaneState
from cem.domain.state_errors import BrokenState, NewerState
from cem.domain.subject_states import decode_subject, encode_subject, new_subject
from cem.domain.subjects import LANE, is_customer, kind_of, lane_subject, state_suffix, subject_of
from cem.stores import MemoryCore, MemoryStore
from cem.stores.digest import Digest, Digester
from tests.builders.customers import T0
from tests.builders.one_lane import Moment, OneLane, run_lane
from tests.builders.records import LogRecord

AREA_NAME = "area:Hải Châu"


class _Sums(msgspec.Struct, array_like=True):
    segments: int = 0


SUMS = LaneSection("test-sums", _Sums)


def _sum_up(customer: Customer, event: SmsRated, received: Received, ctx: FoldContext) -> None:
    add_message(customer, event, received, ctx)
    if event.segments > 1:
        ctx.lane.look(SUMS).segments += event.segments
        ctx.lane.touch(SUMS)


def _outage(number: int, key: str = AREA_NAME) -> LogRecord:
    event = ServiceDegraded(incident_id=f"i{number}", kind="data", area=key[5:])
    headers, value = encode(event, id=f"n{number}", source="noc", time_ms=T0, customer_id=key)
    return LogRecord("cem.inbox", 0, number, T0, key.encode(), value, headers)


def _sms(number: int, segments: int, customer: str = "c1") -> LogRecord:
    event = SmsRated(line="1", recipient="r", in_allowance=True, segments=segments)
    headers, value = encode(event, id=f"s{number}", source="t", time_ms=T0, customer_id=customer)
    return LogRecord("cem.sms-usage", 0, number, T0, customer.encode(), value, headers)


def test_no_subject_can_have_the_name_of_another_kind() -> None:
    """A customer's id holds no colon, no record's key names a lane, and a name is found again from its key."""
    assert LANE not in INBOX_KINDS
    for name in ("C1", "line:+491", AREA_NAME, lane_subject(7), "handle:c:x"):
        assert subject_of(state_suffix(name)) == name
        assert is_customer(name) == bool(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name))
    assert len({state_suffix(n) for n in ("line", "line:line", "area:line", "lane:1", "account:line")}) == 5
    assert (kind_of("C1"), kind_of("email:a:b@c")) == ("", "email")
    assert subject_of("t:x") is None


def test_an_area_has_a_state_of_its_own() -> None:
    """Its records count once, in the area's state, and make no customer."""
    lane = run_lane([Moment(T0, "cem.inbox", [_outage(0), _outage(1), _outage(1)._replace(offset=2)])])
    values = lane.ended().states
    assert list(values) == ["s:" + AREA_NAME]
    area = decode_subject(AREA_NAME, values["s:" + AREA_NAME])
    assert isinstance(area, Area)
    assert (area.name, area.records, area.duplicates) == (AREA_NAME, 2, 1)


def test_a_lane_keeps_what_spans_its_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fold that touches a section has it saved; one that touches none leaves the lane's state as it is."""
    monkeypatch.setattr(fold, "add_message", _sum_up)
    quiet = run_lane([Moment(T0, "cem.sms-usage", [_sms(0, 1), _sms(1, 1, "c2")])])
    assert sorted(name for name in quiet.ended().states if name[0] == "c") == ["c:c1", "c:c2"]
    kept = decode_subject("lane:0", quiet.ended().states.get("s:lane:0", b"\x80"))
    assert isinstance(kept, LaneState)
    assert "test-sums" not in kept.names()
    lane = run_lane([Moment(T0, "cem.sms-usage", [_sms(0, 2), _sms(1, 3, "c2"), _sms(2, 1)])], cuts=[1, 2])
    state = decode_subject("lane:0", lane.ended().states["s:lane:0"])
    assert isinstance(state, LaneState)
    assert state.look(SUMS) == _Sums(5)
    assert "test-sums" in state.names()


def test_the_journal_makes_every_subject_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty store that follows the journal ends with the same bytes and digest, which counts customers only."""
    monkeypatch.setattr(fold, "add_message", _sum_up)
    moments = [
        Moment(T0, "cem.sms-usage", [_sms(0, 2), _sms(1, 3, "c2")]),
        Moment(T0, "cem.inbox", [_outage(0)]),
        Moment(T0 + 1, "cem.sms-usage", [_sms(2, 4)]),
    ]
    lane = run_lane(moments, cuts=[1])
    again = MemoryCore()
    asyncio.run(lane.owner(core=again).open())
    assert again.values(0) == lane.ended().states
    digest = asyncio.run(_digest(lane))
    assert digest.customers == 2
    other = run_lane([m for m in moments if m.topic != "cem.inbox"])
    assert asyncio.run(_digest(other)).digest != digest.digest


async def _digest(lane: OneLane) -> Digest:
    digester = Digester()
    async for subject, state in MemoryStore(1, core=lane.core).scan_subjects(0):
        digester.add(subject, state)
    return digester.result()


def test_a_section_is_written_only_when_touched() -> None:
    """Looking changes no byte, in whatever order sections were added, and an empty lane has none."""
    lane = LaneState(3)
    assert encode_subject(lane) == b""
    other = LaneSection("a-first", _Sums)
    for section, number in ((SUMS, 1), (other, 2)):
        lane.look(section).segments = number
        lane.touch(section)
    data = encode_subject(lane)
    again = decode_subject("lane:3", data)
    assert isinstance(again, LaneState)
    assert again.look(other).segments == 2
    assert encode_subject(again) == data
    assert again.names() == ["a-first", "test-sums"]


@pytest.mark.parametrize("name", ["line:+491", AREA_NAME, "lane:0"])
def test_bytes_that_are_no_state_are_refused(name: str) -> None:
    """A newer version's state and a damaged one are told apart, and never folded on."""
    with pytest.raises(BrokenState):
        decode_subject(name, b"\xc1 no state")
    with pytest.raises(NewerState):
        decode_subject(name, msgspec.msgpack.encode([2, 7 if name == "lane:0" else name]))
    with pytest.raises(NewerState):
        decode_subject(name, msgspec.msgpack.encode([2, {}, {}]))


def test_what_nobody_heard_of_is_not_kept() -> None:
    """A subject without a record has no bytes."""
    for name in ("C1", "line:+491", AREA_NAME, "lane:0"):
        assert encode_subject(new_subject(name)) == b""
