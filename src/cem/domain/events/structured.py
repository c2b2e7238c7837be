"""CloudEvents in structured mode: attributes and data in one JSON object."""

from __future__ import annotations

import re
from base64 import b64decode

import msgspec

from cem.domain.events.limits import MAX_DEPTH, too_deep
from cem.domain.events.rejects import Reject, explain_json, explain_validation

__all__ = ["is_json", "is_structured", "unwrap"]

is_json = re.compile(
    rb"\s*(?!application/cloudevents)[a-z0-9!#$&^_.+-]+/(?:[a-z0-9!#$&^_.-]+\+)?json\s*(?:;.*)?",
    re.DOTALL | re.I,
).fullmatch
is_structured = re.compile(rb"\s*application/cloudevents\+json\s*(?:;.*)?", re.DOTALL | re.I).fullmatch


class _Whole(msgspec.Struct, frozen=True):
    specversion: str = ""
    type: str = ""
    id: str = ""
    source: str = ""
    time: str = ""
    subject: str | None = None
    traceparent: str | None = None
    sequence: str | int | None = None
    recordedtime: str | None = None
    datacontenttype: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    data_base64: str | None = None


_ATTRIBUTES = _Whole.__struct_fields__[:9]
_read = msgspec.json.Decoder(_Whole).decode


def unwrap(value: bytes) -> tuple[dict[str, bytes], bytes] | Reject:
    """Return attributes, named as the headers of binary mode, and the data's bytes (empty if there are none)."""
    try:
        if too_deep(value):
            return Reject("too_deep", f"The value is nested more than {MAX_DEPTH} levels deep.", "value")
        whole = _read(value)
        if whole.datacontenttype is not None and not is_json(whole.datacontenttype.encode()):
            return Reject("wrong_content_type", "The data's content type is not JSON.", "$.datacontenttype")
        attributes = {
            f"ce_{name}": str(text).encode()
            for name in _ATTRIBUTES
            if (text := getattr(whole, name)) is not None
        }
        data = bytes(whole.data)
        if whole.data_base64 is not None:
            try:
                data = b64decode(whole.data_base64, validate=True)
            except ValueError:
                return Reject("not_json", "data_base64 is not base64.", "$.data_base64")
    except msgspec.ValidationError as error:
        return explain_validation(error, "A CloudEvent")
    except Exception as error:
        # As in envelope: what JSON parsing may raise shares no base class.
        return explain_json(error, value)
    return attributes, b"" if data == b"null" else data
