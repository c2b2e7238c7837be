"""Looking at the ledger, again and again: a type of alert that avoids no calls pauses, and goes on when it may again.

The verdict rests on the sums of all lanes, so one process reaches it: the worker that has lane 0, of which there is
one whenever alerts open at all. It says it as a record on `cem.control`; every worker follows those
(`cem.bootstrap.brakes`), and the journal keeps under which of them a step was made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from cem.alerts.ledger import LedgerRow, ledger_of
from cem.alerts.pauses import Tellings, judgements
from cem.bootstrap.lanes_watch import LanesWatch
from cem.bootstrap.objects import set_object
from cem.domain.thresholds import LedgerPolicy
from cem.ports import Publisher

__all__ = ["ledger_judge"]

#: Between two looks. An interval that holds however often one looks costs nothing by being looked at.
_EVERY_S: Final = 60.0


def ledger_judge(
    own_states: Callable[[], Awaitable[list[bytes | None]]],
    publisher: Publisher,
    tellings: Callable[[], Tellings | None],
    policy: Callable[[], LedgerPolicy],
    judges: Callable[[], bool],
) -> LanesWatch[list[LedgerRow]]:
    """Return what keeps the ledger while `judges`, and tells the log each time what it shows anew.

    `publisher`: where records go. `tellings`: what was said so far; while it is not known (None), nothing is judged.
    """

    async def read(states: list[bytes | None], before: list[LedgerRow] | None) -> list[LedgerRow] | None:
        said = tellings()
        if said is None:
            return None
        rows = ledger_of(states)
        for judged in judgements(rows, said, policy().duty):
            await set_object(publisher, judged, source="cem/ledger")
        return rows

    return LanesWatch(own_states, judges, read, every_s=_EVERY_S, missed="the ledger was not looked at")
