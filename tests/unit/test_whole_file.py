"""Files written in one step: whole at every moment, whoever else writes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cem.whole_file import write_new, write_whole

WRITERS = 4


def test_writers_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    """Several processes put the same file in place together: none fails, every reader sees one of them whole."""
    path = tmp_path / "rules.json"
    contents = [bytes([65 + number]) * 20_000 for number in range(WRITERS)]

    def write(number: int) -> None:
        for _ in range(25):
            write_whole(path, contents[number])
            assert path.read_bytes() in contents

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    assert [each.name for each in tmp_path.iterdir()] == ["rules.json"]


def test_a_file_is_its_owners(tmp_path: Path) -> None:
    """Nobody else may read what is written, whatever the process's mask allows."""
    write_whole(tmp_path / "run.json", b"{}")
    assert (tmp_path / "run.json").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    """A folder stands where the file should be: an error, and no draft left behind."""
    (tmp_path / "taken" / "full").mkdir(parents=True)
    with pytest.raises(OSError):
        write_whole(tmp_path / "taken", b"x")
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]


def test_of_writers_at_once_of_a_new_file_the_first_stays(tmp_path: Path) -> None:
    """All of them find the same content behind it; one alone has made it."""
    path = tmp_path / "key"

    def write(number: int) -> tuple[bool, bytes]:
        return write_new(path, b"%d" % number), path.read_bytes()

    with ThreadPoolExecutor(WRITERS) as pool:
        found = list(pool.map(write, range(WRITERS)))
    assert sum(made for made, _ in found) == 1
    assert {content for _, content in found} == {path.read_bytes()}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["key"]
