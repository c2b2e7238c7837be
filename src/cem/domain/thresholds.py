"""The thresholds of all detectors: what `policies/alerts.yaml` sets. `cem.alerts.policy` reads and checks them."""

from __future__ import annotations

from math import log
from typing import Literal

import msgspec

from cem.domain.trouble_thresholds import (
    BillShockPolicy,
    OutagePolicy,
    PromisePolicy,
    QuietPolicy,
    RemedyPolicy,
    ServiceLossPolicy,
    SilentPolicy,
    SinkingPolicy,
)

__all__ = [
    "AlertPolicy",
    "AllowancePolicy",
    "BillShockPolicy",
    "EscalatePolicy",
    "LedgerPolicy",
    "MoneyPolicy",
    "NightPolicy",
    "OutagePolicy",
    "PromisePolicy",
    "QuietPolicy",
    "RemedyPolicy",
    "RepeatPolicy",
    "RisePolicy",
    "ServiceLossPolicy",
    "SilentPolicy",
    "SinkingPolicy",
    "TellPolicy",
    "VelocityPolicy",
    "WatchPolicy",
]


class AllowancePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the use of a line's message allowance is told."""

    enabled: bool = True
    #: Shares of the allowance in percent, ascending; each is told once a cycle.
    percents: tuple[int, ...] = (80, 100)
    #: Charges beyond the tariff in minor units, ascending; each is told once a cycle, with the open alert.
    charge_steps_minor: tuple[int, ...] = (500, 2_000, 5_000, 20_000)
    #: Told once a cycle, before a threshold is reached, when the allowance will not last with at least this chance in
    #: percent (0: never), from so many days of the cycle on.
    project_percent: int = 90
    project_after_days: int = 2
    #: Thresholds crossed within so many hours of the first are one alert, told at its highest.
    collapse_h: int = 48
    #: Telling it later than so many hours after it happened is noise.
    deliver_within_h: int = 24
    remedy: RemedyPolicy = RemedyPolicy("sms_bundle", 300)


class VelocityPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a line writes to abnormally many distinct recipients within hours (see `cem.domain.detectors.sms_burst`).

    A tier is reached at `d >= minimum` and `d >= factor x (level + offset)`, where d is the number of distinct
    recipients in `hours` and level the line's own usual one in 24.
    """

    enabled: bool = True
    minimum: int = 15
    offset: float = 5.0
    notice_factor: float = 5.0
    alert_factor: float = 5.0
    hours: int = 6
    #: A line younger than `age_days` needs as many recipients.
    age_days: int = 14
    young_minimum: int = 200
    deliver_within_h: int = 4
    remedy: RemedyPolicy = RemedyPolicy("usage_control")


class RisePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a line's use of messages has risen for days (see `cem.domain.detectors.sms_rise`)."""

    enabled: bool = True
    #: Messages beyond the usual in 3 days.
    minimum: int = 8
    age_days: int = 14
    #: What one day can add to the slow score; to the clear one a fifth more.
    day_cap: float = 2.5
    notice: float = 8.6
    alert: float = 8.7
    #: Added to both as `young * 14 / age in days`.
    young: float = 2.0
    #: How much more than its mean a line of which little is known may send, in messages a day of the usual line;
    #: for the clear score twice as much.
    unknown: float = 3.0
    #: From this many lively days a line-week, thresholds grow by `self_setting` x ln(their rate / this).
    usual_rate: float = 0.7
    self_setting: float = 5.0
    #: The clear score from which there is a notice too.
    clear: float = 8.2
    #: A younger line is judged from this day on against so many times what the usual line of the cohort sends.
    young_days: int = 4
    young_times: float = 8.0

    def more_at(self, rate: float) -> float:
        """Return what is added to the thresholds at that rate of rises a line-week."""
        return self.self_setting * log(rate / self.usual_rate) if rate > self.usual_rate else 0.0


class NightPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a line's messages have moved into the quiet hours (see `cem.domain.detectors.sms_night`)."""

    enabled: bool = True
    #: Nights of the last 5 with at least two messages, messages in them, and hours of them in which there was one
    #: (with fewer hours, but messages in all nights, it is a notice).
    nights: int = 2
    minimum: int = 10
    hours: int = 9
    #: Share of the 5 days' messages.
    share: float = 0.4
    age_days: int = 8
    notice: float = 1.2
    alert: float = 1.2


class MoneyPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When charges beyond the tariff are out of proportion (see `cem.domain.detectors.sms_money`)."""

    enabled: bool = True
    #: Within 2 calendar days.
    messages: int = 4
    least_minor: int = 200
    factor: float = 2.0


class WatchPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a line's use of messages has changed, beside `sms_velocity`."""

    rise: RisePolicy = RisePolicy()
    night: NightPolicy = NightPolicy()
    money: MoneyPolicy = MoneyPolicy()
    #: An episode is over when its condition has not held for so long; it is told again after `again_days` at the latest.
    silence_days: int = 7
    again_days: int = 28
    #: Telling it later than so many hours after it was found is noise.
    deliver_within_h: int = 24
    remedy: RemedyPolicy = RemedyPolicy("usage_control")


class RepeatPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a customer comes back about the same reason."""

    enabled: bool = True
    window_days: int = 7
    #: A repeat of a contact that was recorded as resolved is a notice if true, else nothing.
    even_if_resolved: bool = True
    #: So many contacts about whatever, one of which is known not to have solved the problem, are a repeat; 0 = never.
    any_reason: int = 3
    deliver_within_h: int = 8
    remedy: RemedyPolicy = RemedyPolicy("escalate_case")


class TellPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Over which channel the payer is told."""

    #: Tried in order when he has not said one, or has forbidden it.
    channels: tuple[str, ...] = ("sms", "app", "email")
    quiet: QuietPolicy = QuietPolicy()


class EscalatePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When an alert for those who work here, which nobody has acknowledged, is told again (`cem.domain.alert_escalation`)."""

    after_min: int = 120
    #: At most so often; 0 = never.
    times: int = 1


class LedgerPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is held out to see what telling avoids (see `cem.domain.facts.ledger`)."""

    #: Share of the customers, per type, who are not told; 0 = nobody, and nothing is watched.
    holdout_share: float = 0.05
    #: How long a customer is watched after an alert.
    horizon_days: int = 14
    #: Another salt holds out other customers.
    salt: str = "1"
    #: Types that are told always, whatever they avoid.
    duty: tuple[str, ...] = ("sms_allowance", "sms_money")
    #: Share of the customers who are told of a type while it is paused, so that it is known when that is over.
    paused_tell_share: float = 0.05


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
    sms_watch: WatchPolicy = WatchPolicy()
    bill_shock: BillShockPolicy = BillShockPolicy()
    promise: PromisePolicy = PromisePolicy()
    service_loss: ServiceLossPolicy = ServiceLossPolicy()
    silent_sufferer: SilentPolicy = SilentPolicy()
    sinking: SinkingPolicy = SinkingPolicy()
    outage: OutagePolicy = OutagePolicy()
    #: An alert that ended by itself and comes back within so many hours of its opening is the same one.
    collapse_h: int = 48
    ledger: LedgerPolicy = LedgerPolicy()
    escalate: EscalatePolicy = EscalatePolicy()
