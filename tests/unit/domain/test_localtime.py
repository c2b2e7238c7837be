"""Local days, also where the clock is put on or back and where offsets are no whole quarters of an hour."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cem.domain.localtime import day_of, local_day

_ZONES = ("UTC", "Europe/Berlin", "America/Havana", "Asia/Kathmandu", "Africa/Monrovia", "Pacific/Apia")
#: Around the begin of 1972, a change at midnight in Havana, a day left out in Apia, and today.
_NEAR = (63_590_400_000, 73_529_070_000, 1_320_555_600_000, 1_325_239_200_000, 1_772_438_400_000)


@pytest.mark.parametrize("zone", _ZONES)
@given(st.sampled_from(_NEAR), st.integers(-90_000_000, 90_000_000))
def test_a_local_day_is_that_of_the_calendar(zone: str, near_ms: int, off_ms: int) -> None:
    """Whichever instants were asked for before, to the millisecond."""
    tz, at_ms = ZoneInfo(zone), near_ms + off_ms
    assert local_day(at_ms, tz) == day_of(datetime.fromtimestamp(at_ms / 1000, tz).date())
