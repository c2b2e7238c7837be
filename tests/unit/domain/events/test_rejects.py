"""Bad input becomes a reason with a place and a sentence; nothing raises."""

from __future__ import annotations

import json
import sys
from datetime import date
from typing import get_args

import pytest

from cem.domain.events import (
    REJECT_CODES,
    BillIssued,
    CallTurn,
    ControlBrakeSet,
    IdentifierLinked,
    NoteWritten,
    OutcomeRecorded,
    Received,
    Reject,
    SmsRated,
    SurveyAnswered,
    decode,
)
from cem.domain.events.limits import MAX_VALUE_BYTES
from cem.domain.events.rejects import RejectCode
from tests.builders.records import NOW_MS, LogRecord, as_structured, record_of, with_headers

DAY_MS = 86_400_000
SMS = record_of(SmsRated(line="+84901234567"))
NOTE = record_of(NoteWritten(text="x"))
BILL = record_of(BillIssued(bill_id="b", total_minor=100))
SURVEY = record_of(SurveyAnswered(csat=5))
LINK = record_of(IdentifierLinked(kind="line", value="1", customer_id="c-1"))  # type: ignore[arg-type]
BRAKE = record_of(ControlBrakeSet(on=True, by="ops"))
TURN = record_of(CallTurn(call_id="1", turn=0, speaker="rep", text="hello"))  # type: ignore[arg-type]
OUTCOME = record_of(OutcomeRecorded(decision_id="d", state="done"))  # type: ignore[arg-type]


def of(record: LogRecord, value: bytes) -> LogRecord:
    """Return `record` with another value."""
    return record._replace(value=value)


