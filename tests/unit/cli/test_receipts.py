"""What the receipts of resent dead letters say."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cem.cli.dead_letters.receipts import SentAgain, read_receipts, sent_again
from cem.cli.errors import Failure
from cem.streams.redrive import Receipt


def receipt(letter: str, sent_ms: int, cluster_id: str = "k") -> Receipt:
    return Receipt(letter, cluster_id, "cem.calls", 0, 1, sent_ms, "s", "1", 1, False)


def test_times_and_the_last_time_are_counted_in_one_cluster() -> None:
    """Another cluster's letters have the same names and are others."""
    found = sent_again([receipt("0/1", 2000), receipt("0/1", 1000), receipt("0/2", 5000, "other")], "k")
    assert found == {"0/1": SentAgain(2, 2000)}
    assert str(found["0/1"]) == "1970-01-01T00:00:02Z (2 times)"
    assert str(SentAgain(1, 1000)) == "1970-01-01T00:00:01Z"
    assert (str(SentAgain()), SentAgain().last) == ("never", None)


def test_a_line_cut_off_is_no_receipt_and_others_are_read(tmp_path: Path) -> None:
    """A process that ended while it wrote leaves half a line; anything else that is unreadable is said."""
    path = tmp_path / "resent.jsonl"
    assert read_receipts(path) == []
    path.write_bytes(msgspec.json.encode(receipt("0/1", 1)) + b'\n{"lett')
    assert [each.letter for each in read_receipts(path)] == ["0/1"]
    path.write_bytes(b"nonsense\n")
    with pytest.raises(Failure, match="cannot be read"):
        read_receipts(path)
