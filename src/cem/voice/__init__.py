"""The voice of the customers: why they get in touch, what fails, how satisfied they are; by area, product and segment.

`hear` counts in a lane's own state as records are folded; `report` sums lanes up and says which reasons emerge. Pure.
"""

from __future__ import annotations

from cem.voice.hearing import VOICE, Voice, hear
from cem.voice.report import ALARM_LEVEL, BY, Emerging, Group, Report, emerging, report

__all__ = ["ALARM_LEVEL", "BY", "VOICE", "Emerging", "Group", "Report", "Voice", "emerging", "hear", "report"]
