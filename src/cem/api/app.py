"""The HTTP API: one FastAPI application over `Services`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Header, Path, Query, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cem.api import documents, problems
from cem.api.alert_routes import add_alerts
from cem.api.alert_stream import AlertStreams
from cem.api.answers import in_time, json_answer
from cem.api.asyncapi import asyncapi_document
from cem.api.conversation import conversation_of
from cem.api.declared import only_declared
from cem.api.health import live, ready
from cem.api.hot_path import PATH, HotPath
from cem.api.idempotency import key_of
from cem.api.keys import KeyCheck, KeyMiddleware
from cem.api.ledger_route import add_ledger
from cem.api.limits import LimitsMiddleware, require_json
from cem.api.metrics import MetricsMiddleware
from cem.api.next_best_action import DecisionDesk
from cem.api.outcomes import OutcomeAnswer, OutcomeIn, take_outcome
from cem.api.problems import Problem
from cem.api.recording import Recorder
from cem.api.request_id import RequestIdMiddleware, traceparent_of
from cem.api.services import Services
from cem.api.timeline import timeline_of
from cem.api.voice_route import add_voice
from cem.domain.customer import Customer, decode_customer
from cem.domain.state_errors import StateError
from cem.streams.partition import lane_of

__all__ = ["create_app"]

_log = logging.getLogger(__name__)

#: How long an ending API waits for records under way.
_DRAIN_S: Final = 3.0

CustomerId = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="The customer: the paying account.")
]


class CemApi(FastAPI):
    """FastAPI, with what every answer must have wrapped around all of it, its error pages included."""

    wrap: Callable[[ASGIApp], ASGIApp]
    #: Who is asked before all that FastAPI itself does for each request; whatever is not for it goes to `routed`.
    hot: HotPath

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or have answered, one request; or run the lifespan."""
        scope["app"] = self
        await self.hot(scope, receive, send)

    async def routed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do what FastAPI does."""
        await super().__call__(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Return the stack, our layers outermost."""
        return self.wrap(super().build_middleware_stack())

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, with the problems that every path may answer."""
        if self.openapi_schema is None:
            self.openapi_schema = documents.finish(super().openapi())
        return self.openapi_schema


def create_app(services: Services) -> FastAPI:
    """Return the application. Raises BadHashError when the API key's hash is none."""
    check = KeyCheck(services.api_key_hash) if services.api_key_hash else None
    recorder = Recorder(services)
    desk = DecisionDesk(services, recorder)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_watched(run)) for run in services.background]
        try:
            yield
        finally:
            await recorder.drain(_DRAIN_S)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    app = CemApi(
        title="cem",
        version=services.version or "0",
        description="Next best action, alerts and context of telecom customers, as it happens.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        servers=[{"url": services.public_url or "/"}],
    )

    def wrap(stack: ASGIApp) -> ASGIApp:
        inner: ASGIApp = LimitsMiddleware(stack)
        if check is not None:
            inner = KeyMiddleware(inner, check=check)
        return RequestIdMiddleware(MetricsMiddleware(inner, metrics=services.metrics))

    app.wrap = wrap
    app.hot = HotPath(app.routed, desk=desk, metrics=services.metrics, check=check)
    app.state.services = services
    app.state.public_url = services.public_url
    problems.install(app)
    _add_decisions(app, services, desk, recorder)
    _add_customers(app, services)
    streams = None if services.alerts is None else AlertStreams(services.alerts, services.metrics)
    app.state.streams = streams
    add_alerts(app, services, recorder, streams)
    add_voice(app, services)
    add_ledger(app, services)
    _add_operations(app, services)
    return app


def _add_decisions(app: FastAPI, services: Services, desk: DecisionDesk, recorder: Recorder) -> None:
    # GETs of it are answered by HotPath; declared here it stands in the document.
    @app.get(
        PATH,
        tags=["decisions"],
        summary="What to do for this customer now, and why",
        openapi_extra=documents.DECISION,
        responses={
            200: documents.answer("Answer", "The ranked actions; never empty: `tier` says how it came about.")
        },
    )
    async def next_best_action(request: Request) -> Response:
        """Answers within the deadline, for strangers too. Each action of the catalogue is ranked or dropped."""
        body = await desk.answer(request.path_params["customer_id"], request.scope)
        return Response(body, media_type="application/json")

    @app.post(
        "/v1/decisions/{decision_id}/outcomes",
        tags=["decisions"],
        status_code=202,
        response_model=OutcomeAnswer,
        summary="Say what became of a decision",
        dependencies=[Depends(require_json)],
    )
    async def outcomes(
        request: Request,
        decision_id: Annotated[str, Path(max_length=128, description="The decision_id of an answer.")],
        outcome: OutcomeIn,
        idempotency_key: Annotated[
            str | None,
            Header(description="Kept for 24 hours.", json_schema_extra={"pattern": "^[!-~]{1,255}$"}),
        ] = None,
    ) -> Response:
        """Answers once the log has it. A repeat is counted once, with or without a key."""
        return await take_outcome(
            services, recorder, decision_id, outcome, key_of(idempotency_key), traceparent_of(request.scope)
        )


