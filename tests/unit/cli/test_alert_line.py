"""An alert in one line."""

from __future__ import annotations

from datetime import UTC, datetime

from cem.cli.alert_line import alert_line
from cem.domain.events import Alert, Channel, Remedy, Severity, Tell, TellWhom


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
    line = alert_line(alert)
    assert line.startswith("2026-03-01 12:05  ")
    assert "sms.allowance customer c-1 (+4915112345678): used 95, share 0.95, limit 100, days 3 ->" in line
    assert line.endswith("propose offer_sms_pack")
    assert "\n" not in line
