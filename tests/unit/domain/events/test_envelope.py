"""Reading and writing CloudEvents: what goes in comes out, in both modes."""

from __future__ import annotations

import base64
import json
from random import Random
from unicodedata import normalize

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cem.domain.events import (
    EVENT_TYPES,
    CallTurn,
    ConsentChanged,
    Event,
    IdentifierLinked,
    NoteWritten,
    Received,
    Reject,
    SmsRated,
    TaskDue,
    decode,
    encode,
    moment,
    to_ms,
)
from tests.builders.events_in_bounds import CUSTOMER_IDS, EVENT_TIMES_MS, events_of
from tests.builders.records import NOW_MS, LogRecord, as_structured, record_of, with_headers

SMS = SmsRated(line="+84901234567", charge_minor=350)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


#: Headers that a record need not have, what they say here, and what is known by them.
_OPTIONAL: dict[str, tuple[bytes, dict[str, object]]] = {
    "ce_subject": (b"c_7", {}),
    "content-type": (b"application/json", {}),
    "ce_sequence": (b"9", {"sequence": 9}),
    "ce_recordedtime": (b"2026-03-02T08:00:01Z", {"ingested_ms": NOW_MS + 1000}),
    "ce_forwarded": (b"/cem.inbox/7#123", {"forwarded": ("/cem.inbox/7", 123)}),
    "ce_traceparent": (TRACE.encode(), {"traceparent": TRACE}),
    "ce_nobodys": (b"x", {}),
}


def received(record: LogRecord) -> Received:
    """Return what is read from a record that is in order."""
    answer = decode(record)
    assert isinstance(answer, Received), answer
    return answer


@pytest.mark.parametrize("event_type", EVENT_TYPES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), customer=CUSTOMER_IDS, time_ms=EVENT_TIMES_MS)
def test_every_event_comes_back_as_it_was_written(
    event_type: str, data: st.DataObject, customer: str, time_ms: int
) -> None:
    """Writing and reading an event changes nothing, in binary and in structured mode."""
    event: Event = data.draw(events_of(event_type))
    key = event.key() or customer
    binary = received(record_of(event, key=key, time_ms=time_ms))
    assert binary.event == event
    assert (binary.customer_id, binary.type, binary.time_ms) == (key, event_type, time_ms)
    assert received(as_structured(event, key=key)).event == event


def test_what_is_known_about_an_event_comes_with_it() -> None:
    """Attributes, place in the log and time of ingestion are read from the record."""
    record = record_of(SMS, id="row-9", source="file/abc", sequence=9, traceparent=TRACE, key="c_7")
    assert decode(record._replace(timestamp=NOW_MS + 40)) == Received(
        customer_id="c_7",
        type="sms.rated",
        id="row-9",
        source="file/abc",
        time_ms=NOW_MS,
        ingested_ms=NOW_MS + 40,
        sequence=9,
        traceparent=TRACE,
        event=SMS,
        topic="cem.sms-usage",
        partition=3,
        offset=17,
    )


def test_the_same_event_gives_the_same_bytes() -> None:
    """A repeated emission is equal to the first, byte for byte."""

    def written() -> object:
        return encode(
            SMS, id="a", source="b", time_ms=NOW_MS, customer_id="c", sequence=3, recorded_ms=NOW_MS
        )

    assert written() == written()


def test_what_is_absent_is_not_written() -> None:
    """A record holds no field that says nothing."""
    assert record_of(SMS).value == b'{"line":"+84901234567","charge_minor":350}'


def test_a_simulated_time_of_ingestion_wins_over_the_timestamp() -> None:
    """Where a simulation has a clock of its own, lag is measured on that clock."""
    record = record_of(SMS, recorded_ms=NOW_MS + 5)._replace(timestamp=NOW_MS + 10**9)
    assert received(record).ingested_ms == NOW_MS + 5


def test_a_field_of_a_newer_producer_is_ignored() -> None:
    """A reader of the old reads records of the new."""
    record = record_of(SMS)._replace(value=b'{"line":"1","colour":{"deep":[1,"\\u0001"]}}')
    assert received(record).event == SmsRated(line="1")


def test_the_last_of_two_equal_keys_counts() -> None:
    """JSON leaves it open; here it is the last, always."""
    record = record_of(SMS)._replace(value=b'{"line":"1","line":"2"}')
    assert received(record).event == SmsRated(line="2")


@pytest.mark.parametrize(
    "content_type", [None, b"application/json", b"application/json; charset=utf-8", b"text/JSON"]
)
def test_json_may_be_announced_in_several_ways(content_type: bytes | None) -> None:
    """Binary mode needs no content type, and takes parameters and structured suffixes."""
    assert received(with_headers(record_of(SMS), content_type=content_type)).event == SMS


def test_a_subject_is_not_needed() -> None:
    """The key says who it is; CloudEvents leaves the subject open."""
    assert received(with_headers(record_of(SMS), subject=None)).customer_id == "c-1"


@given(st.sets(st.sampled_from([*_OPTIONAL])), st.randoms(use_true_random=False))
def test_each_header_is_read_whichever_others_there_are(named: set[str], draw: Random) -> None:
    """Any of the headers that may be there, in any order, with what no standard names among them."""
    record = record_of(SMS, key="c_7")
    bare = {"ce_subject", "content-type"}
    headers = [pair for pair in record.headers if pair[0] not in bare]
    headers += [(name, value) for name, (value, _) in _OPTIONAL.items() if name in named]
    draw.shuffle(headers)
    expected = received(record_of(SMS, key="c_7"))
    for name in named:
        expected = msgspec.structs.replace(expected, **_OPTIONAL[name][1])
    assert received(record._replace(headers=headers)) == expected


