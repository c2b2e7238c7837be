"""An outage felt in all lanes is one alert, whatever the order in which they read, and is counted once."""

from __future__ import annotations

import json

import pytest

from cem.domain.area_alerts import area_customer
from cem.domain.events import ServiceDegraded, ServiceKind, ServiceRestored
from cem.domain.state.area import Area
from tests.builders.customers import HOUR
from tests.builders.many_lanes import ManyLanes

NAME = "Cau Giay"


def told(lanes: ManyLanes) -> list[tuple[str, str, int]]:
    """Return key, state and households of each alert of the area on the topic, each emission once."""
    seen = {dict(e.headers)["ce_id"]: e for e in lanes.said if e.topic == "cem.alerts"}
    alerts = [(e.key.decode(), json.loads(e.value)) for e in seen.values()]
    return [(key, a["state"], a["evidence"]["households"]) for key, a in alerts if a["type"] == "outage"]


@pytest.mark.parametrize("seed", range(3))
def test_one_alert_for_all_households_of_all_lanes(seed: int) -> None:
    """Twelve households lose the service and have it back; saves are published twice, and each counts once."""
    lanes = ManyLanes(3, seed=seed, repeats=0.3)
    for n in range(12):
        fault = ServiceDegraded(kind=ServiceKind.DATA, area=NAME, incident_id="i1")
        lanes.send(fault, f"C{n}", f"begins-{n}")
    lanes.run()
    key = area_customer(NAME)
    assert told(lanes) == [(key, "open", 10)]
    area = lanes.state(f"area:{NAME}")
    assert isinstance(area, Area)
    assert len(area.felt) == 12 * 8
    lanes.pass_time(HOUR)
    for n in range(12):
        back = ServiceRestored(kind=ServiceKind.DATA, area=NAME, incident_id="i1")
        lanes.send(back, f"C{n}", f"ends-{n}")
    lanes.run()
    assert told(lanes) == [(key, "open", 10), (key, "resolved", 10)]
    assert lanes.dead_letters() == []
