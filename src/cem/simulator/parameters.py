"""What a simulated operator is made of: every rate, size and share that a run may set."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

__all__ = ["DAY_MS", "HOUR_MS", "MINUTE_MS", "Parameters"]

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """One operator's world. Two worlds of equal parameters are equal, event for event."""

    seed: int = 7
    #: Paying accounts (households) on the first day.
    customers: int = 250
    #: The first day of the world.
    start: date = date(2026, 1, 5)
    #: Minutes by which the customers' clocks are ahead of UTC.
    utc_offset_min: int = 0
    #: Minor units of the operator's currency in one hundredth of a euro (1 for EUR, about 280 for VND).
    minor_per_cent: int = 1
    #: Which texts the customers use: those that models may be built on, those kept apart to judge them, or all.
    texts: str = "open"

    #: Share of households that speak Vietnamese; the others speak English.
    share_vietnamese: float = 0.5
    #: Share of customers who answer on another channel than the one they asked for (story 5).
    share_channel_differs: float = 0.15
    #: Abusive episodes per 1,000 line-weeks (a line has one at a time).
    abuse_per_1000_line_weeks: float = 5.0
    #: Episodes that look odd and are not abusive, per 1,000 line-weeks.
    benign_per_1000_line_weeks: float = 8.0
    #: Story 1 (a child's texting runs up the bill) per 1,000 household-weeks with a child.
    story1_per_1000_weeks: float = 2.0
    #: Story 2 (wants an upgrade on a good deal while the reception fails him) per 1,000 household-weeks.
    story2_per_1000_weeks: float = 2.0
    #: Days on which everybody texts more, a year.
    holidays_per_year: float = 8.0
    #: Weeks of examinations a year: most young people text less for five days and more for two.
    exam_weeks_per_year: float = 5.0
    #: Messages whose records arrive late (exponential, 20 minutes on average, six hours at most).
    share_late: float = 0.03
    #: Share of households whose message feed knows the line only: those records come over `cem.inbox`.
    share_by_line: float = 0.0
    #: Contacts about nothing in particular, per customer and week.
    questions_per_week: float = 0.22
    #: Faults per area and week.
    faults_per_area_week: float = 0.20
    #: Areas served.
    areas: int = 12
    #: Households with a lasting reception problem of their own, per 1,000 household-weeks.
    coverage_per_1000_weeks: float = 5.0
    #: Advertising messages per customer and month.
    campaigns_per_month: float = 1.5
    #: Orders per customer and month.
    orders_per_month: float = 0.12
    #: Share of orders that miss their promised date.
    share_orders_late: float = 0.22
    #: Sign-ups a month as a share of the first day's customers, whatever else happens.
    signups_per_month: float = 0.012
    #: Share of bills with a charge that should not be there.
    share_bills_wrong: float = 0.012
    #: Scale of the hazard of leaving.
    leaving_scale: float = 1.0
    #: Representatives in the centre.
    reps: int = 24
    #: Share of dissatisfied or delighted customers who answer a survey; the indifferent answer half as often.
    survey_response: float = 0.35
    #: Action's true effects: the catalogue's times a factor between 1 / this and this, by seed.
    effect_spread: float = 2.0
    #: Hour at which the live part begins on its first day: nobody calls at night.
    live_hour: int = 8
    #: The live part opens with stories 1 and 2 in preparation, so that they can be watched.
    stage_stories: bool = True

    @property
    def start_ms(self) -> int:
        """Midnight of the first day at the customers', in milliseconds since the epoch."""
        midnight = datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC)
        return int(midnight.timestamp()) * 1000 - self.utc_offset_min * MINUTE_MS

    def day_start_ms(self, day: int) -> int:
        """Return when day number `day` (0 = the first) begins."""
        return self.start_ms + day * DAY_MS

    def day_of(self, at_ms: int) -> int:
        """Return the number of the day that `at_ms` belongs to."""
        return (at_ms - self.start_ms) // DAY_MS

    def weekday(self, day: int) -> int:
        """Return the weekday of day number `day`, 0 = Monday."""
        return (self.start.weekday() + day) % 7

    def date_of(self, day: int) -> date:
        """Return the calendar date of day number `day`."""
        return self.start + timedelta(days=day)

    def money(self, cents: float) -> int:
        """Return an amount given in euro cents in the operator's minor units, round where people round."""
        if self.minor_per_cent == 1:
            return round(cents)
        return round(cents * self.minor_per_cent / 100) * 100
