"""The brakes that people have set, and the types of alert that are paused, as every worker follows them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Final

import msgspec

from cem.alerts import pauses
from cem.alerts.pauses import Tellings
from cem.bootstrap.parts import Parts
from cem.domain.events import ControlBrakeSet
from cem.domain.restraint import ALL, Restraint
from cem.settings import Settings
from cem.streams.control_feed import ControlFeed, Setting

__all__ = ["PREFIX", "Brakes"]

_log = logging.getLogger(__name__)

PREFIX: Final = "brake:"
#: A worker waits so long for what stands on the log before it begins.
_FIRST_S: Final = 15.0


class Brakes:
    """The restraint in force, this deployment's shadow run included.

    Until the log has told which brakes are on, all are: silence can be made up for.
    """

    def __init__(self, parts: Parts, settings: Settings) -> None:
        self._shadow = settings.shadow
        prefixes = (PREFIX, *pauses.PREFIXES)
        self._feed = ControlFeed(parts.options, parts.log, settings.partitions, prefixes, self._take)
        self._tellings = Tellings()
        self._task: asyncio.Task[None] | None = None
        self._known = Restraint((ALL,), self._shadow)
        self._found = Restraint((), shadow=self._shadow)

    @property
    def restraint(self) -> Restraint:
        """What is withheld now."""
        return self._found if self._feed.complete.is_set() else self._known

    @property
    def tellings(self) -> Tellings | None:
        """What was decided about telling; None while the log has not said."""
        return self._tellings if self._feed.complete.is_set() else None

    async def start(self) -> None:
        """Follow the log from now on; return when its brakes are known, or after a while with all of them on."""
        self._task = asyncio.create_task(self._feed.run())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_S):
                await self._feed.complete.wait()
            return
        _log.error("the brakes are not known: no customer is told anything until Kafka says which are on")

    async def run(self) -> None:
        """Return never; raises what has ended the following of the log: brakes set from then on would not be obeyed."""
        assert self._task is not None
        await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _take(self, key: str, setting: Setting) -> None:
        event = setting.event
        if self._tellings.take(event, setting.timestamp_ms):
            self._pause()
            return
        if not isinstance(event, ControlBrakeSet):
            return
        others = [scope for scope in self._found.brakes if scope != event.scope]
        on = sorted([*others, event.scope] if event.on else others)
        self._found = msgspec.structs.replace(self._found, brakes=tuple(on))
        if self._feed.complete.is_set():
            _log.warning("brake on %s is %s, set by %s", event.scope, "on" if event.on else "off", event.by)

    def _pause(self) -> None:
        """Let the types be paused of which that was decided last."""
        before, after = self._found.paused, self._tellings.paused
        self._found = msgspec.structs.replace(self._found, paused=after)
        if not self._feed.complete.is_set():
            return
        for type_ in (*after, *before):
            if (type_ in after) == (type_ in before):
                continue
            pause = self._tellings.of(type_)
            _log.warning(
                "alerts of type %s %s, decided by %s (%s)",
                type_,
                "are paused: only a few customers are told" if type_ in after else "are told again",
                pause.by if pause else "nobody",
                (pause.reason if pause else None) or "no reason given",
            )
