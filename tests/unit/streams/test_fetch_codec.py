"""Fetches to and from bytes: what aiokafka's own schemas make of them."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from aiokafka.protocol.fetch import FetchRequest, FetchRequest_v11, FetchResponse_v11
from hypothesis import given, settings
from hypothesis import strategies as st

from cem.streams.fetch_codec import decode_response, encode_request

INT16 = st.integers(-(2**15), 2**15 - 1)
INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
NAMES = st.text(max_size=12)
ASKED = st.lists(st.tuples(NAMES, st.lists(st.tuples(INT32, INT64, INT32), max_size=5)), max_size=4)
ABORTED = st.none() | st.lists(st.tuples(INT64, INT64), max_size=3)
FOUND = st.tuples(INT32, INT16, INT64, INT64, INT64, ABORTED, INT32, st.none() | st.binary(max_size=40))
TOPICS = st.lists(st.tuples(NAMES, st.lists(FOUND, max_size=5)), max_size=4)


@given(INT32, INT32, INT32, st.integers(0, 1), ASKED, NAMES)
@settings(max_examples=100, deadline=None)
def test_a_request_has_the_bytes_of_its_schema(
    wait_ms: int, least: int, most: int, isolation: int, asked: list[tuple[str, list[tuple[int, int, int]]]], rack: str
) -> None:  # fmt: skip
    """Whatever is asked for."""
    request = FetchRequest(wait_ms, least, most, isolation, asked, rack_id=rack).build(FetchRequest_v11)
    by_schema = request.SCHEMA.encode([request.__dict__[name] for name in request.SCHEMA.names])
    assert encode_request(request) == by_schema  # type: ignore[arg-type]


@given(INT32, INT16, INT32, TOPICS)
@settings(max_examples=100, deadline=None)
def test_a_response_has_the_values_of_its_schema(
    throttle_ms: int, error: int, session: int, topics: list[tuple[str, list[tuple[object, ...]]]]
) -> None:
    """Whatever was found: records or none, aborted transactions or none."""
    raw = FetchResponse_v11.SCHEMA.encode([throttle_ms, error, session, topics])
    by_schema = [
        field.decode(stream) for stream in [BytesIO(raw)] for field in FetchResponse_v11.SCHEMA.fields
    ]
    decoded = decode_response(FetchResponse_v11, BytesIO(raw))
    assert [decoded.__dict__[name] for name in decoded.SCHEMA.names] == by_schema
    assert decode_response(FetchResponse_v11, raw) == decoded


def test_a_response_that_ends_too_early_is_an_error() -> None:
    """No partition is made up."""
    raw = FetchResponse_v11.SCHEMA.encode([0, 0, 0, [("t", [(0, 0, 1, 1, 0, [], -1, b"xyz")])]])
    for end in range(len(raw)):
        with pytest.raises((struct.error, ValueError)):
            decode_response(FetchResponse_v11, raw[:end])
