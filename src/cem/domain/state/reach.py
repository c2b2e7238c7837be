"""What is kept of old messages to a customer: how many he answered, by month, channel and part of the day.

A message leaves the list of touches after 31 days at the earliest. What it taught is then a count in a cell of two bytes
(after two bytes with the newest period): one cell a period of 28 days, channel, part of day, and answered or not. Cells are exact and can be added in any order;
how much each still weighs is the reader's affair (`cem.domain.view.reach`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from cem.domain.localtime import DAY_MS
from cem.domain.state.contacts import CHANNELS, channel_code
from cem.domain.state.outreach import Outreach

__all__ = ["CELL_LIMIT", "PARTS", "PERIODS_KEPT", "PERIOD_MS", "Cell", "add_past", "past_cells", "store_past"]

#: A period's length; the newest thirteen, a year, with a message are kept.
PERIOD_MS: Final = 28 * DAY_MS
PERIODS_KEPT: Final = 13
#: Most messages that one cell counts.
CELL_LIMIT: Final = 16
#: Parts of a local day with the hours at which they begin; Saturdays and Sundays have their own four. Append only.
PARTS: Final = (("morning", 6), ("afternoon", 12), ("evening", 17), ("night", 22))


class Cell(NamedTuple):
    """What a count is of."""

    #: Periods since the epoch.
    period: int
    channel: str
    #: Index in PARTS; 4 more on Saturdays and Sundays.
    part: int
    answered: bool


def past_cells(outreach: Outreach) -> dict[Cell, int]:
    """Return the number of old messages by cell."""
    past = outreach.past
    if not past:
        return {}
    newest = past[0] | past[1] << 8
    return {
        Cell(newest - (a >> 4), CHANNELS[a & 15], b >> 5, bool(b & 16)): (b & 15) + 1
        for a, b in zip(past[2::2], past[3::2], strict=False)
        if a & 15 < len(CHANNELS)
    }


def add_past(outreach: Outreach, cells: Iterable[Cell]) -> None:
    """Count one more message in each cell."""
    counts = past_cells(outreach)
    for cell in cells:
        counts[cell] = counts.get(cell, 0) + 1
    store_past(outreach, counts)


def merge_past(outreach: Outreach, other: Outreach) -> None:
    """Add what another customer's old messages taught, as when two turn out to be one."""
    counts = past_cells(outreach)
    for cell, count in past_cells(other).items():
        counts[cell] = counts.get(cell, 0) + count
    store_past(outreach, counts)


def store_past(outreach: Outreach, counts: Mapping[Cell, int]) -> None:
    """Keep these counts, as far back as is kept; equal counts give equal bytes."""
    if not counts:
        outreach.past = None
        return
    newest = max(cell.period for cell in counts)
    # 65,535 periods are 5,000 years.
    rows = bytearray((newest & 255, newest >> 8 & 255))
    for cell, count in sorted(counts.items()):
        age = newest - cell.period
        if age < PERIODS_KEPT and count > 0:
            rows.append(age << 4 | channel_code(cell.channel))
            rows.append(cell.part << 5 | cell.answered << 4 | min(count, CELL_LIMIT) - 1)
    outreach.past = bytes(rows)
