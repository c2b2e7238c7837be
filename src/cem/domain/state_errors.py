"""Why the bytes of a state cannot be read: by this version, or by any."""

from __future__ import annotations

__all__ = ["BrokenState", "NewerState", "StateError", "newer_state"]


class StateError(Exception):
    """A state's bytes cannot be read. `NewerState`: by this version; `BrokenState`: by any."""


class NewerState(StateError):
    """A newer version of the program wrote this state; folding it here would lose what only that one knows."""


class BrokenState(StateError):
    """The bytes are no state at all."""


def newer_state(whose: str, version: int, readable: int) -> NewerState:
    """Return the error that says what to do about a state of `version` where `readable` is the newest that is read."""
    return NewerState(
        f"the state of {whose} has version {version}; this program reads up to {readable}: "
        "upgrade it, or stop the workers of the newer version and rebuild"
    )
