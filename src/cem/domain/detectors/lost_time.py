"""How long the household was without good service in the days before an instant, and when that passes a limit.

Times are integers of milliseconds. Faults that overlap count once. A fault that nobody has ended is taken for going on
for `FAULT_LASTS_MS`, so what comes later than now is what will be if nothing happens.
"""

from __future__ import annotations

from cem.domain.customer import Customer
from cem.domain.facts.faults import FAULT_LASTS_MS

__all__ = ["Span", "lost_ms", "next_above", "next_below", "reached_ms", "spans_of"]

#: Beginning and end.
Span = tuple[int, int]


def spans_of(customer: Customer) -> list[Span]:
    """Return when service was bad, apart and in order; a fault of which only the end is known counts for nothing."""
    spans: list[Span] = []
    for began, ended in sorted(
        (f.began_ms, f.ended_ms or f.began_ms + FAULT_LASTS_MS) for f in customer.service.faults if f.began_ms
    ):
        if spans and began <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], ended))
        elif ended > began:
            spans.append((began, ended))
    return spans


def lost_ms(spans: list[Span], at_ms: int, window_ms: int) -> int:
    """Return how long service was bad in the window that ends at `at_ms`."""
    since_ms = at_ms - window_ms
    return sum(max(0, min(ended, at_ms) - max(began, since_ms)) for began, ended in spans)


def next_above(spans: list[Span], now_ms: int, window_ms: int, limit_ms: int) -> int:
    """Return the first instant after now at which as much as the limit is lost, having been less; 0 = never."""
    # Between two bends the time lost changes evenly, by one millisecond each or not at all.
    before_ms, before = now_ms, lost_ms(spans, now_ms, window_ms)
    for bend_ms in _bends(spans, now_ms, window_ms):
        lost = lost_ms(spans, bend_ms, window_ms)
        if before < limit_ms <= lost:
            return before_ms + (limit_ms - before)
        before_ms, before = bend_ms, lost
    return 0


def next_below(spans: list[Span], now_ms: int, window_ms: int, limit_ms: int) -> int:
    """Return the first instant after now at which less than the limit is lost, having been as much; 0 = never."""
    before_ms, before = now_ms, lost_ms(spans, now_ms, window_ms)
    for bend_ms in _bends(spans, now_ms, window_ms):
        lost = lost_ms(spans, bend_ms, window_ms)
        if before >= limit_ms > lost:
            return before_ms + (before - limit_ms) + 1
        before_ms, before = bend_ms, lost
    return 0


def reached_ms(spans: list[Span], now_ms: int, window_ms: int, limit_ms: int) -> int:
    """Return the last instant up to now at which as much as the limit came to be lost; 0 = none."""
    found = 0
    at_ms = min((began for began, _ in spans), default=now_ms) - 1
    while at_ms < now_ms:
        at_ms = next_above(spans, at_ms, window_ms, limit_ms)
        if not at_ms or at_ms > now_ms:
            break
        found = at_ms
    return found


def _bends(spans: list[Span], after_ms: int, window_ms: int) -> list[int]:
    """Return the instants after which a fault begins or ends to be in the window, or to grow in it."""
    edges = [edge for span in spans for edge in span]
    return sorted({at for edge in edges for at in (edge, edge + window_ms) if at > after_ms})
