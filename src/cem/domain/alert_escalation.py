"""An alert for those who work here that nobody takes on is escalated: one step more severe, and told again.

The clock runs while an alert of the tier alert is open. Whoever acknowledges, silences or ends it stops the clock, which
begins anew when a silence is over. It goes off at most `escalate.times` times, and not after `deliver_before`: by then
nobody could do anything any more. Areas' alerts are nobody's to acknowledge, so they are not escalated.
"""

from __future__ import annotations

from typing import Final

from cem.domain.context import FoldContext
from cem.domain.events.enums import AlertState, AlertTier, Tell
from cem.domain.state.alerts import StoredAlert

__all__ = ["set_escalation"]

_MINUTE_MS: Final = 60_000
#: Those who can be asked to acknowledge.
_INSIDE: Final = (str(Tell.REP), str(Tell.SUPERVISOR))


def set_escalation(alert: StoredAlert, from_ms: int, ctx: FoldContext) -> None:
    """Set when the alert is escalated unless somebody takes it on, counted from `from_ms`; 0 if it is not to be."""
    policy = ctx.alerts.escalate
    alert.escalate_due_ms = 0
    if alert.escalations >= policy.times or alert.tell_who not in _INSIDE:
        return
    if alert.tier != str(AlertTier.ALERT) or alert.state != str(AlertState.OPEN):
        return
    due_ms = from_ms + policy.after_min * _MINUTE_MS
    if not alert.deliver_before_ms or due_ms < alert.deliver_before_ms:
        alert.escalate_due_ms = due_ms
