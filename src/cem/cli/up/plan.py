"""What `cem up` is going to do, decided before anything starts. Pure but for the question whether a port is free."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from cem.cli.errors import FAILED, Failure
from cem.settings import Settings, SettingsError

__all__ = ["EMBEDDED_LANES", "Options", "Plan", "free_port", "make_plan", "require_free_port"]

#: Lanes of the embedded broker: enough to see what lanes are, few enough for one machine.
EMBEDDED_LANES: Final = 4
#: Children have this long to stop, so that `cem up` itself ends within ten seconds.
CHILD_SHUTDOWN_S: Final = 6


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The flags of `cem up`; None where the user said nothing."""

    simulate: bool = True
    customers: int | None = None
    rate: float | None = None
    seed: int | None = None
    history_days: int | None = None
    speed: float | None = None
    by_line: float | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Which servers are embedded, which clock is used, and the settings that every child gets."""

    settings: Settings
    options: Options
    embeds_kafka: bool
    embeds_redis: bool
    state_dir: Path
    #: What runs the service's processes: this, then the name of the command.
    program: tuple[str, ...] = (sys.executable, "-m", "cem")

    @property
    def logs(self) -> Path:
        """The folder of the children's logs."""
        return self.state_dir / "logs"

    @property
    def truth(self) -> Path:
        """The file of what the simulated customers hide."""
        return self.state_dir / "truth.jsonl"

    @property
    def decided(self) -> Path:
        """The file of what people have set, which the embedded broker forgets."""
        return self.state_dir / "decided.jsonl"

    def child_environ(self, environ: Mapping[str, str], *, adopt_new_log: bool) -> dict[str, str]:
        """Return the environment of the service's processes: the same variables as on a real cluster."""
        settings = self.settings
        child = dict(environ)
        child |= {
            "CEM_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
            "CEM_REDIS_URL": settings.redis_url,
            "CEM_PARTITIONS": str(settings.partitions),
            "CEM_STATE_DIR": str(self.state_dir),
            "CEM_API_HOST": settings.api_host,
            "CEM_API_PORT": str(settings.api_port),
            "CEM_API_URL": api_url(settings),
            "CEM_CLOCK": settings.clock,
            "CEM_SHUTDOWN_S": str(min(settings.shutdown_s, CHILD_SHUTDOWN_S)),
            "PYTHONUNBUFFERED": "1",
        }
        if adopt_new_log:
            child["CEM_ADOPT_NEW_LOG"] = "1"
        if not self.embeds_kafka and not settings.worker_id:
            # A restarted worker has its lanes back at once. The embedded broker knows no static members: there it
            # would only keep a worker that stops from leaving its group.
            child["CEM_WORKER_ID"] = f"{socket.gethostname()}-up"
        return child

    def with_settings(self, settings: Settings) -> Plan:
        """Return the plan with other settings: what only the start of a server could tell."""
        return msgspec.structs.replace(self, settings=settings)

    def worker(self) -> list[str]:
        """Return the worker's command line."""
        return [*self.program, "worker"]

    def api(self) -> list[str]:
        """Return the API's command line."""
        return [*self.program, "api"]

    def webhooks(self) -> list[str]:
        """Return the command line of the webhooks' sender."""
        return [*self.program, "webhooks", "deliver"]

    def learner(self) -> list[str]:
        """Return the learner's command line."""
        return [*self.program, "learner"]

    def simulator(self, *, with_history: bool) -> list[str]:
        """Return the simulator's command line. What the user did not say is the simulator's own business."""
        options = self.options
        given: dict[str, object | None] = {
            "--customers": options.customers,
            "--rate": options.rate,
            "--seed": options.seed,
            "--history": options.history_days if with_history else 0,
            "--speed": options.speed,
            "--by-line": options.by_line,
        }
        flags = [
            part for flag, value in given.items() if value is not None for part in (flag, _number(value))
        ]
        # What nobody is told lies beside the logs, for whoever wants to judge what he sees.
        return [*self.program, "simulate", *flags, "--truth", str(self.truth)]

    def run_file(self, *, pids: Mapping[str, int], started_at: str, version: str) -> dict[str, object]:
        """Return what run.json says: addresses, tokens, process ids."""
        settings = self.settings
        return {
            "version": version,
            "pid": os.getpid(),
            "pids": dict(pids),
            "started_at": started_at,
            "state_dir": str(self.state_dir),
            "embedded": {"kafka": self.embeds_kafka, "redis": self.embeds_redis},
            "kafka_bootstrap": settings.kafka_bootstrap,
            "redis_url": settings.redis_url,
            "partitions": settings.partitions,
            "group": settings.group,
            "clock": settings.clock,
            "currency": settings.currency,
            "timezone": settings.timezone,
            "api_url": api_url(settings),
            "api_key": settings.api_key,
        }


def make_plan(environ: Mapping[str, str], flags: Mapping[str, object], options: Options) -> Plan:
    """Return the plan for these variables and flags. Raises SettingsError when they contradict each other."""
    settings = Settings.from_env(environ, **flags)
    embeds_kafka = not environ.get("CEM_KAFKA_BOOTSTRAP")
    embeds_redis = not environ.get("CEM_REDIS_URL")
    changed: dict[str, object] = {"state_dir": settings.state_dir.absolute()}
    if embeds_kafka and not environ.get("CEM_PARTITIONS"):
        changed["partitions"] = EMBEDDED_LANES
    if embeds_kafka and settings.kafka_security != "PLAINTEXT":
        raise SettingsError(
            f"CEM_KAFKA_SECURITY: {settings.kafka_security} needs CEM_KAFKA_BOOTSTRAP; the embedded broker is plaintext"
        )
    if not options.simulate:
        unused = [
            f"--{name.replace('_', '-')}"
            for name in ("customers", "rate", "seed", "speed", "by_line")
            if getattr(options, name) is not None
        ]
        if options.history_days is not None:
            unused.append("--history")
        if unused:
            raise SettingsError(f"{unused[0]} is the simulator's, which --no-simulate leaves out")
    elif not environ.get("CEM_CLOCK") and ((options.history_days or 0) > 0 or (options.speed or 1) != 1):
        changed["clock"] = "simulated"
    if settings.api_port == 0:
        changed["api_port"] = free_port(settings.api_host)
    settings = settings.model_copy(update=changed)
    return Plan(
        settings=settings,
        options=options,
        embeds_kafka=embeds_kafka,
        embeds_redis=embeds_redis,
        state_dir=settings.state_dir,
    )


def api_url(settings: Settings) -> str:
    """Return where the API is reached from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.api_host, settings.api_host)  # noqa: S104
    return settings.api_url or f"http://{host}:{settings.api_port}"


def free_port(host: str) -> int:
    """Return a port that nobody listens on."""
    with _listener(host, 0) as probe:
        port: int = probe.getsockname()[1]
        return port


def require_free_port(host: str, port: int) -> None:
    """Raise Failure when the API could not listen there."""
    try:
        _listener(host, port).close()
    except PermissionError:
        raise Failure(
            f"port {port} needs privileges that this user lacks: choose another with --port", FAILED
        ) from None
    except OSError as error:
        raise Failure(
            f"port {port} on {host} is taken ({error.strerror or error}): is another cem up running? "
            "Stop it, or choose another port with --port",
            FAILED,
        ) from None


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    probe = socket.socket(family, socket.SOCK_STREAM)
    try:
        # As the API will: a connection that is only just closing does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)
    except OSError:
        probe.close()
        raise
    return probe


def _number(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
