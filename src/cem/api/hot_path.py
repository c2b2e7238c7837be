"""The next best action's way around the framework: its path is answered before routing.

FastAPI's stack of routing, dependency solving and exit stacks costs as much as the decision itself. The route is
declared there too, for the document and for every method but GET; here a GET of it goes straight to the desk.
"""

from __future__ import annotations

import re
import time
from typing import Final

from prometheus_client import Histogram
from starlette.types import ASGIApp, Receive, Scope, Send

from cem.api.keys import KeyCheck, key_of
from cem.api.limits import MAX_QUERY_BYTES
from cem.api.metrics import ApiMetrics
from cem.api.next_best_action import DecisionDesk
from cem.api.problems import Problem, bug_response, problem_response
from cem.api.request_id import identified

__all__ = ["PATH", "HotPath"]

PATH: Final = "/v1/customers/{customer_id}/next-best-action"

_JSON: Final = (b"content-type", b"application/json")
_MATCH: Final = re.compile(r"/v1/customers/([^/]+)/next-best-action").fullmatch


class HotPath:
    """Answers GETs of one path; everything else goes on, as does what is too long or has a key that is not known.

    It stands outermost, and does for its path what the layers behind it do for the others.
    """

    def __init__(
        self, app: ASGIApp, *, desk: DecisionDesk, metrics: ApiMetrics, check: KeyCheck | None
    ) -> None:
        self.app = app
        self.desk = desk
        self._check = check
        self._metrics = metrics
        self._durations: dict[int, Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        match = _MATCH(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if (
            match is None
            or len(scope["query_string"]) > MAX_QUERY_BYTES
            # A key that is not known yet is checked, which takes long, where all others are: the time counts there.
            or (self._check is not None and not self._check.remembers(key_of(scope)))
        ):
            await self.app(scope, receive, send)
            return
        status = 500
        extra = identified(scope)
        try:
            try:
                body = await self.desk.answer(match[1], scope)
                response, status = None, 200
            except Problem as problem:
                response, status = problem_response(problem, scope), problem.status
            except Exception as error:
                response = bug_response(error, scope)
            if response is None:
                headers = [_JSON, (b"content-length", b"%d" % len(body)), *extra]
            else:
                body, headers = bytes(response.body), [*response.raw_headers, *extra]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        finally:
            self._duration(status).observe(time.perf_counter() - began)

    def _duration(self, status: int) -> Histogram:
        found = self._durations.get(status)
        if found is None:
            found = self._metrics.duration.labels(PATH, "GET", f"{status // 100}xx")
            self._durations[status] = found
        return found
