"""The detectors' thresholds, read from a parsed `policies/alerts.yaml` and checked.

Pure: whoever calls has read and parsed the file. A document that cannot be used raises `AlertPolicyError`, whose
message names the file, the field, what it takes, and for an unknown field the nearest known one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, get_type_hints

import msgspec

from cem.alerts.ranges import RANGES
from cem.domain.events.enums import Channel
from cem.domain.thresholds import AlertPolicy, RemedyPolicy

__all__ = ["AlertPolicyError", "read_alert_policy", "remedies_of"]

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`")
_ELEMENT = re.compile(r"\[[^\]]*\].*")
_PLACE = re.compile(r" - at `(?P<path>[^`]*)`\Z")

_CHANNELS = tuple(str(channel) for channel in Channel if channel is not Channel.OTHER)
_ACTION = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")


class AlertPolicyError(ValueError):
    """The thresholds cannot be used; the message says which, where, and what they take."""

    def __init__(self, origin: str, message: str, field: str = "") -> None:
        """Take the file, what is wrong, and the dotted field that it is about ("": all of them)."""
        super().__init__(f"{origin}: {message}")
        self.message = message
        self.field = field


def read_alert_policy(document: object, origin: str) -> AlertPolicy:
    """Return the policy of a parsed document (None: an empty file, all defaults); `origin` names it in errors."""
    if document is None:
        return AlertPolicy()
    if not isinstance(document, dict):
        raise AlertPolicyError(origin, "must be a mapping of alert types to thresholds")
    try:
        policy = msgspec.convert(document, AlertPolicy)
    except msgspec.ValidationError as error:
        raise AlertPolicyError(origin, *_explained(str(error))) from None
    problem = _problem(policy)
    if problem:
        # Each begins with the field.
        raise AlertPolicyError(origin, problem, re.split("[ :]", problem)[0])
    return policy


def remedies_of(policy: AlertPolicy) -> list[tuple[str, str]]:
    """Return the dotted field of every remedy and the action that it names."""
    return [
        (f"{name}.{field}", getattr(detector, field).action)
        for name in policy.__struct_fields__
        for detector in (getattr(policy, name),)
        for field in getattr(detector, "__struct_fields__", ())
        if isinstance(getattr(detector, field), RemedyPolicy)
    ]


def _problem(policy: AlertPolicy) -> str | None:
    """Return what is wrong with values that have the right types, or None."""
    for field, (low, high) in RANGES.items():
        value = _value(policy, field)
        if not low <= value <= high:
            return f"{field} must be from {low} to {high}, not {value}"
    allowance, velocity = policy.sms_allowance, policy.sms_velocity
    watch = policy.sms_watch
    problems = (
        *(
            f"sms_watch.{name} must not have a notice above its alert"
            for name, notice, alert in (
                ("rise", max(watch.rise.notice, watch.rise.clear), watch.rise.alert),
                ("night", watch.night.notice, watch.night.alert),
            )
            if notice > alert
        ),
        _rising("sms_allowance.percents", allowance.percents, 1, 1_000),
        _rising("sms_allowance.charge_steps_minor", allowance.charge_steps_minor, 1, 10**12),
        None
        if policy.bill_shock.notice_percent <= policy.bill_shock.alert_percent
        else "bill_shock.notice_percent must not be above bill_shock.alert_percent",
        None
        if policy.service_loss.notice_h <= policy.service_loss.alert_h
        else "service_loss.notice_h must not be above service_loss.alert_h",
        None
        if policy.silent_sufferer.failures <= policy.silent_sufferer.alert_failures
        else "silent_sufferer.failures must not be above silent_sufferer.alert_failures",
        None
        if policy.outage.households <= policy.outage.alert_households
        else "outage.households must not be above outage.alert_households",
        _rising("severity_minor", policy.severity_minor, 0, 10**12),
        None
        if velocity.notice_factor <= velocity.alert_factor
        else "sms_velocity.notice_factor must not be above sms_velocity.alert_factor",
        *(
            None if _ACTION.match(action) else f"{name}.action is no action's name: {action!r}"
            for name, action in remedies_of(policy)
        ),
        *(
            None
            if channel in _CHANNELS
            else f"tell.channels: there is no channel {channel!r}{_near(channel, _CHANNELS)}"
            for channel in policy.tell.channels
        ),
        *(
            None
            if 0 <= segments <= 10_000_000
            else f"plan_allowances.{plan} must be from 0 to 10000000, not {segments}"
            for plan, segments in policy.plan_allowances.items()
        ),
    )
    return next(filter(None, problems), None)


def _rising(field: str, values: Sequence[int], low: int, high: int) -> str | None:
    if any(not low <= value <= high for value in values):
        return f"{field} takes values from {low} to {high}, not {list(values)}"
    if any(after <= before for before, after in pairwise(values)):
        return f"{field} must rise from value to value, not {list(values)}"
    return None


def _explained(message: str) -> tuple[str, str]:
    """Return msgspec's message, with the nearest known name for an unknown one, and the dotted field."""
    place = _PLACE.search(message)
    path = place["path"].removeprefix("$").lstrip(".") if place else ""
    what = message[: place.start()] if place else message
    unknown = _UNKNOWN.match(what)
    if unknown:
        known = _fields(path)
        where = f" in {path}" if path else ""
        said = f"there is no field {unknown['name']!r}{where}{_near(unknown['name'], known)}"
        return said, f"{path}.{unknown['name']}" if path else unknown["name"]
    # A list is found by its name, not by its elements.
    return f"{path}: {what[:1].lower()}{what[1:]}" if path else what, _ELEMENT.sub("", path)


def _near(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are {', '.join(known)}" if known else ""


def _fields(path: str) -> tuple[str, ...]:
    """Return the names of the fields at a dotted path of the policy."""
    kind: Any = AlertPolicy
    for step in filter(None, path.split(".")):
        kind = get_type_hints(kind).get(step, kind)
    return tuple(getattr(kind, "__struct_fields__", ()))


def _value(policy: AlertPolicy, field: str) -> float:
    value: Any = policy
    for step in field.split("."):
        value = getattr(value, step)
    return float(value) if isinstance(value, float) else int(value)
