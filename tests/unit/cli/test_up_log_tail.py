"""Errors in the children's logs reach the terminal."""

from __future__ import annotations

from pathlib import Path

from cem.cli.up.log_tail import LogTail, errors_in

ERROR = "2026-11-22 01:19:58,123 ERROR   cem.streams.lanes: lane 3 stopped: the log was cut"
INFO = "2026-11-22 01:19:58,123 INFO    cem.streams.lanes: no ERROR here"
JSON = '{"time":"2026","level":"critical","logger":"cem.api","message":"x"}'
RETRY = "2026-11-22 02:04:22,421 ERROR   aiokafka.consumer: Group Coordinator Request failed"


def test_errors_are_told_by_their_level_in_both_formats() -> None:
    """A message that only mentions the word is none, and a library's retry is its own business."""
    assert errors_in([ERROR, INFO, JSON, RETRY, '{"level": "info"}']) == [ERROR, JSON]


def test_each_error_is_told_once_when_its_line_is_whole(tmp_path: Path) -> None:
    """Half a line waits for the other half; a log that does not exist yet is empty."""
    log = tmp_path / "worker.log"
    tail = LogTail([log])
    assert tail.fresh_errors() == []
    log.write_text(f"{INFO}\n{ERROR}")
    assert tail.fresh_errors() == []
    log.write_text(f"{INFO}\n{ERROR}\n")
    assert tail.fresh_errors() == [f"worker: {ERROR}"]
    assert tail.fresh_errors() == []


def test_a_flood_is_counted(tmp_path: Path) -> None:
    """The terminal stays readable, the log has all."""
    log = tmp_path / "api.log"
    log.write_text(f"{ERROR}\n" * 9)
    told = LogTail([log]).fresh_errors()
    assert len(told) == 4
    assert told[-1] == f"api: ... and 6 more errors in {log}"


def test_a_log_that_began_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    """A restarted process may have replaced it."""
    log = tmp_path / "worker.log"
    log.write_text(f"{INFO}\n{INFO}\n{INFO}\n")
    tail = LogTail([log])
    tail.fresh_errors()
    log.write_text(f"{ERROR}\n")
    assert tail.fresh_errors() == [f"worker: {ERROR}"]