def test_many_sources_are_told_apart() -> None:
    """Also more of them than are remembered; one that cannot be used is refused each time."""
    for _ in range(2):
        for number in range(1_100):
            assert received(record_of(SMS, source=f"file/{number}")).source == f"file/{number}"
            bad = decode(with_headers(record_of(SMS), source=b"a\x07b"))
            assert isinstance(bad, Reject)
            assert (bad.code, bad.path) == ("bad_attribute", "ce_source")


@pytest.mark.parametrize("trace", [b"", b"00-xyz-01", TRACE.upper().encode(), b"\xff"])
def test_a_trace_that_cannot_be_read_is_left_out(trace: bytes) -> None:
    """As W3C Trace Context asks: it is no reason to refuse the event."""
    assert received(with_headers(record_of(SMS), traceparent=trace)).traceparent is None


def test_structured_mode_needs_no_header() -> None:
    """Who cannot set headers writes one JSON object."""
    record = as_structured(SMS, traceparent=TRACE, sequence="12")
    for headers in (record.headers, ()):
        got = received(record._replace(headers=headers))
        assert (got.event, got.traceparent, got.sequence, got.time_ms) == (SMS, TRACE, 12, NOW_MS)


def test_structured_data_may_be_base64() -> None:
    """CloudEvents allows it where JSON data would do."""
    record = as_structured(SMS)
    whole = json.loads(record.value or b"")
    del whole["data"]
    whole["data_base64"] = base64.b64encode(b'{"line":"5"}').decode()
    assert received(record._replace(value=json.dumps(whole).encode())).event == SmsRated(line="5")


@pytest.mark.parametrize(
    "text",
    [
        "Nguyễn Thị Hằng ở Đà Nẵng",
        "tiếng Việt có dấu: ắ ằ ẳ ẵ ặ ế ề ể ễ ệ ố ồ ổ ỗ ộ ớ ờ ở ỡ ợ",
        "Å Ω é 가",
        "plain",
    ],
)
def test_text_is_kept_in_normal_form_c(text: str) -> None:
    """The same words in another form are the same text: the same record of facts comes of them."""
    for form in ("NFC", "NFD"):
        note = received(record_of(NoteWritten(text=normalize(form, text)))).event
        assert note == NoteWritten(text=normalize("NFC", text))
    escaped = json.dumps({"text": normalize("NFD", text)}, ensure_ascii=True).encode()
    assert received(record_of(NoteWritten(text=""))._replace(value=escaped)).event == NoteWritten(
        text=normalize("NFC", text)
    )


def test_line_breaks_and_tabs_are_text() -> None:
    """People write in paragraphs."""
    assert received(record_of(NoteWritten(text="one\n\ttwo\r\n"))).event == NoteWritten(text="one\n\ttwo\r\n")


def test_text_that_grows_beyond_its_bound_in_normal_form_is_refused() -> None:
    """What is kept is within its bounds, also after it was normalised."""
    growing = "\u0958" * 8192
    answer = decode(record_of(NoteWritten(text=growing)))
    assert isinstance(answer, Reject)
    assert (answer.code, answer.path) == ("invalid_field", "$.text")


@pytest.mark.parametrize(
    "key", ["line:+84901234567", "email:an@example.vn", "handle:@lan", "area:Đà Nẵng", "card:1"]
)
def test_an_event_that_knows_no_customer_comes_over_the_inbox(key: str) -> None:
    """Its key is an identifier, which holds a colon: no customer's id does."""
    record = record_of(SMS, key=key)._replace(topic="cem.inbox")
    assert (received(record).customer_id, received(record).topic) == (key, "cem.inbox")


def test_a_link_is_keyed_by_its_identifier() -> None:
    """The identifier's own lane keeps the link."""
    link = IdentifierLinked(kind="line", value="+84901", customer_id="c-1")  # type: ignore[arg-type]
    assert received(record_of(link)).customer_id == "line:+84901"


def test_a_moment_may_be_given_with_any_offset() -> None:
    """An offset from UTC is understood, in the time of the event and in its data."""
    record = with_headers(record_of(SMS), time=b"2026-03-02T15:00:00.5+07:00")
    assert received(record).time_ms == NOW_MS + 500
    data = b'{"task_id":"t","due":"2026-03-02T15:00:00+07:00"}'
    task = received(record_of(TaskDue(task_id="t", due=moment(0)))._replace(value=data)).event
    assert isinstance(task, TaskDue)
    assert to_ms(task.due) == NOW_MS


def test_a_nested_object_is_read() -> None:
    """Depth that our own events need is not mistaken for an attack."""
    record = record_of(SMS)._replace(value=b'{"line":"1","x":' + b"[" * 31 + b"]" * 31 + b"}")
    assert received(record).event == SmsRated(line="1")


def test_braces_within_text_are_no_depth() -> None:
    """Only structure counts."""
    assert received(record_of(NoteWritten(text='{[\\"' * 100))).event == NoteWritten(text='{[\\"' * 100)


def test_an_unknown_purpose_of_consent_is_read_as_other() -> None:
    """A newer producer's value neither stops the record nor grants anything that is known."""
    record = record_of(ConsentChanged(purpose="marketing", granted=True))._replace(  # type: ignore[arg-type]
        value=b'{"purpose":"holograms","granted":true}'
    )
    event = received(record).event
    assert isinstance(event, ConsentChanged)
    assert event.purpose == "other"


def test_a_turn_of_8192_characters_is_read_whatever_their_bytes() -> None:
    """The bound is counted in characters."""
    turn = CallTurn(call_id="1", turn=0, speaker="customer", text="ễ" * 8192)  # type: ignore[arg-type]
    assert received(record_of(turn)).event == turn
