"""A hundred thousand damaged records (`CEM_MUTATIONS`): each becomes an event or a reason, none an exception."""

from __future__ import annotations

import os
import random

import msgspec
import pytest

from cem.domain.events import EVENT_TYPES, REJECT_CODES, Received, Reject, decode, encode
from tests.builders.examples import example_of
from tests.builders.records import LogRecord, as_structured, record_of

#: `make chaos` takes ten times as many.
ROUNDS = int(os.environ.get("CEM_MUTATIONS") or 100_000)
SHARDS = 4

#: What breaks parsers, put in the middle of something sound.
TOKENS = [
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"-1",
    b"null",
    b"9" * 400,
    b"0.1",
    b'"',
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\x00",
    b"\x7f",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    "e\u0301\u0958".encode(),
    b"[" * 40,
    b"[" * 5000,
    b'{"a":' * 40,
    b"{}",
    b"[]",
    b",",
    b'"line":',
    b'"time":"1970-01-01"',
    b"0001-01-01",
    b"9999-12-31T23:59:59.999999Z",
    b"+99:99",
    b"\n",
    b" " * 300_000,
]
KEYS = [
    None,
    b"",
    b"c-2",
    b"\xff",
    b"line:1",
    b"line:",
    b"area:e\xcc\x81",
    b"price:x",
    b"c" * 65,
    b"c-1\n",
    b":",
    b"c\x00",
]
TOPICS = ["cem.inbox", "cem.calls", "cem.profiles", "cem.control", "elsewhere", ""]
TIMESTAMPS = [-1, 0, 1, 2**63 - 1, -(2**63)]

SOUND = [
    record
    for name in EVENT_TYPES
    for record in (record_of(example_of(name)), as_structured(example_of(name)))
]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return `data` with one thing wrong."""
    at = chance.randrange(len(data) + 1)
    match chance.randrange(7):
        case 0:
            return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[at + chance.randrange(1, 12) :]
        case 3:
            return data[:at] + data[chance.randrange(len(data) + 1) :]
        case 4:
            return data[:at] + chance.randbytes(chance.randrange(1, 6)) + data[at:]
        case 5:
            return data[:at] + chance.choice(TOKENS) + data[at:]
        case _:
            return data[:at] + chance.choice(TOKENS) + data[at + chance.randrange(1, 12) :]


def mutated(record: LogRecord, chance: random.Random) -> LogRecord:
    """Return `record` with one to three things wrong, anywhere in it."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        match chance.randrange(10):
            case 0 | 1 | 2 | 3 | 4:
                if record.value is not None:
                    record = record._replace(value=damaged(record.value, chance))
            case 5 | 6:
                headers = list(record.headers)
                at = chance.randrange(len(headers)) if headers else 0
                if headers:
                    name, value = headers[at]
                    headers[at] = (name, chance.choice((damaged(value or b"", chance), None)))  # type: ignore[assignment]
                record = record._replace(headers=headers)
            case 7:
                headers = list(record.headers)
                chance.shuffle(headers)
                record = record._replace(
                    headers=headers[1:] + chance.sample(headers, chance.randrange(len(headers) + 1))
                )
            case 8:
                key = damaged(record.key or b"", chance) if chance.random() < 0.5 else chance.choice(KEYS)
                record = record._replace(key=key)
            case _:
                which = chance.randrange(3)
                if which == 0:
                    record = record._replace(topic=chance.choice(TOPICS))
                elif which == 1:
                    record = record._replace(timestamp=chance.choice(TIMESTAMPS))
                else:
                    record = record._replace(value=None)
    return record


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_damage_raises(shard: int) -> None:
    """Whatever happens to a record, the answer is an event that can be written again, or a reason."""
    chance = random.Random(20_260_302 + shard)
    codes: dict[str, int] = {}
    for n in range(ROUNDS // SHARDS):
        record = mutated(chance.choice(SOUND), chance)
        answer = decode(record)
        if isinstance(answer, Reject):
            assert answer.code in REJECT_CODES
            assert answer.detail.isprintable(), answer
            codes[answer.code] = codes.get(answer.code, 0) + 1
            continue
        assert isinstance(answer, Received)
        if n % 10 == 0:
            again = written_again(answer)
            assert isinstance(again, Received), again
            assert again.event == answer.event
            msgspec.msgpack.encode(answer.event)
    # The damage reaches everything that decode looks at.
    # The lane, not the decoder, finds a record in the wrong partition.
    assert len(codes) >= len(set(REJECT_CODES) - {"wrong_partition", "unlinked", "merge_refused"}) - 2, codes


def written_again(received: Received) -> Received | Reject:
    """Return what is read of a received event after it was written by us."""
    headers, value = encode(
        received.event,
        id=received.id,
        source=received.source,
        time_ms=received.time_ms,
        customer_id=received.customer_id,
        recorded_ms=max(received.time_ms, 631_152_000_000),
    )
    record = LogRecord(
        received.topic, 0, 0, received.ingested_ms, received.customer_id.encode(), value, headers
    )
    return decode(record)
