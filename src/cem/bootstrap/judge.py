"""Looking at the ledger, again and again: a type of alert that avoids no calls pauses, and goes on when it may again.

The verdict rests on the sums of all lanes, so one process reaches it: the worker that has lane 0, of which there is
one whenever alerts open at all. It says it as a record on `cem.control`; every worker follows those
(`cem.bootstrap.brakes`), and the journal keeps under which of them a step was made.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from cem.alerts.ledger import LedgerRow, ledger_of
from cem.alerts.pauses import Tellings, judgements
from cem.bootstrap.objects import set_object
from cem.domain.thresholds import LedgerPolicy
from cem.ports import LaneStopped, Publisher, Unavailable

__all__ = ["LedgerJudge"]

_log = logging.getLogger(__name__)

#: Between two looks. An interval that holds however often one looks costs nothing by being looked at.
_EVERY_S: Final = 60.0


class LedgerJudge:
    """Says what the ledger shows anew while it is this process that judges."""

    def __init__(
        self,
        own_states: Callable[[], Awaitable[list[bytes | None]]],
        publisher: Publisher,
        tellings: Callable[[], Tellings | None],
        policy: Callable[[], LedgerPolicy],
        judges: Callable[[], bool],
        *,
        every_s: float = _EVERY_S,
    ) -> None:
        """Take the lanes' own states, where records go, what was said so far (None: not known), and whether to judge."""
        self._own_states = own_states
        self._publisher = publisher
        self._tellings = tellings
        self._policy = policy
        self._judges = judges
        self._every_s = every_s
        #: The ledger of the last look; None while another process judges, or the store cannot be asked.
        self.rows: list[LedgerRow] | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
            except (Unavailable, LaneStopped, msgspec.DecodeError) as error:
                self.rows = None
                _log.warning("the ledger was not looked at: %s", error)

    async def look(self) -> None:
        """Say once what is to be said anew, if it is this process that judges. Raises Unavailable."""
        tellings = self._tellings()
        if tellings is None or not self._judges():
            self.rows = None
            return
        self.rows = ledger_of(await self._own_states())
        for judged in judgements(self.rows, tellings, self._policy().duty):
            await set_object(self._publisher, judged, source="cem/ledger")
