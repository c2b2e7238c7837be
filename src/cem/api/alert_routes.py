"""The routes about alerts: the list, and what people do about one."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Header, Path, Query, Request
from starlette.responses import PlainTextResponse, Response

from cem.alerts.delivery.message import Wanted
from cem.api import documents
from cem.api.alert_changes import AcknowledgeIn, ChangeAnswer, ResolveIn, SilenceIn, change_alert
from cem.api.alert_list import AlertFilter, page_of
from cem.api.alert_stream import AlertStreams, EventStream, names
from cem.api.answers import in_time, json_answer
from cem.api.declared import only_declared
from cem.api.idempotency import key_of
from cem.api.limits import require_json
from cem.api.parameters import invalid
from cem.api.problems import Problem
from cem.api.recording import Recorder
from cem.api.request_id import traceparent_of
from cem.api.services import Services
from cem.domain.alert_types import ALERT_TYPES

__all__ = ["add_alerts"]

AlertId = Annotated[
    str, Path(max_length=200, description="The alert_id of an alert, as it stands in the list.")
]
Key = Annotated[
    str | None, Header(description="Kept for 24 hours.", json_schema_extra={"pattern": "^[!-~]{1,255}$"})
]


def add_alerts(app: FastAPI, services: Services, recorder: Recorder, streams: AlertStreams | None) -> None:
    """Give `app` the routes about alerts; without `streams`, that of the stream refuses."""
    _add_list(app, services)
    _add_stream(app, streams)
    _add_changes(app, services, recorder)


def _add_list(app: FastAPI, services: Services) -> None:
    @app.get(
        "/v1/alerts",
        tags=["alerts"],
        summary="What is wrong, newest first",
        responses={200: documents.answer("Alerts", "One page; `next` is the cursor of the following one.")},
        dependencies=[Depends(only_declared)],
    )
    async def alerts(
        customer: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = None,
        type: Annotated[  # noqa: A002 - the parameter's name
            str | None, Query(json_schema_extra={"enum": list(ALERT_TYPES)})
        ] = None,
        state: Annotated[documents.AlertStateName | None, Query()] = None,
        tier: Annotated[documents.AlertTierName | None, Query()] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[
            str | None,
            Query(
                max_length=1024,
                description="`next` of an earlier answer, unchanged.",
                json_schema_extra={"format": "cursor"},
            ),
        ] = None,
    ) -> Response:
        """Alerts of all customers, or of one; filtered by type, state, tier."""
        if type is not None and type not in ALERT_TYPES:
            raise invalid("type", f"one of {', '.join(ALERT_TYPES)}")
        wanted = AlertFilter(customer, type, state, tier)
        return json_answer(await in_time(page_of(services.reader, wanted, limit, cursor)))


def _add_stream(app: FastAPI, streams: AlertStreams | None) -> None:
    @app.get(
        "/v1/alerts/stream",
        tags=["alerts"],
        summary="Alerts as they come",
        response_class=PlainTextResponse,
        responses={200: documents.text_page("text/event-stream", "Server-sent events, without an end.")},
        dependencies=[Depends(only_declared)],
    )
    async def stream(
        type: Annotated[  # noqa: A002 - the parameter's name
            list[str] | None, Query(max_length=100, description="Only these types; several may be given.")
        ] = None,
        severity: Annotated[documents.SeverityName, Query(description="The least.")] = "info",
        tier: Annotated[documents.AlertTierName | None, Query()] = None,
        since: Annotated[
            str | None,
            Query(
                max_length=12_000,
                description="The id of an event, to go on behind it; `start`: all that the log still has.",
            ),
        ] = None,
        last_event_id: Annotated[
            str | None, Header(max_length=12_000, description="What a browser sends when it comes back.")
        ] = None,
    ) -> EventStream:
        """Each alert that opens, changes or ends; `data` is one line: id, type, timestamp, and the alert as data."""
        wanted = Wanted(names(type or ()), severity, tier or "")
        for name in wanted.types:
            if name not in ALERT_TYPES:
                raise invalid("type", f"of {', '.join(ALERT_TYPES)}")
        if streams is None:
            raise Problem("log-unavailable", "this process has no stream", headers={"Retry-After": "2"})
        return await streams.begin(wanted, last_event_id, since)


def _add_changes(app: FastAPI, services: Services, recorder: Recorder) -> None:
    @app.post(
        "/v1/alerts/{alert_id:path}/acknowledge",
        tags=["alerts"],
        status_code=202,
        response_model=ChangeAnswer,
        summary="Take an alert on",
        dependencies=[Depends(require_json)],
    )
    async def acknowledge(
        request: Request, alert_id: AlertId, change: AcknowledgeIn, idempotency_key: Key = None
    ) -> Response:
        """Answers once the log has it. Who asks next sees by whom."""
        key, trace = key_of(idempotency_key), traceparent_of(request.scope)
        return await change_alert(services, recorder, alert_id, "acknowledge", change, key, trace)

    @app.post(
        "/v1/alerts/{alert_id:path}/silence",
        tags=["alerts"],
        status_code=202,
        response_model=ChangeAnswer,
        summary="Hear no more of an alert for a while",
        dependencies=[Depends(require_json)],
    )
    async def silence(
        request: Request, alert_id: AlertId, change: SilenceIn, idempotency_key: Key = None
    ) -> Response:
        """Answers once the log has it. The alert is kept up to date, and is open again when the time is over."""
        key, trace = key_of(idempotency_key), traceparent_of(request.scope)
        return await change_alert(services, recorder, alert_id, "silence", change, key, trace)

    @app.post(
        "/v1/alerts/{alert_id:path}/resolve",
        tags=["alerts"],
        status_code=202,
        response_model=ChangeAnswer,
        summary="End an alert by hand",
        dependencies=[Depends(require_json)],
    )
    async def resolve(
        request: Request, alert_id: AlertId, change: ResolveIn, idempotency_key: Key = None
    ) -> Response:
        """Answers once the log has it."""
        key, trace = key_of(idempotency_key), traceparent_of(request.scope)
        return await change_alert(services, recorder, alert_id, "resolve", change, key, trace)
