"""A customer's state that this version cannot read."""

from __future__ import annotations

import msgspec
import pytest

from cem.bootstrap import make_stepper, read_rules
from cem.domain.customer import VERSION
from cem.ports import LaneStopped
from cem.settings import Settings


@pytest.mark.parametrize("state", [msgspec.msgpack.encode([VERSION + 1, "c1"]), b"no state"])
def test_a_state_that_cannot_be_read_stops_its_lane_only(state: bytes) -> None:
    """A newer version's state, or a broken one, is for a person to look at; the worker's other lanes go on."""
    stepper = make_stepper(read_rules(Settings()), partitions=24)
    with pytest.raises(LaneStopped, match="customer"):
        stepper.decode_state("c1", state)
