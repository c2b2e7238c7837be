"""What `cem alerts --help` says can be typed."""

from __future__ import annotations

import pytest

from cem.cli import main
from cem.cli.alerts import command
from cem.domain.detectors import sms_allowance


def test_the_type_in_the_help_is_one_that_alerts_have() -> None:
    """A reader who copies it finds alerts."""
    option = next(p for p in command.params if p.name == "type_")
    assert sms_allowance.TYPE in str(getattr(option, "help", ""))


@pytest.mark.parametrize(
    ("typed", "said"),
    [("sms_allowence", "did you mean 'sms_allowance'"), ("foo", "sms_velocity, repeat_call")],
)
def test_a_type_that_no_alert_has_is_a_wrong_command(
    typed: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and the nearest type, or all where none is near; "no such alerts" would be a comfort that is none."""
    with pytest.raises(SystemExit) as ended:
        main(["alerts", "--type", typed])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
