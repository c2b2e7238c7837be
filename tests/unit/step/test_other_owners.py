"""Whose saves an owner finds when it opens its lane anew."""

from __future__ import annotations

import asyncio
from copy import deepcopy

from cem.domain.events import SmsDestination, SmsRated
from tests.builders.customers import T0
from tests.builders.one_lane import LANE, OneLane
from tests.builders.records import record_of

TOPIC = "cem.sms-usage"


def test_an_owner_tells_its_own_saves_from_those_of_others() -> None:
    """A store that went back shows an owner its own saves and their continuation; another owner's save is told, and so
    is one that only the journal has.
    """

    async def scenario() -> None:
        lane = OneLane()
        event = SmsRated(line="1", destination=SmsDestination.ONNET, recipient="r", in_allowance=True)
        records = [
            record_of(event, key="c-1", time_ms=T0 + n, id=f"e{n}")._replace(partition=LANE, offset=n)
            for n in range(3)
        ]
        lane.inputs[TOPIC] += records
        first, second = lane.owner(name="first"), lane.owner(name="second")
        await first.open()
        assert not first.found_others
        await first.apply(TOPIC, records[:1], T0)
        early = deepcopy(lane.core)
        await first.apply(TOPIC, records[1:2], T0)

        back = lane.owner(name="first", core=deepcopy(early))
        await back.open()
        assert (back.found_others, back.position(TOPIC).next_offset) == (False, 2)

        await second.open()
        assert second.found_others
        await second.apply(TOPIC, records[2:], T0)
        await first.open()
        assert first.found_others
        followed = lane.owner(name="first", core=deepcopy(early))
        await followed.open()
        assert (followed.found_others, followed.position(TOPIC).next_offset) == (True, 3)

    asyncio.run(scenario())
