"""Prometheus metrics of the API: duration by route, decisions by tier and first action, what was not logged."""

from __future__ import annotations

import time
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["ApiMetrics", "MetricsMiddleware"]

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class ApiMetrics:
    """The API's metrics, in a registry that others may add to."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.duration = Histogram(
            "cem_api_request_duration_seconds",
            "Time from a request's head to its answer's end, by route, method and status class.",
            ("route", "method", "status"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.decisions = Counter(
            "cem_decisions_total",
            "Next best actions answered, by tier and the action put first.",
            ("tier", "action"),
            registry=self.registry,
        )
        self.unlogged = Counter(
            "cem_decisions_unlogged_total",
            "Answers given before the log had acknowledged the decision's record.",
            registry=self.registry,
        )
        self.fallbacks = Counter(
            "cem_decision_fallbacks_total",
            "Answers without the customer's facts, by cause: store, deadline, state, error.",
            ("cause",),
            registry=self.registry,
        )
        self.outcomes = Counter(
            "cem_outcomes_total",
            "Outcomes taken in, by state.",
            ("state",),
            registry=self.registry,
        )
        self.streams = Gauge(
            "cem_api_alert_streams", "Streams of alerts that are open.", registry=self.registry
        )
        self.streams_cut = Counter(
            "cem_api_alert_streams_cut_total",
            "Streams of alerts that were ended because their client did not read.",
            registry=self.registry,
        )
        self.staleness = Gauge(
            "cem_input_staleness_seconds",
            "Age of the oldest lane's facts, by input topic; NaN = unknown.",
            ("topic",),
            registry=self.registry,
        )

    def page(self) -> Response:
        """Return the metrics as Prometheus reads them."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


class MetricsMiddleware:
    """Observes how long each request takes, under its route's template: never under a customer's id."""

    def __init__(self, app: ASGIApp, *, metrics: ApiMetrics) -> None:
        self.app = app
        self.duration = metrics.duration
        self._children: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500
        endless = False

        async def noting(message: Message) -> None:
            nonlocal status, endless
            if message["type"] == "http.response.start":
                status = message["status"]
                endless = any(value.startswith(_ENDLESS) for _, value in message["headers"])
                if endless:
                    # A stream has answered when it begins; how long somebody listens is no delay.
                    self._child(scope, status).observe(time.perf_counter() - began)
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            if not endless:
                self._child(scope, status).observe(time.perf_counter() - began)

    def _child(self, scope: Scope, status: int) -> Histogram:
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        key = (route, method, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self.duration.labels(route, method, f"{status // 100}xx")
        return child


_ENDLESS: Final = b"text/event-stream"
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
