"""A type that avoids no calls pauses, by the ledger's interval, and goes on by the same rule; people may overrule it."""

from __future__ import annotations

import pytest

from cem.alerts.interval import Arm, difference, difference_of
from cem.alerts.ledger import LedgerRow, ledger_of
from cem.alerts.ledger_page import ledger_page
from cem.alerts.pauses import COMPARED, Tellings, judgements
from cem.domain.events import ControlTellingJudged, ControlTellingRuled
from cem.domain.events.enums import Ruling
from cem.domain.state.lane import LaneState
from cem.domain.state.ledger import LEDGER, Tally

USELESS = Tally(4_000, 1_000), Tally(4_000, 600)
HELPS = Tally(4_000, 600), Tally(4_000, 1_000)
EVEN = Tally(4_000, 800), Tally(4_000, 800)


def row(type_: str, arms: tuple[Tally, Tally], paused: tuple[Tally, Tally] | None = None) -> LedgerRow:
    """Return what the ledger says of a type with these told and held out, and these while it was paused."""
    state = LaneState(0)
    ledger = state.look(LEDGER)
    ledger.told[type_], ledger.held_out[type_] = arms
    if paused is not None:
        ledger.told_paused[type_], ledger.held_out_paused[type_] = paused
    state.touch(LEDGER)
    (found,) = ledger_of([state.encode()])
    return found


def judged(type_: str, *, paused: bool) -> ControlTellingJudged:
    """Return a verdict that was reached before."""
    return ControlTellingJudged(alert_type=type_, paused=paused)


def test_a_type_whose_upper_bound_is_not_above_zero_pauses() -> None:
    """What is not certain, and what helps, is told; the verdict carries what it rests on."""
    rows = [row("repeat_call", USELESS), row("bill_shock", HELPS), row("sinking", EVEN)]
    (found,) = judgements(rows, Tellings(), ())
    assert (found.alert_type, found.paused, found.told, found.held_out) == ("repeat_call", True, 4_000, 4_000)
    assert found.avoided_high is not None
    assert found.avoided_high <= 0


def test_a_verdict_is_said_once_and_taken_back_by_the_same_rule() -> None:
    """Said already: nothing; the bound is above zero again, here by what was seen while it was paused: it goes on."""
    tellings = Tellings()
    for event in judgements([row("repeat_call", USELESS)], tellings, ()):
        tellings.take(event, 5)
    assert tellings.paused == ("repeat_call",)
    assert judgements([row("repeat_call", USELESS)], tellings, ()) == []
    better = row("repeat_call", USELESS, (Tally(2_000, 200), Tally(40_000, 12_000)))
    (again,) = judgements([better], tellings, ())
    assert again.paused is False
    tellings.take(again, 6)
    assert tellings.paused == ()
    assert judgements([better], tellings, ()) == []


def test_too_little_is_no_verdict() -> None:
    """Neither a pause nor its end."""
    few = row("repeat_call", (Tally(49, 49), Tally(10_000, 0)))
    assert judgements([few], Tellings(), ()) == []
    tellings = Tellings()
    tellings.take(judged("repeat_call", paused=True), 0)
    assert judgements([few], tellings, ()) == []


def test_duty_notices_and_outages_are_never_judged() -> None:
    """Whatever the sums say, as after a type was put among the duty notices."""
    assert "outage" not in COMPARED
    rows = [row("sms_allowance", USELESS), row("outage", USELESS)]
    assert judgements(rows, Tellings(), ("sms_allowance",)) == []


@pytest.mark.parametrize(
    ("ruling", "by_ledger", "paused"),
    [
        (Ruling.TELL, True, False),
        (Ruling.PAUSE, False, True),
        (Ruling.LEDGER, True, True),
        (Ruling.LEDGER, False, False),
    ],
)
def test_people_overrule_the_ledger(ruling: Ruling, by_ledger: bool, paused: bool) -> None:
    """Until they leave it to the ledger again, which has gone on judging meanwhile."""
    tellings = Tellings()
    tellings.take(ControlTellingRuled(alert_type="sinking", ruling=ruling, by="mai", reason="x"), 7)
    tellings.take(judged("sinking", paused=by_ledger), 8)
    assert tellings.paused == (("sinking",) if paused else ())
    found = tellings.of("sinking")
    assert found is not None
    assert (found.by, found.at_ms) == (("ledger", 8) if ruling is Ruling.LEDGER else ("mai", 7))


def test_a_time_of_many_calls_is_no_effect() -> None:
    """While most are told few call, while few are told many do: telling does nothing, and the pooled shares differ."""
    usual, paused = (Arm(9_500, 950), Arm(500, 50)), (Arm(500, 150), Arm(9_500, 2_850))
    pooled = difference(Arm(10_000, 1_100), Arm(10_000, 2_900))
    assert pooled is not None
    assert pooled.helps
    apart = difference_of([usual, paused])
    assert apart is not None
    assert apart.estimate == pytest.approx(0)
    assert apart.low < 0 < apart.high
    assert difference_of([usual]) == difference(*usual)
    assert difference_of([usual, (Arm(10, 10), Arm(9_000, 0))]) == difference(*usual)


def test_the_page_shows_what_was_decided_and_by_whom() -> None:
    """Also of a type that nobody was watched for; nothing while Kafka does not say."""
    tellings = Tellings()
    tellings.take(ControlTellingRuled(alert_type="sinking", ruling=Ruling.PAUSE, by="mai", reason="x"), 0)
    for event in judgements([row("repeat_call", USELESS)], tellings, ()):
        tellings.take(event, 1_000)
    page = ledger_page([row("repeat_call", USELESS), row("bill_shock", HELPS)], tellings)
    assert [(e.type, e.paused, e.decided_by, e.decided_at, e.told.of) for e in page.types] == [
        ("bill_shock", False, None, None, 4_000),
        ("repeat_call", True, "ledger", "1970-01-01T00:00:01.000Z", 4_000),
        ("sinking", True, "mai", "1970-01-01T00:00:00.000Z", 0),
    ]
    assert page.types[1].reason is not None
    assert page.types[1].reason.startswith("no calls avoided: -")
    assert [e.paused for e in ledger_page([row("bill_shock", HELPS)], None).types] == [None]
