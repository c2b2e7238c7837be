"""How far the world's time runs while the wall's does: at a fixed speed, or so that a fixed rate of events comes out."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from cem.simulator.parameters import MINUTE_MS
from cem.simulator.world import Produced, World

__all__ = ["FixedRate", "FixedSpeed", "Pace"]


class Pace(Protocol):
    """Says which events are due."""

    def target_ms(self, elapsed_s: float) -> int | None:
        """Return to what time the world must be advanced now; None: not further than it is."""

    def made(self, events: list[Produced]) -> None:
        """Take the events of the world's latest step."""

    def due(self, elapsed_s: float) -> list[Produced]:
        """Return the events to be sent now, in order."""

    @property
    def sent_ms(self) -> int:
        """The world's time up to which everything has been handed out."""

    @property
    def speed(self) -> float:
        """Simulated seconds a second, as of now."""


class FixedSpeed:
    """K simulated seconds a second."""

    def __init__(self, origin_ms: int, speed: float) -> None:
        self._origin_ms = origin_ms
        self._speed = speed
        self._made: list[Produced] = []
        self._sent_ms = origin_ms

    def target_ms(self, elapsed_s: float) -> int | None:
        self._sent_ms = self._origin_ms + int(elapsed_s * 1000 * self._speed)
        return self._sent_ms

    def made(self, events: list[Produced]) -> None:
        self._made += events

    def due(self, elapsed_s: float) -> list[Produced]:
        due, self._made = self._made, []
        return due

    @property
    def sent_ms(self) -> int:
        return self._sent_ms

    @property
    def speed(self) -> float:
        return self._speed


class FixedRate:
    """N events a second; the world's time runs as fast as that takes, slower by day and faster by night."""

    #: So many seconds of events are made ahead.
    AHEAD_S = 0.25

    def __init__(self, world: World, rate: float) -> None:
        self._world = world
        self._rate = rate
        self._waiting: deque[Produced] = deque()
        self._handed_out = 0
        self._sent_ms = world.now_ms
        self._step_ms = MINUTE_MS
        self._measured = (0.0, world.now_ms)
        self._speed = 1.0

    def target_ms(self, elapsed_s: float) -> int | None:
        wanted = self._rate * (elapsed_s + self.AHEAD_S) - self._handed_out
        if len(self._waiting) >= wanted:
            return None
        return self._world.now_ms + self._step_ms

    def made(self, events: list[Produced]) -> None:
        self._waiting.extend(events)
        # Steps of about a tenth of a second's events.
        if len(events) > self._rate / 5:
            self._step_ms = max(1000, self._step_ms // 2)
        elif len(events) < self._rate / 20:
            self._step_ms = min(60 * MINUTE_MS, self._step_ms * 2)

    def due(self, elapsed_s: float) -> list[Produced]:
        count = min(len(self._waiting), int(self._rate * elapsed_s) - self._handed_out)
        due = [self._waiting.popleft() for _ in range(max(0, count))]
        self._handed_out += len(due)
        if due:
            self._sent_ms = max(self._sent_ms, due[-1].recorded_ms)
        before_s, before_ms = self._measured
        if elapsed_s - before_s >= 0.5:
            self._speed = max(0.0, (self._sent_ms - before_ms) / 1000 / (elapsed_s - before_s))
            self._measured = (elapsed_s, self._sent_ms)
        return due

    @property
    def sent_ms(self) -> int:
        return self._sent_ms

    @property
    def speed(self) -> float:
        return self._speed
