"""Why a record is refused: a value for the dead letters, never an exception."""

from __future__ import annotations

import re
from typing import Literal, get_args

import msgspec

__all__ = ["REJECT_CODES", "Reject", "RejectCode", "explain_json", "explain_validation"]

RejectCode = Literal[
    "no_value",
    "too_large",
    "too_deep",
    "not_json",
    "bad_text",
    "wrong_content_type",
    "no_attributes",
    "bad_attribute",
    "bad_time",
    "unknown_type",
    "wrong_topic",
    "no_key",
    "bad_key",
    "key_mismatch",
    "missing_field",
    "invalid_field",
    "bad_date",
    "wrong_partition",
    "unlinked",
    "merge_refused",
]
#: Every code, in the order in which a record is looked at: `decode` first, the lane (wrong_partition, unlinked, merge_refused) last.
REJECT_CODES: tuple[str, ...] = get_args(RejectCode)


class Reject(msgspec.Struct, frozen=True):
    """A record that cannot be used."""

    code: RejectCode
    #: One sentence for a person. Never quotes what the record holds, apart from the name of its type.
    detail: str
    #: Where: a JSON path ("$.charge_minor"), the name of an attribute ("ce_time"), "key" or "value".
    path: str


_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>[^`]*)`(?: in `(?P<within>[^`]*)`)?)?$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<name>[^`]*)`$")
_LENGTH = re.compile(r"^Expected `(?P<kind>\w+)` of length (?P<how>[<>]=) (?P<limit>\d+)$")
_BOUND = re.compile(r"^Expected `\w+` (?P<how>[<>]=) (?P<limit>\S+)$")
_KIND = re.compile(r"^Expected `(?P<want>[^`]*)`, got `(?P<got>[^`]*)`$")
_SHAPE = re.compile(r"^Expected `str` matching regex (?P<shape>.*)$", re.DOTALL)
_NAMED = re.compile(r"^`(?P<name>\w+)` (?P<rest>.*)$", re.DOTALL)
_CHARACTERS = re.compile(r"^\^\[(?P<set>[^\]]*)\]\{(?P<least>\d+),(?P<most>\d+)\}(?:\\Z|\$)$")
_BYTE = re.compile(r"\(byte (?P<at>\d+)\)$")
_LONE = re.compile(
    rb"(?<!\\)(?:\\\\)*\\u(?:[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})|[dD][c-fC-F][0-9a-fA-F]{2})"
)

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "datetime": "a time with its offset, as in 2026-03-01T08:30:00Z",
    "date": "a date, as in 2026-03-01",
}
_HOW = {">=": "at least", "<=": "at most"}
_UNITS = {"str": "characters", "array": "entries", "object": "entries"}


def _word(names: str) -> str:
    return " or ".join(_WORDS.get(name, name) for name in names.split(" | "))


def explain_validation(error: msgspec.ValidationError, event_type: str) -> Reject:
    """Return what msgspec says about a value of the wrong shape, as a sentence about a field."""
    found = _PLACE.match(str(error))
    what = found["what"] if found else str(error)
    path = (found["within"] or found["path"] if found else None) or "$"
    missing = _MISSING.match(what)
    if missing:
        path = f"{path}.{missing['name']}"
        return Reject("missing_field", f"{event_type} needs {missing['name']}.", path)
    named = _NAMED.match(what)
    if named and path == "$":
        # One of our own checks, which names its field.
        return Reject(
            "invalid_field", f"{named['name']} {named['rest']} ({event_type}).", f"$.{named['name']}"
        )
    name = (
        "The data"
        if path == "$"
        else f"A key of {path}"
        if found and found["within"]
        else path.removeprefix("$.")
    )
    return Reject("invalid_field", f"{_sentence(what, name)} ({event_type}).", path)


def _shape(quoted: str) -> str:
    """Return what a pattern asks for; msgspec quotes it as Python does."""
    pattern = quoted.strip("'").replace("\\\\", "\\")
    simple = _CHARACTERS.match(pattern)
    if simple is None:
        return f"match {pattern}"
    return f"be {simple['least']} to {simple['most']} characters of {simple['set']}"


def _sentence(what: str, name: str) -> str:
    if length := _LENGTH.match(what):
        unit = _UNITS.get(length["kind"], "long")
        return f"{name} must have {_HOW[length['how']]} {length['limit']} {unit}"
    if bound := _BOUND.match(what):
        return f"{name} must be {_HOW[bound['how']]} {bound['limit']}"
    if kind := _KIND.match(what):
        return f"{name} must be {_word(kind['want'])}, not {_word(kind['got'])}"
    if shape := _SHAPE.match(what):
        return f"{name} must {_shape(shape['shape'])}"
    if "out of range" in what:
        return f"{name} is a number beyond all bounds"
    return f"{name}: {what.replace('`', '')}"


def explain_json(error: Exception, value: bytes) -> Reject:
    """Return what is wrong with bytes that could not be read as JSON."""
    if isinstance(error, RecursionError):
        return Reject("too_deep", "The value is nested too deeply.", "value")
    if isinstance(error, UnicodeDecodeError):
        return Reject(
            "bad_text", f"The value is not UTF-8: byte {error.start} of a text cannot be read.", "value"
        )
    if _LONE.search(value):
        return Reject("bad_text", "A text holds half of a surrogate pair, which is no character.", "value")
    if not isinstance(error, msgspec.DecodeError):
        return Reject("not_json", f"The value cannot be read ({type(error).__name__}).", "value")
    found = _BYTE.search(str(error))
    at = int(found["at"]) if found else -1
    if 0 <= at < len(value) and value[at] < 0x20 and value[at] not in b"\t\n\r":
        return Reject("bad_text", f"Byte {at} is the control character U+{value[at]:04X}.", "value")
    detail = (
        str(error).replace("JSON is malformed: ", "").replace("Input data was truncated", "it ends too early")
    )
    return Reject("not_json", f"The value is not JSON: {detail}.", "value")
