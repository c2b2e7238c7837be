"""A pilot: the whole stream job over an operator's history, in event time, and what it would have changed."""

from __future__ import annotations

from cem.pilot.history import History, read_history
from cem.pilot.lived import Lived, live
from cem.pilot.report import Report, report_of

__all__ = ["History", "Lived", "Report", "live", "read_history", "report_of"]
