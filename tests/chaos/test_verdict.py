"""The verdict of chaos tests finds what it is there to find."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from cem.domain.events import SmsRated
from cem.streams.producer import Outgoing
from tests.chaos.brute_force import read_log
from tests.chaos.harness import Chaos
from tests.chaos.load import SOURCE
from tests.chaos.verify import check
from tests.e2e.system import outgoing

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


def test_the_verdict_notices_everything(start_chaos: Callable[..., Chaos]) -> None:
    """What is lost, changed, uncounted, missing, invented or said in two ways is counted as that."""
    with start_chaos(customers=20) as chaos:
        settings, load = chaos.plain.settings, chaos.load

        chaos.worker("a")
        chaos.produce_now(2_000)
        assert chaos.verify().violations == {}
        customer = load.customers[0]
        said = [
            Outgoing(topic, key, tuple(headers), value, partition)
            for topic, partition, _, _, key, value, headers in read_log(settings, ["cem.alerts"])
        ]

        # A copy that says something else, and one that no history knows.
        one = next(record for record in said if record.partition == 0)
        forged = tuple((name, value if name != "ce_id" else b"forged") for name, value in one.headers)
        other = Outgoing(one.topic, one.key, one.headers, b"{}")
        chaos.plain.produce([other, Outgoing(one.topic, one.key, forged, one.value)])
        # A record whose producer was told that it is in the log; another, which nobody has read, in its place.
        load.checksums.append(0)
        load.acknowledged.append(1)
        event = SmsRated(line="+4930", segments=1)
        name, source = f"{load.seed}-{load.made - 1}", SOURCE + event.TOPIC
        unread = outgoing(event, customer, event_id=name, time_ms=1_790_000_000_000, source=source)
        chaos.plain.produce([unread])
        assert check(settings, load).violations == {
            "differing": 1, "invented": 1, "lost": 1, "changed": 1, "uncounted": 1,
        }  # fmt: skip

        # All that one partition of the alerts held, and a customer's state.
        admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap, "log_level": 0})
        end = chaos.plain.ends(["cem.alerts"])["cem.alerts", 0]
        for done in admin.delete_records([TopicPartition("cem.alerts", 0, end)]).values():
            done.result(timeout=30)
        (key,) = [k for k in chaos.redis.command("KEYS", "*") if k.endswith(f"c:{customer}".encode())]
        chaos.redis.command("DEL", key)
        found = check(settings, load)
        assert found.missing == len({dict(r.headers)["ce_id"] for r in said if r.partition == 0})
        assert found.uncounted > 1
        assert found.wrong_states == 1
