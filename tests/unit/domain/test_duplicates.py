"""Each event is folded once."""

from __future__ import annotations

from hashlib import blake2b

from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain.customer import FAMILIES, Customer, decode_customer, encode_customer, new_customer
from cem.domain.duplicates import IDS_FOR_AN_HOUR, IDS_KEPT, SOURCES_KEPT
from cem.domain.events import CallStarted, Event, PlanChanged, SmsRated, TicketOpened
from cem.domain.fold import fold
from cem.domain.state.lines import LINE_FAMILIES
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, received

KINDS: tuple[Event, ...] = (
    SmsRated(line="+1"),
    SmsRated(line="+2"),
    CallStarted(call_id="c", line="+1"),
    CallStarted(call_id="c"),
    PlanChanged(plan="M", line="+2"),
    TicketOpened(ticket_id="t", line="+1"),
)


def sms(number: int, ingested_ms: int, customer: Customer, ctx: Context, **more: object) -> bool:
    fields = {"id": f"m{number}", "ingested_ms": ingested_ms, **more}
    return fold(customer, received(SmsRated(line="+1"), T0, **fields), ctx)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 15), st.booleans()), max_size=60),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_counts_equal_a_count_of_the_log(drawn: list[tuple[Event, int, bool]], cuts: list[int]) -> None:
    """Whatever is sent twice and wherever batches end, each record counts once: per topic, and per line it names."""
    ctx = Context(T0)
    customer = new_customer("C1")
    accepted: dict[tuple[str, int | None], Event] = {}
    watermark = -1
    for place, (event, number, numbered) in enumerate(drawn):
        key = ("numbered" if numbered else "plain", number)
        fields = {"id": f"e{number}", "sequence": number if numbered else None, "source": key[0]}
        is_new = number > watermark if numbered else key not in accepted
        assert fold(customer, received(event, T0, **fields), ctx) is is_new
        if is_new:
            accepted[key] = event
            watermark = max(watermark, number) if numbered else watermark
        if place in cuts:
            customer = decode_customer(encode_customer(customer))
    counts = dict(zip(FAMILIES, customer.counts, strict=False))
    for topic in FAMILIES:
        assert counts.get(topic, 0) == sum(topic == e.TOPIC for e in accepted.values())
    assert customer.duplicates == len(drawn) - len(accepted)
    topics = {
        "calls": "cem.calls",
        "sms": "cem.sms-usage",
        "billing": "cem.billing",
        "service": "cem.service",
    }
    for name, line in customer.lines.items():
        by_family = dict(zip(LINE_FAMILIES, line.counts, strict=False))
        for family, topic in topics.items():
            assert by_family.get(family, 0) == sum(
                topic == e.TOPIC and getattr(e, "line", None) == name for e in accepted.values()
            )


def test_the_last_ids_are_known_for_ever() -> None:
    """The newest 32 ids are duplicates however long ago they came."""
    customer, ctx = new_customer("C1"), Context(T0)
    for number in range(100):
        assert sms(number, T0 + number * DAY, customer, ctx)
    for number in range(100 - IDS_KEPT, 100):
        assert not sms(number, T0 + 1000 * DAY, customer, ctx)


def test_all_ids_of_the_last_hour_are_known() -> None:
    """However many came, those of the last hour of ingestion are duplicates, and the window shrinks afterwards."""
    customer, ctx = new_customer("C1"), Context(T0)
    for number in range(400):
        now_ms = T0 + number * MINUTE // 4
        assert sms(number, now_ms, customer, ctx)
        oldest = max(0, number - 4 * 60 + 1)
        assert not sms(oldest, now_ms, customer, ctx)
    for number in range(400, 404):
        assert sms(number, T0 + number * 2 * HOUR, customer, ctx)
    assert len(customer.seen) == IDS_KEPT * 5


def test_a_flood_keeps_the_window_bounded() -> None:
    """Of a flood within one hour the newest 1,024 ids are known, and no more bytes are used."""
    customer, ctx = new_customer("C1"), Context(T0)
    for number in range(IDS_FOR_AN_HOUR + 500):
        assert sms(number, T0, customer, ctx)
    assert len(customer.seen) == IDS_FOR_AN_HOUR * 5
    assert not sms(IDS_FOR_AN_HOUR + 499, T0, customer, ctx)
    assert not sms(500, T0, customer, ctx)


def test_same_id_of_another_source_is_another_event() -> None:
    """Source and id together name an event."""
    customer, ctx = new_customer("C1"), Context(T0)
    assert sms(1, T0, customer, ctx, source="a")
    assert sms(1, T0, customer, ctx, source="b")
    assert not sms(1, T0, customer, ctx, source="a")


def test_watermarks_of_the_sources_that_moved_last_are_kept() -> None:
    """The watermark of a source is for ever, as long as not more than 64 others have moved since."""
    customer, ctx = new_customer("C1"), Context(T0)
    assert sms(1, T0, customer, ctx, source="first", sequence=10)
    for number in range(SOURCES_KEPT - 1):
        assert sms(1, T0, customer, ctx, source=f"s{number}", sequence=1)
    assert not sms(1, T0, customer, ctx, source="first", sequence=10)
    assert len(customer.sources) == SOURCES_KEPT


def test_an_id_is_remembered_as_it_always_was() -> None:
    """What a state remembers of an event is the same 40 bits in every version: an old state knows its events again."""
    ctx = Context(T0)
    customer = new_customer("C1")
    for source in ("/crm", "/crm", "/ünï"):
        fold(customer, received(SmsRated(line="+1"), T0, id=f"m{len(customer.seen)}", source=source), ctx)
    names = ("/crm\0m0", "/crm\0m5", "/ünï\0m10")
    assert customer.seen == b"".join(blake2b(n.encode(), digest_size=5).digest() for n in names)
