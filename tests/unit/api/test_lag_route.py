"""GET /v1/lag says what `cem lag` says."""

from __future__ import annotations

import msgspec

from cem.streams.lag import LagReport, PartitionLag
from tests.builders.api import Api


class Watch(msgspec.Struct):
    """What is looked at of a watch."""

    report: LagReport | None
    trouble: str = ""


def test_the_last_look_is_answered() -> None:
    """Totals, and each partition with its verdict and reason."""
    row = PartitionLag("cem", "cem.calls", 0, 3, None, "stall", "the lane is stopped: a batch is damaged")
    answer = Api(lag=Watch(LagReport(3, None, [row]))).get("/v1/lag")
    assert answer.status_code == 200
    assert answer.json() == {
        "total_records": 3,
        "max_seconds": None,
        "partitions": [
            {
                "group": "cem",
                "topic": "cem.calls",
                "partition": 0,
                "lag_records": 3,
                "lag_seconds": None,
                "verdict": "stall",
                "reason": "the lane is stopped: a batch is damaged",
            }
        ],
    }


def test_what_is_not_known_is_a_problem_that_says_why() -> None:
    """Nothing old is shown on."""
    answer = Api(lag=Watch(None, "Kafka does not answer")).get("/v1/lag")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "Kafka does not answer"
    assert answer.json()["type"].endswith("/lag-unknown")
    assert Api(lag=None).get("/v1/lag").status_code == 503
