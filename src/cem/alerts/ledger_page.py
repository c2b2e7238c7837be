"""The ledger as people and programs read it: what each type of alert avoids, and whether it is paused. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cem.alerts.interval import Difference
from cem.alerts.ledger import LedgerRow
from cem.alerts.pauses import Tellings
from cem.domain.events.rfc3339 import format_ms
from cem.domain.state.ledger import Tally

__all__ = ["Avoided", "LedgerEntry", "LedgerPage", "Watched", "ledger_page"]


class Watched(msgspec.Struct, frozen=True):
    """Customers watched to the end of their horizon, and how many of them called, complained, left."""

    of: int
    calls: int
    complaints: int
    churned: int


class Avoided(msgspec.Struct, frozen=True):
    """Share of those told whose call, complaint or leaving was avoided, each with its interval; null: too few yet."""

    calls: Difference | None
    complaints: Difference | None
    churned: Difference | None


class LedgerEntry(msgspec.Struct, frozen=True):
    """One type of alert."""

    type: str
    told: Watched
    held_out: Watched
    avoided: Avoided
    #: True: fewer calls for certain; false: no fewer for certain; null: not known yet.
    helps: bool | None
    #: True: all but a few customers are held out of it now; null: Kafka does not say.
    paused: bool | None
    #: "ledger", or the person who overruled it; null: nobody decided anything, and it is told.
    decided_by: str | None
    #: When (RFC 3339).
    decided_at: str | None
    reason: str | None


class LedgerPage(msgspec.Struct, frozen=True):
    """Each type that was watched or decided on, by name."""

    types: list[LedgerEntry]


def ledger_page(rows: Iterable[LedgerRow], tellings: Tellings | None) -> LedgerPage:
    """Return the ledger with what was decided; None: that is not known."""
    by_type = {row.type: row for row in rows}
    for type_ in tellings.types if tellings is not None else ():
        by_type.setdefault(type_, LedgerRow(type_, Tally(), Tally(), None, None, None))
    return LedgerPage([_entry(by_type[type_], tellings) for type_ in sorted(by_type)])


def _entry(row: LedgerRow, tellings: Tellings | None) -> LedgerEntry:
    pause = None if tellings is None else tellings.of(row.type)
    return LedgerEntry(
        row.type,
        _watched(row.told),
        _watched(row.held_out),
        Avoided(row.calls, row.complaints, row.churned),
        row.helps,
        None if tellings is None else pause is not None and pause.paused,
        None if pause is None else pause.by,
        None if pause is None else format_ms(pause.at_ms).decode(),
        None if pause is None else pause.reason,
    )


def _watched(tally: Tally) -> Watched:
    return Watched(tally.of, tally.calls, tally.complaints, tally.churned)
