"""Alerts of areas in the list of alerts, beside those of customers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cem.api.alert_list import AlertFilter, page_of
from cem.cli.alert_line import alert_line
from cem.domain.area import fold_area
from cem.domain.customer import encode_customer
from cem.domain.events import AreaFelt, CallStarted, ServiceKind
from cem.domain.state.area import Area
from cem.domain.subject_states import encode_subject
from tests.builders.customers import DAY, MINUTE, T0, Context, household, received

NAME = "area:Cau Giay"


class Reader:
    """A store of two subjects, each with an alert in the index."""

    def __init__(self) -> None:
        events = [(T0 + n * DAY, CallStarted(call_id=f"c{n}", reason="billing")) for n in range(2)]
        customer, of_customer = household(events)
        area, of_area = Area(1, NAME), Context(T0)
        for n in range(10):
            event = AreaFelt(area="Cau Giay", customer_id=f"C{n}", kind=ServiceKind.DATA)
            fold_area(area, received(event, T0 + n * MINUTE, customer_id=NAME, id=f"e{n}"), of_area)
        self.states = {"C1": encode_customer(customer), NAME: encode_subject(area)}
        self.index = sorted({**of_customer.indexed, **of_area.indexed}.items(), key=lambda e: (-e[1], e[0]))

    async def read(self, customer_id: str) -> bytes | None:
        return self.states.get(customer_id)

    async def read_many(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        return [self.states.get(name) for name in customer_ids]

    async def newest(self, sorted_set: str, before: int, limit: int) -> list[tuple[str, int]]:
        return [entry for entry in self.index if entry[1] < before][:limit]


def test_an_area_s_alert_is_listed_and_filtered_like_any_other() -> None:
    """Newest first, by type too; in one line it names the area and the number of households, never one of them."""
    reader = Reader()
    page = asyncio.run(page_of(reader, AlertFilter(), 10, None))  # type: ignore[arg-type]
    assert [(a.type, a.customer_id) for a in page.alerts] == [
        ("repeat_call", "C1"),
        ("outage", page.alerts[1].customer_id),
    ]
    page = asyncio.run(page_of(reader, AlertFilter(type="outage"), 10, None))  # type: ignore[arg-type]
    (alert,) = page.alerts
    line = alert_line(alert, "EUR")
    assert "outage area Cau Giay: " in line
    assert "households 10" in line
    assert "tell operations" in line
    assert "C3" not in line
