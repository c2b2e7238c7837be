"""The next best action's way around the framework: its path is answered before routing.

FastAPI's stack of routing, dependency solving and exit stacks costs as much as the decision itself. The route is
declared there too, for the document and for every method but GET; here a GET of it goes straight to the desk.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from cem.api.next_best_action import DecisionDesk
from cem.api.problems import Problem, problem_response

__all__ = ["PATH", "HotPath"]

PATH: Final = "/v1/customers/{customer_id}/next-best-action"
_MATCH: Final = re.compile(r"/v1/customers/([^/]+)/next-best-action").fullmatch


class _Route:
    """What the metrics read of a route."""

    path = PATH


_ROUTE: Final = _Route()


class HotPath:
    """Answers GETs of one path; everything else goes on."""

    def __init__(self, app: ASGIApp, *, desk: DecisionDesk) -> None:
        self.app = app
        self.desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = _MATCH(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if match is None:
            await self.app(scope, receive, send)
            return
        scope["route"] = _ROUTE
        try:
            body = await self.desk.answer(match[1], scope)
        except Problem as problem:
            await problem_response(problem, scope)(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
