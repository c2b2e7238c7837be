"""A query that names what a route does not have is refused: a misspelt filter would filter nothing, in silence."""

from __future__ import annotations

import pytest

from tests.unit.api.test_alert_route import api_with


@pytest.mark.parametrize(
    ("path", "name", "detail"),
    [
        ("/v1/alerts?severity=error", "severity", "there is no such parameter"),
        ("/v1/alerts?stat=open", "stat", "there is no such parameter; did you mean 'state'?"),
        ("/v1/alerts?state=open&state=resolved", "state", "stands here twice"),
        ("/v1/alerts/stream?types=sms_rise", "types", "there is no such parameter; did you mean 'type'?"),
        ("/v1/customers/C1/timeline?before=7", "before", "there is no such parameter; did you mean 'before_ms'?"),
        ("/v1/voice?group=area", "group", "there is no such parameter; there are by, days"),
    ],
)  # fmt: skip
def test_a_parameter_that_there_is_not_is_refused(path: str, name: str, detail: str) -> None:
    """With the nearest one, as for a decision."""
    api, _ = api_with(1)
    answer = api.get(path)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == f"#/{name}"
    assert error["detail"].startswith(detail)


def test_what_is_declared_passes() -> None:
    """Once each; a stream's types as often as one likes."""
    api, _ = api_with(1)
    assert api.get("/v1/alerts?state=open&tier=alert&limit=1").status_code == 200
    # Without a log to follow, the stream refuses only after its query was found in order.
    assert api.get("/v1/alerts/stream?type=sms_rise&type=sms_night").status_code == 503
