"""Requests drawn from the OpenAPI document: whatever is asked, the answer is one that the document promises."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from cem.api.alert_list import write_cursor
from tests.builders.api import Api
from tests.builders.typical_customer import typical_customer

#: Requests of each operation; CEM_API_EXAMPLES=500 for a long run.
EXAMPLES = int(os.environ.get("CEM_API_EXAMPLES", "12"))

# A cursor is an answer's own: the document cannot say what is one, so those drawn are made as the API makes them.
schemathesis.openapi.format(
    "cursor", st.builds(write_cursor, st.tuples(st.integers(0, 2**53), st.text("abc|1", max_size=20)))
)
# `as_of` is an instant that has passed, and that, too, only the clock can say.
schemathesis.openapi.format(
    "date-time",
    st.datetimes(max_value=datetime(2026, 1, 1), timezones=st.timezones()).map(  # noqa: DTZ001
        lambda at: at.astimezone(UTC).isoformat() if at.year > 1 else "1990-01-01T00:00:00Z"
    ),
)

API = Api(typical_customer())
# A stream of alerts has no end to wait for: test_alert_stream.py reads it.
DOCUMENT = schemathesis.openapi.from_asgi("/openapi.json", API.app).exclude(path="/v1/alerts/stream")


@DOCUMENT.parametrize()
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_document_says(case: schemathesis.Case) -> None:
    """No server error; status, media type, headers and body as documented; what does not fit is refused."""
    case.call_and_validate()
