"""Valuable customers who are about to be lost."""

from __future__ import annotations

import pytest

from cem.domain.customer import Customer
from cem.domain.events import Alert, BillIssued, CallEnded, Event, SurveyAnswered
from cem.domain.state.estimates import Churn, Satisfied
from tests.builders.customers import DAY, T0, Context, advance, go_on, household

NOW = T0 + 100 * DAY


def bills(total_minor: int) -> list[tuple[int, Event]]:
    return [(T0 + n * 30 * DAY, BillIssued(bill_id=f"b{n}", total_minor=total_minor)) for n in range(3)]


def told(ctx: Context) -> list[tuple[str, str, str]]:
    return [
        (e.TYPE.removeprefix("alert."), str(e.tier), str(e.reason or ""))
        for e in ctx.emitted
        if isinstance(e, Alert) and e.type == "sinking"
    ]


def valuable(*answers: tuple[int, int], total_minor: int = 4_000) -> tuple[Customer, Context]:
    said = [(at_ms, SurveyAnswered(csat=csat)) for at_ms, csat in answers]
    return household(sorted([*bills(total_minor), *said], key=lambda e: e[0]))


def test_a_bad_answer_of_a_valuable_customer_is_told() -> None:
    """Satisfaction at or below the level: an alert to the supervisor, with what a year of him is worth."""
    _, ctx = valuable((NOW, 1))
    (event,) = [e for e in ctx.emitted if isinstance(e, Alert)]
    assert event.evidence == {
        "satisfaction": 2.3,
        "before": 3.6,
        "trend_days": 60,
        "yearly_minor": 48_000,
    }
    assert (str(event.tier), event.tell.who) == ("alert", "supervisor")
    # The tier's warning, an error by the month at stake, and a step for his mood.
    assert event.severity == "critical"


def test_the_same_of_others_is_not() -> None:
    """Below `value_minor` a year, nobody is called in."""
    assert told(valuable((NOW, 1), total_minor=2_000)[1]) == []


def test_a_fall_is_a_notice() -> None:
    """From very content to middling within two months, though the level alone would say nothing."""
    answers = [(T0 + n * DAY, 5) for n in range(3)] + [(NOW - n, 2) for n in range(2)]
    _, ctx = valuable(*sorted(answers))
    assert told(ctx) == [("opened", "notice", "")]


def test_it_ends_when_he_is_content_again() -> None:
    """Good answers end it at once; time alone does too, as a bad answer ages."""
    customer, ctx = valuable((NOW, 1))
    go_on(customer, ctx, [(NOW + DAY + n, SurveyAnswered(csat=5)) for n in range(3)])
    assert told(ctx)[-1][0] == "resolved"
    customer, ctx = valuable((NOW, 1))
    advance(customer, ctx, NOW + 120 * DAY)
    assert told(ctx)[1:] == [("resolved", "alert", "back to usual")]


@pytest.mark.parametrize(("chance", "expected"), [(2_999, []), (3_000, [("opened", "alert", "")])])
def test_a_model_that_sees_him_leave_is_heard(chance: int, expected: list[tuple[str, str, str]]) -> None:
    """From `churn_percent` on, whatever he answered last."""
    customer, ctx = valuable((NOW, 4))
    customer.estimates.churn = Churn(chance)
    go_on(customer, ctx, [(NOW + DAY, CallEnded(call_id="c1", duration_s=60))])
    assert told(ctx) == expected


def test_what_the_model_hears_counts_until_he_answers() -> None:
    """An estimate newer than his last answer stands for it; an older one does not."""
    customer, ctx = valuable((NOW, 4))
    customer.estimates.satisfied = Satisfied(NOW // 1000 + 60, 100, 80, 120)
    go_on(customer, ctx, [(NOW + DAY, CallEnded(call_id="c1", duration_s=60))])
    assert told(ctx) == [("opened", "alert", "")]
    go_on(customer, ctx, [(NOW + 2 * DAY, SurveyAnswered(csat=5))])
    assert told(ctx)[-1] == ("resolved", "alert", "back to usual")
