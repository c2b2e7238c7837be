"""What is kept hot of each line: counts, the use of the billing cycles, and distinct recipients."""

from __future__ import annotations

import msgspec

from cem.domain.state.habits import Habits

__all__ = ["DESTINATIONS", "LINE_FAMILIES", "Cycle", "Line", "Velocity"]

#: Index in `Cycle.charged_minor` of each destination class. Append only.
DESTINATIONS = ("onnet", "offnet", "international", "premium", "roaming", "other")

#: Index in `Line.counts` of each family of events that name a line. Append only.
LINE_FAMILIES = ("calls", "sms", "billing", "service")


class Cycle(msgspec.Struct, array_like=True, gc=False):
    """What a line used from its start (inclusive) to its end (exclusive), in seconds since the epoch."""

    start_s: int
    end_s: int
    messages: int = 0
    segments: int = 0
    #: Segments that count towards the allowance, also those beyond it.
    counted: int = 0
    #: Charges beyond the tariff in minor units, by index in DESTINATIONS; trailing zeros left out.
    charged_minor: list[int] = []
    #: Messages that were charged.
    charged: int = 0
    #: Highest allowance threshold (percent) that was told in this cycle; a charge beyond the allowance counts as 100.
    told_percent: int = 0
    #: How many steps of charges were told in this cycle, and 1000 for each alert that a larger allowance ended in it.
    told_steps: int = 0

    @property
    def start_ms(self) -> int:
        """When the cycle began."""
        return self.start_s * 1000

    @property
    def end_ms(self) -> int:
        """When the next cycle begins."""
        return self.end_s * 1000


class Velocity(msgspec.Struct, array_like=True, gc=False):
    """Distinct recipients of a line in its last 24 clock hours, as a sketch (see `cem.domain.detectors.recipients`)."""

    #: The hour (since the epoch) up to which `cells` has been aged.
    hour: int = 0
    cells: bytes = b""
    #: The line's own level of distinct recipients a day, in hundredths.
    level_centi: int = 0
    #: No longer used: the newest day with a message is that of `hour`; it has not taught `level_centi` yet.
    day: int = 0
    #: When the line was last noticed and last alerted, so that an episode is told once; 0 = never.
    noticed_ms: int = 0
    alerted_ms: int = 0


class Line(msgspec.Struct, array_like=True, gc=False):
    """One line of the customer. Who uses it and on which plan is in the profile."""

    #: Number of records folded per family, by index in LINE_FAMILIES.
    counts: list[int] = []
    #: The newest cycle with a message, and the one right before it (None: no message in it).
    cycle: Cycle | None = None
    previous: Cycle | None = None
    #: Segments a cycle that the plan includes; 0 = unknown or unlimited.
    allowance: int = 0
    velocity: Velocity | None = None
    #: Day (since the epoch, UTC) of the line's first message; 0 = none yet.
    first_day: int = 0
    #: Absent until the line sends a message.
    habits: Habits | None = None
