"""Outages: one alert for an area, none for what single households feel."""

from __future__ import annotations

from cem.domain.area import area_due_ms, fold_area, tick_area
from cem.domain.area_alerts import area_alerts, area_customer
from cem.domain.events import Alert, AreaFelt, Event, ServiceDegraded, ServiceKind, ServiceRestored
from cem.domain.state.area import Area
from cem.domain.subject_states import decode_subject, encode_subject
from cem.domain.thresholds import AlertPolicy, OutagePolicy
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, household, received

AREA = "Ha Noi 07"


def felt(household: int, *, ended: bool = False) -> AreaFelt:
    return AreaFelt(area=AREA, customer_id=f"C{household}", kind=ServiceKind.DATA, ended=ended)


def happens(area: Area, ctx: Context, events: list[tuple[int, Event]]) -> None:
    for number, (at_ms, event) in enumerate(events):
        while (due := area_due_ms(area)) is not None and due <= at_ms:
            ctx.lane_time_ms = max(ctx.lane_time_ms, due)
            tick_area(area, due, ctx)
        ctx.lane_time_ms = max(ctx.lane_time_ms, at_ms)
        fold_area(area, received(event, at_ms, customer_id=area.name, id=f"e{at_ms}-{number}"), ctx)


def outage_of(events: list[tuple[int, Event]], now_ms: int = 0) -> tuple[Area, Context]:
    """Return the area after these events, and after nothing until `now_ms`."""
    area, ctx = (
        Area(1, f"area:{AREA}"),
        Context(0, alerts=AlertPolicy(outage=OutagePolicy(households=3, alert_households=6))),
    )
    happens(area, ctx, events)
    while (due := area_due_ms(area)) is not None and due <= now_ms:
        ctx.lane_time_ms = due
        tick_area(area, due, ctx)
    return area, ctx


def told(ctx: Context) -> list[tuple[str, str, int | float | str | bool]]:
    return [
        (e.TYPE.removeprefix("alert."), str(e.tier), e.evidence["households"])
        for e in ctx.emitted
        if isinstance(e, Alert)
    ]


def lost(numbers: range, at_ms: int = T0) -> list[tuple[int, Event]]:
    return [(at_ms + n * MINUTE, felt(n)) for n in numbers]


def test_many_households_within_an_hour_are_one_alert_to_operations() -> None:
    """It opens at the third, becomes an alert at the sixth, and is told again when twice as many feel it."""
    _, ctx = outage_of(lost(range(13)))
    assert told(ctx) == [("opened", "notice", 3), ("updated", "alert", 6), ("updated", "alert", 12)]
    (event, *_) = [e for e in ctx.emitted if isinstance(e, Alert)]
    assert event.evidence == {"households": 3, "threshold": 3, "window_min": 60, "service": "data"}
    assert (event.tell.who, event.tell.channel, event.subject) == ("operations", None, AREA)
    assert event.customer_id == area_customer(AREA)
    assert event.remedy is None
    assert ctx.indexed == {f"area:{AREA}|{event.alert_id}": T0 + 2 * MINUTE}


def test_a_household_counts_once_however_much_fails() -> None:
    """Two households with three faults each are no outage."""
    assert (
        told(
            outage_of([*lost(range(2)), *lost(range(2), T0 + HOUR // 4), *lost(range(2), T0 + HOUR // 2)])[1]
        )
        == []
    )


def test_single_ones_spread_over_the_day_are_suppressed() -> None:
    """Three households in two hours are no outage, though all of them feel it still."""
    assert told(outage_of([(T0 + n * HOUR, felt(n)) for n in range(3)])[1]) == []


def test_it_ends_when_few_feel_it() -> None:
    """With fewer than half of the threshold left; that it happened can be read for a while."""
    back = [(T0 + HOUR + n, felt(n, ended=True)) for n in range(4)]
    area, ctx = outage_of([*lost(range(4)), *back])
    assert told(ctx) == [("opened", "notice", 3), ("resolved", "notice", 3)]
    assert area.alerts.open == []
    (alert,) = area_alerts(area)
    assert (alert.state, alert.reason) == ("resolved", "over")


def test_what_nobody_restores_is_forgotten_by_the_clock() -> None:
    """A day after the losses, without any record, the outage is over and the state is small again."""
    area, ctx = outage_of(lost(range(4)), T0 + 2 * DAY)
    assert told(ctx)[-1][0] == "resolved"
    assert (area.felt, area.due_ms) == (b"", 0)


def test_the_operator_s_own_report_opens_and_ends_it() -> None:
    """A fault reported of the area is an outage at once, whoever feels it; restored, it is over."""
    degraded = ServiceDegraded(kind=ServiceKind.VOICE, area=AREA)
    restored = ServiceRestored(kind=ServiceKind.VOICE, area=AREA)
    area, ctx = outage_of(
        [(T0, degraded), (T0 + HOUR, felt(1)), (T0 + HOUR, felt(2)), (T0 + 2 * HOUR, restored)]
    )
    assert told(ctx) == [("opened", "alert", 0), ("updated", "alert", 2), ("resolved", "alert", 2)]
    assert area.felt == b""


def test_the_state_comes_back_from_its_bytes() -> None:
    """An area with an open outage is the same after a restart, and goes on."""
    area, ctx = outage_of(lost(range(4)))
    again = decode_subject(area.name, encode_subject(area))
    assert isinstance(again, Area)
    assert again == area
    happens(again, ctx, [(T0 + HOUR + n, felt(n, ended=True)) for n in range(4)])
    assert told(ctx)[-1][0] == "resolved"


def test_any_order_of_losses_counts_the_same_households() -> None:
    """Households known without a service do not depend on the order in which their records come."""
    events = lost(range(5))
    ctx_policy = AlertPolicy(outage=OutagePolicy(households=3, alert_households=6))
    packed = set()
    for order in (events, events[::-1], events[2:] + events[:2]):
        area, ctx = Area(1, f"area:{AREA}"), Context(T0 + HOUR, alerts=ctx_policy)
        happens(area, ctx, order)
        packed.add(area.felt)
        assert len(area.alerts.open) == 1
    assert len(packed) == 1


def test_households_tell_their_area_and_history_does_not() -> None:
    """A fault with an area, or of a household of one, is passed on under `area:NAME`; what is imported late is not."""
    fault = ServiceDegraded(kind=ServiceKind.DATA, area=AREA, incident_id="i1")
    end = ServiceRestored(kind=ServiceKind.DATA, area=AREA, incident_id="i1")
    _, ctx = household([(T0, fault), (T0 + HOUR, end)])
    passed = [e for e in ctx.emitted if isinstance(e, AreaFelt)]
    assert [(e.key(), e.customer_id, e.ended) for e in passed] == [
        (f"area:{AREA}", "C1", False),
        (f"area:{AREA}", "C1", True),
    ]
    assert household([(T0, fault)], ctx=Context(T0 + 60 * DAY))[1].emitted == []
