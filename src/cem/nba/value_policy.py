"""What lifetime values are reckoned with, read from a parsed `policies/value.yaml` and checked.

Pure: whoever calls has read and parsed the file. A document that cannot be used raises `ValuePolicyError`, whose
message names the file, the field, what it takes, and for an unknown field the nearest known one.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

import msgspec

from cem.domain.value_policy import ValuePolicy

__all__ = ["VALUE_FILE", "ValuePolicyError", "read_value_policy"]

VALUE_FILE = "value.yaml"

#: Field to the least and the greatest value that it takes.
_RANGES: dict[str, tuple[float, float]] = {
    "discount_rate_a_year": (0, 1),
    "margin_share": (0, 1),
    "horizon_months": (1, 600),
    "confidence": (0.5, 0.999),
    "leave_a_month": (0.000_1, 0.5),
    "leave_a_month_bound": (0.000_1, 0.5),
    "guess_weighs_months": (1, 1_000_000),
}
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`")
_PLACE = re.compile(r" - at `\$\.(?P<field>[^`]*)`\Z")


class ValuePolicyError(ValueError):
    """The policy cannot be used; the message says which field, where, and what it takes."""

    def __init__(self, origin: str, message: str, field: str = "") -> None:
        """Take the file, what is wrong, and the field that it is about ("": all of them)."""
        super().__init__(f"{origin}: {message}")
        self.message = message
        self.field = field


def read_value_policy(document: object, origin: str) -> ValuePolicy:
    """Return the policy of a parsed document (None: an empty file, all defaults); `origin` names it in errors."""
    if document is None:
        return ValuePolicy()
    if not isinstance(document, dict):
        raise ValuePolicyError(origin, "must be a mapping of names to numbers")
    try:
        policy = msgspec.convert(document, ValuePolicy)
    except msgspec.ValidationError as error:
        raise ValuePolicyError(origin, *_explained(str(error))) from None
    for field, (low, high) in _RANGES.items():
        value = getattr(policy, field)
        if not low <= value <= high:
            raise ValuePolicyError(origin, f"{field} must be from {low} to {high}, not {value}", field)
    return policy


def _explained(message: str) -> tuple[str, str]:
    """Return msgspec's message, with the nearest known name for an unknown one, and the field."""
    unknown = _UNKNOWN.match(message)
    if unknown:
        near = get_close_matches(unknown["name"], _RANGES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(_RANGES)}"
        return f"there is no field {unknown['name']!r}; {hint}", unknown["name"]
    place = _PLACE.search(message)
    if place is None:
        return message, ""
    return f"{place['field']}: {message[: place.start()].lower()}", place["field"]
