"""An example as it stands in the log of examples: what was known when the prediction was made, and the label.

JSON, so that anybody can read what a model was taught. The writer of a model learns them in the order of the log; the
offset of the last one is the model's version.
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Example", "ExampleError", "decode_example", "encode_example"]


class ExampleError(ValueError):
    """A record that is no example. The message says why."""


class Example(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row of `cem.examples.<model>`."""

    #: What the model's `learn_one` takes as x, as plain data.
    x: Any
    y: Any
    #: When the label became known, milliseconds since the epoch; None where nobody knows.
    time_ms: int | None = None
    #: What it came from: "<file>#<row>", the id of an event ...
    source: str = ""


_DECODER = msgspec.json.Decoder(Example)


def encode_example(example: Example) -> bytes:
    """Return the record's value. Structs become mappings."""
    return msgspec.json.encode(example)


def decode_example(value: bytes) -> Example:
    """Return the example in a record's value. Raises ExampleError."""
    try:
        return _DECODER.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ExampleError(f"this record is no example: {error}") from None
