"""Dead letters: what a record that cannot be used becomes, how it is read back, and when there are too many. Pure.

A dead letter has the original key, value and headers, followed by a block of headers that say why and where from.
The block is written under our names (`cem-...`), under those of Kafka Connect (`__connect.errors...`) and under
Spring's (`kafka_dlt-original-topic`), so that the tools people have read it as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from cem.domain.events.rejects import Reject
from cem.ports import Emission, Record
from cem.streams.topics import DEAD_LETTERS

__all__ = ["REDRIVE_COUNT", "DeadLetter", "dead_letter", "read_dead_letter", "redriven"]

#: First header of our block; what stands before it came with the record.
_REASON: Final = "cem-reason"
_DETAIL: Final = "cem-detail"
_PATH: Final = "cem-path"
_TOPIC: Final = "cem-topic"
_PARTITION: Final = "cem-partition"
_OFFSET: Final = "cem-offset"
_TIMESTAMP: Final = "cem-timestamp"
#: Present when the record had no value at all (null), which is not the same as an empty one.
_NULL: Final = "cem-null-value"
#: How often a record has been sent again; it stays on the record, so a dead letter of it carries it too.
REDRIVE_COUNT: Final = "cem-redrive-count"
#: Number in an ordered source.
_SEQUENCE: Final = "ce_sequence"

#: A detail is a sentence; what is longer would only repeat the bytes.
_MAX_DETAIL: Final = 1000


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be used, with the place it came from and the reason."""

    #: Where it lies in the topic of dead letters, and since when.
    partition: int
    offset: int
    stored_ms: int
    #: Where the record came from: topic "" and -1 when whoever wrote the dead letter did not say.
    topic: str
    source_partition: int
    source_offset: int
    ingested_ms: int
    code: str
    detail: str
    #: Place in the record, as "$.charge_minor" or the name of a header; "" for the whole of it.
    path: str
    key: bytes | None
    #: None: the record had no value.
    value: bytes | None
    #: As they came with the record.
    headers: tuple[tuple[str, bytes], ...]
    #: How often it had been sent again before.
    redrives: int

    @property
    def name(self) -> str:
        """Its name on the command line: partition and offset in the topic of dead letters."""
        return f"{self.partition}/{self.offset}"

    def header(self, name: str) -> str | None:
        """Return the original header as text (the last of that name), None if there is none."""
        found = [value for each, value in self.headers if each == name]
        return found[-1].decode(errors="replace") if found else None


def dead_letter(record: Record, reject: Reject) -> Emission:
    """Return the dead letter of `record`: byte for byte what came, and why it was refused.

    It goes to the partition of the record's own number, so that one lane writes its dead letters in order.
    """
    detail = reject.detail[:_MAX_DETAIL]
    topic, partition, offset = record.topic, str(record.partition), str(record.offset)
    block = [
        (_REASON, reject.code),
        (_DETAIL, detail),
        (_PATH, reject.path),
        (_TOPIC, topic),
        (_PARTITION, partition),
        (_OFFSET, offset),
        (_TIMESTAMP, str(record.timestamp)),
        ("__connect.errors.topic", topic),
        ("__connect.errors.partition", partition),
        ("__connect.errors.offset", offset),
        ("__connect.errors.exception.class.name", f"cem.reject.{reject.code}"),
        ("__connect.errors.exception.message", detail),
        ("kafka_dlt-original-topic", topic),
    ]
    if record.value is None:
        block.append((_NULL, "true"))
    return Emission(
        DEAD_LETTERS,
        record.key,
        record.value if record.value is not None else b"",
        (*record.headers, *((name, text.encode(errors="replace")) for name, text in block)),
        record.partition,
    )


def read_dead_letter(record: Record) -> DeadLetter:
    """Return what `record`, found on the topic of dead letters, says. Never raises, whoever wrote it."""
    headers = tuple(record.headers)
    begin = max((i for i, (name, _) in enumerate(headers) if name == _REASON), default=len(headers))
    ours = {name: value.decode(errors="replace") for name, value in headers[begin:]}
    original = headers[:begin]
    return DeadLetter(
        partition=record.partition,
        offset=record.offset,
        stored_ms=record.timestamp,
        topic=ours.get(_TOPIC, ""),
        source_partition=_number(ours.get(_PARTITION), -1),
        source_offset=_number(ours.get(_OFFSET), -1),
        ingested_ms=_number(ours.get(_TIMESTAMP), record.timestamp),
        code=ours.get(_REASON, "unknown"),
        detail=ours.get(_DETAIL, "no reason was written with it"),
        path=ours.get(_PATH, ""),
        key=record.key,
        value=None if _NULL in ours else record.value,
        headers=original,
        redrives=_redrives(original),
    )


def redriven(
    letter: DeadLetter,
    value: bytes | None,
    *,
    key: bytes | None = None,
    headers: Mapping[str, bytes] | None = None,
) -> Emission:
    """Return the record to send again with `value`: the letter's own, or the mended one.

    It goes where it came from, under its old key and headers unless `key` or `headers` mend them, so its
    CloudEvents source and id stay and a repeat is noticed. Its number in an ordered source is left out: later
    numbers have gone by, and it would be taken for a repeat of one of them. The count that guards against going
    round in circles is one higher.
    """
    mended = dict(headers or {})
    kept = [
        (name, mended.pop(name, own))
        for name, own in letter.headers
        if name not in (REDRIVE_COUNT, _SEQUENCE)
    ]
    kept += mended.items()
    if dict(kept).get("content-type", b"").startswith(b"application/cloudevents+json"):
        value = _without_sequence(value)
    count = str(letter.redrives + 1).encode()
    return Emission(letter.topic, letter.key if key is None else key, value, (*kept, (REDRIVE_COUNT, count)))


def _without_sequence(value: bytes | None) -> bytes | None:
    """Return a structured event without its sequence; what is no such thing as it is."""
    try:
        whole = msgspec.json.decode(value or b"", type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return value
    if whole.pop("sequence", None) is None:
        return value
    return msgspec.json.encode(whole)


def _redrives(headers: Sequence[tuple[str, bytes]]) -> int:
    return max(
        (_number(value.decode(errors="replace"), 0) for name, value in headers if name == REDRIVE_COUNT),
        default=0,
    )


def _number(text: str | None, default: int) -> int:
    """Return the integer that `text` holds; decimal digits only, as everywhere in a header."""
    if text is None or not text.lstrip("-").isdecimal() or len(text) > 19:
        return default
    return int(text)
