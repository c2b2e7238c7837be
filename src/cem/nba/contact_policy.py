"""Whether the customer has had enough of an action: cool-downs of the action itself, caps over many actions.

Windows are exact: a suggestion counts while its age is less than the window, to the millisecond.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cem.nba.catalogue import Action, Catalogue
from cem.nba.history import Past
from cem.nba.params import Cap, Scope

__all__ = ["COOL_DOWN", "Fatigue", "in_scope"]

#: Rule id under which a resting action is dropped.
COOL_DOWN: Final = "contact.cool_down"
_DAY_MS: Final = 86_400_000


class Fatigue:
    """The contact policy's view of one customer's history at one time."""

    __slots__ = ("_by_action", "_full", "_now_ms")

    def __init__(
        self, history: Sequence[Past], now_ms: int, catalogue: Catalogue, caps: Sequence[Cap]
    ) -> None:
        self._now_ms = now_ms
        self._by_action: dict[str, list[Past]] = {}
        self._full: list[tuple[Cap, int]] = []
        if not history:
            return
        for past in history:
            self._by_action.setdefault(past.action, []).append(past)
        actions = catalogue.by_name
        for cap in caps:
            count = 0
            for past in history:
                if past.state in cap.states and now_ms - past.at_ms < cap.window_ms:
                    suggested = actions.get(past.action)
                    count += suggested is not None and in_scope(suggested, cap.scope)
            if count >= cap.times:
                self._full.append((cap, count))

    def block(self, action: Action) -> tuple[str, str | int] | None:
        """Return the rule that forbids the action now and the value it saw, or None."""
        for past in self._by_action.get(action.action, ()):
            rest_ms = action.contact.cool_down_ms.get(past.state)
            if rest_ms is not None and 0 <= self._now_ms - past.at_ms < rest_ms:
                days = (self._now_ms - past.at_ms) / _DAY_MS
                return COOL_DOWN, f"{past.state} {days:.1f} days ago, rests {rest_ms / _DAY_MS:g} days"
        if not action.contact.exempt:
            for cap, count in self._full:
                if in_scope(action, cap.scope):
                    return cap.id, count
        return None


def in_scope(action: Action, scope: Scope) -> bool:
    """Return whether the action matches every field of the scope that is set."""
    return (
        (scope.precedence is None or scope.precedence == action.precedence)
        and (scope.issue is None or scope.issue == action.issue)
        and (scope.group is None or scope.group == action.group)
        and (scope.action is None or scope.action == action.action)
    )
