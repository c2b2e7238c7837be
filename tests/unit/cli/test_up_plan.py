"""What `cem up` decides before it starts anything."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from cem.cli.errors import Failure
from cem.cli.up.plan import EMBEDDED_LANES, Options, Plan, free_port, make_plan, require_free_port
from cem.settings import Settings, SettingsError


def plan(
    environ: dict[str, str] | None = None, flags: dict[str, object] | None = None, **options: object
) -> Plan:
    return make_plan(environ or {}, flags or {}, Options(**options))  # type: ignore[arg-type]


def test_without_variables_everything_is_embedded() -> None:
    """A bare machine gets a broker, a store and few lanes."""
    made = plan()
    assert made.embeds_kafka and made.embeds_redis
    assert made.settings.partitions == EMBEDDED_LANES
    assert made.state_dir.is_absolute()


def test_two_variables_point_the_same_processes_at_real_servers() -> None:
    """Nothing is embedded then, and the cluster's number of lanes holds."""
    environ = {"CEM_KAFKA_BOOTSTRAP": "k:9092", "CEM_REDIS_URL": "redis://r"}
    made = plan(environ)
    assert not made.embeds_kafka and not made.embeds_redis
    assert made.settings.partitions == 24
    child = made.child_environ(environ, adopt_new_log=False)
    assert (child["CEM_KAFKA_BOOTSTRAP"], child["CEM_REDIS_URL"]) == ("k:9092", "redis://r")
    assert child["CEM_WORKER_ID"]
    assert "CEM_ADOPT_NEW_LOG" not in child


def test_children_get_their_settings_as_any_cluster_would_give_them() -> None:
    """The same variables, so the same code path; a setting of the user's passes through."""
    made = plan({"CEM_LINGER_MS": "3", "CEM_SHUTDOWN_S": "60"}, {"api_port": 9999, "state_dir": Path("/s")})
    child = made.child_environ({"CEM_LINGER_MS": "3", "HOME": "/h"}, adopt_new_log=True)
    assert child["HOME"] == "/h"
    settings = Settings.from_env(child)
    assert (settings.linger_ms, settings.api_port, settings.state_dir) == (3, 9999, Path("/s"))
    assert settings.adopt_new_log
    assert settings.shutdown_s < 10
    assert settings.worker_id == ""


@pytest.mark.parametrize(
    ("options", "clock"),
    [
        ({}, "wall"),
        ({"speed": 1.0}, "wall"),
        ({"speed": 600.0}, "simulated"),
        ({"history_days": 120}, "simulated"),
        ({"history_days": 0}, "wall"),
        ({"simulate": False}, "wall"),
    ],
)
def test_the_simulators_clock_is_used_when_it_is_not_the_walls(options: dict[str, Any], clock: str) -> None:
    """History and speed need a clock of their own."""
    assert plan(**options).settings.clock == clock


def test_only_what_the_user_said_is_said_to_the_simulator() -> None:
    """Its defaults are its own; history that is in the states already is not written again."""
    made = plan(customers=50, speed=600.0, history_days=120, seed=7, rate=2.5)
    words = made.simulator(with_history=True)
    hidden = ["--truth", str(made.state_dir / "truth.jsonl")]
    assert words[-13:] == [
        "simulate",
        *["--customers", "50", "--rate", "2.5", "--seed", "7", "--history", "120", "--speed", "600"],
        *hidden,
    ]
    assert "--history" in made.simulator(with_history=False)
    assert made.simulator(with_history=False)[-5] == "0"
    assert plan().simulator(with_history=True)[-3:-1] == ["simulate", "--truth"]
    assert plan(by_line=0.5).simulator(with_history=True)[-4:-2] == ["--by-line", "0.5"]


def test_flags_of_a_simulator_that_is_left_out_are_refused() -> None:
    """The user meant something by them."""
    with pytest.raises(SettingsError, match="--seed is the simulator's"):
        plan(simulate=False, seed=3)
    with pytest.raises(SettingsError, match="--history"):
        plan(simulate=False, history_days=3)


def test_kafka_security_needs_a_real_kafka() -> None:
    """Silently dropping it would be worse."""
    with pytest.raises(SettingsError, match="CEM_KAFKA_BOOTSTRAP"):
        plan({"CEM_KAFKA_SECURITY": "SSL"})


def test_run_json_has_addresses_and_no_more_secrets_than_needed() -> None:
    """Other commands find everything there under the settings' names."""
    content = plan({"CEM_API_KEY": "k"}, {"api_port": 1234}).run_file(
        pids={"worker": 7}, started_at="t", version="v"
    )
    assert content["api_url"] == "http://127.0.0.1:1234"
    assert content["api_key"] == "k"
    assert content["pids"] == {"worker": 7}
    assert not any("password" in name for name in content)


def test_port_zero_is_a_free_port() -> None:
    """Two runs side by side need not know of each other."""
    made = plan(flags={"api_port": 0})
    assert made.settings.api_port > 0
    require_free_port("127.0.0.1", made.settings.api_port)


def test_a_busy_port_is_one_sentence() -> None:
    """It names the port and the flag."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Failure, match=f"port {port} on 127.0.0.1 is taken .*--port") as failure:
            require_free_port("127.0.0.1", port)
    assert failure.value.exit_code == 1
    assert free_port("127.0.0.1") != port
