"""GET /v1/voice sums up what the lanes heard."""

from __future__ import annotations

from cem.domain.localtime import HOUR_MS
from cem.domain.state.lane import LaneState
from cem.voice import VOICE
from cem.voice.hearing import AREA, CONTACTS
from tests.builders.api import Api
from tests.builders.nba import NOW_MS


def heard(lane: int, contacts: int) -> bytes:
    """Return the state of a lane that heard so many contacts in Berlin this hour."""
    state = LaneState(lane)
    voice = state.look(VOICE)
    voice.names += ["unsaid", "berlin"]
    voice.hours[NOW_MS // HOUR_MS] = {
        1 << 16 | CONTACTS << 8: contacts,
        AREA << 24 | 2 << 16 | CONTACTS << 8: contacts,
    }
    state.touch(VOICE)
    return state.encode()


def test_the_lanes_are_added_up() -> None:
    """Also where one has heard nothing yet; a grouping that there is not is 422."""

    async def own_states() -> list[bytes | None]:
        return [heard(0, 2), None, heard(2, 3)]

    api = Api(own_states=own_states)
    found = api.get("/v1/voice?by=area")
    assert found.status_code == 200
    assert found.json()["all"]["contacts"] == 5
    assert [(g["name"], g["contacts"]) for g in found.json()["groups"]] == [("berlin", 5)]
    assert api.get("/v1/voice?days=7").json()["all"]["contacts"] == 0
    assert api.get("/v1/voice?by=colour").status_code == 422


def test_without_the_lanes_it_says_so() -> None:
    """A store that does not have them is unavailable."""
    assert Api(own_states=None).get("/v1/voice").status_code == 503
