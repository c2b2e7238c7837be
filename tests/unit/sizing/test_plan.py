"""What `cem size` makes of costs and demand."""

from __future__ import annotations

import msgspec
import pytest

from cem.sizing import Costs, Demand, measured_costs, plan_for

COSTS = Costs(
    measured_on="a machine",
    measured_at="today",
    step_us={"cem.sms-usage": 20.0, "cem.calls": 100.0},
    transport_us=10.0,
    transport_quiet_us=60.0,
    redis_us=10.0,
    kafka_us=40.0,
    api_us=1000.0,
    customer_bytes=1500.0,
    due_bytes=100.0,
    record_bytes=400.0,
)


def demand(customers: int = 1_000_000, **more: float) -> Demand:
    """Return the demand of customers who only text: 8.64 messages a day, 100 records/s a million, without a peak."""
    values: dict[str, float] = dict.fromkeys(
        ("calls", "billing", "interactions", "service", "profiles", "decisions", "due_share"), 0.0
    )
    values.update({"sms": 8.64, "peak": 1.0, **more})
    return msgspec.convert({"customers": customers, **values}, Demand, strict=False)


def test_the_load_is_that_of_the_busiest_hour() -> None:
    """Records a second are customers times records a day over 86,400 s, times the peak."""
    assert plan_for(demand(), COSTS).records_per_s == pytest.approx(100)
    assert plan_for(demand(peak=3.0), COSTS).records_per_s == pytest.approx(300)


def test_there_are_as_many_workers_as_the_cpu_asks_for() -> None:
    """A record costs 20 + 10 us at full load; with one worker fewer, half a core would not do."""
    plan = plan_for(demand(1_000_000_000), COSTS)
    assert plan.records_per_s * 30 / plan.workers <= 500_000 < plan.records_per_s * 30 / (plan.workers - 1)


def test_what_small_batches_cost_asks_for_no_worker() -> None:
    """A worker that has little to do spends more on each record, and still has room for as many."""
    dear = msgspec.structs.replace(COSTS, transport_quiet_us=800.0)
    assert plan_for(demand(50_000_000), dear).workers == 2


def test_never_less_than_two_of_what_may_end() -> None:
    """A small operator has two workers, two API processes, a Redis with its copy and as many brokers as copies."""
    plan = plan_for(demand(1), COSTS)
    assert (plan.workers, plan.api_processes, plan.redis_nodes, plan.brokers) == (2, 2, 2, 3)


def test_the_lanes_outnumber_the_workers() -> None:
    """There are four lanes a worker, of a number that divides well; where there are not, the plan says so."""
    plan = plan_for(demand(100_000_000), COSTS)
    assert plan.partitions >= 4 * plan.workers
    assert plan.warnings == ()
    crowded = plan_for(demand(10_000_000_000, sms=864.0), COSTS)
    assert crowded.partitions < crowded.workers
    assert "split the customers" in crowded.warnings[0]


def test_redis_grows_with_the_customers_or_with_their_records() -> None:
    """Memory is bytes a customer, what is due and the head room; many records ask for more servers than the bytes do."""
    plan = plan_for(demand(10_000_000, due_share=0.5), COSTS)
    assert plan.redis_gib == pytest.approx(10_000_000 * 1550 * 1.4 / 2**30)
    assert plan.redis_bound_by == "memory"
    busy = plan_for(demand(1_000_000, sms=86_400.0), COSTS)
    assert busy.redis_bound_by == "CPU"
    assert busy.redis_primaries == 1_000_000 * 10 // 500_000


def test_disk_is_what_is_kept_of_the_average_day() -> None:
    """The peak asks for CPU, not for disk."""
    for peak in (1.0, 5.0):
        plan = plan_for(demand(peak=peak), COSTS)
        assert plan.broker_disk_gib == pytest.approx(8.64e6 * 400 * 30 * 3 / 2**30)


def test_a_topic_that_was_not_measured_costs_as_much_as_the_dearest() -> None:
    """What is not known is not taken for cheap."""
    known = plan_for(demand(sms=0.0, calls=5.0), COSTS)
    unknown = plan_for(demand(sms=0.0, billing=5.0), COSTS)
    assert known.worker_us == unknown.worker_us


@pytest.mark.parametrize(
    "wrong", [{"customers": 0}, {"sms": -1.0}, {"utilisation": 0.0}, {"peak": 0.5}, {"replication": 0}]
)
def test_a_demand_without_sense_is_refused(wrong: dict[str, float]) -> None:
    """What no operator can have raises ValueError instead of giving a plan."""
    with pytest.raises(ValueError, match=r"must|cannot|lies|of copies"):
        plan_for(msgspec.structs.replace(demand(), **wrong), COSTS)


def test_the_shipped_costs_are_there_for_every_sum() -> None:
    """The measured costs can be read, are positive, and say where and when they were taken."""
    costs = measured_costs()
    assert costs.measured_on and costs.measured_at
    assert "cem.sms-usage" in costs.step_us
    assert (
        min(*costs.step_us.values(), costs.redis_us, costs.kafka_us, costs.api_us, costs.customer_bytes) > 0
    )
