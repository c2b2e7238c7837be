"""The HTTP API. `create_app(services)` makes the application, `serve(app, settings)` serves it."""

from __future__ import annotations

from cem.api.app import create_app
from cem.api.freshness import Freshness, LogEnds, watch
from cem.api.ids import new_id
from cem.api.kafka_ends import KafkaEnds
from cem.api.keys import BadHashError, hash_key
from cem.api.serve import check_exposure, listen, serve
from cem.api.services import KeyValues, RecordLog, Services

__all__ = [
    "BadHashError",
    "Freshness",
    "KafkaEnds",
    "KeyValues",
    "LogEnds",
    "RecordLog",
    "Services",
    "check_exposure",
    "create_app",
    "hash_key",
    "listen",
    "new_id",
    "serve",
    "watch",
]
