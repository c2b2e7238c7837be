from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cem.importing.progress import ImportBusy, Progress, ProgressFile, hash_key, import_source
from cem.importing.rejects import RejectsFile
from cem.importing.run import run_import
from cem.importing.table import FileError
from cem.importing.translation import RejectedRow, Translated
from tests.builders.importing import SMS_MAP, ListTable, a_map, a_translator

#: Every third row is nobody's, every fifth is left out.
MAP = a_map(
    SMS_MAP.replace("line: {column: sender}", "line: {column: line}")
    + "    where: {column: kind, equals: [sms]}\n"
)


def rows(count: int) -> ListTable:
    cells = [
        [
            "" if i % 3 == 0 else f"c{i % 7}",
            "9",
            str(1_700_000_000 + i),
            "mms" if i % 5 == 0 else "sms",
            "L1",
        ]
        for i in range(1, count + 1)
    ]
    return ListTable(["sender", "recipient", "t", "kind", "line"], cells)


class Killed(BaseException):
    """The process is gone."""


class Log:
    """A log that keeps what it was sent, and a process that dies at a given call."""

    def __init__(self, die_at: int | None = None) -> None:
        self.sent: list[Translated] = []
        self._die_at = die_at
        self._calls = 0

    async def send(self, events: Sequence[Translated]) -> None:
        self._step()
        self.sent += events

    async def flush(self) -> None:
        self._step()

    def _step(self) -> None:
        self._calls += 1
        if self._calls == self._die_at:
            raise Killed


def run(
    table: ListTable,
    log: Log,
    progress: Progress,
    rejects: RejectsFile,
    *,
    save: Callable[[Progress], None] = lambda progress: None,
    limit: int | None = None,
) -> Progress:
    try:
        return asyncio.run(
            run_import(
                table,
                a_translator(MAP, table),
                log,
                rejects,
                progress,
                save=save,
                save_due=lambda: True,
                limit=limit,
            )
        )
    finally:
        rejects.close()


def test_every_row_is_accounted_for(tmp_path: Path) -> None:
    """Events, rejects and skipped rows add up to the rows; rejects are in the file, one JSON object a line."""
    log, path = Log(), tmp_path / "r.jsonl"
    progress = run(rows(3000), log, Progress("s", "f"), RejectsFile(path))
    assert progress.finished
    assert progress.rows == 3000 == progress.events + progress.rejects + progress.skipped
    assert (progress.skipped, progress.rejects) == (600, 800)
    assert len(log.sent) == progress.events
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == progress.rejects
    assert lines[0]["row"] == 3
    assert lines[0]["line"] == 4
    assert lines[0]["reason"] == "unidentified"
    assert lines[0]["raw"]["t"] == "1700000003"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == progress.rejects_bytes


@settings(max_examples=40)
@given(st.lists(st.integers(1, 12), max_size=4))
def test_killed_anywhere_it_goes_on_and_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, deaths: list[int]
) -> None:
    """However often it dies between two calls, at the end every event is in the log, in order, and each reject once."""
    folder = tmp_path_factory.mktemp("killed")
    table, kept = rows(4000), ProgressFile(folder / "p.json")
    sent: list[Translated] = []
    progress = None
    for death in [*deaths, None]:
        progress = kept.read() or Progress("s", "f")
        log = Log(death)
        try:
            rejects = RejectsFile(folder / "r.jsonl", keep=progress.rejects_bytes)
            progress = run(table, log, progress, rejects, save=kept.write)
        except Killed:
            pass
        sent += log.sent
    kept.close()
    assert progress is not None
    assert progress.finished
    assert progress.rows == 4000 == progress.events + progress.rejects + progress.skipped
    numbers = [event.row for event in sent]
    assert sorted(set(numbers)) == [i for i in range(1, 4001) if i % 3 and i % 5]
    # First sendings are in the file's order: what comes again has been there before, which a watermark notices.
    first = list(dict.fromkeys(numbers))
    assert first == sorted(first)
    copies: dict[int, Translated] = {}
    assert all(copies.setdefault(event.row, event) == event for event in sent)
    rejected = [json.loads(line)["row"] for line in (folder / "r.jsonl").read_text().splitlines()]
    assert rejected == [i for i in range(1, 4001) if i % 3 == 0 and i % 5]


