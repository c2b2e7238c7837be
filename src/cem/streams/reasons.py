"""What a Kafka client's error says, in words."""

from __future__ import annotations

__all__ = ["reason_of"]


def reason_of(error: BaseException | None) -> str:
    """Return the error's message, or its kind where it has none; None is a request that was cancelled."""
    if error is None:
        return "cancelled"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
