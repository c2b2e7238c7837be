"""The thresholds of all detectors: what `policies/alerts.yaml` sets. `cem.alerts.policy` reads and checks them."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = [
    "AlertPolicy",
    "AllowancePolicy",
    "RemedyPolicy",
    "RepeatPolicy",
    "TellPolicy",
    "VelocityPolicy",
]


class RemedyPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to propose: an action of the catalogue and its price a month in minor units."""

    action: str
    price_minor: int = 0


class AllowancePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the use of a line's message allowance is told."""

    enabled: bool = True
    #: Shares of the allowance in percent, ascending; each is told once a cycle.
    percents: tuple[int, ...] = (80, 100)
    #: Charges beyond the tariff in minor units, ascending; each is told once a cycle, with the open alert.
    charge_steps_minor: tuple[int, ...] = (500, 2_000, 5_000, 20_000)
    #: Thresholds crossed within so many hours of the first are one alert, told at its highest.
    collapse_h: int = 48
    #: Telling it later than so many hours after it happened is noise.
    deliver_within_h: int = 24
    remedy: RemedyPolicy = RemedyPolicy("sms_bundle", 300)


class VelocityPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a line writes to abnormally many distinct recipients in 24 hours.

    A tier is reached at `d >= minimum` and `d >= factor x (level + offset)`, where d is the number of distinct
    recipients in 24 h and level the line's own usual one.
    """

    enabled: bool = True
    minimum: int = 15
    offset: float = 10.0
    notice_factor: float = 2.7
    alert_factor: float = 5.2
    #: After a tier was told for a line, it is silent for it so long.
    silence_days: int = 7
    deliver_within_h: int = 4
    remedy: RemedyPolicy = RemedyPolicy("usage_control")


class RepeatPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a customer comes back about the same reason."""

    enabled: bool = True
    window_days: int = 7
    #: A repeat of a contact that was recorded as resolved is a notice if true, else nothing.
    even_if_resolved: bool = True
    deliver_within_h: int = 8
    remedy: RemedyPolicy = RemedyPolicy("escalate_case")


class TellPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Over which channel the payer is told."""

    #: Tried in order when he has not said one, or has forbidden it.
    channels: tuple[str, ...] = ("sms", "app", "email")


class AlertPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All thresholds. Sums of money are in the operator's minor units."""

    #: Of the file's format.
    version: Literal[1] = 1
    sms_allowance: AllowancePolicy = AllowancePolicy()
    sms_velocity: VelocityPolicy = VelocityPolicy()
    repeat_call: RepeatPolicy = RepeatPolicy()
    tell: TellPolicy = TellPolicy()
    #: Segments a cycle that a plan includes, by its name, where neither profile nor plan change says.
    plan_allowances: dict[str, int] = {}
    #: Cost at stake in minor units from which an alert is a warning, an error, critical.
    severity_minor: tuple[int, int, int] = (500, 2_000, 10_000)
    #: Closed alerts kept in the customer's state.
    closed_kept: int = 3
