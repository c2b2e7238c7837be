"""A message of a line, folded into its habits: whether its use has changed with it (a rise, a move into the night, a burst).

`look` is the one way through which the stream and `cem evaluate usage` go; who is told, and how often, is theirs.
"""

from __future__ import annotations

from cem.domain.detectors.recipients import distinct_centi
from cem.domain.detectors.rhythm import DAY_S, NIGHT_S, NOON_S, note_hour, since_quiet, turn
from cem.domain.detectors.sms_burst import lately_centi, limit_centi, looks_like_many
from cem.domain.detectors.sms_days import add_late, begin_at_night, live_days, note_night_hour, open_day
from cem.domain.detectors.sms_night import night_of
from cem.domain.detectors.sms_rise import least_for_rise, rise_of
from cem.domain.state.alerts import Evidence
from cem.domain.state.habits import NEVER, Habits
from cem.domain.state.lines import Line, Velocity
from cem.domain.state.rhythm import Rhythm
from cem.domain.thresholds import AlertPolicy, RisePolicy, VelocityPolicy

__all__ = ["BURST", "NIGHT", "RISE", "Found", "look"]

RISE, NIGHT, BURST = "sms_rise", "sms_night", "sms_velocity"

#: Kind, whether it is of the alert tier, evidence.
Found = tuple[str, bool, Evidence]

_NOTHING: list[Found] = []


def look(line: Line, at_s: int, rhythm: Rhythm, policy: AlertPolicy) -> tuple[list[Found], bool]:
    """Fold a message into the line's days, its recipient being noted already.

    Returns what is abnormal with it, and whether the rhythm was told anything.
    """
    since = since_quiet(rhythm, at_s)
    taught = False
    while (noon := (since - NOON_S) // DAY_S) > rhythm.day or not rhythm.open:
        turn(rhythm, noon)
        since = since_quiet(rhythm, at_s)
        taught = True
    day = since // DAY_S
    into_s = since % DAY_S
    is_night = into_s < NIGHT_S
    watch = policy.sms_watch
    if not at_s & 7:
        note_hour(rhythm, day, is_night, at_s)
        taught = True
    habits = line.habits
    if habits is None:
        habits = line.habits = Habits(day)
    if day > habits.day:
        open_day(habits, day, is_night, line.first_day, rhythm)
        taught = True
        habits.judge_at = least_for_rise(habits, line.first_day, watch.rise)
    if day < habits.day:
        taught = True
        if not add_late(habits, day, is_night, line.first_day, rhythm):
            return _NOTHING, taught
        if is_night:
            note_night_hour(habits, day, into_s)
        habits.judge_at = least_for_rise(habits, line.first_day, watch.rise)
    else:
        habits.count += 1
        if into_s < NOON_S:
            habits.early += 1
        elif habits.count == habits.early + 1:
            # By what is known from now on.
            habits.judge_at = least_for_rise(habits, line.first_day, watch.rise)
        if is_night:
            if not habits.night and habits.count > 1:
                begin_at_night(habits, line.first_day, rhythm)
                taught = True
            habits.night += 1
            note_night_hour(habits, day, into_s)
    found = _NOTHING
    velocity = line.velocity
    if 0 < habits.judge_at <= habits.count:
        noon = habits.day if habits.count > habits.early else habits.day - 1
        found = _rise(habits, line.first_day, velocity, rhythm, noon, watch.rise)
    if 0 < habits.early < habits.count and since < habits.day * DAY_S + NOON_S:
        found = [*found, *_rise_before_noon(habits, line.first_day, velocity, rhythm, watch.rise)]
    if is_night and watch.night.enabled and day - line.first_day + 1 >= watch.night.age_days:
        night = night_of(habits, rhythm, watch.night)
        if night is not None and night.score >= watch.night.notice:
            evidence: Evidence = {
                "messages_at_night": night.at_night,
                "messages_5d": night.messages,
                "usual_share_percent": round(100 * night.usual_share),
                "hours_at_night": night.hours,
            }
            is_alert = night.score >= watch.night.alert and night.hours >= watch.night.hours
            found = [*found, (NIGHT, is_alert, evidence)]
    many = policy.sms_velocity
    if velocity is not None and len(velocity.cells) >= 2 * many.minimum - 2 and many.enabled:
        burst = _burst(velocity, live_days(habits, line.first_day), many)
        if burst is not None:
            found = [*found, burst]
    return found, taught


def _rise(
    habits: Habits, first_day: int, velocity: Velocity | None, rhythm: Rhythm, noon: int, policy: RisePolicy
) -> list[Found]:
    """Return a rise, if there is one, and set from how many messages on to look again."""
    rise = rise_of(habits, first_day, rhythm, noon, policy)
    n = habits.count
    if n < rise.told_from:
        habits.judge_at = rise.told_from if rise.told_from < NEVER else 0
        return _NOTHING
    if velocity is not None and not _as_many_recipients(velocity):
        # A chat that grows warm; look again.
        habits.judge_at = n + 1
        return _NOTHING
    is_alert = n >= rise.alert_from
    habits.judge_at = rise.alert_from if n < rise.alert_from < NEVER else 0
    score = rise.clear if is_alert or rise.clear.at(n) > rise.slow.at(n) else rise.slow
    evidence: Evidence = {
        "messages_3d": rise.before + n,
        "usual_3d": round(score.usual_3d, 1),
        "score": round(score.at(n), 1),
    }
    return [(RISE, is_alert, evidence)]


def _rise_before_noon(
    habits: Habits, first_day: int, velocity: Velocity | None, rhythm: Rhythm, policy: RisePolicy
) -> list[Found]:
    """Return the rise of the newest day's first half, which a late message may have brought."""
    count, judge_at = habits.count, habits.judge_at
    habits.count = habits.early
    found: list[Found] = []
    if 0 < least_for_rise(habits, first_day, policy) <= habits.count:
        found = _rise(habits, first_day, velocity, rhythm, habits.day - 1, policy)
    habits.count, habits.judge_at = count, judge_at
    return found


def _burst(velocity: Velocity, age_days: int, policy: VelocityPolicy) -> Found | None:
    if not looks_like_many(velocity, policy):
        return None
    lately = lately_centi(velocity, age_days, policy)
    if not lately:
        return None
    is_alert = lately >= limit_centi(velocity, policy, policy.alert_factor)
    reached = policy.alert_factor if is_alert else policy.notice_factor
    evidence: Evidence = {
        "recipients_24h": round(distinct_centi(velocity.cells) / 100),
        "threshold": round(limit_centi(velocity, policy, reached) / 100),
        "usual_a_day": round(velocity.level_centi / 100, 1),
        "window_h": policy.hours,
        "recipients_6h": round(lately / 100),
    }
    return BURST, is_alert, evidence


def _as_many_recipients(velocity: Velocity) -> bool:
    """Return whether the line writes to more people than usual."""
    return distinct_centi(velocity.cells) >= velocity.level_centi + 50
