"""All detectors of abnormal use of messages over a stream of many lines, each message once, in order of arrival.

A line has one open episode of use (`sms_rise`, `sms_night`, `sms_burst`) and one of charges (`sms_money`) a tier: it is
told when it opens, goes on as long as its condition holds, and is over when that has not held for `silence_days`; one
that does not end is told again after `again_days`. An alert is a notice too: after it none is told.
"""

from __future__ import annotations

import msgspec

from cem.domain.detectors.cohort import BUCKET_S, Cohort, advance
from cem.domain.detectors.recipients import distinct_centi
from cem.domain.detectors.sms_burst import burst_factor, note_recipient_of
from cem.domain.detectors.sms_money import BEYOND_TARIFF, money_is_told, note_charge
from cem.domain.detectors.sms_night import night
from cem.domain.detectors.sms_rise import rise
from cem.domain.events.enums import AlertTier
from cem.domain.state.alerts import Evidence
from cem.domain.state.habits import BUCKETS, Habits
from cem.domain.state.lines import Velocity
from cem.domain.thresholds import WatchPolicy

__all__ = ["Sighting", "SmsWatch", "Watched"]

_DAY_S = 86_400
#: A rise that counts for the thresholds that set themselves.
_CANDIDATE = 3.0
#: Times the usual charge from which a message is beyond the tariff.
_DEAR = 4


class Watched(msgspec.Struct, array_like=True, gc=False):
    """What is kept of a line."""

    habits: Habits
    velocity: Velocity | None = None


class Sighting(msgspec.Struct, frozen=True):
    """Something to be told about a line."""

    line: str
    at_s: int
    kind: str
    tier: AlertTier
    evidence: Evidence


