"""An identifier's, an area's or a lane's state for people; a customer's is in `cem.domain.describe`."""

from __future__ import annotations

from typing import Any

import msgspec

from cem.domain.customer import Customer
from cem.domain.describe import describe, describe_fields
from cem.domain.state.identifier import Identifier
from cem.domain.state.lane import LaneState
from cem.domain.subject_states import Subject
from cem.domain.value_policy import ValuePolicy

__all__ = ["describe_subject"]


def describe_subject(
    state: Subject, policy: ValuePolicy | None = None, timezone: str = "UTC"
) -> dict[str, Any]:
    """Return the state as nested dictionaries and lists of texts, numbers and booleans; what is empty is left out.

    `policy` and `timezone` are as for `describe`.
    """
    if isinstance(state, Customer):
        return describe(state, policy, timezone)
    if isinstance(state, LaneState):
        return {"lane": state.lane, "sections": state.contents()}
    shown = describe_fields(state)
    if isinstance(state, Identifier) and state.waiting:
        shown["waiting"] = [
            {
                **describe_fields(msgspec.structs.replace(each, headers=(), value=b"")),
                "source": _header(each.headers, "ce_source"),
                "id": _header(each.headers, "ce_id"),
                "bytes": len(each.value),
            }
            for each in state.waiting
        ]
    return shown


def _header(headers: tuple[tuple[str, bytes], ...], name: str) -> str:
    return dict(headers).get(name, b"").decode(errors="replace")
