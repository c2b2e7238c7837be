"""What telling of alerts avoids: who is held out, what is watched, and when the verdict falls."""

from __future__ import annotations

from datetime import date

import msgspec

from cem.domain.customer import Customer, decode_customer, encode_customer, new_customer
from cem.domain.events import (
    Alert,
    CallEnded,
    CallStarted,
    ContractCancelled,
    Event,
    PlanChanged,
    SmsRated,
    SurveyAnswered,
)
from cem.domain.events.enums import SmsDestination
from cem.domain.facts.ledger import is_held_out
from cem.domain.fold import fold, next_due_ms, tick
from cem.domain.restraint import Restraint
from cem.domain.state.ledger import LEDGER, Tally, Watch
from cem.domain.thresholds import AlertPolicy, LedgerPolicy, QuietPolicy, TellPolicy
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, advance, household, received

LINE = "+4915100000001"


def policy(share: float) -> AlertPolicy:
    """Return a policy that holds out that share, at every hour of the day."""
    return AlertPolicy(tell=TellPolicy(quiet=QuietPolicy(0, 0)), ledger=LedgerPolicy(holdout_share=share))


def twice(reason: str = "billing") -> list[tuple[int, Event]]:
    """Return two calls about the same reason: a repeat."""
    return [
        (T0, CallStarted(call_id="c1", reason=reason)),
        (T0 + 5 * MINUTE, CallEnded(call_id="c1", duration_s=300)),
        (T0 + DAY, CallStarted(call_id="c2", reason=reason)),
        (T0 + DAY + 5 * MINUTE, CallEnded(call_id="c2", duration_s=300)),
    ]


def lived(
    events: list[tuple[int, Event]],
    share: float,
    *,
    until_ms: int = T0 + 30 * DAY,
    name: str = "c",
    paused: tuple[str, ...] = (),
) -> tuple[Customer, Context]:
    """Return the customer after the events and every tick up to a time."""
    ctx = Context(0, alerts=policy(share), restraint=Restraint(paused=paused))
    customer, ctx = household(events, customer_id=name, ctx=ctx)
    advance(customer, ctx, until_ms)
    return customer, ctx


def test_a_coin_of_the_customer_and_the_type_holds_out() -> None:
    """The share asked for, the same at every alert, another for another type; never of a duty notice."""
    half = LedgerPolicy(holdout_share=0.3)
    held = [is_held_out(f"c{n}", "repeat_call", half) for n in range(4_000)]
    assert 0.27 < sum(held) / len(held) < 0.33
    assert held == [is_held_out(f"c{n}", "repeat_call", half) for n in range(4_000)]
    assert held != [is_held_out(f"c{n}", "bill_shock", half) for n in range(4_000)]
    assert held != [is_held_out(f"c{n}", "repeat_call", LedgerPolicy(0.3, salt="2")) for n in range(4_000)]
    assert not any(is_held_out(f"c{n}", "sms_allowance", half) for n in range(100))


def test_whoever_is_held_out_is_told_by_nobody() -> None:
    """The alert is opened and kept all the same, and says that it is held back."""
    _, told = lived(twice(), 1e-9)
    _, held = lived(twice(), 1.0)
    (one,) = [e for e in told.emitted if isinstance(e, Alert) and e.TYPE == "alert.opened"]
    (other,) = [e for e in held.emitted if isinstance(e, Alert) and e.TYPE == "alert.opened"]
    assert str(one.tell.who) == "supervisor"
    assert (str(other.tell.who), other.holdout, one.holdout) == ("nobody", True, False)
    assert other.alert_id == one.alert_id


def test_the_verdict_falls_when_the_horizon_closes() -> None:
    """Not before; a call, a complaint and a cancellation in it are counted, and what comes after is not."""
    opened_ms = T0 + DAY
    within = [
        (opened_ms + 3 * DAY, CallStarted(call_id="c3", reason="complaint")),
        (opened_ms + 9 * DAY, ContractCancelled(effective=date(2025, 3, 15))),
    ]
    customer, ctx = lived([*twice(), *within], 1.0, until_ms=opened_ms + 14 * DAY - 1_000)
    assert ctx.lane.look(LEDGER).held_out == {}
    assert next_due_ms(customer) == opened_ms + 14 * DAY
    advance(customer, ctx, opened_ms + 14 * DAY)
    assert ctx.lane.look(LEDGER).held_out == {"repeat_call": Tally(1, 1, 1, 1)}
    assert ctx.lane.touched
    assert not customer.watching.watches
    after = (opened_ms + 14 * DAY + HOUR, CallStarted(call_id="c4", reason="billing"))
    _, quiet = lived([*twice(), after], 1e-9)
    assert quiet.lane.look(LEDGER).told["repeat_call"] == Tally(1, 0, 0, 0)


def test_a_bad_answer_is_a_complaint() -> None:
    """A survey answered with 1 or 2 within the horizon."""
    answers = [(T0 + 2 * DAY, SurveyAnswered(about="c2", csat=2))]
    _, ctx = lived([*twice(), *answers], 1e-9)
    assert ctx.lane.look(LEDGER).told == {"repeat_call": Tally(1, 0, 1, 0)}


def test_what_opened_an_alert_does_not_count_as_what_followed_it() -> None:
    """The call that made a repeat of it, at any fraction of a second; the next call does, a second later."""
    begun_ms = T0 + DAY + 346
    calls = [
        (T0, CallStarted(call_id="c1", reason="billing")),
        (begun_ms, CallStarted(call_id="c2", reason="billing")),
    ]
    _, ctx = lived([*calls], 1e-9)
    assert ctx.lane.look(LEDGER).told == {"repeat_call": Tally(1, 0, 0, 0)}
    _, ctx = lived([*calls, (begun_ms + 1_000, CallStarted(call_id="c3", reason="plan"))], 1e-9)
    assert ctx.lane.look(LEDGER).told == {"repeat_call": Tally(1, 1, 0, 0)}


