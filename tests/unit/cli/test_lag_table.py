"""What `cem lag` shows a person."""

from __future__ import annotations

from cem.cli.lag import rows_of, summary_of
from cem.streams.lag import LagReport, PartitionLag, greatest, total


def lag(
    partition: int, records: int | None, seconds: float | None, verdict: str | None = "ok"
) -> PartitionLag:
    """Return the lag of one partition."""
    return PartitionLag("cem", "cem.calls", partition, records, seconds, verdict, "why")  # type: ignore[arg-type]


def report(*partitions: PartitionLag) -> LagReport:
    """Return the report of these partitions."""
    return LagReport(
        total(p.lag_records for p in partitions),
        greatest(p.lag_seconds for p in partitions),
        list(partitions),
    )


def test_the_worst_stands_first() -> None:
    """Unknown stands before known, then the oldest unread record, then the most of them."""
    rows = rows_of(
        report(lag(0, 9, 2.0), lag(1, 1, 30.0), lag(2, None, None, None), lag(3, 10, 2.0)), everything=False
    )
    assert [row.partition for row in rows] == [2, 1, 3, 0]


def test_what_is_read_to_its_end_is_counted_only() -> None:
    """Partitions without lag are left out, unless something is to be said of them, or all are asked for."""
    found = report(lag(0, 0, 0.0), lag(1, 0, 0.0, "warn"), lag(2, 5, 1.0))
    assert [row.partition for row in rows_of(found, everything=False)] == [2, 1]
    assert len(rows_of(found, everything=True)) == 3
    assert summary_of(found, 2) == "5 unread records, the oldest 1.0 s; 1 partition read to the end"


def test_no_lag_is_said_in_two_words() -> None:
    """When nothing waits, the summary says so."""
    assert summary_of(report(lag(0, 0, 0.0)), 0) == "no lag; 1 partition read to the end"


def test_unknown_is_said() -> None:
    """An unknown total is not shown as a number."""
    assert (
        summary_of(report(lag(0, None, None, None), lag(1, 3, 1.0)), 2)
        == "unread records unknown, the oldest of unknown age"
    )
