"""The state of one customer: everything that is kept of a household, as one versioned MessagePack array.

Two halves. What an SMS record touches (counts, duplicates, lines, due times) is decoded at once. The *sections* stay
bytes until somebody looks at them: reading `customer.contacts` decodes that section, and `encode_customer` writes
looked-at and untouched ones alike. So the common record does not pay for what it does not use. Those that a text
message hardly ever needs are deflated together, once he has been quiet and if they are worth it (`stir`, `settle`), and
inflated when one of them is looked at.

Fields are only ever appended, each with a default: a reader of version n reads what n-1 wrote. What a newer version
wrote is refused (`NewerState`), because a fold by an older one would lose what it does not know.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, cast

import msgspec
from msgspec import Raw

from cem.domain.state.alerts import Alerts
from cem.domain.state.billing import Billing
from cem.domain.state.contacts import Contacts
from cem.domain.state.decisions import Decisions
from cem.domain.state.estimates import Estimates
from cem.domain.state.journey import Journey
from cem.domain.state.ledger import Watching
from cem.domain.state.lines import Line
from cem.domain.state.moves import Moves
from cem.domain.state.outreach import Outreach
from cem.domain.state.piece import BadPieceError, piece_of, sections_of
from cem.domain.state.profile import Profile
from cem.domain.state.satisfaction import Satisfaction
from cem.domain.state.service import Service
from cem.domain.state.talk import Talk
from cem.domain.state.value import Value
from cem.domain.state_errors import BrokenState, StateError, newer_state

__all__ = [
    "FAMILIES",
    "VERSION",
    "Customer",
    "decode_customer",
    "encode_customer",
    "new_customer",
    "plain_bytes",
    "settle",
    "stir",
]

#: Version of the state that this code writes.
VERSION = 2

#: Index in `Customer.counts` of each topic's records. Append only.
FAMILIES = (
    "cem.calls",
    "cem.sms-usage",
    "cem.billing",
    "cem.interactions",
    "cem.service",
    "cem.profiles",
    "cem.outcomes",
    "cem.decisions",
    "cem.control",
)


#: An empty array: a section of which every field is at its default.
_EMPTY = Raw(b"\x90")


class Customer(msgspec.Struct, array_like=True, gc=False):
    """One household: its lines, and what is known of it. Times are milliseconds of event time unless they say so."""

    version: int
    customer_id: str
    #: Event time of the oldest and of the newest record folded.
    first_ms: int = 0
    last_ms: int = 0
    #: Newest time of ingestion among the records folded: what the state knows, it knows as of then.
    as_of_ms: int = 0
    #: Number of records folded per topic, by index in FAMILIES; trailing zeros left out. Duplicates do not count.
    counts: list[int] = []
    #: Window of ids seen and watermarks of ordered sources: see `cem.domain.duplicates`.
    seen: bytes = b""
    #: Ingestion time (seconds) of the mark in `seen`, and how many of its ids came before it.
    seen_mark_s: int = 0
    seen_marked: int = 0
    sources: dict[bytes, int] = {}
    duplicates: int = 0
    lines: dict[str, Line] = {}
    #: When contacts, promises and faults, alerts must next be looked at (0 = never): see `cem.domain.fold.next_due_ms`.
    contacts_due_ms: int = 0
    promises_due_ms: int = 0
    alerts_due_ms: int = 0
    _profile: Raw = _EMPTY
    _contacts: Raw = _EMPTY
    _talk: Raw = _EMPTY
    _billing: Raw = _EMPTY
    _satisfaction: Raw = _EMPTY
    _service: Raw = _EMPTY
    _outreach: Raw = _EMPTY
    _decisions: Raw = _EMPTY
    _alerts: Raw = _EMPTY
    #: When (seconds) estimates and examples must next be looked at (0 = never): see `cem.domain.facts.learning`.
    learning_due_s: int = 0
    _estimates: Raw = _EMPTY
    _journey: Raw = _EMPTY
    #: When (seconds) a watched alert's horizon closes next (0 = never): see `cem.domain.facts.ledger`.
    ledger_due_s: int = 0
    _watching: Raw = _EMPTY
    #: The segments that he is in: see `cem.domain.state.segments`.
    segments: bytes = b""
    _value: Raw = _EMPTY
    _moves: Raw = _EMPTY
    #: The sections of `_QUIET` while nobody looks at them, together (`cem.domain.state.piece`); None: each is in its
    #: own field, because they are small or have been looked at.
    _piece: bytes | None = None
    #: Lane time (s) of the newest record but for text messages, until nothing but those has come for an hour (then 0):
    #: while he is busy, sections stay as they are, for each record would inflate and deflate them again.
    stirred_s: int = 0

    @property
    def profile(self) -> Profile:
        """Who the customer is."""
        section: Any = self._profile
        if type(section) is Raw:
            section = self._profile = cast(Raw, _profile(_opened(self)._profile))
        found: Profile = section
        return found

    @property
    def contacts(self) -> Contacts:
        """When and why he turned to the company (packed; read them with `cem.domain.view`)."""
        section: Any = self._contacts
        if type(section) is Raw:
            section = self._contacts = cast(Raw, _contacts(_opened(self)._contacts))
        found: Contacts = section
        return found

    @property
    def talk(self) -> Talk:
        """The calls going on."""
        section: Any = self._talk
        if type(section) is Raw:
            section = self._talk = cast(Raw, _talk(section))
        found: Talk = section
        return found

    @property
    def billing(self) -> Billing:
        """Bills and payments."""
        section: Any = self._billing
        if type(section) is Raw:
            section = self._billing = cast(Raw, _billing(_opened(self)._billing))
        found: Billing = section
        return found

    @property
    def satisfaction(self) -> Satisfaction:
        """Survey answers."""
        section: Any = self._satisfaction
        if type(section) is Raw:
            section = self._satisfaction = cast(Raw, _satisfaction(_opened(self)._satisfaction))
        found: Satisfaction = section
        return found

    @property
    def service(self) -> Service:
        """Faults, tickets, orders, tasks."""
        section: Any = self._service
        if type(section) is Raw:
            section = self._service = cast(Raw, _service(_opened(self)._service))
        found: Service = section
        return found

    @property
    def outreach(self) -> Outreach:
        """What the company said to him, and his responses."""
        section: Any = self._outreach
        if type(section) is Raw:
            section = self._outreach = cast(Raw, _outreach(_opened(self)._outreach))
        found: Outreach = section
        return found

    @property
    def decisions(self) -> Decisions:
        """The last decisions and their outcomes."""
        section: Any = self._decisions
        if type(section) is Raw:
            section = self._decisions = cast(Raw, _decisions(_opened(self)._decisions))
        found: Decisions = section
        return found

    @property
    def alerts(self) -> Alerts:
        """His open and last closed alerts."""
        section: Any = self._alerts
        if type(section) is Raw:
            section = self._alerts = cast(Raw, _alerts(section))
        found: Alerts = section
        return found

    @property
    def estimates(self) -> Estimates:
        """What models say of him, and what waits for the label from which they learn."""
        section: Any = self._estimates
        if type(section) is Raw:
            section = self._estimates = cast(Raw, _estimates(_opened(self)._estimates))
        found: Estimates = section
        return found

    @property
    def journey(self) -> Journey:
        """What dealing with the company cost him, besides what other sections count."""
        section: Any = self._journey
        if type(section) is Raw:
            section = self._journey = cast(Raw, _journey(_opened(self)._journey))
        found: Journey = section
        return found

    @property
    def watching(self) -> Watching:
        """The alerts watched for what telling of them avoids."""
        section: Any = self._watching
        if type(section) is Raw:
            section = self._watching = cast(Raw, _watching(section))
        found: Watching = section
        return found

    @property
    def value(self) -> Value:
        """What he has brought in, and how that compares (packed; read it with `cem.domain.view`)."""
        section: Any = self._value
        if type(section) is Raw:
            section = self._value = cast(Raw, _value(_opened(self)._value))
        found: Value = section
        return found

    @property
    def moves(self) -> Moves:
        """Merges and splits that he takes part in."""
        section: Any = self._moves
        if type(section) is Raw:
            section = self._moves = cast(Raw, _moves(section))
        found: Moves = section
        return found


_profile = msgspec.msgpack.Decoder(Profile).decode
_contacts = msgspec.msgpack.Decoder(Contacts).decode
_talk = msgspec.msgpack.Decoder(Talk).decode
_billing = msgspec.msgpack.Decoder(Billing).decode
_satisfaction = msgspec.msgpack.Decoder(Satisfaction).decode
_service = msgspec.msgpack.Decoder(Service).decode
_outreach = msgspec.msgpack.Decoder(Outreach).decode
_decisions = msgspec.msgpack.Decoder(Decisions).decode
_alerts = msgspec.msgpack.Decoder(Alerts).decode
_estimates = msgspec.msgpack.Decoder(Estimates).decode
_journey = msgspec.msgpack.Decoder(Journey).decode
_watching = msgspec.msgpack.Decoder(Watching).decode
_value = msgspec.msgpack.Decoder(Value).decode
_moves = msgspec.msgpack.Decoder(Moves).decode

#: The sections that go into the piece, in its order (`cem.domain.state.piece` knows the first two). Append only.
_QUIET = (
    "_contacts",
    "_decisions",
    "_outreach",
    "_billing",
    "_satisfaction",
    "_service",
    "_journey",
    "_value",
    "_estimates",
    "_profile",
)
#: How long nothing but text messages must have come.
_QUIET_S = 3_600

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Customer).decode
_peek = msgspec.msgpack.Decoder(list[Raw]).decode

#: Each section's field and the value at which it is written as an empty array.
_SECTIONS: tuple[tuple[str, msgspec.Struct], ...] = (
    ("_profile", Profile()),
    ("_contacts", Contacts()),
    ("_talk", Talk()),
    ("_billing", Billing()),
    ("_satisfaction", Satisfaction()),
    ("_service", Service()),
    ("_outreach", Outreach()),
    ("_decisions", Decisions()),
    ("_alerts", Alerts()),
    ("_estimates", Estimates()),
    ("_journey", Journey()),
    ("_watching", Watching()),
    ("_value", Value()),
    ("_moves", Moves()),
)


_held = attrgetter(*[name for name, _ in _SECTIONS])
_quiet = attrgetter(*_QUIET)


def new_customer(customer_id: str) -> Customer:
    """Return a customer of whom nothing is known yet."""
    return Customer(VERSION, customer_id)


def encode_customer(customer: Customer) -> bytes:
    """Return the state's bytes. Equal states have equal bytes, whichever sections have been looked at.

    Sections that were looked at are bytes again afterwards: who holds one must ask the customer for it anew.
    """
    # A section that nobody looked at is bytes still; the common record looks at none, and a loop over their names
    # would be half of what encoding costs.
    held: Any = customer
    if not (
        type(held._profile)
        is type(held._contacts)
        is type(held._talk)
        is type(held._billing)
        is type(held._satisfaction)
        is type(held._service)
        is type(held._outreach)
        is type(held._decisions)
        is type(held._alerts)
        is type(held._estimates)
        is type(held._journey)
        is type(held._watching)
        is type(held._value)
        is type(held._moves)
        is Raw
    ):
        for (name, default), section in zip(_SECTIONS, _held(customer), strict=True):
            if type(section) is not Raw:
                # Bytes again, or a state in memory would have all that was ever looked at encoded with each record.
                setattr(customer, name, _EMPTY if section == default else Raw(_encode(section)))
        if not customer.stirred_s:
            _close(customer)
    return _encode(customer)


def stir(customer: Customer, now_ms: int) -> None:
    """Note that something other than a text message has come at this lane time: his sections stay inflated for now."""
    customer.stirred_s = now_ms // 1000
    _opened(customer)


def settle(customer: Customer, now_ms: int) -> None:
    """Have his sections deflated with the next save if he has been quiet; to be asked while `stirred_s` is not 0."""
    if now_ms // 1000 - customer.stirred_s >= _QUIET_S:
        customer.stirred_s = 0
        # A section that is looked at makes `encode_customer` look after them all.
        _ = customer.profile


def plain_bytes(data: bytes) -> bytes:
    """Return the bytes of a state with all sections as they are before they are deflated: the same for any zlib.

    Raises NewerState or BrokenState.
    """
    customer = decode_customer(data)
    return data if customer._piece is None else _encode(_opened(customer))


def _close(customer: Customer) -> None:
    """Put the quiet sections, all of them bytes, into a piece if they are worth it."""
    if customer._piece is None:
        customer._piece = piece_of(list(_quiet(customer)))
        if customer._piece is not None:
            for name in _QUIET:
                setattr(customer, name, _EMPTY)


def _opened(customer: Customer) -> Customer:
    """Return the customer with the sections of its piece, if it has one, in their fields. Raises BrokenState."""
    if customer._piece is None:
        return customer
    try:
        sections = sections_of(customer._piece)
    except BadPieceError as error:
        raise BrokenState(
            f"the sections of customer {customer.customer_id} cannot be read: {error}"
        ) from error
    if len(sections) == len(_QUIET):
        # One by one in a loop over their names would take three times as long.
        (
            customer._contacts,
            customer._decisions,
            customer._outreach,
            customer._billing,
            customer._satisfaction,
            customer._service,
            customer._journey,
            customer._value,
            customer._estimates,
            customer._profile,
        ) = sections
    else:
        for name, section in zip(_QUIET, sections, strict=False):
            setattr(customer, name, section)
    customer._piece = None
    return customer


def decode_customer(data: bytes) -> Customer:
    """Return the customer of these bytes. Raises NewerState or BrokenState."""
    try:
        customer = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _explained(data, error) from error
    if customer.version != VERSION:
        if customer.version > VERSION:
            raise newer_state(f"customer {customer.customer_id}", customer.version, VERSION)
        customer.version = VERSION
        _close(customer)
    return customer


def _explained(data: bytes, error: Exception) -> StateError:
    """Return which of the two errors these bytes are: a newer layout, or none."""
    try:
        head = _peek(data)
        version = msgspec.msgpack.decode(head[0], type=int)
        customer_id = msgspec.msgpack.decode(head[1], type=str)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError):
        return BrokenState(f"a customer's state of {len(data)} bytes cannot be read: {error}")
    if version > VERSION:
        return newer_state(f"customer {customer_id}", version, VERSION)
    return BrokenState(f"the state of customer {customer_id} (version {version}) cannot be read: {error}")