class SmsWatch:
    """Many lines, and the rhythm that they share."""

    def __init__(self, policy: WatchPolicy) -> None:
        self.policy = policy
        self.cohort = Cohort()
        self.lines: dict[str, Watched] = {}
        self._habits: list[Habits] = []
        #: About the median of what messages without a known destination cost.
        self._charge_minor = 0.0
        self._silence_s = policy.silence_days * _DAY_S
        self._again_s = policy.again_days * _DAY_S

    def see(
        self, line: str, at_s: int, recipient: str | None, charge_minor: int, destination: str | None
    ) -> list[Sighting]:
        """Fold a message and return what it gives rise to tell: mostly nothing."""
        cohort = self.cohort
        if cohort.turn(at_s, self._habits):
            for each in self._habits:
                each.first += cohort.shift
                each.newest += cohort.shift
        bucket = (at_s - cohort.quiet_s) // BUCKET_S
        watched = self.lines.get(line)
        if watched is None:
            habits = Habits(bucket, bucket, b"\0")
            watched = self.lines[line] = Watched(habits)
            self._habits.append(habits)
        habits = watched.habits
        _count(habits, bucket, cohort)
        cohort.count(habits, bucket, at_s)
        policy, told = self.policy, []
        tiers: list[tuple[str, bool, Evidence]] = []
        velocity = watched.velocity
        if recipient:
            velocity = watched.velocity = note_recipient_of(velocity, recipient, at_s // 3600)
            if len(velocity.cells) > 2 * policy.burst.offset and policy.burst.enabled:
                self._burst(habits, velocity, tiers)
        if len(habits.counts) > 4 * 7:
            if policy.rise.enabled:
                self._rise(habits, velocity, at_s, tiers)
            if policy.night.enabled:
                self._night(habits, tiers)
        for kind, is_alert, evidence in tiers:
            if self._opens(habits, at_s, is_alert):
                told.append(
                    Sighting(line, at_s, kind, AlertTier.ALERT if is_alert else AlertTier.NOTICE, evidence)
                )
        if charge_minor > 0 and policy.money.enabled and self._is_beyond(charge_minor, destination):
            spending = note_charge(habits, at_s, charge_minor)
            if money_is_told(spending, policy.money):
                before_s, habits.money_held_s = habits.money_held_s, max(at_s, habits.money_held_s)
                if self._is_new(at_s, habits.money_told_s, before_s):
                    habits.money_told_s = at_s
                    evidence = {
                        "messages_2d": sum(spending.messages[:2]),
                        "charged_7d_minor": sum(spending.charged_minor),
                    }
                    told.append(Sighting(line, at_s, "sms_money", AlertTier.ALERT, evidence))
        return told

    def _is_beyond(self, charge_minor: int, destination: str | None) -> bool:
        """Return whether no tariff covers the message; where no destination is known, its price has to say it."""
        if destination is not None:
            return destination in BEYOND_TARIFF
        usual = self._charge_minor or charge_minor
        # A step towards the median of all charges.
        self._charge_minor = usual * (
            1.02 if charge_minor > usual else 1 / 1.02 if charge_minor < usual else 1.0
        )
        return charge_minor > _DEAR * usual

    def _is_new(self, at_s: int, told_s: int, held_s: int) -> bool:
        return not told_s or at_s - held_s > self._silence_s or at_s - told_s > self._again_s

    def _opens(self, habits: Habits, at_s: int, is_alert: bool) -> bool:
        """Note that a tier's condition holds; return whether that is to be told."""
        opens = False
        if is_alert:
            opens = self._is_new(at_s, habits.alerted_s, habits.alert_held_s)
            if opens:
                habits.alerted_s = habits.noticed_s = at_s
            habits.alert_held_s = max(at_s, habits.alert_held_s)
        elif self._is_new(at_s, habits.noticed_s, habits.notice_held_s):
            habits.noticed_s = at_s
            opens = True
        habits.notice_held_s = max(at_s, habits.notice_held_s)
        return opens

    def _burst(self, habits: Habits, velocity: Velocity, tiers: list[tuple[str, bool, Evidence]]) -> None:
        policy = self.policy.burst
        factor = burst_factor(velocity, (habits.newest - habits.first + 1) / 4, policy)
        if factor >= policy.notice_factor:
            evidence: Evidence = {
                "recipients_24h": round(factor * (velocity.level_centi / 100 + policy.offset)),
                "usual_a_day": round(velocity.level_centi / 100, 1),
            }
            tiers.append(("sms_velocity", factor >= policy.alert_factor, evidence))

    def _rise(
        self, habits: Habits, velocity: Velocity | None, at_s: int, tiers: list[tuple[str, bool, Evidence]]
    ) -> None:
        policy, cohort = self.policy.rise, self.cohort
        found = rise(habits, cohort, policy)
        if found is None:
            return
        score = found.score - policy.young * 14 / found.age_days
        if score >= _CANDIDATE and abs(at_s - habits.candidate_s) > 7 * _DAY_S:
            habits.candidate_s = at_s
            cohort.candidate()
        more = policy.more_at(cohort.rise_rate)
        if score < policy.notice + more:
            return
        is_alert = score >= policy.alert + more
        if velocity is not None and not _as_many_recipients(velocity):
            return
        evidence: Evidence = {
            "messages_3d": found.messages_3d,
            "usual_3d": round(found.usual_3d, 1),
            "score": round(found.score, 1),
        }
        tiers.append(("sms_rise", is_alert, evidence))

    def _night(self, habits: Habits, tiers: list[tuple[str, bool, Evidence]]) -> None:
        policy = self.policy.night
        found = night(habits, self.cohort, policy)
        if found is None or found.score < policy.notice:
            return
        evidence: Evidence = {
            "messages_at_night": found.at_night,
            "messages_5d": found.messages,
            "usual_share_percent": round(100 * found.usual_share),
        }
        tiers.append(("sms_night", found.score >= policy.alert, evidence))


def _count(habits: Habits, bucket: int, cohort: Cohort) -> None:
    """Count a message; one that is late lands in its own bucket, also before the line's first."""
    if bucket > habits.newest:
        advance(habits, bucket, cohort)
    counts = habits.counts
    at = len(counts) - 1 - (habits.newest - bucket)
    if at < 0:
        if bucket >= habits.first or habits.newest - bucket >= BUCKETS:
            return
        habits.first = bucket
        counts = bytes(-at) + counts
        at = 0
    if counts[at] < 255:
        habits.counts = counts[:at] + bytes((counts[at] + 1,)) + counts[at + 1 :]


def _as_many_recipients(velocity: Velocity) -> bool:
    """Return whether the line writes to more people than usual: a chat that grows warm does not."""
    return distinct_centi(velocity.cells) >= velocity.level_centi + 100
