"""Merges and splits: a customer, or one of his lines, goes on as another, in whatever lane that one is.

**Merge.** What is kept of the customer is sent once (`state.moved`), and he becomes a tombstone that names where he went.
Every later record of his is sent after it (`state.forwarded`), byte for byte, once: repeats are told at the tombstone.
What is sent from one customer to another is numbered without a gap, and folded strictly by number; what comes before its
turn is held, at most `HELD_MOST` of it. Chains are followed link by link to the last customer.

**Circles.** A merge into oneself, into somebody who has gone on as oneself, or of somebody who has gone elsewhere, is
refused: a dead letter with the reason `merge_refused`. Two lanes may merge towards each other before either
knows: a record then comes back to a customer that it has come through. Of the circle's customers the one with the least
id takes himself back and keeps everything; the others stay tombstones that lead to him.

**Split.** A line's own state (its counts, cycles, detectors), its user and its plan move to the other customer, and the
records that the line's counts hold move from the one customer's counts to the other's. From then on records that name
the line, of the split's time or later, are sent on. What the state does not keep by line cannot be told apart and stays:
contacts, bills and payments, tickets, decisions. A record of before the split's time that arrives late stays, too.
The line's earlier records move with its state whatever the time that the split names.

Unit: records. Equals: each record once, at the customer who was last in its chain. No tick.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from cem.domain.absorb import absorb
from cem.domain.alerting import close_alert
from cem.domain.context import Carried, FoldContext
from cem.domain.customer import (
    FAMILIES,
    Customer,
    decode_customer,
    encode_customer,
    new_customer,
    plain_bytes,
)
from cem.domain.events import AlertState, CustomerMerged, CustomerSplit, StateForwarded, StateMoved
from cem.domain.events.envelope import Received, decode, encode_received
from cem.domain.events.rejects import Reject
from cem.domain.events.rfc3339 import format_ms
from cem.domain.facts.links import linked_names, tell_links
from cem.domain.facts.value import absorb_value, forget_value
from cem.domain.state.lines import LINE_FAMILIES
from cem.domain.state.moves import Gone, Held, Inflow
from cem.domain.state_errors import StateError

__all__ = ["HELD_MOST", "NO_MOVES", "has_moves", "merge", "send_on", "split", "take"]

#: Records from one customer that are held until those before them have come.
HELD_MOST: Final = 256
_TOPIC_OF_FAMILY: Final = {
    "calls": "cem.calls",
    "sms": "cem.sms-usage",
    "billing": "cem.billing",
    "service": "cem.service",
}
#: `Customer._moves` of who takes part in no merge or split.
NO_MOVES: Final = msgspec.Raw(b"\x90")
_moved = msgspec.json.Decoder(StateMoved).decode
_forwarded = msgspec.json.Decoder(StateForwarded).decode
_write = msgspec.json.Encoder().encode

#: Folds one record that has come through the customers named; see `cem.domain.fold`.
FoldOne = Callable[[Customer, Received, Carried, tuple[str, ...], FoldContext], object]


def has_moves(customer: Customer) -> bool:
    """Return whether the customer takes part in a merge or split; looks at no section for that."""
    return customer._moves != NO_MOVES


def merge(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `customer.merged`: send everything to the other customer, and leave a tombstone."""
    event = received.event
    assert isinstance(event, CustomerMerged)
    moves, into = customer.moves, event.into
    if into == customer.customer_id or into in moves.absorbed:
        ctx.refuse(_refused("The customer named goes on as this one already."))
        return
    for alert in list(customer.alerts.open):
        close_alert(customer, alert, AlertState.RESOLVED, "the customer was merged", ctx.lane_time_ms, ctx)
    _unlink(customer, received, ctx)
    forget_value(customer, ctx)
    sent = new_customer(customer.customer_id)
    for name in customer.__struct_fields__:
        setattr(sent, name, getattr(customer, name))
    blank = new_customer(customer.customer_id)
    sent.sources, sent.segments, sent._moves = {}, b"", blank._moves
    if moves.absorbed:
        sent.moves.absorbed = moves.absorbed
    _send_state(customer, into, sent, None, ctx)
    for name in ("first_ms", "last_ms", "as_of_ms", "sources", "seen", "seen_mark_s", "seen_marked"):
        setattr(blank, name, getattr(customer, name))
    for name in customer.__struct_fields__:
        if name != "_moves":
            setattr(customer, name, getattr(blank, name))
    moves.into, moves.gone = into, []


