"""The route of the voice of the customers."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from fastapi import Depends, FastAPI, Query
from starlette.responses import Response

from cem.api import documents
from cem.api.answers import in_time, json_answer
from cem.api.declared import only_declared
from cem.api.problems import Problem
from cem.api.services import Services
from cem.domain.state.lane import LaneState
from cem.voice import VOICE, report

__all__ = ["add_voice"]


def add_voice(app: FastAPI, services: Services) -> None:
    """Give `app` the route."""

    @app.get(
        "/v1/voice",
        tags=["customers"],
        summary="Why customers get in touch, what fails, how satisfied they are",
        responses={200: documents.answer("Voice", "Everybody, the groups, and reasons that emerge.")},
        dependencies=[Depends(only_declared)],
    )
    async def voice(
        by: Annotated[Literal["reason", "area", "product", "segment"], Query()] = "reason",
        days: Annotated[
            Literal["1", "7"], Query(description="1: the last 24 hours; 7: since six days.")
        ] = "1",
    ) -> Response:
        """Return counts over all customers, by group."""
        if services.own_states is None:
            raise Problem("store-unavailable", "this store does not say what lanes heard")
        states = await in_time(services.own_states())
        try:
            voices = [LaneState.decode(data).look(VOICE) for data in states if data]
        except msgspec.DecodeError:
            raise Problem("store-unavailable", "a lane's state cannot be read by this version") from None
        return json_answer(report(voices, by, int(days), services.clock.now_ms()))
