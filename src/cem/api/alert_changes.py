"""`POST /v1/alerts/{alert_id}/acknowledge`, `/silence`, `/resolve`: what people do about an alert, as records of the log."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator
from starlette.responses import Response

from cem.api.answers import in_time
from cem.api.conversation import alerts_of
from cem.api.problems import Problem
from cem.api.recording import Recorder
from cem.api.replies import later, taken_once
from cem.api.services import Services
from cem.api.texts import TEXT, Label, cleaned
from cem.domain.customer import decode_customer
from cem.domain.events import ControlAlertAcknowledged, ControlAlertResolved, ControlAlertSilenced, Event
from cem.domain.events.enums import AlertState
from cem.domain.events.rfc3339 import format_ms, to_ms
from cem.domain.state_errors import StateError

__all__ = ["AcknowledgeIn", "ChangeAnswer", "ResolveIn", "SilenceIn", "change_alert"]

#: Type, customer, subject and cause.
_ALERT: Final = re.compile(
    r"[a-z][a-z0-9_]{0,63}:(?P<customer>[A-Za-z0-9_-]{1,64}):[A-Za-z0-9_.:+/-]+"
).fullmatch
_LONGEST: Final = 200
_OVER: Final = (AlertState.RESOLVED, AlertState.EXPIRED)
_Note = Annotated[str, StringConstraints(max_length=8192)]
_YEAR_S: Final = 366 * 86_400


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: Label = Field(description="Who does it.", json_schema_extra=TEXT)

    @field_validator("by", "note", "reason", check_fields=False)
    @classmethod
    def _text(cls, value: str | None) -> str | None:
        return cleaned(value)


class AcknowledgeIn(_Change):
    """Somebody takes the alert on."""

    model_config = ConfigDict(title="Acknowledge")

    note: _Note | None = Field(None, description="For the next one who looks.", json_schema_extra=TEXT)

    def event(self, alert_id: str, now_ms: int) -> Event:
        """Return the acknowledgement."""
        return ControlAlertAcknowledged(alert_id=alert_id, by=self.by, note=self.note)


class SilenceIn(_Change):
    """Nobody wants to hear more of the alert for a while."""

    model_config = ConfigDict(title="Silence")

    reason: Label = Field(description="Why.", json_schema_extra=TEXT)
    for_s: int = Field(ge=60, le=_YEAR_S, description="How long, in seconds from now.")

    def event(self, alert_id: str, now_ms: int) -> Event:
        """Return the silence."""
        until = datetime.fromtimestamp(now_ms // 1000 + self.for_s, UTC)
        return ControlAlertSilenced(alert_id=alert_id, by=self.by, reason=self.reason, until=until)


class ResolveIn(_Change):
    """The matter is settled."""

    model_config = ConfigDict(title="Resolve")

    note: _Note | None = Field(None, description="How.", json_schema_extra=TEXT)

    def event(self, alert_id: str, now_ms: int) -> Event:
        """Return the end."""
        return ControlAlertResolved(alert_id=alert_id, by=self.by, note=self.note)


class ChangeAnswer(BaseModel):
    """The change, as it was written to the log; the alert shows it once its lane has read that."""

    alert_id: str
    customer_id: str
    change: Literal["acknowledge", "silence", "resolve"]
    event_id: str
    logged: Literal[True]


async def change_alert(
    services: Services,
    recorder: Recorder,
    alert_id: str,
    name: Literal["acknowledge", "silence", "resolve"],
    change: AcknowledgeIn | SilenceIn | ResolveIn,
    key: str | None,
    traceparent: str | None,
) -> Response:
    """Return 202 once the log has the change; a repeat under the same key returns the same again. Raises Problem."""
    match = _ALERT(alert_id)
    if match is None or len(alert_id) > _LONGEST:
        raise Problem("unknown-alert", f"{alert_id[:_LONGEST]!r} is no id of an alert")
    customer_id = match["customer"]

    async def take() -> bytes:
        await _require_open(services, customer_id, alert_id)
        unique = services.new_id() if key is None else hashlib.sha256(key.encode()).hexdigest()[:16]
        event_id = f"{alert_id}/{name}/{unique}"
        await recorder.require(
            change.event(alert_id, services.clock.now_ms()),
            "change",
            event_id=event_id,
            customer_id=customer_id,
            traceparent=traceparent,
        )
        return orjson.dumps(
            {
                "alert_id": alert_id,
                "customer_id": customer_id,
                "change": name,
                "event_id": event_id,
                "logged": True,
            }
        )

    path = f"/v1/alerts/{alert_id}/{name}"
    return await taken_once(services.keys, key, path, change.model_dump_json().encode(), take)


async def _require_open(services: Services, customer_id: str, alert_id: str) -> None:
    """Return if the customer has that alert and it is not over. Raises Problem."""
    data = await in_time(services.reader.read(customer_id))
    try:
        alerts = [] if data is None else alerts_of(decode_customer(data))
    except StateError:
        raise later("store-unavailable", "the customer's state cannot be read by this version") from None
    found = next((alert for alert in alerts if alert.alert_id == alert_id), None)
    if found is None:
        raise Problem("unknown-alert", f"there is no alert {alert_id}, or it ended long ago")
    if found.state in _OVER:
        since = "" if found.resolved_at is None else f" since {format_ms(to_ms(found.resolved_at)).decode()}"
        raise Problem("alert-over", f"the alert is {found.state}{since}: {found.reason}")