def split(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `customer.split`: send the line's state to the other customer, and its records from then on."""
    event = received.event
    assert isinstance(event, CustomerSplit)
    if event.into == customer.customer_id:
        ctx.refuse(_refused("A line cannot leave its customer for himself."))
        return
    profile = customer.profile
    before = linked_names(profile, ctx)
    part = new_customer(customer.customer_id)
    part.first_ms, part.last_ms, part.as_of_ms = customer.first_ms, customer.last_ms, customer.as_of_ms
    line = customer.lines.pop(event.line, None)
    if line is not None:
        part.lines = {event.line: line}
        part.counts = [0] * len(customer.counts)
        for family, number in zip(LINE_FAMILIES, line.counts, strict=False):
            index = FAMILIES.index(_TOPIC_OF_FAMILY[family])
            if index < len(customer.counts):
                customer.counts[index] -= number
                part.counts[index] = number
        for counts in (customer.counts, part.counts):
            while counts and not counts[-1]:
                counts.pop()
    part.profile.users = [user for user in profile.users if user.line == event.line]
    part.profile.supplies = [supply for supply in profile.supplies if supply.line == event.line]
    profile.users = [user for user in profile.users if user.line != event.line]
    profile.supplies = [supply for supply in profile.supplies if supply.line != event.line]
    tell_links(before, customer, received, ctx)
    _send_state(customer, event.into, part, event.line, ctx)
    since_ms = received.time_ms if event.since is None else round(event.since.timestamp() * 1000)
    moves = customer.moves
    moves.gone = [gone for gone in moves.gone if gone.line != event.line]
    moves.gone.append(Gone(event.line, event.into, since_ms))


def send_on(
    customer: Customer, received: Received, carried: Carried, through: tuple[str, ...], ctx: FoldContext
) -> bool:
    """Send the record to whom it belongs, and return True; False if it belongs here."""
    moves, me = customer.moves, customer.customer_id
    event = received.event
    to = moves.into
    if to:
        if isinstance(event, CustomerMerged):
            if event.into != to:
                ctx.refuse(_refused("The customer has gone on as another one already."))
            return True
        if me in through:
            circle = through[len(through) - 1 - through[::-1].index(me) :]
            if me == min(circle):
                moves.into = ""
                return False
    elif moves.gone and me not in through:
        line = getattr(event, "line", None)
        if line is not None and type(event) is not CustomerSplit:
            to = next((g.to for g in moves.gone if g.line == line and received.time_ms >= g.since_ms), "")
    if not to:
        return False
    number = moves.sent.get(to, 0)
    moves.sent[to] = number + 1
    carried = _in_binary_mode(received, carried)
    forwarded = StateForwarded(
        of=me,
        number=number,
        # Who goes round for long is in a circle that its least member ends; the newest stretch tells which.
        through=(*through, me)[-64:],
        topic=carried.topic,
        headers={
            **{name: value.decode(errors="replace") for name, value in carried.headers},
            # The record that carries this one is taken in later.
            "ce_recordedtime": format_ms(received.ingested_ms).decode(),
        },
        data=carried.value.decode(),
    )
    ctx.emit(forwarded, kind="forwarded", key=to)
    return True


def _in_binary_mode(received: Received, carried: Carried) -> Carried:
    """Return the record so that its headers say all but the data: a structured one names its customer in the value."""
    if any(name == "ce_type" for name, _ in carried.headers):
        return carried
    headers, value = encode_received(received, carried.timestamp_ms)
    return Carried(received.topic, headers, value, carried.timestamp_ms)


def take(customer: Customer, received: Received, ctx: FoldContext, fold_one: FoldOne) -> bool:
    """Fold `state.moved` or `state.forwarded` once all before it have been. False if it was folded before."""
    event = received.event
    assert isinstance(event, StateMoved | StateForwarded)
    if received.ingested_ms > customer.as_of_ms:
        customer.as_of_ms = received.ingested_ms
    moves = customer.moves
    inflow = next((inflow for inflow in moves.inflows if inflow.of == event.of), None)
    if inflow is None:
        inflow = Inflow(event.of)
        moves.inflows.append(inflow)
    if event.number < inflow.next or any(held.number == event.number for held in inflow.held):
        customer.duplicates += 1
        return False
    if event.number > inflow.next:
        if len(inflow.held) >= HELD_MOST:
            ctx.refuse(_refused("Too many records of a merged customer came before their turn."))
            return True
        inflow.held.append(Held(event.number, type(event) is StateMoved, _write(event)))
        inflow.held.sort(key=_number)
        return True
    _fold_in(customer, event, received, ctx, fold_one)
    inflow.next += 1
    while inflow.held and inflow.held[0].number == inflow.next:
        held = inflow.held.pop(0)
        _fold_in(
            customer, _moved(held.event) if held.moved else _forwarded(held.event), received, ctx, fold_one
        )
        inflow.next += 1
    return True


def _fold_in(
    customer: Customer,
    event: StateMoved | StateForwarded,
    received: Received,
    ctx: FoldContext,
    fold_one: FoldOne,
) -> None:
    if isinstance(event, StateMoved):
        carried = ctx.carried()
        moved = msgspec.structs.replace(received, event=event, customer_id=customer.customer_id)
        # Written anew: what was held may be another record than the one that is being folded.
        carried = Carried(carried.topic, carried.headers, _write(event), carried.timestamp_ms)
        if not send_on(customer, moved, carried, (), ctx):
            _take_in(customer, event, moved, ctx)
        return
    headers = tuple(
        (name, customer.customer_id.encode() if name == "ce_subject" else value.encode())
        for name, value in event.headers.items()
        if name not in ("ce_sequence", "ce_forwarded", "cem-token")
    )
    carried = Carried(event.topic, headers, event.data.encode(), received.ingested_ms)
    inner = decode(
        _Inner(
            event.topic,
            received.partition,
            received.offset,
            received.ingested_ms,
            customer.customer_id.encode(),
            carried.value,
            headers,
        )
    )
    if isinstance(inner, Reject):
        ctx.refuse(inner)
        return
    if isinstance(inner.event, StateMoved):
        if not send_on(customer, inner, carried, event.through, ctx):
            _take_in(customer, inner.event, inner, ctx)
        return
    fold_one(customer, inner, carried, event.through, ctx)


def _take_in(customer: Customer, event: StateMoved, received: Received, ctx: FoldContext) -> None:
    try:
        other = decode_customer(base64.b64decode(event.state))
    except (StateError, binascii.Error):
        ctx.refuse(_refused("What should be a customer's state cannot be read."))
        return
    moves = customer.moves
    if event.line is None:
        names = dict.fromkeys([*moves.absorbed, event.of, *other.moves.absorbed])
        names.pop(customer.customer_id, None)
        moves.absorbed = list(names)
    moves.gone = [gone for gone in moves.gone if gone.line not in other.lines and gone.line != event.line]
    before = linked_names(customer.profile, ctx)
    absorb(customer, other, ctx.lane_time_ms)
    absorb_value(customer, other, ctx)
    tell_links(before, customer, received, ctx)


def _send_state(customer: Customer, to: str, sent: Customer, line: str | None, ctx: FoldContext) -> None:
    moves = customer.moves
    number = moves.sent.get(to, 0)
    moves.sent[to] = number + 1
    # Plain: what is told twice must be the same bytes, whatever zlib the second teller has.
    state = base64.b64encode(plain_bytes(encode_customer(sent))).decode()
    ctx.emit(StateMoved(of=customer.customer_id, number=number, state=state, line=line), kind="moved", key=to)


def _unlink(customer: Customer, received: Received, ctx: FoldContext) -> None:
    profile = customer.profile
    ended_ms = max([received.time_ms, profile.at_ms, *(named.at_ms for named in profile.identifiers)])
    for name in linked_names(profile, ctx):
        ctx.link(name, customer.customer_id, ended_ms, linked=False)


def _refused(detail: str) -> Reject:
    return Reject("merge_refused", detail, "$.into")


def _number(held: Held) -> int:
    return held.number


class _Inner(NamedTuple):
    """A record within another."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