CASES: list[tuple[str, LogRecord, str, str]] = [
    # name, record, code, path
    ("null value", SMS._replace(value=None), "no_value", "value"),
    ("null value on a compacted topic", BRAKE._replace(value=None), "no_value", "value"),
    ("empty value", of(SMS, b""), "not_json", "value"),
    ("no JSON", of(SMS, b"line=1"), "not_json", "value"),
    ("JSON and more", of(SMS, b'{"line":"1"}{}'), "not_json", "value"),
    ("cut off", of(SMS, b'{"line":"1"'), "not_json", "value"),
    ("NaN", of(SMS, b'{"line":"1","charge_minor":NaN}'), "not_json", "value"),
    ("Infinity", of(SMS, b'{"line":"1","charge_minor":-Infinity}'), "not_json", "value"),
    ("10 MB of text", of(NOTE, b'{"text":"' + b"x" * 10_000_000 + b'"}'), "too_large", "value"),
    ("a byte too many", of(NOTE, b'{"text":"' + b" " * MAX_VALUE_BYTES + b'"}'), "too_large", "value"),
    ("a text too long", of(NOTE, b'{"text":"' + b"x" * 8193 + b'"}'), "invalid_field", "$.text"),
    ("nested", of(SMS, b'{"line":"1","x":' + b"[" * 40 + b"]" * 40 + b"}"), "too_deep", "$"),
    ("nested and cut off", of(SMS, b'{"line":"1","x":' + b"[" * 100_000), "too_deep", "$"),
    ("nested objects", of(SMS, b'{"x":' * 33 + b"1" + b"}" * 33), "too_deep", "$"),
    ("a list", of(SMS, b"[]"), "invalid_field", "$"),
    ("null data", of(SMS, b"null"), "invalid_field", "$"),
    ("no line", of(SMS, b"{}"), "missing_field", "$.line"),
    ("no line, null", of(SMS, b'{"line":null}'), "invalid_field", "$.line"),
    ("line with a space", of(SMS, b'{"line":"84 901"}'), "invalid_field", "$.line"),
    ("line with a newline", of(SMS, b'{"line":"84901\\n"}'), "invalid_field", "$.line"),
    ("line in other digits", of(SMS, '{"line":"٠١٢"}'.encode()), "invalid_field", "$.line"),
    ("line too long", of(SMS, b'{"line":"123456789012345678901234567890123"}'), "invalid_field", "$.line"),
    ("empty line", of(SMS, b'{"line":""}'), "invalid_field", "$.line"),
    ("a recipient's number", of(SMS, b'{"line":"1","recipient":"+84901"}'), "invalid_field", "$.recipient"),
    ("negative charge", of(SMS, b'{"line":"1","charge_minor":-5}'), "invalid_field", "$.charge_minor"),
    ("absurd charge", of(SMS, b'{"line":"1","charge_minor":1000000000001}'), "invalid_field", "$.charge_minor"),
    ("huge integer", of(SMS, b'{"line":"1","charge_minor":' + b"9" * 5000 + b"}"), "invalid_field", "$.charge_minor"),
    ("part of a minor unit", of(SMS, b'{"line":"1","charge_minor":0.5}'), "invalid_field", "$.charge_minor"),
    ("number beyond floats", of(SMS, b'{"line":"1","charge_minor":1e999}'), "invalid_field", "$.charge_minor"),
    ("number as text", of(SMS, b'{"line":"1","segments":"1"}'), "invalid_field", "$.segments"),
    ("no segments", of(SMS, b'{"line":"1","segments":0}'), "invalid_field", "$.segments"),
    ("destination a number", of(SMS, b'{"line":"1","destination":3}'), "invalid_field", "$.destination"),
    ("item of a list", of(BILL, b'{"bill_id":"b","total_minor":1,"items":[{"cause":"sms"}]}'), "missing_field", "$.items[0].amount_minor"),
    ("501 items", of(BILL, json.dumps({"bill_id": "b", "total_minor": 1, "items": [{"cause": "sms", "amount_minor": 1}] * 501}).encode()), "invalid_field", "$.items"),
    ("due in 1970", of(BILL, b'{"bill_id":"b","total_minor":1,"due":"1970-01-01"}'), "bad_date", "$.due"),
    ("due in 2090", of(BILL, b'{"bill_id":"b","total_minor":1,"due":"2090-01-01"}'), "bad_date", "$.due"),
    ("due on no day", of(BILL, b'{"bill_id":"b","total_minor":1,"due":"2026-02-30"}'), "invalid_field", "$.due"),
    ("period backwards", of(BILL, b'{"bill_id":"b","total_minor":1,"period_start":"2026-02-02","period_end":"2026-02-01"}'), "invalid_field", "$.period_end"),
    ("survey without an answer", of(SURVEY, b"{}"), "invalid_field", "$"),
    ("csat of 6", of(SURVEY, b'{"csat":6}'), "invalid_field", "$.csat"),
    ("raw control character", of(NOTE, b'{"text":"a\x01b"}'), "bad_text", "value"),
    ("NUL", of(NOTE, b'{"text":"a\\u0000b"}'), "bad_text", "$.text"),
    ("backspace", of(NOTE, b'{"text":"a\\b"}'), "bad_text", "$.text"),
    ("DEL", of(NOTE, b'{"text":"a\x7f"}'), "bad_text", "$.text"),
    ("C1 control", of(NOTE, '{"text":"a\x85"}'.encode()), "bad_text", "$.text"),
    ("lone high surrogate", of(NOTE, b'{"text":"\\ud83d"}'), "bad_text", "value"),
    ("lone low surrogate", of(NOTE, b'{"text":"\\ude00 x"}'), "bad_text", "value"),
    ("lone surrogate not in a text of ours", of(NOTE, b'{"text":"x","more":"\\ud83d\\u0041"}'), "bad_text", "value"),
    ("surrogates as UTF-8", of(NOTE, b'{"text":"\xed\xa0\xbd"}'), "bad_text", "value"),
    ("no UTF-8", of(NOTE, b'{"text":"\xff"}'), "bad_text", "value"),
    ("no UTF-8 in an unknown field", of(NOTE, b'{"text":"x","more":"\xff"}'), "bad_text", "value"),
    ("no UTF-8 in an unknown name", of(NOTE, b'{"text":"x","\xff":1}'), "bad_text", "value"),
    ("UTF-16", of(NOTE, '{"text":"x"}'.encode("utf-16")), "bad_text", "value"),
    ("empty key", SMS._replace(key=b""), "no_key", "key"),
    ("null key", SMS._replace(key=None), "no_key", "key"),
    ("key of another", SMS._replace(key=b"c-2"), "key_mismatch", "ce_subject"),
    ("key no id", with_headers(SMS._replace(key=b"c 1"), subject=b"c 1"), "bad_key", "key"),
    ("key no UTF-8", with_headers(SMS._replace(key=b"\xff"), subject=b"\xff"), "bad_key", "key"),
    ("key with a newline", with_headers(SMS._replace(key=b"c-1\n"), subject=b"c-1\n"), "bad_key", "key"),
    ("key too long", with_headers(SMS._replace(key=b"c" * 65), subject=b"c" * 65), "bad_key", "key"),
    ("key an identifier", with_headers(SMS._replace(key=b"line:1"), subject=b"line:1"), "bad_key", "key"),
    ("key of dashes", with_headers(SMS._replace(key=b"-" * 65), subject=b"-" * 65), "bad_key", "key"),
    ("customer on the inbox", SMS._replace(topic="cem.inbox"), "bad_key", "key"),
    ("identifier of no kind", with_headers(SMS._replace(topic="cem.inbox", key=b"shoe:4"), subject=None), "bad_key", "key"),
    ("identifier without a value", with_headers(SMS._replace(topic="cem.inbox", key=b"line:"), subject=None), "bad_key", "key"),
    ("identifier of no UTF-8", with_headers(SMS._replace(topic="cem.inbox", key=b"line:\xff"), subject=None), "bad_key", "key"),
    ("identifier not in form C", with_headers(SMS._replace(topic="cem.inbox", key="area:e\u0301".encode()), subject=None), "bad_key", "key"),
    ("identifier with a control", with_headers(SMS._replace(topic="cem.inbox", key=b"line:1\x00"), subject=None), "bad_key", "key"),
    ("link under another key", with_headers(LINK._replace(key=b"line:2"), subject=None), "key_mismatch", "key"),
    ("link with a space", of(LINK, b'{"kind":"line","value":" 1","customer_id":"c-1"}'), "invalid_field", "$.value"),
    ("brake under a customer", with_headers(BRAKE._replace(key=b"c-1"), subject=None), "bad_key", "key"),
    ("brake under another object", with_headers(BRAKE._replace(key=b"brake:mail"), subject=None), "key_mismatch", "key"),
    ("unknown type", with_headers(SMS, type=b"sms.rate"), "unknown_type", "ce_type"),
    ("type no text", with_headers(SMS, type=b"\xff\x00"), "unknown_type", "ce_type"),
    ("another topic", SMS._replace(topic="cem.calls"), "wrong_topic", "ce_type"),
    ("an outcome over the inbox", OUTCOME._replace(topic="cem.inbox"), "wrong_topic", "ce_type"),
    ("no version", with_headers(SMS, specversion=None), "no_attributes", "ce_specversion"),
    ("version 0.3", with_headers(SMS, specversion=b"0.3"), "bad_attribute", "ce_specversion"),
    ("no type", with_headers(SMS, type=None), "no_attributes", "ce_type"),
    ("no id", with_headers(SMS, id=None), "no_attributes", "ce_id"),
    ("empty id", with_headers(SMS, id=b""), "no_attributes", "ce_id"),
    ("id too long", with_headers(SMS, id=b"x" * 257), "bad_attribute", "ce_id"),
    ("id with a newline", with_headers(SMS, id=b"x\n"), "bad_attribute", "ce_id"),
    ("id no UTF-8", with_headers(SMS, id=b"\xff"), "bad_attribute", "ce_id"),
    ("no source", with_headers(SMS, source=None), "no_attributes", "ce_source"),
    ("source too long", with_headers(SMS, source=b"x" * 257), "bad_attribute", "ce_source"),
    ("no headers", SMS._replace(headers=()), "no_attributes", "ce_specversion"),
    ("no time", with_headers(SMS, time=None), "no_attributes", "ce_time"),
    ("time no time", with_headers(SMS, time=b"yesterday"), "bad_time", "ce_time"),
    ("time without an offset", with_headers(SMS, time=b"2026-03-02T08:00:00"), "bad_time", "ce_time"),
    ("time in 1970", with_headers(SMS, time=b"1970-01-01T00:00:00Z"), "bad_time", "ce_time"),
    ("time in 1989", with_headers(SMS, time=b"1989-12-31T23:59:59.999Z"), "bad_time", "ce_time"),
    ("time in 2090", with_headers(SMS, time=b"2090-01-01T00:00:00Z"), "bad_time", "ce_time"),
    ("more than a day ahead", SMS._replace(timestamp=NOW_MS - DAY_MS - 1), "bad_time", "ce_time"),
    ("recorded at no time", with_headers(SMS, recordedtime=b"now"), "bad_time", "ce_recordedtime"),
    ("recorded in 2100", with_headers(SMS, recordedtime=b"2100-01-01T00:00:01Z"), "bad_time", "ce_recordedtime"),
    ("sequence of words", with_headers(SMS, sequence=b"nine"), "bad_attribute", "ce_sequence"),
    ("negative sequence", with_headers(SMS, sequence=b"-1"), "bad_attribute", "ce_sequence"),
    ("sequence too long", with_headers(SMS, sequence=b"1" * 19), "bad_attribute", "ce_sequence"),
    ("content type", with_headers(SMS, content_type=b"text/plain"), "wrong_content_type", "content-type"),
    ("batch of CloudEvents", with_headers(SMS, content_type=b"application/cloudevents-batch+json"), "wrong_content_type", "content-type"),
    ("structured, no JSON", as_structured(SmsRated(line="1"))._replace(value=b"x"), "not_json", "value"),
    ("structured, no data", as_structured(SmsRated(line="1"))._replace(value=b'{"specversion":"1.0","id":"1","source":"s","type":"sms.rated","time":"2026-03-02T08:00:00Z"}'), "no_value", "$.data"),
    ("structured, null data", as_structured(SmsRated(line="1"))._replace(value=b'{"specversion":"1.0","id":"1","source":"s","type":"sms.rated","time":"2026-03-02T08:00:00Z","data":null}'), "no_value", "$.data"),
    ("structured, no attributes", as_structured(SmsRated(line="1"))._replace(value=b'{"data":{}}'), "no_attributes", "ce_specversion"),
    ("structured, id a number", as_structured(SmsRated(line="1"))._replace(value=b'{"id":1}'), "invalid_field", "$.id"),
    ("structured, XML data", as_structured(SmsRated(line="1"), datacontenttype="text/xml"), "wrong_content_type", "$.datacontenttype"),
    ("structured, bad base64", as_structured(SmsRated(line="1"), data_base64="%%"), "not_json", "$.data_base64"),
    ("structured, nested", as_structured(SmsRated(line="1"))._replace(value=b"[" * 50), "too_deep", "value"),
    ("structured, bytes nobody reads", as_structured(SmsRated(line="1"))._replace(value=(as_structured(SmsRated(line="1")).value or b"")[:-1] + b',"x":"\xff"}'), "bad_text", "value"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("record", "code", "path"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_bad_input_is_refused_with_a_place_and_a_sentence(record: LogRecord, code: str, path: str) -> None:
    """Each kind of bad record has its code, where it is wrong, and one sentence for a person."""
    answer = decode(record)
    assert isinstance(answer, Reject), answer
    assert (answer.code, answer.path) == (code, path), answer.detail
    assert answer.detail.endswith((".", "?"))
    assert answer.detail.isprintable()
    assert len(answer.detail) < 300


def test_every_code_has_a_case() -> None:
    """No reason exists that nothing can have."""
    # The lane finds these, not the decoder: tests/unit/step has their cases.
    cases = {case[2] for case in CASES} | {"wrong_partition", "unlinked", "merge_refused"}
    assert sorted(cases) == sorted(REJECT_CODES) == sorted(get_args(RejectCode))


def test_a_reason_quotes_nothing_of_the_record() -> None:
    """Dead letters are read by people who may not see what customers wrote."""
    for value in (
        b'{"call_id":"secret !","turn":0,"speaker":"rep","text":"x"}',
        b'{"call_id":"1","turn":"secret","speaker":"rep","text":"x"}',
        b'{"call_id":"1","turn":0,"speaker":"rep","text":"secret\x00"}',
        b"secret",
    ):
        answer = decode(of(TURN, value))
        assert isinstance(answer, Reject)
        assert "secret" not in answer.detail + answer.path


def test_the_nearest_type_is_named() -> None:
    """Whoever mistyped a name sees the right one."""
    answer = decode(with_headers(SMS, type=b"sms.rate"))
    assert isinstance(answer, Reject)
    assert answer.detail == "There is no event type sms.rate. Did you mean sms.rated?"


def test_a_header_without_a_value_counts_as_absent() -> None:
    """Kafka allows null header values."""
    for name in ("ce_id", "ce_type", "ce_time", "ce_source", "ce_specversion"):
        headers = [(k, None if k == name else v) for k, v in SMS.headers]
        answer = decode(SMS._replace(headers=headers))  # type: ignore[arg-type]
        assert isinstance(answer, Reject)
        assert (answer.code, answer.path) == ("no_attributes", name)
    optional = [
        ("ce_sequence", None),
        ("ce_traceparent", None),
        ("ce_recordedtime", None),
        ("ce_subject", None),
    ]
    assert isinstance(decode(SMS._replace(headers=[*SMS.headers, *optional])), Received)  # type: ignore[list-item]


def test_the_answer_does_not_depend_on_the_stack_above() -> None:
    """A replay, which calls from elsewhere, refuses exactly what was refused."""
    nested = of(SMS, b'{"line":"1","x":' + b"[" * 31 + b"]" * 31 + b"}")

    def at_depth(levels: int) -> Received | Reject:
        return at_depth(levels - 1) if levels else decode(nested)

    assert at_depth(sys.getrecursionlimit() - 250) == decode(nested)


def test_a_day_is_judged_by_the_event_not_by_today() -> None:
    """Twenty years ahead of the event is the limit, whenever the record is read."""
    ahead = {"bill_id": "b", "total_minor": 1, "due": date(2046, 2, 20).isoformat()}
    assert isinstance(decode(of(BILL, json.dumps(ahead).encode())), Received)
    old = with_headers(BILL, time=b"2001-03-02T08:00:00Z")
    assert isinstance(decode(of(old, json.dumps(ahead).encode())), Reject)