def _add_customers(app: FastAPI, services: Services) -> None:
    async def known(customer_id: str) -> Customer:
        data = await in_time(services.reader.read(customer_id))
        if data is None:
            raise Problem("unknown-customer", f"nothing is known of customer {customer_id}")
        try:
            return decode_customer(data)
        except StateError as error:
            _log.error("a customer's state cannot be read: %s", error)
            raise Problem(
                "store-unavailable", "the customer's state cannot be read by this version"
            ) from None

    @app.get(
        "/v1/customers/{customer_id}",
        tags=["customers"],
        summary="The context of a conversation with this customer",
        responses={200: documents.answer("Conversation", "Who he is, what is open, what happened last.")},
    )
    async def customer(customer_id: CustomerId) -> Response:
        """Profile, lines, last contacts and bills, promises, open alerts and calls, and the facts that matter."""
        found = await known(customer_id)
        now_ms = services.clock.now_ms()
        staleness_s = services.freshness.staleness_s(lane_of(customer_id, services.partitions))
        params = services.policy.params
        return json_answer(
            conversation_of(
                found, now_ms, params.topics, services.timezone, staleness_s, params.currency, services.value
            )
        )

    @app.get(
        "/v1/customers/{customer_id}/timeline",
        tags=["customers"],
        summary="What happened to this customer, newest first",
        responses={200: documents.answer("Timeline", "Entries of all channels that the state still holds.")},
        dependencies=[Depends(only_declared)],
    )
    async def timeline(
        customer_id: CustomerId,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before_ms: Annotated[int | None, Query(ge=0, le=2**53, description="Only what is older; ms.")] = None,
    ) -> Response:
        """Contacts, bills, faults, orders, decisions, alerts, ... in one list."""
        found = await known(customer_id)
        return json_answer(timeline_of(found, before_ms=before_ms, limit=limit))


def _add_operations(app: FastAPI, services: Services) -> None:
    @app.get("/livez", tags=["operations"], summary="The process lives")
    async def livez() -> Response:
        """Touches neither store nor log."""
        return live()

    @app.get("/readyz", tags=["operations"], summary="Ready to serve")
    async def readyz(
        verbose: Annotated[str | None, Query(description="List each dependency and the facts' age.")] = None,
    ) -> Response:
        """200 when customers can be read, else 503."""
        return await ready(services, verbose=verbose is not None and verbose.lower() not in ("0", "false"))

    @app.get(
        "/v1/lag",
        tags=["operations"],
        summary="How far the workers are behind",
        responses={200: documents.answer("Lag", "By partition: records, seconds, verdict, reason.")},
    )
    async def lag() -> Response:
        """Says what `cem lag` says, by a look every five seconds. Null is what is not known."""
        watch = services.lag
        if watch is None or watch.report is None:
            raise Problem("lag-unknown", "nobody looks" if watch is None else watch.trouble)
        return json_answer(watch.report)

    @app.get(
        "/metrics",
        tags=["operations"],
        summary="Prometheus metrics",
        response_class=PlainTextResponse,
        responses={200: documents.text_page("text/plain", "Prometheus' text format.")},
    )
    async def metrics() -> Response:
        """Duration by route, decisions, fallbacks, age of the facts."""
        for topic, age in services.freshness.worst_s().items():
            services.metrics.staleness.labels(topic).set(float("nan") if age is None else age)
        return services.metrics.page()

    @app.get("/asyncapi.json", tags=["operations"], summary="The event API (AsyncAPI 3)")
    async def asyncapi() -> Response:
        """Topics, event types and their schemas."""
        return Response(asyncapi_document(services.version), media_type="application/json")

    @app.get(
        "/problems/{slug}",
        tags=["operations"],
        summary="What a type of problem means",
        response_class=HTMLResponse,
        responses={200: documents.text_page("text/html", "A page.")},
    )
    async def problem(slug: Annotated[str, Path(max_length=64)]) -> Response:
        """Show the page behind a problem's `type`."""
        return problems.help_page(slug)


async def _watched(run: Callable[[], Awaitable[None]]) -> None:
    """Run a background service; its death is logged, and what it kept up to date grows old visibly."""
    try:
        await run()
    except asyncio.CancelledError:
        raise
    except Exception:
        _log.exception("a background service of the API has ended")
