"""The route of the calls-avoided ledger."""

from __future__ import annotations

import msgspec
from fastapi import FastAPI
from starlette.responses import Response

from cem.alerts.ledger import ledger_of
from cem.alerts.ledger_page import ledger_page
from cem.api import documents
from cem.api.answers import in_time, json_answer
from cem.api.problems import Problem
from cem.api.services import Services

__all__ = ["add_ledger"]


def add_ledger(app: FastAPI, services: Services) -> None:
    """Give `app` the route."""

    @app.get(
        "/v1/ledger",
        tags=["alerts"],
        summary="What telling of each type of alert avoids, and which types are paused",
        responses={200: documents.answer("Ledger", "Each type that was watched or decided on.")},
    )
    async def ledger() -> Response:
        """Return, per type, who was told and who was held out, calls, complaints and leavings avoided, paused or not."""
        if services.own_states is None:
            raise Problem("store-unavailable", "this store does not say what lanes found")
        states = await in_time(services.own_states())
        try:
            rows = ledger_of(states)
        except msgspec.DecodeError:
            raise Problem("store-unavailable", "a lane's state cannot be read by this version") from None
        return json_answer(ledger_page(rows, services.tellings()))
