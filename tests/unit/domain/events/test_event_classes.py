"""The event classes: every promised type is there, every field says what it means and what uses it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from msgspec import inspect

from cem.domain.events import EVENT_TYPES, TOPIC_OF, Alert, AlertOpened, Event, SmsDestination, type_of
from cem.domain.events import enums as enum_module
from cem.domain.events.enums import OpenEnum

#: What other systems rely on: topic, type, fields.
PROMISED = """
cem.calls        call.started        call_id line direction queue rep_id reason intent
cem.calls        call.turn           call_id turn speaker text language
cem.calls        call.ended          call_id duration_s wait_s hold_s transfers abandoned resolution
cem.calls        survey.answered     about csat nps ces text
cem.calls        note.written        by text due about
cem.calls        task.due            by text due about
cem.calls        task.closed         by text due about
cem.sms-usage    sms.rated           line segments destination recipient in_allowance charge_minor
cem.billing      bill.issued         bill_id period_start period_end due total_minor items
cem.billing      payment.made        bill_id amount_minor method days_overdue
cem.billing      payment.failed      bill_id amount_minor method days_overdue
cem.billing      payment.overdue     bill_id amount_minor method days_overdue
cem.billing      plan.changed        line plan price_minor end effective reason
cem.billing      contract.renewed    line plan price_minor end effective reason
cem.billing      contract.cancelled  line plan price_minor end effective reason
cem.interactions interaction.recorded interaction_id channel direction reason text language
cem.interactions campaign.contacted  campaign contact_id channel
cem.interactions campaign.responded  campaign contact_id channel response
cem.interactions contact.delivered   contact_id channel
cem.interactions contact.failed      contact_id channel
cem.interactions contact.answered    contact_id channel response
cem.interactions purchase.made       order_id product amount_minor
cem.interactions order.placed        order_id product amount_minor promised
cem.interactions order.promised      order_id product amount_minor promised
cem.interactions order.delivered     order_id product amount_minor promised delivered
cem.interactions registration.made   channel identifiers
cem.service      service.degraded    line area kind duration_s
cem.service      service.restored    line area kind duration_s
cem.service      ticket.opened       ticket_id category severity
cem.service      ticket.updated      ticket_id category severity resolution
cem.service      ticket.closed       ticket_id category severity resolution
cem.profiles     profile.changed     status plan lines segments language area timezone channel_said
cem.profiles     consent.changed     purpose granted
cem.profiles     customer.merged     into
cem.profiles     customer.split      line since
cem.profiles     customer.erased
cem.inbox        identifier.linked   kind value customer_id
cem.inbox        identifier.unlinked kind value customer_id
cem.inbox        area.felt           area customer_id kind ended
cem.inbox        state.moved         of number state
cem.inbox        state.forwarded     of number topic headers data
cem.outcomes     outcome.recorded    decision_id state reason instead
cem.control      control.alert.acknowledged alert_id
cem.control      control.alert.silenced     alert_id until
cem.control      control.alert.resolved     alert_id
cem.control      control.budget.reserved    amount_minor
cem.control      control.budget.spent       amount_minor
cem.control      control.budget.returned    amount_minor
cem.control      control.price.set          price_minor_per_point
cem.control      control.policy.proposed    policy_hash
cem.control      control.policy.approved    policy_hash
cem.control      control.policy.used        policy_hash files currency
cem.control      control.webhook.registered webhook_id url
cem.control      control.webhook.replayed   webhook_id place since until
cem.control      control.telling.judged     alert_type paused told held_out
cem.control      control.telling.ruled      alert_type ruling
cem.control      control.brake.set          on
cem.decisions    decision.made       decision_id customer_id as_of action treatment channel ranked dropped context
cem.alerts       alert.opened        alert_id type tier severity customer_id subject opened_at deliver_before state evidence tell remedy cost_minor
cem.alerts       alert.updated       alert_id state
cem.alerts       alert.resolved      alert_id state
cem.outreach     outreach.requested  contact_id channel text send_after expires
cem.audit        webhook.expired     webhook_id message_id alert_id place attempts status
cem.audit        outreach.withheld   contact_id because channel text
""".strip().splitlines()

TYPES = list(EVENT_TYPES.items())
ENUMS = [cls for name in enum_module.__all__ if issubclass(cls := getattr(enum_module, name), OpenEnum)]


def structs_of(cls: type) -> Iterator[type]:
    """Yield `cls` and every struct within it."""

    def within(shape: inspect.Type) -> Iterator[type]:
        match shape:
            case inspect.Metadata(type=inner):
                yield from within(inner)
            case inspect.UnionType(types=types):
                for option in types:
                    yield from within(option)
            case inspect.VarTupleType(item_type=item):
                yield from within(item)
            case inspect.StructType(cls=inner):
                yield from structs_of(inner)

    yield cls
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        yield from within(field.type)


@pytest.mark.parametrize("line", PROMISED, ids=lambda line: line.split()[1])
def test_each_promised_type_has_its_topic_and_fields(line: str) -> None:
    """Other systems write and read these names; they stay."""
    topic, event_type, *fields = line.split()
    cls = EVENT_TYPES[event_type]
    assert TOPIC_OF[event_type] == topic
    assert [name for name in fields if name not in cls.__struct_fields__] == []


def test_there_are_no_other_types() -> None:
    """A type that is added is promised here too."""
    assert sorted(EVENT_TYPES) == sorted(line.split()[1] for line in PROMISED)


@pytest.mark.parametrize(("event_type", "cls"), TYPES)
def test_each_class_is_named_after_its_type_and_frozen(event_type: str, cls: type[Event]) -> None:
    """`call.started` is CallStarted; an event cannot change after it was made."""
    assert cls.__name__ == "".join(part.capitalize() for part in event_type.split("."))
    assert cls.__struct_config__.frozen
    assert cls.__doc__


@pytest.mark.parametrize(("event_type", "cls"), TYPES)
def test_each_field_says_what_it_means_and_what_uses_it(event_type: str, cls: type[Event]) -> None:
    """Only data that are needed are kept: a field that nothing uses has no place."""
    for struct in structs_of(cls):
        info = inspect.type_info(struct)
        assert isinstance(info, inspect.StructType)
        for field in info.fields:
            extra = field.type.extra_json_schema if isinstance(field.type, inspect.Metadata) else None
            said = (extra or {}).get("description", "")
            meaning, _, use = said.partition(" Used for: ")
            assert meaning and use.endswith("."), f"{event_type}: {struct.__name__}.{field.name}"


@pytest.mark.parametrize(("event_type", "cls"), TYPES)
def test_each_text_number_and_list_has_bounds(event_type: str, cls: type[Event]) -> None:
    """Whatever a record holds, what is kept of it has a size that is known."""

    def unbounded(shape: inspect.Type) -> bool:
        match shape:
            case inspect.Metadata(type=inner):
                return unbounded(inner)
            case inspect.UnionType(types=types):
                return any(unbounded(option) for option in types)
            case inspect.IntType():
                return shape.ge is None or shape.le is None
            case inspect.StrType():
                return shape.pattern is None and shape.max_length is None
            case inspect.VarTupleType():
                return shape.max_length is None or unbounded(shape.item_type)
            case inspect.DictType():
                return shape.max_length is None or unbounded(shape.key_type) or unbounded(shape.value_type)
            case _:
                return False

    for struct in structs_of(cls):
        info = inspect.type_info(struct)
        assert isinstance(info, inspect.StructType)
        assert [f"{struct.__name__}.{f.name}" for f in info.fields if unbounded(f.type)] == []


@pytest.mark.parametrize(("event_type", "cls"), TYPES)
def test_money_and_times_carry_their_unit(event_type: str, cls: type[Event]) -> None:
    """Whole numbers of money end in _minor (or _minor_per_...), lengths of time in _s."""
    for struct in structs_of(cls):
        for name in struct.__struct_fields__:  # type: ignore[attr-defined]
            assert not name.endswith(("_ms", "_cents", "amount", "price", "cost", "duration"))


@pytest.mark.parametrize("cls", ENUMS)
def test_each_enumeration_takes_what_a_newer_producer_adds(cls: type[OpenEnum]) -> None:
    """A value that is not known is read as `other`, not refused."""
    assert msgspec.json.decode(b'"something new"', type=cls) == "other"
    assert [
        member for member in cls if msgspec.json.decode(msgspec.json.encode(member), type=cls) is not member
    ] == []


def test_a_value_of_another_type_is_no_value_of_an_enumeration() -> None:
    """Openness is for words: a number is a mistake."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b"7", type=SmsDestination)


def test_an_alert_becomes_the_event_that_says_so() -> None:
    """The three event types of cem.alerts carry the alert whole, every field in the JSON."""
    alert = msgspec.convert(
        {
            "alert_id": "sms.allowance:c-1:+84901:2026-03",
            "type": "sms.allowance",
            "severity": "warning",
            "customer_id": "c-1",
            "subject": "+84901",
            "opened_at": "2026-03-02T08:00:00Z",
            "evidence": {"used": 95, "allowance": 100},
            "tell": {"who": "payer", "channel": "sms"},
        },
        Alert,
    )
    opened = AlertOpened.of(alert)
    assert type_of(opened) == "alert.opened"
    assert opened.key() == "c-1"
    data = msgspec.json.decode(msgspec.json.encode(opened))
    assert list(data) == list(Alert.__struct_fields__)
    assert data["remedy"] is None
    assert msgspec.convert(data, Alert) == alert
