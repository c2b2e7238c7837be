"""Making a failing history small: faults are left out one by one for as long as it still fails."""

from __future__ import annotations

from typing import Any

from tests.faults.simulation import Fault, History, Violation


def failure_of(
    seed: int, without: frozenset[int] = frozenset(), **options: Any
) -> tuple[History, Exception | None]:
    """Run a history and return it with what it raised, None if it held."""
    history = History(seed, without=without, **options)
    try:
        history.run()
    except Exception as error:  # a crash of the code under test is as much a finding as a violation
        return history, error
    return history, None


def shrink(seed: int, **options: Any) -> tuple[list[Fault], Exception]:
    """Return the faults that a failing history needs, and how it then fails. Raises ValueError if it holds."""
    history, error = failure_of(seed, **options)
    if error is None:
        raise ValueError(f"seed {seed} does not fail")
    dropped: frozenset[int] = frozenset()
    smaller = True
    while smaller:
        smaller = False
        for fault in history.faults:
            if fault.index in dropped:
                continue
            attempt = dropped | {fault.index}
            tried, found = failure_of(seed, attempt, **options)
            # Leaving a fault out changes what the dice mean afterwards; only keep what still fails.
            if found is not None:
                dropped, history, error, smaller = attempt, tried, found, True
                break
    return [f for f in history.faults if f.index not in dropped], error


__all__ = ["Violation", "failure_of", "shrink"]
