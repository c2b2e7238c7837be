"""All detectors of abnormal use of messages over a stream of many lines, each message once, in order of arrival.

The same folds as the stream's, over one lane. A line has one open episode of use (`sms_rise`, `sms_night`,
`sms_velocity`) and one of charges (`sms_money`) a tier: it is told when it opens, goes on as long as its condition
holds, and is over when that has not held for `silence_days`; one that does not end is told again after `again_days`.
An alert is a notice too: after it none is told.
"""

from __future__ import annotations

import msgspec

from cem.domain.detectors.recipients import note_recipient
from cem.domain.detectors.sms_change import Found, look
from cem.domain.detectors.sms_money import BEYOND_TARIFF, MONEY, money_of
from cem.domain.events.enums import AlertTier
from cem.domain.state.alerts import Evidence
from cem.domain.state.lines import Line
from cem.domain.state.rhythm import Rhythm
from cem.domain.thresholds import AlertPolicy

__all__ = ["Sighting", "SmsWatch"]

_DAY_S = 86_400
#: Times the usual charge from which a message is beyond the tariff.
_DEAR = 4


class Sighting(msgspec.Struct, frozen=True):
    """Something to be told about a line."""

    line: str
    at_s: int
    kind: str
    tier: AlertTier
    evidence: Evidence


class _Episode:
    """When a tier of a line was last told, and when its condition last held."""

    __slots__ = ("held_s", "told_s")

    def __init__(self, at_s: int) -> None:
        self.told_s = self.held_s = at_s


class SmsWatch:
    """Many lines, and the rhythm that they share."""

    def __init__(self, policy: AlertPolicy) -> None:
        self.policy = policy
        self.rhythm = Rhythm()
        self.lines: dict[str, Line] = {}
        self._episodes: dict[tuple[str, str], _Episode] = {}
        #: About the median of what messages without a known destination cost.
        self._charge_minor = 0.0
        self._money = policy.sms_watch.money.enabled
        self._silence_s = policy.sms_watch.silence_days * _DAY_S
        self._again_s = policy.sms_watch.again_days * _DAY_S

    def see(
        self, line: str, at_s: int, recipient: str | None, charge_minor: int, destination: str | None
    ) -> list[Sighting]:
        """Fold a message and return what it gives rise to tell: mostly nothing."""
        kept = self.lines.get(line)
        day = at_s // _DAY_S
        if kept is None:
            kept = self.lines[line] = Line(first_day=day)
        elif day < kept.first_day:
            kept.first_day = day
        if recipient:
            note_recipient(kept, recipient, at_s // 3600)
        found, _ = look(kept, at_s, self.rhythm, self.policy)
        if (
            charge_minor > 0
            and self._money
            and (self._is_dear(charge_minor) if destination is None else destination in BEYOND_TARIFF)
        ):
            assert kept.habits is not None
            evidence = money_of(kept.habits, at_s, charge_minor, self.policy.sms_watch.money)
            if evidence is not None:
                found = [*found, (MONEY, True, evidence)]
        return [told for each in found for told in self._told(line, at_s, each)] if found else []

    def _told(self, line: str, at_s: int, found: Found) -> list[Sighting]:
        kind, is_alert, evidence = found
        if kind == MONEY:
            opens = self._opens(line, MONEY, at_s)
        elif is_alert:
            opens = self._opens(line, "alert", at_s)
            self._opens(line, "notice", at_s)
        else:
            opens = self._opens(line, "notice", at_s)
        tier = AlertTier.ALERT if is_alert else AlertTier.NOTICE
        return [Sighting(line, at_s, kind, tier, evidence)] if opens else []

    def _opens(self, line: str, what: str, at_s: int) -> bool:
        """Note that a condition holds; return whether that is to be told."""
        episode = self._episodes.get((line, what))
        if episode is None:
            self._episodes[line, what] = _Episode(at_s)
            return True
        is_new = at_s - episode.held_s > self._silence_s or at_s - episode.told_s > self._again_s
        if is_new:
            episode.told_s = at_s
        episode.held_s = max(at_s, episode.held_s)
        return is_new

    def _is_dear(self, charge_minor: int) -> bool:
        """Return whether no tariff covers a message without a known destination: its price has to say it."""
        usual = self._charge_minor or charge_minor
        # A step towards the median of all charges.
        self._charge_minor = usual * (
            1.02 if charge_minor > usual else 1 / 1.02 if charge_minor < usual else 1.0
        )
        return charge_minor > _DEAR * usual
