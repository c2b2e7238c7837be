"""The rules of the stream job, read from the policy files and made of a bundle that holds all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from cem.alerts.policy import AlertPolicyError, read_alert_policy, remedies_of
from cem.bootstrap.policies import read_policy
from cem.bootstrap.policy_files import policy_text
from cem.bootstrap.segments import read_segments_file
from cem.domain.alert_types import ALERT_TYPES
from cem.domain.customer import Customer
from cem.domain.finding import Finding
from cem.domain.identity import IdentityRules
from cem.domain.thresholds import RemedyPolicy
from cem.domain.value_policy import ValuePolicy
from cem.nba import Policy, load_policy
from cem.nba.policy_file import PolicyError, PolicyFile, nearest
from cem.nba.remedies import Remedies
from cem.nba.value_policy import VALUE_FILE, ValuePolicyError, read_value_policy
from cem.normal_form import is_region
from cem.segments import SegmentRules
from cem.segments import load as load_segments
from cem.settings import Settings, SettingsError
from cem.step_rules import Propose, Rules

__all__ = ["ALERTS_FILE", "read_policies", "read_rules", "read_value", "rules_of"]

ALERTS_FILE: Final = "alerts.yaml"


def read_rules(settings: Settings) -> Rules:
    """Return the rules of the stream job. Raises SettingsError with file and place when a policy is wrong.

    They hold the policy of next best actions too: an alert's remedy is decided by it.
    """
    return read_policies(settings)[0]


def read_policies(settings: Settings) -> tuple[Rules, Policy, dict[str, str]]:
    """Return the rules of the stream job, the policy of next best actions, and the texts of its files, by name.

    Each file is read once, so that all are of one moment. Raises SettingsError with file and place when one is wrong.
    """
    segments, segments_text = read_segments_file(settings)
    policy, files = read_policy(settings, segments)
    alerts, value = (_document(settings, name) for name in (ALERTS_FILE, VALUE_FILE))
    try:
        rules = rules_of(
            _bundle(alerts.data, value.data, settings, files, segments_text), alerts.name, value.name
        )
    except AlertPolicyError as error:
        raise _refused(alerts, error.field, error.message) from None
    except ValuePolicyError as error:
        raise _refused(value, error.field, error.message) from None
    for field, action in remedies_of(rules.alerts):
        if policy.catalogue.action(action) is None:
            known = nearest(action, [each.action for each in policy.catalogue.actions])
            path = f"{field}.action"
            raise _refused(alerts, path, f"{path}: there is no action {action!r}{known}")
    for type_ in rules.alerts.ledger.duty:
        if type_ not in ALERT_TYPES:
            known = nearest(type_, ALERT_TYPES)
            path = "ledger.duty"
            raise _refused(alerts, path, f"{path}: there is no type of alert {type_!r}{known}")
    return rules, policy, files


def _bundle(
    alerts: object, value: object, settings: Settings, files: Mapping[str, str], segments: str
) -> dict[str, Any]:
    if not is_region(settings.region):
        raise SettingsError(f"CEM_REGION: {settings.region} is no region that has telephone numbers")
    return {
        "alerts": alerts,
        "value": value,
        "late_limit_s": settings.late_limit_s,
        "timezone": settings.timezone,
        "fold": 1,
        "identity": {
            "region": settings.region,
            "waiting_records": settings.waiting_records,
            "waiting_s": settings.waiting_s,
        },
        "currency": settings.currency,
        "actions": dict(files),
        "segments": segments,
    }


def read_value(settings: Settings) -> ValuePolicy:
    """Return what lifetime values are reckoned with. Raises SettingsError with file and place when it is wrong."""
    file = _document(settings, VALUE_FILE)
    try:
        return read_value_policy(file.data, file.name)
    except ValuePolicyError as error:
        raise _refused(file, error.field, error.message) from None


def _document(settings: Settings, name: str) -> PolicyFile:
    """Return the parsed policy file, named after where it is from."""
    text, origin = policy_text(settings, name)
    try:
        return PolicyFile(origin, text)
    except PolicyError as error:
        raise SettingsError(str(error)) from None


def _refused(file: PolicyFile, field: str, message: str) -> SettingsError:
    """Return the refusal of a dotted field, with file and line."""
    return SettingsError(str(file.error(tuple(field.split(".")) if field else (), message)))


def rules_of(bundle: Mapping[str, Any], alerts_origin: str, value_origin: str) -> Rules:
    """Return the rules of a bundle, whose parts are from those files; one of before a part was in has its defaults."""
    text = json.dumps(bundle, sort_keys=True, separators=(",", ":"))
    segments = load_segments(bundle.get("segments", ""), kept=True)
    return Rules(
        hashlib.sha256(text.encode()).hexdigest()[:16],
        propose=_proposing(bundle, segments) if "actions" in bundle else None,
        alerts=read_alert_policy(bundle["alerts"], alerts_origin),
        value=read_value_policy(bundle.get("value"), value_origin),
        late_limit_ms=int(bundle["late_limit_s"]) * 1000,
        timezone=str(bundle["timezone"]),
        # A bundle of before says nothing of it: no step put an amount into words then.
        currency=str(bundle.get("currency", "EUR")),
        identity=_identity(bundle.get("identity", {})),
        segments=segments,
        bundle=text,
    )


def _identity(said: Mapping[str, Any]) -> IdentityRules:
    """Return the rules about identifiers; a bundle of before says nothing of them."""
    rules = IdentityRules()
    return IdentityRules(
        said.get("region", rules.region),
        int(said.get("waiting_records", rules.waiting_records)),
        int(said["waiting_s"]) * 1000 if "waiting_s" in said else rules.waiting_ms,
    )


def _proposing(bundle: Mapping[str, Any], segments: SegmentRules) -> Propose:
    """Return what decides on remedies; its policy is loaded when the first alert opens: most kept rules are never used."""

    @cache
    def remedies() -> Remedies:
        policy = load_policy(bundle["actions"], currency=str(bundle["currency"]))
        value = read_value_policy(bundle.get("value"), VALUE_FILE)
        timezone = str(bundle["timezone"])
        # What he stands in is asked once his record is folded: here that is yet to come.
        return Remedies(
            policy, timezone, value, lambda c, now_ms: segments.members(c, now_ms, timezone, anew=True)
        )

    def propose(
        customer: Customer, finding: Finding, channel: str, identity: str, now_ms: int
    ) -> RemedyPolicy | None:
        return remedies().propose(customer, finding, channel, identity, now_ms)

    return propose