def test_a_limit_is_a_row_of_the_file(tmp_path: Path) -> None:
    """--limit stops after that row; without it the same import goes on from there."""
    log, path = Log(), tmp_path / "r.jsonl"
    progress = run(rows(1000), log, Progress("s", "f"), RejectsFile(path), limit=100)
    assert (progress.rows, progress.finished) == (100, False)
    progress = run(rows(1000), log, progress, RejectsFile(path, keep=progress.rejects_bytes))
    assert (progress.rows, progress.finished) == (1000, True)
    assert [event.row for event in log.sent] == [i for i in range(1, 1001) if i % 3 and i % 5]
    exact = run(rows(100), Log(), Progress("s", "f"), RejectsFile(tmp_path / "x.jsonl"), limit=100)
    assert exact.finished


def test_an_import_without_rejects_leaves_no_file(tmp_path: Path) -> None:
    """The rejects file is made by the first reject."""
    run(
        ListTable(["sender", "recipient", "t", "kind", "line"], []),
        Log(),
        Progress("s", "f"),
        RejectsFile(tmp_path / "r"),
    )
    assert not (tmp_path / "r").exists()


def test_rejects_hold_foreign_bytes_visibly(tmp_path: Path) -> None:
    """A row with bytes that are no text is written too, with the bytes escaped."""
    rejects = RejectsFile(tmp_path / "r.jsonl")
    rejects.write(RejectedRow(1, 2, "bad_text", "holds bytes", raw={"a": "caf\udce9", "b": "ok"}))
    rejects.close()
    assert json.loads((tmp_path / "r.jsonl").read_text())["raw"] == {"a": "caf\\udce9", "b": "ok"}


def test_an_import_is_held_by_one_process(tmp_path: Path) -> None:
    """A second process that wants the same import is refused while the first has it."""
    held = ProgressFile(tmp_path / "i" / "p.json")
    with pytest.raises(ImportBusy):
        ProgressFile(tmp_path / "i" / "p.json")
    held.write(Progress("s", "f", rows=7))
    held.close()
    again = ProgressFile(tmp_path / "i" / "p.json")
    assert again.read() == Progress("s", "f", rows=7)
    again.close()


def test_a_torn_progress_file_counts_as_none(tmp_path: Path) -> None:
    """What cannot be read is forgotten: the import begins anew, which repeats nothing that is counted."""
    (tmp_path / "p.json").write_text('{"source": ')
    held = ProgressFile(tmp_path / "p.json")
    assert held.read() is None
    held.close()


def test_the_source_is_made_of_bytes_and_map(tmp_path: Path) -> None:
    """The same file under another name is the same import; another byte or another map is another."""
    for name, content in (("a.csv", b"1"), ("b.csv", b"1"), ("c.csv", b"2")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (import_source(tmp_path / name, "map") for name in ("a.csv", "b.csv", "c.csv"))
    assert a == b != c
    assert import_source(tmp_path / "a.csv", "other map") != a
    with pytest.raises(FileError, match="No such file"):
        import_source(tmp_path / "none.csv", "map")


def test_the_hash_key_is_drawn_once(tmp_path: Path) -> None:
    """The secret that hides recipients stays the same for a deployment and is nobody else's to read."""
    key = hash_key(tmp_path / "state")
    assert key == hash_key(tmp_path / "state")
    assert key != hash_key(tmp_path / "other")
    assert os.stat(tmp_path / "state" / "hash.key").st_mode & 0o777 == 0o600