def test_a_horizon_that_closed_between_two_ticks_makes_room_for_the_next_alert() -> None:
    """A lane that catches up takes weeks of records between two ticks: both alerts are watched, each for its own time."""
    later = [(at_ms + 20 * DAY, CallStarted(call_id=f"x{at_ms}", reason="plan")) for at_ms in (T0, T0 + HOUR)]
    ctx = Context(T0, alerts=policy(1e-9))
    customer = new_customer("c")
    for at_ms, event in (*twice(), *later):
        fold(customer, received(event, at_ms, customer_id="c"), ctx)
    assert customer.ledger_due_s * 1000 == T0 + DAY + 14 * DAY
    # Another topic is behind: what it says of the first horizon comes before the clock closes that.
    fold(customer, received(SurveyAnswered(about="c2", csat=1), T0 + 3 * DAY, customer_id="c"), ctx)
    tick(customer, T0 + 20 * DAY + HOUR, ctx)
    assert ctx.lane.look(LEDGER).told == {"repeat_call": Tally(1, 0, 1, 0)}
    assert [watch.opened_s * 1000 for watch in customer.watching.watches] == [T0 + 20 * DAY + HOUR]
    assert customer.ledger_due_s * 1000 == T0 + 34 * DAY + HOUR


def test_without_a_holdout_nothing_is_watched() -> None:
    """Nobody to compare with: no section, no tick."""
    customer, ctx = lived(twice(), 0.0, until_ms=T0 + 2 * DAY)
    assert not customer.watching.watches
    assert customer.ledger_due_s == 0
    assert "ledger" not in ctx.lane.names()


def test_a_watched_customer_survives_his_bytes() -> None:
    """What is watched is part of the state."""
    customer, _ = lived(twice(), 1.0, until_ms=T0 + 2 * DAY)
    again = decode_customer(encode_customer(customer))
    assert msgspec.to_builtins(again.watching) == msgspec.to_builtins(customer.watching)
    assert again.ledger_due_s == customer.ledger_due_s > 0


def test_a_duty_notice_is_told_to_everybody() -> None:
    """An allowance that is used up is told though everybody is held out of everything else."""
    events: list[tuple[int, Event]] = [
        (T0, PlanChanged(line=LINE, plan="S", price_minor=900, sms_allowance=2)),
        *(
            (T0 + n * MINUTE, SmsRated(line=LINE, segments=1, destination=SmsDestination.ONNET))
            for n in range(1, 4)
        ),
    ]
    _, ctx = lived(events, 1.0, until_ms=T0 + HOUR)
    opened = [e for e in ctx.emitted if isinstance(e, Alert) and e.type == "sms_allowance"]
    assert opened
    assert all(str(e.tell.who) != "nobody" for e in opened)


def test_ticks_of_the_same_instant_are_not_repeated() -> None:
    """After a verdict the customer is not due for it again."""
    customer, ctx = lived(twice(), 1.0, until_ms=T0 + DAY + 14 * DAY)
    before = ctx.lane.look(LEDGER).held_out["repeat_call"]
    tick(customer, T0 + DAY + 14 * DAY, ctx)
    assert ctx.lane.look(LEDGER).held_out["repeat_call"] == before


def test_of_a_paused_type_a_few_are_told_by_the_same_coin() -> None:
    """The share asked for; none of them was held out before; a duty notice is told to everybody all the same."""
    few = LedgerPolicy(holdout_share=0.05, paused_tell_share=0.1)
    names = [f"c{n}" for n in range(4_000)]
    told = [name for name in names if not is_held_out(name, "repeat_call", few, paused=True)]
    assert 0.08 < len(told) / len(names) < 0.12
    assert not any(is_held_out(name, "repeat_call", few) for name in told)
    assert not any(is_held_out(name, "sms_allowance", few, paused=True) for name in names)


def test_what_opens_while_a_type_is_paused_is_tallied_apart() -> None:
    """Whether told or not, also where nobody is held out otherwise; other types are as before."""
    names = [f"c{n}" for n in range(200)]
    held = [is_held_out(name, "repeat_call", LedgerPolicy(), paused=True) for name in names]
    for name, is_held in ((names[held.index(True)], True), (names[held.index(False)], False)):
        _, ctx = lived(twice(), 0.0, name=name, paused=("repeat_call",))
        (alert,) = [e for e in ctx.emitted if isinstance(e, Alert) and e.TYPE == "alert.opened"]
        assert alert.holdout is is_held
        ledger = ctx.lane.look(LEDGER)
        assert ledger.sums(held_out=is_held, paused=True) == {"repeat_call": Tally(1, 0, 0, 0)}
        assert (ledger.told, ledger.held_out) == ({}, {})
    _, other = lived(twice(), 1e-9, paused=("bill_shock",))
    assert other.lane.look(LEDGER).told == {"repeat_call": Tally(1, 0, 0, 0)}


def test_a_watch_says_whether_the_type_was_paused_in_no_more_bytes() -> None:
    """The horizon's longest included."""
    usual, paused = (Watch.new("sinking", 1, False, 28, paused=is_paused) for is_paused in (False, True))
    assert (usual.horizon_days, usual.paused) == (28, False)
    assert (paused.horizon_days, paused.paused) == (28, True)
    assert len(msgspec.msgpack.encode(usual)) == len(msgspec.msgpack.encode(paused))
