"""Segments: rules over a customer's facts, and which customers they hold for at every instant.

`load` reads and checks the file of rules; `SegmentRules` asks them. Pure: time comes with the question.
"""

from __future__ import annotations

from cem.segments.engine import Explained, SegmentRules, load
from cem.segments.facts import TYPES
from cem.segments.groups import ALERTS, ALL, groups_of
from cem.segments.rules_file import FILE, Segment
from cem.segments.tally import TALLY, Sums, add_up, count_move

__all__ = [
    "ALERTS",
    "ALL",
    "FILE",
    "TALLY",
    "TYPES",
    "Explained",
    "Segment",
    "SegmentRules",
    "Sums",
    "add_up",
    "count_move",
    "groups_of",
    "load",
]
