"""An alert in one line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cem.cli.alert_line import alert_line
from cem.domain.events import Alert, Channel, Remedy, Severity, Tell, TellWhom
from cem.domain.events.enums import AlertState

LATER = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def test_an_alert_is_one_line_with_who_is_told() -> None:
    """What, whose, by which evidence, and what next."""
    alert = Alert(
        alert_id="a-1",
        type="sms.allowance",
        severity=next(iter(Severity)),
        customer_id="c-1",
        subject="+4915112345678",
        opened_at=datetime(2026, 3, 1, 12, 5, tzinfo=UTC),
        evidence={"used": 95, "share": 0.9512, "limit": 100, "days": 3, "more": 1},
        tell=TellWhom(who=next(iter(Tell)), channel=next(iter(Channel))),
        remedy=Remedy(action="offer_sms_pack"),
    )
    line = alert_line(alert, "EUR")
    assert line.startswith("2026-03-01 12:05  ")
    assert "sms.allowance customer c-1 (+4915112345678): used 95, share 0.95, limit 100, days 3 ->" in line
    assert line.endswith("propose offer_sms_pack")
    assert "cost" not in line
    assert "\n" not in line


@pytest.mark.parametrize(("currency", "said"), [("EUR", "cost €20.07 ->"), ("VND", "cost ₫2,007 ->")])
def test_what_it_has_cost_is_said_in_the_operators_currency(currency: str, said: str) -> None:
    """Story 1 is about the bill: the cost stands in the line, whatever evidence is cut off."""
    alert = an_alert(evidence={"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}, cost_minor=2_007)
    assert f"d 4, {said}" in alert_line(alert, currency)


@pytest.mark.parametrize(
    ("hours", "said"),
    [(0.5, "0.5 h"), (47.9, "47.9 h"), (48.0, "2 days"), (96.0, "4 days"), (97.6, "4.1 days")],
)
def test_hours_are_said_as_people_say_them(hours: float, said: str) -> None:
    """Days from two on, no zeros behind the point."""
    assert f": since_last {said} ->" in alert_line(an_alert(evidence={"hours_since_last": hours}), "EUR")


def test_a_remedy_says_its_price_and_a_message_that_arrived_is_told() -> None:
    """What helps and for how much; `tell` before anything has arrived, `told` after."""
    priced = an_alert(remedy=Remedy(action="sms_bundle", price_minor=300))
    assert alert_line(priced, "EUR").endswith("-> tell payer, propose sms_bundle for €3.00")
    told = an_alert(told_at=datetime(2026, 3, 1, 12, 6, tzinfo=UTC))
    assert alert_line(told, "EUR").endswith("-> told payer")


def test_an_allowance_that_will_not_last_says_how_long_it_does() -> None:
    """How much is used and expected, not what else was counted."""
    evidence = {
        "used_segments": 18,
        "allowance_segments": 50,
        "used_percent": 36,
        "messages": 16,
        "projected_segments": 125,
        "lasts_until": "2026-05-14",
        "reason": "projected",
    }
    said = "used_segments 18, allowance_segments 50, projected_segments 125, lasts_until 2026-05-14 ->"
    assert said in alert_line(an_alert(evidence=evidence), "EUR")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tell": TellWhom(who=Tell.PAYER, channel=Channel.SMS, after=LATER)}, "tell payer by sms after 2026-03-02 08:00"),
        ({"tell": TellWhom(who=Tell.NOBODY), "holdout": True}, "tell nobody (held out)"),
        ({"escalations": 1}, "tell payer; escalated: nobody has acknowledged it"),
        ({"escalations": 2}, "tell payer; escalated 2 times: nobody has acknowledged it"),
        ({"state": AlertState.ACKNOWLEDGED, "by": "lan", "escalations": 1}, "tell payer; acknowledged by lan"),
        ({"state": AlertState.RESOLVED, "reason": "back to usual"}, "tell payer; resolved: back to usual"),
        (
            {"state": AlertState.RESOLVED, "by": "lan", "note": "called him", "reason": "resolved by hand"},
            "tell payer; resolved by lan: called him",
        ),
        (
            {"state": AlertState.SILENCED, "by": "lan", "reason": "known", "silenced_until": LATER},
            "tell payer; silenced until 2026-03-02 08:00 by lan: known",
        ),
    ],
)  # fmt: skip
def test_what_became_of_it_stands_at_the_end(fields: dict[str, Any], said: str) -> None:
    """When a message waits, who is held out, who has taken it on, silenced or ended it, and why."""
    assert alert_line(an_alert(**fields), "EUR").endswith(f"-> {said}")


def an_alert(**fields: Any) -> Alert:
    plain: dict[str, Any] = {
        "alert_id": "a-1",
        "type": "repeat_call",
        "severity": next(iter(Severity)),
        "customer_id": "c-1",
        "subject": "billing",
        "opened_at": datetime(2026, 3, 1, 12, 5, tzinfo=UTC),
        "tell": TellWhom(who=Tell.PAYER),
    }
    return Alert(**{**plain, **fields})
