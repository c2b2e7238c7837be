"""An option that takes an instant."""

from __future__ import annotations

from datetime import datetime

from cem.cli.errors import USAGE, Failure

__all__ = ["instant"]


def instant(option: str, text: str) -> datetime:
    """Return the instant that `text` says; it must have a zone. Raises Failure, which names the option."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Failure(
            f"{option} takes an instant with its zone, as in 2026-03-01T10:00:00Z, not {text!r}", USAGE
        )
    return at
