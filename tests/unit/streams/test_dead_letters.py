from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from cem.domain.events.rejects import Reject
from cem.ports import Emission
from cem.streams.dead_letters import REDRIVE_COUNT, dead_letter, read_dead_letter, redriven


class LogRecord(NamedTuple):
    topic: str = "cem.calls"
    partition: int = 3
    offset: int = 41
    timestamp: int = 1_700_000_000_000
    key: bytes | None = b"c1"
    value: bytes | None = b"{}"
    headers: Sequence[tuple[str, bytes]] = (("ce_id", b"1"), ("ce_source", b"crm"))


REJECT = Reject("invalid_field", "charge_minor must be at least 0.", "$.charge_minor")


def stored(emission: Emission, offset: int = 7) -> LogRecord:
    """The dead letter as it lies in its topic."""
    return LogRecord(
        emission.topic,
        emission.partition or 0,
        offset,
        1_700_000_005_000,
        emission.key,
        emission.value,
        emission.headers,
    )


def test_a_dead_letter_has_bytes_place_and_reason() -> None:
    """Key, value and headers are the record's own; behind them stands why, in our names and in those of others."""
    letter = dead_letter(LogRecord(), REJECT)
    headers = dict(letter.headers)
    assert (letter.topic, letter.partition, letter.key, letter.value) == ("cem.dead-letters", 3, b"c1", b"{}")
    assert letter.headers[:2] == LogRecord().headers
    assert headers["cem-reason"] == b"invalid_field"
    assert headers["cem-detail"] == b"charge_minor must be at least 0."
    assert headers["cem-path"] == b"$.charge_minor"
    assert (headers["cem-topic"], headers["cem-partition"], headers["cem-offset"]) == (
        b"cem.calls",
        b"3",
        b"41",
    )
    assert headers["cem-timestamp"] == b"1700000000000"
    assert headers["__connect.errors.topic"] == b"cem.calls"
    assert headers["__connect.errors.partition"] == b"3"
    assert headers["__connect.errors.offset"] == b"41"
    assert headers["__connect.errors.exception.class.name"] == b"cem.reject.invalid_field"
    assert headers["__connect.errors.exception.message"] == b"charge_minor must be at least 0."
    assert headers["kafka_dlt-original-topic"] == b"cem.calls"


headers = st.lists(
    st.tuples(
        st.sampled_from(
            ["ce_id", "ce_type", "x", "cem-reason", "cem-topic", "cem-null-value", REDRIVE_COUNT]
        ),
        st.binary(max_size=12),
    ),
    max_size=6,
)


@given(st.none() | st.binary(max_size=20), st.none() | st.binary(max_size=40), headers)
def test_any_record_comes_back_byte_for_byte(
    key: bytes | None, value: bytes | None, own: list[tuple[str, bytes]]
) -> None:
    """Null and empty values stay different, and headers that look like ours are still the record's own."""
    record = LogRecord(key=key, value=value, headers=own)
    emission = dead_letter(record, REJECT)
    letter = read_dead_letter(stored(emission))
    assert (letter.key, letter.value, letter.headers) == (key, value, tuple(own))
    assert (letter.topic, letter.source_partition, letter.source_offset) == ("cem.calls", 3, 41)
    assert (letter.code, letter.detail, letter.path) == ("invalid_field", REJECT.detail, REJECT.path)
    assert (letter.ingested_ms, letter.stored_ms, letter.name) == (
        1_700_000_000_000,
        1_700_000_005_000,
        "3/7",
    )
    assert emission.key is not None or emission.value is not None


@given(st.none() | st.binary(max_size=20), st.none() | st.binary(max_size=20), headers)
def test_whoever_wrote_it_it_can_be_read(
    key: bytes | None, value: bytes | None, own: list[tuple[str, bytes]]
) -> None:
    """A record on the topic that is no dead letter of ours is shown as far as it goes; nothing is raised."""
    letter = read_dead_letter(LogRecord("cem.dead-letters", key=key, value=value, headers=own))
    assert letter.partition == 3
    assert isinstance(letter.code, str)


def test_sending_again_keeps_identity_and_counts() -> None:
    """The record goes back where it came from with its own id and source, and the count is one higher each time."""
    letter = read_dead_letter(stored(dead_letter(LogRecord(), REJECT)))
    again = redriven(letter, b'{"mended": true}')
    assert (again.topic, again.key, again.value) == ("cem.calls", b"c1", b'{"mended": true}')
    assert again.headers == (("ce_id", b"1"), ("ce_source", b"crm"), (REDRIVE_COUNT, b"1"))
    assert again.partition is None
    failed_again = LogRecord(headers=again.headers, value=again.value)
    second = read_dead_letter(stored(dead_letter(failed_again, REJECT)))
    assert second.redrives == 1
    assert redriven(second, second.value).headers[-1] == (REDRIVE_COUNT, b"2")


def test_what_is_sent_again_claims_no_place_in_an_ordered_source() -> None:
    """Later numbers of its source have gone by, so the sequence is left out, in headers and in a structured value."""
    ordered = LogRecord(headers=(("ce_id", b"5"), ("ce_sequence", b"5")))
    letter = read_dead_letter(stored(dead_letter(ordered, REJECT)))
    assert redriven(letter, letter.value).headers == (("ce_id", b"5"), (REDRIVE_COUNT, b"1"))
    structured = LogRecord(
        headers=(("content-type", b"application/cloudevents+json"),),
        value=b'{"id":"5","sequence":"5","data":{"sequence":1, "x":[1,2]}}',
    )
    letter = read_dead_letter(stored(dead_letter(structured, REJECT)))
    assert redriven(letter, letter.value).value == b'{"id":"5","data":{"sequence":1, "x":[1,2]}}'
    assert redriven(letter, b"no json").value == b"no json"


def test_key_and_headers_can_be_mended() -> None:
    """A wrong key or attribute is replaced; the others stay as they were."""
    letter = read_dead_letter(stored(dead_letter(LogRecord(), REJECT)))
    again = redriven(
        letter, letter.value, key=b"c2", headers={"ce_source": b"crm2", "ce_type": b"call.ended"}
    )
    assert again.key == b"c2"
    assert again.headers == (
        ("ce_id", b"1"),
        ("ce_source", b"crm2"),
        ("ce_type", b"call.ended"),
        (REDRIVE_COUNT, b"1"),
    )


def test_an_endless_detail_is_cut() -> None:
    """A sentence is a sentence, and no second copy of the value."""
    assert (
        len(dict(dead_letter(LogRecord(), Reject("not_json", "x" * 9999, "")).headers)["cem-detail"]) == 1000
    )
