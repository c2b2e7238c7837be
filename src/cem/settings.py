"""Every setting, read once from the environment into one frozen object.

Importing this module reads nothing; `Settings.from_env(mapping)` does. Each field is the lower-case name of its
`CEM_` variable: `linger_ms` is `CEM_LINGER_MS`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

__all__ = ["Settings", "SettingsError", "is_loopback"]


class SettingsError(ValueError):
    """A setting that cannot be used; the message names the variable and what it takes."""


class Settings(BaseModel):
    """The service's settings. Times end in their unit; sizes are bytes unless they say otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # The log
    kafka_bootstrap: str = Field(
        "127.0.0.1:9092", description="Kafka's bootstrap servers, host:port, comma-separated"
    )
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="security protocol"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL mechanism, with SASL_*"
    )
    kafka_username: str = Field("", description="SASL user")
    kafka_password: str = Field("", description="SASL password", repr=False)
    kafka_ca_file: Path | None = Field(
        None, description="CA bundle to verify the brokers with; default: the system's"
    )
    kafka_cert_file: Path | None = Field(None, description="client certificate for mutual TLS")
    kafka_key_file: Path | None = Field(None, description="key of the client certificate")
    partitions: Annotated[int, Field(ge=1, le=1024)] = Field(
        24, description="partitions of every customer topic"
    )
    replication: Annotated[int, Field(ge=1, le=7)] = Field(
        1, description="replicas of every topic when created"
    )
    group: str = Field("cem", description="consumer group of the workers")

    # The store
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0",
        description="redis://, rediss://, unix://, redis+sentinel://h1:p1,h2:p2/service or redis+cluster://h1:p1,h2:p2",
        repr=False,
    )
    checkpoint_dir: Path | None = Field(
        None, description="where lanes write checkpoints; default: STATE_DIR/checkpoints"
    )
    checkpoint_every_s: Annotated[int, Field(ge=0)] = Field(
        86_400, description="seconds between checkpoints; 0 = never"
    )

    # The worker
    worker_id: str = Field(
        "", description="static membership: a worker restarted under the same id has its lanes back at once"
    )
    linger_ms: Annotated[int, Field(ge=0, le=1000)] = Field(
        20,
        description="pause between fetches while not behind; Kafka gathers records meanwhile, 250 ms at most",
    )
    max_poll_records: Annotated[int, Field(ge=1, le=100_000)] = Field(
        4000, description="records of one fetch"
    )
    session_timeout_s: Annotated[float, Field(ge=1)] = Field(
        6.0, description="a worker silent for so long loses its lanes"
    )
    max_poll_interval_s: Annotated[float, Field(ge=5)] = Field(
        60.0, description="a worker that does not poll for so long loses its lanes"
    )
    save_max_customers: Annotated[int, Field(ge=1, le=3000)] = Field(
        1000, description="changed customers of one save"
    )
    save_max_bytes: Annotated[int, Field(ge=10_000)] = Field(512_000, description="bytes of one save")
    cache_customers: Annotated[int, Field(ge=0)] = Field(
        100_000, description="hot states kept in a worker's memory"
    )
    tick_every_ms: Annotated[int, Field(ge=10)] = Field(200, description="how often due times are looked at")
    stuck_after_s: Annotated[float, Field(ge=1)] = Field(
        30.0, description="a lane with unread records that stands still for so long ends the worker"
    )
    shutdown_s: Annotated[float, Field(ge=1)] = Field(8.0, description="a stop that takes longer is forced")
    dead_letter_share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.01, description="share of the last 10,000 records of a partition that pauses it"
    )
    dead_letter_run: Annotated[int, Field(ge=1)] = Field(
        100, description="dead letters in a row that pause a partition"
    )
    late_limit_s: Annotated[int, Field(ge=0)] = Field(
        7 * 86_400, description="events older than this change facts but tell nobody"
    )
    rebuild: bool = Field(False, description="an empty store is rebuilt from checkpoint and journal")
    rebuild_processes: Annotated[int, Field(ge=0, le=64)] = Field(
        0,
        description="processes beside a worker in which lanes are rebuilt; 1 = none, 0 = one a core if there is much to do",
    )
    shadow: bool = Field(False, description="decide and record what customers would be told, and tell nobody")
    accept_loss: bool = Field(False, description="go on past records that the log no longer has")
    adopt_new_log: bool = Field(
        False, description="another cluster id starts the new log with the old states"
    )
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        0, description="Prometheus port of a worker; 0 = none"
    )
    metrics_host: str = Field(
        "127.0.0.1", description="address of that port; what it shows names no customer"
    )
    crash_at: str = Field(
        "", description="NAME:N ends the process at the N-th passage of a crash point (tests)"
    )

    # The learner
    model_publish_s: Annotated[float, Field(gt=0)] = Field(
        30.0, description="a model that has learnt anything is published so often"
    )
    model_publish_examples: Annotated[int, Field(ge=1)] = Field(
        10_000, description="examples after which a model is published without waiting"
    )
    model_keep_s: Annotated[float, Field(gt=0)] = Field(
        3_600.0, description="a full snapshot of each model is kept so often"
    )
    model_snapshots: Annotated[int, Field(ge=1)] = Field(
        48, description="snapshots kept of each model, in STATE_DIR/models"
    )
    model_correct_days: Annotated[int, Field(ge=0)] = Field(
        7, description="examples older than this are not corrected any more"
    )
    model_correct_examples: Annotated[int, Field(ge=0)] = Field(
        1_000_000, description="examples further back in the log than this are not corrected any more"
    )
    models: str = Field(
        "sentiment,reason,satisfaction,churn,propensity",
        description="the models that a learner writes, comma-separated",
    )

    # The API
    api_host: str = Field(
        "127.0.0.1", description="address to listen on; another than loopback needs an API key"
    )
    api_port: Annotated[int, Field(ge=0, le=65535)] = Field(8080, description="port to listen on")
    api_url: str = Field("", description="where commands find the API; default: from host and port")
    api_key_hash: str = Field("", description="scrypt hash of the API key (cem api hash-key)", repr=False)
    api_key: str = Field("", description="the key that commands send", repr=False)
    decision_deadline_ms: Annotated[int, Field(ge=1)] = Field(
        50, description="a decision later than this falls back"
    )
    decision_log_ms: Annotated[int, Field(ge=0)] = Field(
        20, description="wait for the decision's record so long"
    )

    # Webhooks
    webhook_key_file: Path | None = Field(
        None,
        description="file of the key that end points' secrets are made of; default: STATE_DIR/webhook.key",
    )
    webhook_allow: str = Field(
        "",
        description="hosts (or host:port), comma-separated, that webhooks may reach at private addresses and over http",
    )
    webhooks_file: Path | None = Field(None, description="YAML list of end points, beside those of commands")

    # The operator
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$", description="ISO 4217 code of all _minor amounts")
    timezone: str = Field("UTC", description="IANA zone of facts of day and hour")
    region: str = Field(
        "",
        pattern=r"^([A-Z]{2})?$",
        description="where telephone numbers without a country code belong (ISO 3166-1 alpha-2, as VN); empty = they "
        "stay as they are",
    )
    waiting_records: Annotated[int, Field(ge=1, le=500)] = Field(
        100, description="records of one unknown identifier that wait for its customer; beyond, a dead letter"
    )
    waiting_s: Annotated[int, Field(ge=1)] = Field(
        7 * 86_400, description="how long such a record waits before it becomes a dead letter"
    )
    policies: Path | None = Field(None, description="folder of policy files that replace the shipped ones")
    state_dir: Path = Field(Path(".cem"), description="run.json, checkpoints and the embedded store")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severity logged"
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="text for a terminal, json for a collector"
    )
    clock: Literal["wall", "simulated"] = Field(
        "wall", description="simulated: the simulator's clock, kept in the store"
    )

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        """Refuse what is no zone: quiet hours, caps and days would be those of UTC, in silence."""
        try:
            if name != "UTC":
                ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            # No far guess: Asia/Hanoi is not Asia/Yangon.
            near = get_close_matches(name, available_timezones(), n=1, cutoff=0.9)
            hint = f"; did you mean {near[0]}?" if near else ": one is Asia/Ho_Chi_Minh"
            raise PydanticCustomError("zone", "{why}", {"why": f"there is no such IANA zone{hint}"}) from None
        return name

    @classmethod
    def from_env(cls, environ: Mapping[str, str], **overrides: object) -> Settings:
        """Return the settings of `environ`; `overrides` (None = not given) win. Raises SettingsError."""
        names = {f"CEM_{name.upper()}": name for name in cls.model_fields}
        values: dict[str, object] = {names[k]: v for k, v in environ.items() if k in names and v != ""}
        values.update({k: v for k, v in overrides.items() if v is not None})
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            name = "CEM_" + str(first["loc"][0]).upper() if first["loc"] else "settings"
            raise SettingsError(f"{name}: {first['msg']} (got {first.get('input')!r})") from None

    @property
    def webhook_key(self) -> Path:
        """The file of the key that end points' secrets are made of."""
        return self.webhook_key_file or self.state_dir / "webhook.key"

    @property
    def checkpoints(self) -> Path:
        """The folder of the lanes' checkpoints."""
        return self.checkpoint_dir or self.state_dir / "checkpoints"


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches `host`: a loopback address, or the name localhost."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
