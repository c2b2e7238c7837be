"""What `cem alerts --help` says can be typed."""

from __future__ import annotations

from cem.cli.alerts import command
from cem.domain.detectors import sms_allowance


def test_the_type_in_the_help_is_one_that_alerts_have() -> None:
    """A reader who copies it finds alerts."""
    option = next(p for p in command.params if p.name == "type_")
    assert sms_allowance.TYPE in str(getattr(option, "help", ""))
