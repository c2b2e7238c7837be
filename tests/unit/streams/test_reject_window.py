from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cem.streams.reject_window import BLOCK, NONE_YET, WINDOW, DeadLetterLimits, RejectWindow


def rejects_by_the_rule(verdicts: list[bool]) -> int:
    """The rule, in its own words: nine blocks before, and the newest (True: rejected)."""
    newest = (len(verdicts) - 1) // BLOCK
    first = max(0, newest - 9) * BLOCK
    return sum(verdicts[first:])


runs = st.lists(st.tuples(st.booleans(), st.integers(0, 2_500)), max_size=14)


def spelled_out(parts: list[tuple[bool, int]]) -> list[bool]:
    return [bad for bad, length in parts for _ in range(min(length, 120) if bad else length)]


@given(runs)
def test_counts_what_the_rule_says(parts: list[tuple[bool, int]]) -> None:
    """After any history the window holds the rejects of the last nine blocks and the newest, and the run."""
    verdicts = spelled_out(parts)
    window = RejectWindow()
    for bad in verdicts:
        if bad:
            window.bad()
        else:
            window.good(1)
    assert window.rejects == (rejects_by_the_rule(verdicts) if verdicts else 0)
    run = 0
    for bad in reversed(verdicts):
        if not bad:
            break
        run += 1
    assert window.run == run


@given(runs, st.lists(st.integers(1, 4_000), max_size=20))
def test_batches_cut_anywhere_count_the_same(parts: list[tuple[bool, int]], cuts: list[int]) -> None:
    """How records are cut into batches, and a trip through the header's three integers, change nothing."""
    verdicts = spelled_out(parts)
    limits = DeadLetterLimits()
    one_by_one = NONE_YET
    for bad in verdicts:
        one_by_one = limits.count(one_by_one, 1, [0] if bad else [])
    counts = NONE_YET
    start = 0
    for length in [*cuts, len(verdicts)]:
        batch = verdicts[start : start + length]
        start += len(batch)
        counts = limits.count(counts, len(batch), [i for i, bad in enumerate(batch) if bad])
        assert all(0 <= each < 1 << 63 for each in counts)
    assert counts == one_by_one


def test_a_run_trips_at_its_last() -> None:
    """With a limit of 100 in a row the hundredth trips, wherever batches are cut; a good record begins anew."""
    limits = DeadLetterLimits(share=1.0, run=100)
    counts = limits.count(NONE_YET, 99, range(99))
    assert limits.tripped(counts) is None
    assert "100 records in a row" in (limits.tripped(limits.count(counts, 1, [0])) or "")
    assert limits.tripped(limits.count(counts, 100, range(1, 100))) is None


def test_a_limit_once_reached_stays_reached() -> None:
    """A run in the middle of a batch is not forgiven because the batch goes on well; resuming starts anew."""
    limits = DeadLetterLimits(share=1.0, run=100)
    counts = limits.count(NONE_YET, 4_000, range(50, 150))
    counts = limits.count(counts, 50_000, [])
    assert limits.tripped(counts) is not None
    assert limits.tripped(NONE_YET) is None


def test_the_share_trips_at_a_hundred_in_ten_thousand() -> None:
    """At 1 % of the window the hundredth reject trips, and 99 in every ten thousand never do."""
    limits = DeadLetterLimits(share=0.01, run=WINDOW)
    assert limits.tripped(limits.count(NONE_YET, 9_900, range(0, 9_900, 100))) is None
    assert "100 of the last 10,000" in (
        limits.tripped(limits.count(NONE_YET, WINDOW, range(0, WINDOW, 100))) or ""
    )
    calm = NONE_YET
    for _ in range(5):
        calm = limits.count(calm, WINDOW, range(0, 99 * 101, 101))
    assert limits.tripped(calm) is None


def test_old_rejects_are_forgotten() -> None:
    """Rejects stop counting once ten thousand good records have followed."""
    limits = DeadLetterLimits()
    window = RejectWindow(limits.count(limits.count(NONE_YET, 50, range(50)), WINDOW, []))
    assert window.rejects == 0
    assert window.run == 0


def test_a_share_rounds_to_at_least_one() -> None:
    """The smallest share that can be set still needs a reject to trip."""
    limits = DeadLetterLimits(share=0.00001)
    assert limits.tripped(limits.count(NONE_YET, 5_000, [])) is None
    assert limits.tripped(limits.count(NONE_YET, 5_000, [4_000])) is not None
