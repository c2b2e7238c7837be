"""What an end point is sent, and when: in order of each customer, nothing lost, whatever fails and whenever it is killed."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from cem.alerts.delivery.message import LONGEST_MS, Message, Wanted
from cem.alerts.delivery.plan import Answer, Limits, Pending, Plan
from cem.alerts.delivery.progress import Progress, again, decode_progress, encode_progress
from cem.alerts.delivery.schedule import RETRIES_S, after_ms, probe_ms
from tests.builders.alert_log import T0_MS, message

OK, BROKEN, GONE = Answer(204), Answer(500), Answer(410)
SECOND, HOUR = 1_000, 3_600_000
ALL = Wanted()


def plan_of(messages: list[Message], lanes: int = 1, **limits: int) -> Plan:
    plan = Plan("crm", dict.fromkeys(range(lanes), Progress(0)), Limits(**limits))
    feed(plan, messages, lanes)
    return plan


def feed(plan: Plan, messages: list[Message], lanes: int = 1) -> None:
    for lane in range(lanes):
        log = [m for m in messages if m.partition == lane]
        at = plan.read_from(lane)
        piece = [m for m in log if m.offset >= at][: plan.room]
        if piece:
            plan.take(lane, piece, piece[-1].offset + 1, ALL)


def drive(
    plan: Plan, log: list[Message], answer: Callable[[Message, int], Answer], *, until_ms: int, lanes: int = 1
) -> tuple[list[tuple[int, Message]], list[Message]]:
    """Run the plan with a clock that jumps; return what was delivered when, and what has expired."""
    delivered: list[tuple[int, Message]] = []
    expired: list[Message] = []
    now = T0_MS
    while now <= until_ms:
        feed(plan, [m for m in log if m.timestamp_ms <= now], lanes)
        for pending in plan.expire(now):
            plan.expired(pending)
            expired.append(pending.message)
        for pending in plan.due(now):
            came = answer(pending.message, now)
            plan.answered(pending, came, now)
            if came.verdict == "delivered":
                delivered.append((now, pending.message))
        steps = [
            plan.next_ms(),
            plan.next_expiry_ms(),
            *(m.timestamp_ms for m in log if m.timestamp_ms > now),
        ]
        now = max(now + 1, min((s for s in steps if s is not None), default=until_ms + 1))
    return delivered, expired


def test_a_message_is_sent_at_once_and_the_next_of_its_customer_after_it() -> None:
    """Those of others do not wait."""
    plan = plan_of([message(0, "A"), message(1, "A"), message(2, "B")])
    first = plan.due(T0_MS)
    assert [p.message.offset for p in first] == [0, 2]
    assert plan.due(T0_MS) == []
    plan.answered(first[0], OK, T0_MS)
    assert [p.message.offset for p in plan.due(T0_MS)] == [1]


def test_a_refused_message_waits_and_holds_back_only_its_customer() -> None:
    """By the schedule, with jitter; the others go on."""
    log = [message(n, "A" if n % 2 else "B") for n in range(20)]
    tries: list[int] = []

    def answer(m: Message, now: int) -> Answer:
        if m.offset == 1:
            tries.append(now)
            return BROKEN if len(tries) < 4 else OK
        return OK

    delivered, expired = drive(plan_of(log), log, answer, until_ms=T0_MS + HOUR)
    assert not expired
    assert len(delivered) == 20
    pauses = [b - a for a, b in pairwise(tries)]
    for pause, planned_s in zip(pauses, RETRIES_S, strict=False):
        assert 0.8 * planned_s * SECOND <= pause <= 1.2 * planned_s * SECOND
    assert all(now < T0_MS + SECOND for now, m in delivered if m.customer_id == "B")
    assert [m.offset for _, m in delivered if m.customer_id == "A"] == list(range(1, 20, 2))


def test_a_consumer_that_was_away_for_an_hour_gets_everything_in_order_soon_after() -> None:
    """Asked again at least every minute or so while it is away; then all at once; what went stale is recorded."""
    log = [
        message(
            n,
            f"C{n % 7}",
            at_ms=T0_MS + n * 20 * SECOND,
            before_ms=T0_MS + n * 20 * SECOND + (HOUR // 2 if n % 5 == 0 else 24 * HOUR),
        )
        for n in range(200)
    ]
    back = T0_MS + HOUR
    asked: list[int] = []

    def answer(m: Message, now: int) -> Answer:
        asked.append(now)
        return OK if now >= back else Answer(0, error="refused")

    delivered, expired = drive(plan_of([], 1), log, answer, until_ms=T0_MS + 3 * HOUR)
    assert {m.offset for _, m in delivered} | {m.offset for m in expired} == set(range(200))
    assert {m.offset for m in expired} == {
        n for n in range(0, 200, 5) if T0_MS + n * 20 * SECOND + HOUR // 2 <= back
    }
    in_order(delivered, expired)
    while_away = [t for t in asked if t < back]
    assert len(while_away) < 100
    waiting = [t for t, m in delivered if m.timestamp_ms < back]
    assert max(waiting) - back <= 75 * SECOND


def in_order(delivered: list[tuple[int, Message]], expired: list[Message]) -> None:
    """Of one customer, never a later one before an earlier that was still to be delivered."""
    last: dict[str, int] = {}
    for _, m in delivered:
        assert m.offset > last.get(m.customer_id, -1)
        last[m.customer_id] = m.offset


def test_an_alert_that_is_noise_is_not_sent() -> None:
    """Recorded as expired, also when it waits behind another; the one behind it goes on."""
    log = [message(0, before_ms=T0_MS + SECOND), message(1, before_ms=T0_MS + 2 * SECOND), message(2)]
    plan = plan_of(log)
    (pending,) = plan.due(T0_MS)
    plan.answered(pending, BROKEN, T0_MS)
    over = plan.expire(T0_MS + 2 * SECOND)
    assert [p.message.offset for p in over] == [0, 1]
    assert (over[0].attempts, over[0].last.status) == (1, 500)
    assert plan.due(T0_MS + 3 * SECOND) == []  # not before that is recorded
    for p in over:
        plan.expired(p)
    assert [p.message.offset for p in plan.due(T0_MS + 3 * SECOND)] == [2]


def test_what_is_under_way_is_not_expired_before_its_answer() -> None:
    """It may yet be delivered."""
    plan = plan_of([message(0, before_ms=T0_MS + SECOND)])
    (pending,) = plan.due(T0_MS)
    assert plan.expire(T0_MS + 2 * SECOND) == []
    plan.answered(pending, BROKEN, T0_MS + 2 * SECOND)
    assert plan.expire(T0_MS + 2 * SECOND) == [pending]


def test_the_end_of_an_alert_is_told_after_the_alert_has_gone_stale() -> None:
    """A consumer that heard of it must hear that it is over."""
    late = message(0, before_ms=T0_MS - SECOND)
    assert late.expires_ms == T0_MS + LONGEST_MS


def test_retry_after_is_honoured_and_bounded() -> None:
    """For the whole end point; somebody who asks for a year gets an hour."""
    plan = plan_of([message(0, "A"), message(1, "B")], concurrency=1)
    (pending,) = plan.due(T0_MS)
    plan.answered(pending, Answer(429, retry_after_ms=30 * SECOND), T0_MS)
    assert plan.due(T0_MS + 29 * SECOND) == []
    (pending,) = plan.due(T0_MS + 30 * SECOND)
    plan.answered(pending, Answer(429, retry_after_ms=365 * 24 * HOUR), T0_MS + 30 * SECOND)
    assert plan.next_ms() == T0_MS + 30 * SECOND + HOUR


def test_one_asks_for_all_while_the_end_point_is_away() -> None:
    """And not always the same: one message that it never takes must not keep it away."""
    plan = plan_of([message(n, f"C{n}") for n in range(50)])
    now, asked = T0_MS, []
    for _ in range(30):
        for pending in plan.due(now):
            asked.append(pending.message.offset)
            plan.answered(pending, BROKEN, now)
        now = plan.next_ms() or now
    assert plan.is_away
    assert len(plan.due(now)) == 1
    assert len(set(asked[8:28])) == 20


def test_a_clock_that_is_put_back_makes_nobody_wait_for_it() -> None:
    """A message that was refused, and an end point that is away, are tried again after their pauses as before."""
    plan = plan_of([message(0, "A"), message(1, "A")])
    (pending,) = plan.due(T0_MS)
    plan.answered(pending, BROKEN, T0_MS)
    now = T0_MS - HOUR
    assert plan.due(now) == []
    pause_ms = after_ms(1, pending.message.id)
    assert plan.next_ms() == now + pause_ms
    assert plan.due(now + pause_ms) == [pending]
    plan.answered(pending, Answer(429, retry_after_ms=30 * SECOND), now + pause_ms)
    assert plan.due(now - HOUR + 29 * SECOND) == []
    assert plan.due(now - HOUR + 60 * SECOND) == [pending]


def test_long_failure_turns_it_off_and_success_does_not() -> None:
    """Also over a restart of the sender."""
    plan = plan_of([message(0), message(1)], disable_after_ms=HOUR)
    (pending,) = plan.due(T0_MS)
    plan.answered(pending, BROKEN, T0_MS)
    assert not plan.should_disable(T0_MS + HOUR - 1)
    assert plan.should_disable(T0_MS + HOUR)
    again_plan = Plan("crm", plan.progress(), plan.limits, failing_since_ms=plan.failing_since_ms)
    feed(again_plan, [message(0)])
    (pending,) = again_plan.due(T0_MS + 10 * SECOND)
    again_plan.answered(pending, BROKEN, T0_MS + 10 * SECOND)
    assert again_plan.should_disable(T0_MS + HOUR)
    (pending,) = again_plan.due(T0_MS + HOUR)
    again_plan.answered(pending, OK, T0_MS + HOUR)
    assert not again_plan.should_disable(T0_MS + 9 * HOUR)


def test_pauses_are_bounded_and_the_same_every_time() -> None:
    """A plan that is made again comes to the same times."""
    for attempts in range(1, 50):
        pause = after_ms(attempts, "msg_x")
        assert pause == after_ms(attempts, "msg_x")
        planned = RETRIES_S[min(attempts, len(RETRIES_S)) - 1] * SECOND
        assert 0.8 * planned <= pause <= 1.2 * planned
    assert max(probe_ms(n, "crm") for n in range(1000)) <= 72 * SECOND


def test_memory_is_bounded() -> None:
    """What does not fit stays in the log."""
    log = [message(n, f"C{n}") for n in range(100)]
    plan = plan_of(log, held=10)
    assert (plan.held, plan.room, plan.read_from(0)) == (10, 0, 10)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 3), st.integers(1, 60))
def test_killed_at_any_moment_everything_is_delivered_in_order_or_expires(
    seed: int, customers: int, lanes: int, count: int
) -> None:
    """Every life goes on from what the last one had saved, however long ago that was."""
    draw = random.Random(seed)
    per_lane = [0] * lanes
    log: list[Message] = []
    at = T0_MS
    for number in range(count):
        customer = draw.randrange(customers)
        lane = customer % lanes
        at += draw.choice((0, 100, 5_000))
        log.append(
            message(number, f"C{customer}", partition=lane, offset=per_lane[lane], at_ms=at,
                    before_ms=at + draw.choice((0, 20_000, HOUR)) if draw.random() < 0.7 else 0)
        )  # fmt: skip
        per_lane[lane] += 1
    saved = {lane: encode_progress(Progress(0)) for lane in range(lanes)}
    received: list[str] = []
    over: set[str] = set()
    now = T0_MS
    broken = draw.random() * 0.9
    for life in range(12):
        last_life = life == 11
        plan = Plan(
            "crm",
            {lane: decode_progress(data) for lane, data in saved.items()},
            Limits(concurrency=draw.randint(1, 4), held=draw.randint(2, 50)),
        )
        under_way: list[Pending] = []
        for _ in range(draw.randint(1, 25) if not last_life else 100_000):
            feed(plan, [m for m in log if m.timestamp_ms <= now], lanes)
            for p in plan.expire(now):
                over.add(p.message.id)
                plan.expired(p)
            under_way += plan.due(now)
            if under_way and (last_life or draw.random() < 0.8):
                p = under_way.pop(draw.randrange(len(under_way)))
                if not last_life and draw.random() < broken:
                    plan.answered(p, BROKEN, now)
                else:
                    received.append(p.message.id)
                    plan.answered(p, OK, now)
            if draw.random() < 0.5:
                for lane, progress in plan.changes().items():
                    saved[lane] = encode_progress(progress)
            now += draw.choice((0, 50, 1_000, 30_000)) if not last_life else 10_000
            if (
                last_life
                and not under_way
                and now > log[-1].timestamp_ms
                and not plan.held
                and all(plan.read_from(lane) == per_lane[lane] for lane in range(lanes))
            ):
                break
    assert {m.id for m in log} == set(received) | over
    first_seen = {m: n for n, m in reversed(list(enumerate(received)))}
    for customer in range(customers):
        mine = [
            first_seen[m.id]
            for m in log
            if m.customer_id == f"C{customer}" and m.id in first_seen and m.id not in over
        ]
        assert mine == sorted(mine)
    assert all(p.position == per_lane[lane] for lane, p in plan.progress().items())


@given(
    st.integers(0, 30),
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5)), max_size=5),
    st.integers(0, 45),
    st.integers(0, 45),
)
def test_what_is_wanted_again_is_exactly_what_is_no_longer_settled(
    position: int, spans: list[tuple[int, int]], first: int, stop: int
) -> None:
    """Set by set."""
    settled = set()
    for start, length in spans:
        settled |= set(range(position + 1 + start, position + 1 + start + length))
    ranges = []
    for offset in sorted(settled):
        if ranges and ranges[-1][1] == offset:
            ranges[-1] = (ranges[-1][0], offset + 1)
        else:
            ranges.append((offset, offset + 1))
    after = again(Progress(position, tuple(ranges)), first, stop, 9)
    covered = set(range(after.position)) | {o for a, b in after.settled for o in range(a, b)}
    assert covered == (set(range(position)) | settled) - set(range(first, stop))
    if first < stop:
        assert after.wanted == (first, stop, 9)
