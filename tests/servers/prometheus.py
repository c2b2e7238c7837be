"""Whether Prometheus and its promtool are here: the tests of `deploy/` run them as they are."""

from __future__ import annotations

import shutil

__all__ = ["missing"]


def missing() -> str | None:
    """Return why Prometheus cannot be run here; None if it can."""
    if shutil.which("prometheus") and shutil.which("promtool"):
        return None
    return "no prometheus and promtool on PATH (Debian: apt-get install prometheus)"
