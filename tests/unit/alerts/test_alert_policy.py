"""Reading the detectors' thresholds."""

from __future__ import annotations

from importlib import resources
from typing import Any

import msgspec
import pytest
import yaml

from cem.alerts.policy import AlertPolicyError, read_alert_policy
from cem.domain.thresholds import AlertPolicy


def test_shipped_file_states_the_defaults() -> None:
    """The shipped file and an empty one are the same policy: the file shows every default."""
    text = resources.files("cem.policies").joinpath("alerts.yaml").read_text("utf-8")
    assert read_alert_policy(yaml.safe_load(text), "alerts.yaml") == AlertPolicy()
    assert read_alert_policy(None, "alerts.yaml") == AlertPolicy()
    assert read_alert_policy({}, "alerts.yaml") == AlertPolicy()


def test_shipped_file_names_every_field() -> None:
    """Whoever reads the shipped file sees every threshold that there is."""
    text = resources.files("cem.policies").joinpath("alerts.yaml").read_text("utf-8")

    def names(kind: Any) -> Any:
        return {
            field.name: names(field.type) if isinstance(field.type, msgspec.inspect.StructType) else None
            for field in kind.fields
        }

    def keys(value: Any, shape: Any) -> Any:
        return {name: keys(value[name], inner) if inner else None for name, inner in shape.items()}

    shape = names(msgspec.inspect.type_info(AlertPolicy))
    assert keys(yaml.safe_load(text), shape) == shape


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "alerts.yaml: must be a mapping of alert types to thresholds"),
        (
            {"sms_velocty": {}},
            "alerts.yaml: there is no field 'sms_velocty'; did you mean 'sms_velocity'?",
        ),
        (
            {"sms_velocity": {"minimun": 3}},
            "alerts.yaml: there is no field 'minimun' in sms_velocity; did you mean 'minimum'?",
        ),
        (
            {"sms_velocity": {"remedy": {"action": "a", "cost": 1}}},
            "alerts.yaml: there is no field 'cost' in sms_velocity.remedy; there are action, price_minor",
        ),
        (
            {"sms_velocity": {"minimum": "many"}},
            "alerts.yaml: sms_velocity.minimum: expected `int`, got `str`",
        ),
        (
            {"sms_velocity": {"minimum": 0}},
            "alerts.yaml: sms_velocity.minimum must be from 1 to 10000, not 0",
        ),
        (
            {"sms_velocity": {"notice_factor": 9}},
            "alerts.yaml: sms_velocity.notice_factor must not be above sms_velocity.alert_factor",
        ),
        (
            {"sms_allowance": {"percents": [100, 80]}},
            "alerts.yaml: sms_allowance.percents must rise from value to value, not [100, 80]",
        ),
        (
            {"sms_allowance": {"percents": [0]}},
            "alerts.yaml: sms_allowance.percents takes values from 1 to 1000, not [0]",
        ),
        (
            {"repeat_call": {"window_days": 90}},
            "alerts.yaml: repeat_call.window_days must be from 1 to 30, not 90",
        ),
        (
            {"tell": {"channels": ["sms", "emial"]}},
            "alerts.yaml: tell.channels: there is no channel 'emial'; did you mean 'email'?",
        ),
        (
            {"repeat_call": {"remedy": {"action": "Escalate now"}}},
            "alerts.yaml: repeat_call.remedy.action is no action's name: 'Escalate now'",
        ),
        (
            {"plan_allowances": {"talk": -1}},
            "alerts.yaml: plan_allowances.talk must be from 0 to 10000000, not -1",
        ),
        ({"severity_minor": [1, 2]}, "alerts.yaml: severity_minor: expected `array` of length 3"),
        ({"version": 2}, "alerts.yaml: version: invalid enum value 2"),
        (
            {"sms_velocity": {"offset": float("nan")}},
            "alerts.yaml: sms_velocity.offset must be from 0 to 10000, not nan",
        ),
    ],
)
def test_mistakes_are_refused_by_name(document: object, message: str) -> None:
    """A policy that cannot be used is refused with file, field and the nearest known name."""
    with pytest.raises(AlertPolicyError) as caught:
        read_alert_policy(document, "alerts.yaml")
    assert str(caught.value).startswith(message)
