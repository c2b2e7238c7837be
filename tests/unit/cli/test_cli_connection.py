"""Which system a command talks to."""

from __future__ import annotations

import re
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cem.cli.connection import nothing_runs, resolve
from cem.cli.doctor import without_system
from cem.cli.doctor.finding import Finding, ok, warn
from cem.cli.errors import FAILED, UNREACHABLE, Failure
from cem.cli.http import get_json
from cem.cli.run_file import (
    RUN_FILE,
    StateDirLock,
    is_running,
    read_run_file,
    remove_run_file,
    write_run_file,
)
from cem.settings import Settings

RUN = {
    "pid": 1,
    "kafka_bootstrap": "127.0.0.1:5",
    "redis_url": "unix:///x",
    "partitions": 4,
    "pids": {"worker": 2},
}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """A state directory in which a `cem up` runs."""
    lock = StateDirLock(tmp_path)
    write_run_file(tmp_path, RUN)
    yield tmp_path
    lock.release()


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    """A local Kafka on its usual port."""
    assert resolve({}, {"state_dir": tmp_path}).kafka_bootstrap == "127.0.0.1:9092"


def test_a_running_cem_up_is_found(running: Path) -> None:
    """A second terminal needs no variables."""
    settings = resolve({"CEM_STATE_DIR": str(running)}, {})
    assert (settings.kafka_bootstrap, settings.redis_url, settings.partitions) == (
        "127.0.0.1:5",
        "unix:///x",
        4,
    )


def test_a_variable_wins_over_run_json_and_a_flag_over_both(running: Path) -> None:
    """Flags, environment, run.json, defaults: in this order."""
    environ = {"CEM_STATE_DIR": str(running), "CEM_PARTITIONS": "8"}
    assert resolve(environ, {}).partitions == 8
    assert resolve(environ, {"partitions": 9}).partitions == 9
    assert resolve(environ, {}).kafka_bootstrap == "127.0.0.1:5"


@pytest.mark.parametrize("variable", ["CEM_KAFKA_BOOTSTRAP", "CEM_REDIS_URL", "CEM_API_URL"])
def test_a_connection_variable_means_another_system_altogether(running: Path, variable: str) -> None:
    """Half of one system and half of another would be worse than none."""
    settings = resolve({"CEM_STATE_DIR": str(running), variable: "k:1"}, {})
    assert settings.partitions == 24
    assert settings.redis_url != "unix:///x"


def test_what_a_dead_cem_up_left_is_not_believed(running: Path, tmp_path: Path) -> None:
    """After a kill -9 run.json is still there, and nobody answers."""
    other = tmp_path / "other"
    other.mkdir()
    write_run_file(other, RUN)
    with pytest.raises(Failure, match="has ended without tidying up") as failure:
        resolve({}, {"state_dir": other})
    assert failure.value.exit_code == 4


def test_a_state_directory_belongs_to_one_cem_up(running: Path) -> None:
    """The second one is told so, with the first one's pid."""
    with pytest.raises(Failure, match=r"already running in .* \(pid 1\)"):
        StateDirLock(running)


def test_the_lock_goes_with_its_holder(tmp_path: Path) -> None:
    """Afterwards the directory is free again."""
    assert not is_running(tmp_path)
    lock = StateDirLock(tmp_path)
    assert is_running(tmp_path)
    lock.release()
    assert not is_running(tmp_path)
    StateDirLock(tmp_path).release()


def test_run_json_is_for_its_owner_only(tmp_path: Path) -> None:
    """It holds tokens."""
    write_run_file(tmp_path, RUN)
    assert stat.S_IMODE((tmp_path / RUN_FILE).stat().st_mode) == 0o600
    assert read_run_file(tmp_path) == RUN
    remove_run_file(tmp_path)
    assert read_run_file(tmp_path) is None


def test_a_broken_run_json_is_named(tmp_path: Path) -> None:
    """The sentence says which file to remove."""
    (tmp_path / RUN_FILE).write_text("{")
    with pytest.raises(Failure, match=RUN_FILE):
        read_run_file(tmp_path)


REFUSED = Failure("no connection to Redis at 127.0.0.1:6379: nobody listens there", UNREACHABLE)


def test_when_nothing_runs_the_sentence_says_where_it_was_looked_for(tmp_path: Path) -> None:
    """Neither variables nor run.json, and nobody at the default address of Redis or of Kafka."""
    kafka = Failure("cannot reach Kafka: nobody listens at 127.0.0.1:9092 (CEM_KAFKA_BOOTSTRAP)", UNREACHABLE)
    for failure in (REFUSED, kafka):
        instead = nothing_runs(failure, {}, {"state_dir": tmp_path})
        assert instead is not None
        assert (instead.message, instead.exit_code) == (
            f"no cem up runs in {tmp_path}: start it (cem up), go to its directory, or set "
            "CEM_KAFKA_BOOTSTRAP and CEM_REDIS_URL",
            4,
        )


def test_without_a_system_the_api_is_named_by_its_own_variable(tmp_path: Path) -> None:
    """`cem nba` needs nothing but the API's address."""
    with pytest.raises(Failure) as refused, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there, and nobody else can
        get_json(Settings.from_env({}, api_port=taken.getsockname()[1]), "/livez", {})
    said = re.sub(r":\d+;", ":8080;", refused.value.message)
    assert said == (
        "cannot reach the API: nobody listens at http://127.0.0.1:8080; start it (cem api), or set CEM_API_URL"
    )
    instead = nothing_runs(Failure(said, UNREACHABLE), {}, {"state_dir": tmp_path})
    assert instead is not None
    assert instead.message == (
        f"no cem up runs in {tmp_path}: start it (cem up), go to its directory, or set CEM_API_URL"
    )


def test_the_doctor_says_once_that_nothing_runs(tmp_path: Path) -> None:
    """Three servers that are away are one finding; a system that was named is examined server by server."""
    there = ok("version", "cem")
    away = [
        Finding(check=check, level="fail", message=message, remedy="start it", unreachable=True)
        for check, message in (
            ("kafka", "cannot reach Kafka: nobody listens at 127.0.0.1:9092 (CEM_KAFKA_BOOTSTRAP)"),
            ("redis", REFUSED.message),
        )
    ]
    findings = [there, *away, warn("api", "nobody answers", "start it with cem api")]
    first, one = without_system(findings, {}, {"state_dir": tmp_path})
    assert first == there
    assert (one.message, one.unreachable) == (f"no cem up runs in {tmp_path}", True)
    assert one.remedy.startswith("start it (cem up), go to its directory, or set")
    assert without_system(findings, {"CEM_REDIS_URL": "redis://127.0.0.1:6379"}, {}) == findings
    assert without_system(findings[:2], {}, {"state_dir": tmp_path}) == findings[:2]


def test_a_named_system_that_is_away_keeps_its_own_sentence(running: Path, tmp_path: Path) -> None:
    """By a variable, by run.json; and so does any other failure."""
    nowhere = {"state_dir": tmp_path / "none"}
    assert nothing_runs(REFUSED, {"CEM_REDIS_URL": "redis://127.0.0.1:6379"}, nowhere) is None
    assert nothing_runs(REFUSED, {}, {"state_dir": running}) is None
    others = (
        Failure(REFUSED.message, FAILED),
        Failure("no connection to Redis at h:1: nobody listens there", 4),
        Failure("Redis at 127.0.0.1:6379 did not answer in time", 4),
    )
    assert [nothing_runs(each, {}, nowhere) for each in others] == [None, None, None]
