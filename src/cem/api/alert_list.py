"""`GET /v1/alerts`: what is wrong, newest first, over all customers or of one, page by page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final, Protocol, runtime_checkable

import msgspec

from cem.api.conversation import alerts_of
from cem.api.parameters import invalid
from cem.domain.area_alerts import area_alerts
from cem.domain.customer import Customer, decode_customer
from cem.domain.events.alerts import Alert
from cem.domain.state.area import Area
from cem.domain.state_errors import StateError
from cem.domain.subject_states import decode_subject
from cem.ports import CustomerReader

__all__ = ["AlertFilter", "AlertPage", "page_of", "write_cursor"]

#: Alerts looked at for one page: a filter that fits few ends the page early, with a cursor to go on from.
_SCANNED: Final = 2000
_BATCH: Final = 100
_FOREVER: Final = 2**53


class AlertFilter(msgspec.Struct, frozen=True):
    """Which alerts; every field that is set must match."""

    customer: str | None = None
    type: str | None = None
    state: str | None = None
    tier: str | None = None

    def takes(self, alert: Alert) -> bool:
        """Return whether the alert matches."""
        return (
            (self.customer is None or alert.customer_id == self.customer)
            and (self.type is None or alert.type == self.type)
            and (self.state is None or alert.state == self.state)
            and (self.tier is None or alert.tier == self.tier)
        )


class AlertPage(msgspec.Struct, frozen=True):
    """One page; `next` is the cursor of the following one, null at the end."""

    alerts: list[Alert]
    next: str | None


@runtime_checkable
class _ReadsMany(Protocol):
    async def read_many(self, customer_ids: Sequence[str]) -> list[bytes | None]: ...


async def page_of(reader: CustomerReader, wanted: AlertFilter, limit: int, cursor: str | None) -> AlertPage:
    """Return at most `limit` alerts after `cursor`. Raises Problem for a cursor that is none, and what `reader` does."""
    if wanted.customer is not None:
        return await _page_of_one(reader, wanted, limit, cursor)
    last = _read_cursor(cursor)
    found: list[Alert] = []
    scanned = 0
    while scanned < _SCANNED:
        entries = await _entries_after(reader, last)
        if not entries:
            return AlertPage(found, None)
        known = await _alerts_of(reader, [member.partition("|")[0] for member, _ in entries])
        for member, score in entries:
            last = (score, member)
            alert = known.get(member)
            if alert is not None and wanted.takes(alert):
                found.append(alert)
                if len(found) == limit:
                    return AlertPage(found, write_cursor(last))
        scanned += len(entries)
    return AlertPage(found, write_cursor(last) if last else None)


async def _page_of_one(
    reader: CustomerReader, wanted: AlertFilter, limit: int, cursor: str | None
) -> AlertPage:
    assert wanted.customer is not None
    data = await reader.read(wanted.customer)
    alerts = [] if data is None else [a for a in alerts_of(decode_customer(data)) if wanted.takes(a)]
    keyed = [((round(a.opened_at.timestamp() * 1000), a.alert_id), a) for a in alerts]
    keyed.sort(key=lambda entry: entry[0], reverse=True)
    last = _read_cursor(cursor)
    if last is not None:
        keyed = [entry for entry in keyed if entry[0] < last]
    page = keyed[:limit]
    more = len(keyed) > limit
    return AlertPage([alert for _, alert in page], write_cursor(page[-1][0]) if more else None)


async def _entries_after(reader: CustomerReader, last: tuple[int, str] | None) -> list[tuple[str, int]]:
    """Return the next index entries (member, score), newest first, names descending within one instant."""
    if last is None:
        return await reader.newest("alerts", _FOREVER, _BATCH)
    limit = _BATCH
    while True:
        entries = await reader.newest("alerts", last[0] + 1, limit)
        rest = [(member, score) for member, score in entries if (score, member) < last]
        if rest or len(entries) < limit:
            return rest
        # More entries share one instant than were asked for.
        limit *= 4


async def _alerts_of(reader: CustomerReader, customer_ids: Sequence[str]) -> dict[str, Alert]:
    """Return index member to alert for the customers' alerts."""
    distinct = list(dict.fromkeys(customer_ids))
    if isinstance(reader, _ReadsMany):
        states = await reader.read_many(distinct)
    else:
        states = [await reader.read(customer_id) for customer_id in distinct]
    known: dict[str, Alert] = {}
    for subject, data in zip(distinct, states, strict=True):
        if data is None:
            continue
        try:
            state = decode_subject(subject, data)
        except StateError:
            continue
        if isinstance(state, Customer | Area):
            for alert in alerts_of(state) if isinstance(state, Customer) else area_alerts(state):
                known[f"{subject}|{alert.alert_id}"] = alert
    return known


def write_cursor(last: tuple[int, str]) -> str:
    """Return the cursor that goes on after an alert opened at that time (ms), with that name in the index."""
    return base64.urlsafe_b64encode(f"{last[0]} {last[1]}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        score, _, member = text.partition(" ")
        return int(score), member
    except (ValueError, binascii.Error, UnicodeDecodeError):
        raise invalid("cursor", "send the `next` of an earlier answer, unchanged") from None
