"""The second call in a week about the same reason."""

from __future__ import annotations

import pytest

from cem.domain import view
from cem.domain.events import (
    Alert,
    CallEnded,
    CallStarted,
    Channel,
    Event,
    InteractionRecorded,
    Resolution,
)
from cem.domain.fold import fold
from cem.domain.thresholds import AlertPolicy, RepeatPolicy
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, advance, household, received


def call(
    number: int, at_ms: int, reason: str | None = "billing", resolution: Resolution | None = None
) -> list[tuple[int, Event]]:
    return [
        (at_ms, CallStarted(call_id=f"c{number}", reason=reason)),
        (at_ms + 5 * MINUTE, CallEnded(call_id=f"c{number}", duration_s=300, resolution=resolution)),
    ]


def alerts(ctx: Context) -> list[tuple[str, str, str, int | float | str | bool]]:
    return [
        (e.TYPE.removeprefix("alert."), str(e.tier), str(e.severity), e.evidence["contacts"])
        for e in ctx.emitted
        if isinstance(e, Alert)
    ]


@pytest.mark.parametrize(
    ("resolution", "tier"),
    [
        (None, "alert"),
        (Resolution.UNRESOLVED, "alert"),
        (Resolution.FOLLOW_UP, "alert"),
        (Resolution.RESOLVED, "notice"),
    ],
)
def test_the_second_call_is_told_while_it_goes_on(resolution: Resolution | None, tier: str) -> None:
    """The supervisor hears at the beginning of the second call; a contradicted "resolved" is a notice."""
    first = call(1, T0, resolution=resolution)
    customer, ctx = household([*first, (T0 + 3 * DAY, CallStarted(call_id="c2", reason="billing"))])
    assert [(kind, t) for kind, t, _, _ in alerts(ctx)] == [("opened", tier)]
    assert len(view.open_calls(customer, T0 + 3 * DAY)) == 1


def test_other_reasons_and_later_calls_are_no_repeat() -> None:
    """Another reason, no reason, and a call seven days later tell nothing."""
    events = [
        *call(1, T0),
        *call(2, T0 + DAY, "coverage"),
        *call(3, T0 + 2 * DAY, None),
        *call(4, T0 + 2 * DAY + HOUR, None),
    ]
    _, ctx = household([*events, *call(5, T0 + 7 * DAY)])
    assert alerts(ctx) == []


def test_any_channel_counts() -> None:
    """A message in the app and then a call about the same reason is a repeat."""
    app = InteractionRecorded(interaction_id="i1", channel=Channel.APP, reason="billing")
    _, ctx = household([(T0, app), *call(1, T0 + DAY)])
    assert len(alerts(ctx)) == 1


def test_the_third_contact_updates_the_open_alert() -> None:
    """One alert a reason: further contacts update it, and it grows more severe."""
    customer, ctx = household([*call(1, T0), *call(2, T0 + DAY), *call(3, T0 + 2 * DAY)])
    assert alerts(ctx) == [("opened", "alert", "warning", 2), ("updated", "alert", "error", 3)]
    advance(customer, ctx, T0 + 9 * DAY - 1)
    assert len(customer.alerts.open) == 1
    advance(customer, ctx, T0 + 9 * DAY)
    assert alerts(ctx)[-1][0] == "resolved"


def test_a_reason_known_only_at_the_end_counts_then() -> None:
    """A reason that the representative records in the wrap-up tells the repeat at the end of the call."""
    second: list[tuple[int, Event]] = [
        (T0 + DAY, CallStarted(call_id="c2")),
        (T0 + DAY + MINUTE, CallEnded(call_id="c2", reason="billing")),
    ]
    _, ctx = household([*call(1, T0), *second])
    assert [kind for kind, *_ in alerts(ctx)] == ["opened"]


def test_a_first_contact_that_arrives_second_is_told_too() -> None:
    """Whichever of the two is read first, the pair is a repeat and told once."""
    first, second = call(1, T0)[0], call(2, T0 + DAY)[0]
    for events in ([first, second], [second, first]):
        customer, ctx = household(events, ctx=Context(T0 + DAY + HOUR))
        assert len(alerts(ctx)) == 1
        assert customer.alerts.open[0].opened_ms == T0 + DAY


def test_a_repeat_that_was_waiting_in_the_log_is_not_lost() -> None:
    """A worker that was down reads the repeat at its own time: the window of the first closes as repeated."""
    customer, ctx = household(call(1, T0))
    # The lane's time stands at its oldest unread record: the repeat of six days later.
    advance(customer, ctx, T0 + 6 * DAY)
    fold(customer, received(CallStarted(call_id="c2", reason="billing"), T0 + 6 * DAY), ctx)
    advance(customer, ctx, T0 + 30 * DAY)
    assert (customer.contacts.repeated, customer.contacts.resolved) == (1, 1)
    assert [kind for kind, *_ in alerts(ctx)] == ["opened", "resolved"]


def test_policy_may_trust_the_record() -> None:
    """With `even_if_resolved: false` the repeat of a resolved contact is not told."""
    policy = AlertPolicy(repeat_call=RepeatPolicy(even_if_resolved=False))
    events = [*call(1, T0, resolution=Resolution.RESOLVED), *call(2, T0 + DAY)]
    assert alerts(household(events, ctx=Context(0, alerts=policy))[1]) == []


def test_the_third_contact_about_whatever_is_told_if_one_was_left_unsolved() -> None:
    """Three contacts in a week, of other reasons or none: told as `any` when one before is known to be unsolved."""
    for resolution, count in ((Resolution.CALLBACK, 1), (Resolution.RESOLVED, 0), (None, 0)):
        events = [
            *call(1, T0, None, resolution),
            *call(2, T0 + DAY, "plan"),
            *call(3, T0 + 2 * DAY, "device"),
        ]
        _, ctx = household(events)
        found = [e for e in ctx.emitted if isinstance(e, Alert)]
        assert [(e.subject, e.evidence["contacts"]) for e in found] == [("any", 3)] * count


def test_a_repeat_about_one_reason_is_not_told_twice() -> None:
    """While the alert about the reason is open, the same contacts are not told as about whatever too."""
    _, ctx = household([e for n in range(3) for e in call(n, T0 + n * DAY, resolution=Resolution.UNRESOLVED)])
    assert {e.subject for e in ctx.emitted if isinstance(e, Alert)} == {"billing"}
