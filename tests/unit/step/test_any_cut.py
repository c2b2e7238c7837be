"""However a lane's records are cut into batches, and whatever dies in between: one state, one set of emissions."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cem.domain.customer import Customer
from cem.domain.subject_states import decode_subject, encode_subject
from cem.domain.subjects import subject_of
from cem.pipeline import Limits
from cem.stores import MemoryCore
from tests.builders.any_state import SECTIONS
from tests.builders.histories import cuts, histories, limits, troubles
from tests.builders.one_lane import LANE, Moment, OneLane, Trouble, run_lane

slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@slow
@given(histories(), cuts(), limits(), troubles())
def test_cuts_limits_deaths_and_lost_saves_change_nothing(
    moments: list[Moment], where: list[int], bounds: Limits, befallen: dict[int, Trouble]
) -> None:
    """Any cut of the same records, any limits of a save, any restart, crash or rollback: the same bytes, the same ids."""
    straight = run_lane(moments).ended()
    troubled = run_lane(moments, cuts=where, limits=bounds, troubles=befallen).ended()
    assert troubled == straight


@slow
@given(histories(), cuts(), troubles())
def test_the_journal_makes_the_same_states_again(
    moments: list[Moment], where: list[int], befallen: dict[int, Trouble]
) -> None:
    """An empty store that follows the journal ends with the states, and the emissions, that the log's owner made."""
    lane = run_lane(moments, cuts=where, troubles=befallen)
    ended = lane.ended()
    again = MemoryCore()
    asyncio.run(lane.owner(core=again).open())
    assert lane.ended(again) == ended


@slow
@given(histories(), st.data())
def test_every_state_on_the_way_decodes_and_encodes_to_its_own_bytes(
    moments: list[Moment], data: st.DataObject
) -> None:
    """What a save wrote is read back whole, whichever sections somebody looks at, after any number of moments."""
    lane: OneLane = run_lane(moments[: data.draw(st.integers(1, len(moments)))])
    for name, value in lane.core.values(LANE).items():
        subject = subject_of(name)
        assert subject is not None
        state = decode_subject(subject, value)
        if isinstance(state, Customer):
            assert subject == state.customer_id
            for section in data.draw(st.sets(st.sampled_from(sorted(SECTIONS)))):
                getattr(state, section)
        assert encode_subject(state) == value
