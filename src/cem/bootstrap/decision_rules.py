"""What an API process decides by, read from the policy files as one: the workers' rules, by the workers' version."""

from __future__ import annotations

from dataclasses import dataclass

from cem.bootstrap.policies import policy_record
from cem.bootstrap.rules import read_policies
from cem.domain.value_policy import ValuePolicy
from cem.nba import Policy
from cem.ports import Emission
from cem.segments import SegmentRules
from cem.settings import Settings

__all__ = ["DecisionRules", "read_decision_rules"]


@dataclass(frozen=True)
class DecisionRules:
    """The policy of next best actions, and what its rules ask of customers."""

    #: As the workers name these rules, when their settings are the same.
    version: str
    policy: Policy
    #: The policy's files, whole, by name.
    texts: dict[str, str]
    value: ValuePolicy
    segments: SegmentRules

    def record(self, currency: str, now_ms: int) -> Emission:
        """Return the record that keeps the policy on the log, so that decisions by it can be made again."""
        return policy_record(self.policy, self.texts, currency, now_ms)


def read_decision_rules(settings: Settings) -> DecisionRules:
    """Return what is decided by. Raises SettingsError with file and line when any of the policy files is wrong.

    Of the alerts' file too, though no decision asks for it: the rules of workers and API change together or not at all.
    """
    rules, policy, texts = read_policies(settings)
    return DecisionRules(rules.version, policy, texts, rules.value, rules.segments)
