"""Reading parameters by hand on the hot path: a query becomes a struct in microseconds, or a problem that says why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import unquote_plus

from cem.api.problems import FieldError, Problem
from cem.domain.events.enums import Channel
from cem.domain.events.limits import EARLIEST_MS
from cem.domain.events.text import BadTextError, clean
from cem.nba import Call

__all__ = ["BEST", "CALL_PARAMETERS", "Asked", "call_of", "customer_of", "invalid"]

_CUSTOMER: Final = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
_ID: Final = r"^[A-Za-z0-9_.:/-]{1,128}$"
_LANGUAGE: Final = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$"
#: Names that people use for the channel `call`.
_SAME: Final = {"phone": "call", "voice": "call"}
_CHANNELS: Final = [c.value for c in Channel]
#: Stands for the channel over which he is best reached; for turning to him, not for a contact that is going on.
BEST: Final = "best"

#: Name to JSON Schema of what the desktop may say of the contact.
CALL_PARAMETERS: Final[Mapping[str, dict[str, Any]]] = {
    "call_id": {"type": "string", "pattern": _ID, "description": "The call."},
    "reason": {
        "type": "string",
        "maxLength": 128,
        "description": "Reason of the contact, in the operator's words.",
    },
    "intent": {"type": "string", "maxLength": 128, "description": "What the customer wants now."},
    "channel": {
        "type": "string",
        "enum": [*_CHANNELS, *_SAME, BEST],
        "default": "call",
        "description": "Channel of the contact; `best`, to turn to him: the one that he allows and answers.",
    },
    "rep_id": {"type": "string", "pattern": _ID, "description": "The representative."},
    "language": {"type": "string", "pattern": _LANGUAGE, "description": "Language of the call (BCP 47)."},
    "queue": {"type": "string", "maxLength": 128, "description": "Queue of the contact."},
    "text": {"type": "string", "maxLength": 8192, "description": "What the customer just said or wrote."},
    "as_of": {
        "type": "string",
        "format": "date-time",
        "description": "Decide as of this earlier instant, on what the state still holds of it. Nothing is recorded.",
    },
    "timeout_ms": {
        "type": "integer",
        "minimum": 1,
        "maximum": 60000,
        "description": "Answer within so many milliseconds, if that is less than the server's own deadline.",
    },
}
_PATTERNS: Final = {
    name: re.compile(schema["pattern"].removesuffix("$") + r"\Z")
    for name, schema in CALL_PARAMETERS.items()
    if "pattern" in schema
}
_LENGTHS: Final = {
    name: schema["maxLength"] for name, schema in CALL_PARAMETERS.items() if "maxLength" in schema
}


class Asked:
    """What a request for a decision says."""

    __slots__ = ("as_of_ms", "call", "timeout_ms")

    def __init__(self, call: Call, timeout_ms: int | None = None, as_of_ms: int | None = None) -> None:
        self.call = call
        self.timeout_ms = timeout_ms
        #: Decide as of then, and record nothing; None: as of now.
        self.as_of_ms = as_of_ms


def invalid(name: str, detail: str, place: str = "query") -> Problem:
    """Return the problem that parameter `name` does not fit."""
    return Problem("invalid-request", f"{name}: {detail}", errors=(FieldError(detail, f"#/{name}", place),))


def customer_of(customer_id: str) -> str:
    """Return the id if it can be a customer's. Raises Problem."""
    if _CUSTOMER(customer_id) is None:
        raise invalid("customer_id", "1 to 64 of A-Z a-z 0-9 _ -", "path")
    return customer_id


def call_of(query: bytes) -> Asked:
    """Return what the query says of the contact. Raises Problem."""
    if not query:
        return Asked(_NOTHING_SAID)
    given: dict[str, str] = {}
    try:
        for part in query.decode("ascii").split("&"):
            name, _, value = part.partition("=")
            if "%" in part or "+" in part:
                name, value = unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")
            if name not in CALL_PARAMETERS:
                if not part:
                    continue
                near = get_close_matches(name, list(CALL_PARAMETERS), n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise invalid(name[:64], f"there is no such parameter{hint}")
            if name in given:
                raise invalid(name, "stands here twice")
            if value:
                given[name] = _checked(name, value)
    except UnicodeDecodeError:
        raise Problem("invalid-request", "the query is not UTF-8, percent-encoded") from None
    timeout = given.pop("timeout_ms", None)
    as_of = given.pop("as_of", None)
    return Asked(
        Call(**given),
        None if timeout is None else _timeout(timeout),
        None if as_of is None else _instant(as_of),
    )


def _checked(name: str, value: str) -> str:
    if name == "channel":
        value = _SAME.get(value, value)
        if value not in _CHANNELS and value != BEST:
            raise invalid(name, f"one of {', '.join([*_CHANNELS, BEST])}")
        return value
    pattern = _PATTERNS.get(name)
    if pattern is not None and pattern.match(value) is None:
        raise invalid(name, f"must match {CALL_PARAMETERS[name]['pattern']}")
    longest = _LENGTHS.get(name)
    if longest is not None:
        if len(value) > longest:
            raise invalid(name, f"at most {longest} characters")
        try:
            value = clean(value)[0]
        except BadTextError as error:
            raise invalid(name, f"holds the character U+{error.code:04X}, which is not text") from None
    return value


def _timeout(text: str) -> int:
    text = text.removesuffix(".0")  # JSON takes 60.0 for a whole number, too
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 60_000:
        raise invalid("timeout_ms", "a whole number from 1 to 60000")
    return int(text)


def _instant(text: str) -> int:
    try:
        # A plus sign in a query is a blank.
        at = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise invalid("as_of", "an instant with its zone, as in 2026-03-01T10:00:00Z")
    # Events are from 1990 on: before, as then, nothing was known of anybody.
    return max(EARLIEST_MS, round(at.timestamp() * 1000))


_NOTHING_SAID: Final = Call()
