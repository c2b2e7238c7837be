"""How a batch is cut into saves."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cem.limits import Limits, cuts
from cem.settings import Settings
from cem.streams.records import LogRecord


def _record(offset: int, key: int, size: int) -> LogRecord:
    return LogRecord("cem.calls", 0, offset, 0, 0, b"%d" % key, bytes(size), ())


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 9)), max_size=40),
    st.integers(1, 6),
    st.integers(5, 200),
)
def test_each_piece_is_the_longest_that_fits(
    drawn: list[tuple[int, int]], customers: int, most_bytes: int
) -> None:
    """Together the pieces are the batch; each keeps to both bounds, and the record after it would break one."""
    records = [_record(offset, key, size) for offset, (key, size) in enumerate(drawn)]
    limits = Limits(customers=customers, bytes=most_bytes)

    pieces = [list(piece) for piece in cuts(records, limits, state_bytes=0.01)]

    def fits(piece: list[LogRecord]) -> bool:
        names = {r.key for r in piece}
        return len(names) <= customers and sum(len(r.value or b"") for r in piece) <= most_bytes

    assert [r for piece in pieces for r in piece] == records
    assert all(fits(piece) or len(piece) == 1 for piece in pieces)
    assert not any(fits([*piece, after[0]]) for piece, after in pairwise(pieces))


def test_what_is_not_said_is_as_the_settings_have_it() -> None:
    """A replay and a benchmark cut their saves as a worker does."""
    settings, limits = Settings(), Limits()
    assert (limits.customers, limits.bytes) == (settings.save_max_customers, settings.save_max_bytes)
    assert limits.cached == settings.cache_customers
