"""Any state that the classes allow, drawn by hypothesis from what they say of their fields."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from cem.domain.customer import VERSION, Customer
from cem.domain.state.alerts import Alerts
from cem.domain.state.billing import Billing
from cem.domain.state.contacts import (
    CHANNELS,
    KEPT,
    NAMED_KEPT,
    OLDER_KEPT,
    RESOLUTIONS,
    Contact,
    Contacts,
)
from cem.domain.state.decisions import STATES, Decision, Decisions
from cem.domain.state.estimates import Estimates
from cem.domain.state.journey import Journey
from cem.domain.state.moves import Moves
from cem.domain.state.outreach import Outreach
from cem.domain.state.profile import Profile
from cem.domain.state.satisfaction import Satisfaction
from cem.domain.state.segments import MOST, UNKNOWN, Standing, pack_standing
from cem.domain.state.service import Service
from cem.domain.state.talk import Talk
from cem.domain.state.value import Value

__all__ = ["SECTIONS", "any_struct", "contact_lists", "customers", "decision_lists", "standings"]

#: Section of a customer to its class.
SECTIONS: dict[str, type[msgspec.Struct]] = {
    "profile": Profile,
    "contacts": Contacts,
    "talk": Talk,
    "billing": Billing,
    "satisfaction": Satisfaction,
    "service": Service,
    "outreach": Outreach,
    "decisions": Decisions,
    "alerts": Alerts,
    "estimates": Estimates,
    "journey": Journey,
    "value": Value,
    "moves": Moves,
}

#: Times (ms) that packed rows hold: 42 bits.
_TIMES = st.integers(0, 2**42 - 1)
_TEXTS = st.text(max_size=8)
_INTEGERS = st.one_of(st.integers(-2, 300), st.integers(-(2**63), 2**63 - 1))


def any_struct(cls: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Return values of a class, each field anything that its type allows."""
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    return _value(info)


def customers() -> st.SearchStrategy[Customer]:
    """Return customers with any of their sections looked at and changed."""
    shown = [name for name in Customer.__struct_fields__ if not name.startswith("_")]
    fields = {field.name: field for field in inspect.type_info(Customer).fields}  # type: ignore[attr-defined]
    hot = {name: _value(fields[name].type) for name in shown if name != "version"}
    hot["segments"] = st.one_of(st.just(b""), standings().map(pack_standing))
    sections = {f"_{name}": any_struct(cls) for name, cls in SECTIONS.items()}
    return st.fixed_dictionaries(hot, optional=sections).map(_customer)


def standings() -> st.SearchStrategy[Standing]:
    """Return standings as far as the packed form holds them."""
    return st.builds(
        Standing,
        st.integers(0, 2**32 - 1),
        st.integers(1, 2**16 - 1),
        st.one_of(st.just(UNKNOWN), st.integers(50, 250).map(lambda half: half * 2)),
        st.one_of(st.just(UNKNOWN), st.integers(0, 250).map(lambda step: step * 4)),
        st.integers(-(2**40), 2**40).map(lambda hundreds: hundreds * 100),
        st.dictionaries(st.integers(0, MOST - 1), st.integers(0, 2**16 - 1), max_size=6),
    )


def _customer(values: dict[str, Any]) -> Customer:
    return Customer(version=VERSION, **values)


@st.composite
def contact_lists(draw: st.DrawFn) -> tuple[list[Contact], list[Contact]]:
    """Return contacts kept in full and in brief, as far as either form holds them."""
    kept = draw(st.lists(_contact(), max_size=KEPT))
    older = draw(st.lists(_contact(), max_size=min(OLDER_KEPT, 30)))
    for contact in kept[:-NAMED_KEPT]:
        contact.id = contact.rep_id = ""
    for place, contact in enumerate(older):
        older[place] = Contact(
            contact.at_ms,
            contact.key,
            contact.channel,
            contact.reason,
            verdict=contact.verdict,
            started=contact.started,
            ended=True,
            abandoned=contact.abandoned,
        )
    return kept, older


def _contact() -> st.SearchStrategy[Contact]:
    small, long = st.integers(0, 255), st.integers(0, 65_535)
    return st.builds(
        Contact,
        _TIMES,
        st.integers(0, 2**32 - 1),
        channel=st.sampled_from(CHANNELS),
        reason=_TEXTS,
        id=_TEXTS,
        rep_id=_TEXTS,
        resolution=st.sampled_from(RESOLUTIONS),
        verdict=st.integers(0, 3),
        started=st.booleans(),
        ended=st.booleans(),
        abandoned=st.booleans(),
        duration_s=long,
        wait_s=long,
        hold_s=long,
        transfers=small,
    )


def decision_lists() -> st.SearchStrategy[list[Decision]]:
    """Return decisions in any order."""
    one = st.builds(
        Decision,
        st.integers(0, 2**32 - 1),
        _TIMES,
        action=_TEXTS,
        treatment=_TEXTS,
        channel=st.sampled_from(CHANNELS),
        state=st.sampled_from(STATES),
        state_ms=_TIMES,
        reason=_TEXTS,
        instead=_TEXTS,
        made=st.booleans(),
        proactive=st.booleans(),
        shadow=st.booleans(),
    )
    return st.lists(one, max_size=40)


def _value(shape: inspect.Type) -> st.SearchStrategy[Any]:
    match shape:
        case inspect.UnionType(types=types):
            return st.one_of([_value(option) for option in types])
        case inspect.NoneType():
            return st.none()
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            return _INTEGERS
        case inspect.FloatType():
            return st.floats(allow_nan=False)
        case inspect.StrType():
            return _TEXTS
        case inspect.BytesType():
            return st.binary(max_size=12)
        case inspect.ListType(item_type=item):
            return st.lists(_value(item), max_size=3)
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(_value(key), _value(value), max_size=3)
        case inspect.StructType(cls=cls, fields=fields):
            needed = {f.name: _value(f.type) for f in fields if f.required}
            others = {f.name: _value(f.type) for f in fields if not f.required}
            return st.fixed_dictionaries(needed, optional=others).map(lambda values: cls(**values))
    raise AssertionError(f"no values for {shape}")
