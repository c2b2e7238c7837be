"""`POST /v1/decisions/{decision_id}/outcomes`: what became of a decision, as a record of the log."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator
from starlette.responses import Response

from cem.api.problems import Problem
from cem.api.recording import Recorder
from cem.api.replies import taken_once
from cem.api.services import Services
from cem.api.texts import TEXT, Label, cleaned
from cem.domain.events import OutcomeRecorded
from cem.domain.events.enums import Channel, OutcomeState

__all__ = ["OutcomeAnswer", "OutcomeIn", "take_outcome"]

_DECISION: Final = re.compile(r"(?P<customer>[A-Za-z0-9_-]{1,64})\.[A-Za-z0-9_.:-]{1,60}").fullmatch
_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:/-]{1,128}$")]
State = Literal["returned", "displayed", "offered", "accepted", "declined", "done", "ignored"]


class OutcomeIn(BaseModel):
    """How far a suggestion has come."""

    model_config = ConfigDict(extra="forbid", title="Outcome")

    state: State = Field(description="returned, displayed, offered, accepted, declined, done or ignored")
    action: _Name | None = Field(None, description="The action concerned; absent: the first of the answer.")
    reason: Label | None = Field(None, description="Why it was declined or ignored.", json_schema_extra=TEXT)
    instead: Label | None = Field(None, description="What was done instead.", json_schema_extra=TEXT)
    rep_id: _Id | None = Field(None, description="The representative who says so.")
    channel: Channel | None = Field(None, description="Where it was presented.")

    @field_validator("reason", "instead")
    @classmethod
    def _text(cls, value: str | None) -> str | None:
        return cleaned(value)


class OutcomeAnswer(BaseModel):
    """The outcome, as it was written to the log."""

    decision_id: str
    customer_id: str
    state: State
    event_id: str
    logged: Literal[True]


async def take_outcome(
    services: Services,
    recorder: Recorder,
    decision_id: str,
    outcome: OutcomeIn,
    key: str | None,
    traceparent: str | None,
) -> Response:
    """Return 202 once the log has the outcome; a repeat under the same key returns the same again. Raises Problem."""
    match = _DECISION(decision_id)
    if match is None:
        raise Problem("unknown-decision", f"{decision_id[:128]!r} is no id of a decision")
    customer_id = match["customer"]

    async def take() -> bytes:
        event_id = _event_id(decision_id, outcome, key)
        await recorder.require(
            OutcomeRecorded(
                decision_id=decision_id,
                state=OutcomeState(outcome.state),
                action=outcome.action,
                reason=outcome.reason,
                instead=outcome.instead,
                rep_id=outcome.rep_id,
                channel=outcome.channel,
            ),
            "outcome",
            event_id=event_id,
            customer_id=customer_id,
            traceparent=traceparent,
        )
        services.metrics.outcomes.labels(outcome.state).inc()
        return orjson.dumps(
            {
                "decision_id": decision_id,
                "customer_id": customer_id,
                "state": outcome.state,
                "event_id": event_id,
                "logged": True,
            }
        )

    path = f"/v1/decisions/{decision_id}/outcomes"
    body = outcome.model_dump_json(exclude_none=True).encode()
    return await taken_once(services.keys, key, path, body, take)


def _event_id(decision_id: str, outcome: OutcomeIn, key: str | None) -> str:
    """Return an id that a repeat has again, so that the lane counts it once even if the key was lost."""
    what = key if key is not None else f"{outcome.state} {outcome.action or ''}"
    return f"{decision_id}/{hashlib.sha256(what.encode()).hexdigest()[:16]}"
