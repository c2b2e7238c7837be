"""`cem up` says how many brakes, pauses and webhooks hold, not how many were ever set."""

from __future__ import annotations

import msgspec
import pytest

from cem.cli.up.decided import _holds, _Kept


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ({"on": True}, True),
        ({"on": False}, False),
        ({"webhook_id": "crm", "url": "https://crm.example/"}, True),
        ({"webhook_id": "crm", "url": "https://crm.example/", "active": False}, False),
        ({"alert_type": "repeat_call", "ruling": "pause"}, True),
        ({"alert_type": "repeat_call", "ruling": "ledger"}, False),
        ({"alert_type": "repeat_call", "paused": False}, False),
    ],
)
def test_what_was_taken_back_does_not_hold(value: dict[str, object], holds: bool) -> None:
    """A brake released, an end point removed, a ruling left to the ledger again."""
    assert _holds(_Kept("key", 1, {}, msgspec.Raw(msgspec.json.encode(value)))) is holds
