"""Headers and outboxes as bytes: read by newer and older programs, refused when damaged."""

from __future__ import annotations

import msgspec
import pytest

from cem.ports import Emission
from cem.stores import StoreBroken
from cem.stores.codec import decode_header, decode_outbox, encode_header, encode_outbox
from tests.builders.stores import emission, header


def test_headers_come_back() -> None:
    """A header is what was encoded."""
    kept = header("t2", "t1", tick=9)
    assert decode_header(encode_header(kept), "t2", 0) == kept


def test_headers_of_an_older_program() -> None:
    """A header without the fields that came later is read, with their defaults."""
    fields = msgspec.msgpack.decode(encode_header(header("t1")))
    read = decode_header(msgspec.msgpack.encode(fields[:7]), "t1", 0)
    assert (read.token, read.positions) == ("t1", header("t1").positions)
    assert (read.journal_offset, read.rejects, read.version) == (0, {}, 1)


def test_headers_of_a_newer_program() -> None:
    """A header with fields that this program does not know is read without them."""
    fields = msgspec.msgpack.decode(encode_header(header("t1")))
    assert decode_header(msgspec.msgpack.encode([*fields, {"new": 1}]), "t1", 0) == header("t1")


def test_outboxes_come_back() -> None:
    """Emissions keep absent keys and values apart from empty ones."""
    outbox = (emission("a"), Emission("t", None, None, ()), Emission("t", b"", b"", (("h", b""),), 0))
    assert decode_outbox(encode_outbox(outbox), 0) == outbox
    assert decode_outbox(encode_outbox([]), 0) == ()


def test_damage_is_named() -> None:
    """No bytes whatever make anything but the right object or StoreBroken."""
    good = encode_header(header("t1"))
    for position in range(len(good)):
        for value in (0, 0x90, 0xA1, 0xC1, 0xFF):
            damaged = good[:position] + bytes([value]) + good[position + 1 :]
            try:
                decode_header(damaged, "t1", 7)
            except StoreBroken as broken:
                assert "lane 7" in str(broken)
    with pytest.raises(StoreBroken, match="belongs to save 't1', not 't2'"):
        decode_header(good, "t2", 7)
    with pytest.raises(StoreBroken, match="lane 7: its outbox"):
        decode_outbox(b"\x91\xa5\xff\xff\xff\xff\xff", 7)
