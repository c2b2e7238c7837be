"""GET /v1/ledger: what telling avoids, and what is paused."""

from __future__ import annotations

from cem.alerts.pauses import Tellings
from cem.domain.events import ControlTellingJudged
from cem.domain.state.lane import LaneState
from cem.domain.state.ledger import LEDGER, Tally
from tests.builders.api import Api


async def own_states() -> list[bytes | None]:
    """Return the states of two lanes, of which one found something."""
    state = LaneState(0)
    ledger = state.look(LEDGER)
    ledger.told["repeat_call"], ledger.held_out["repeat_call"] = Tally(4_000, 1_000), Tally(4_000, 600)
    state.touch(LEDGER)
    return [state.encode(), None]


def test_each_type_with_its_effects_and_whether_it_is_paused() -> None:
    """By name; paused is null while Kafka does not say."""
    tellings = Tellings()
    tellings.take(ControlTellingJudged(alert_type="repeat_call", paused=True), 0)
    answer = Api(own_states=own_states, tellings=lambda: tellings).get("/v1/ledger")
    assert answer.status_code == 200
    (row,) = answer.json()["types"]
    assert row["told"] == {"of": 4_000, "calls": 1_000, "complaints": 0, "churned": 0}
    assert (row["helps"], row["paused"], row["decided_by"]) == (False, True, "ledger")
    assert row["avoided"]["calls"]["high"] < 0
    (unknown,) = Api(own_states=own_states).get("/v1/ledger").json()["types"]
    assert unknown["paused"] is None


def test_nothing_yet_and_nothing_to_read() -> None:
    """An empty list; a store that does not have the lanes' states is unavailable."""
    assert Api().get("/v1/ledger").json() == {"types": []}
    assert Api(own_states=None).get("/v1/ledger").status_code == 503


def test_the_document_describes_it() -> None:
    """With its schema, like the other answers."""
    document = Api().get("/openapi.json").json()
    schema = document["paths"]["/v1/ledger"]["get"]["responses"]["200"]["content"]["application/json"]
    assert schema["schema"] == {"$ref": "#/components/schemas/LedgerPage"}
    assert "avoided" in document["components"]["schemas"]["LedgerEntry"]["properties"]
