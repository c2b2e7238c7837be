"""A file taught over a real Kafka, published to a real Redis, shown and pinned by the commands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cem.bootstrap import open_parts
from cem.cli import main
from cem.settings import Settings
from cem.streams.model_writer import KeptFiles, ModelWriter
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

MAP = """
label: {column: left, positive: ["yes"]}
features: {exclude: [customer]}
"""


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def write_file(folder: Path) -> tuple[str, str]:
    """Return a file of 300 customers, of whom those with many calls have left, and its map."""
    rows = [f"c{n},{(n * 7919) % 11},{'yes' if (n * 7919) % 11 > 7 else 'no'}" for n in range(300)]
    (folder / "left.csv").write_text("\n".join(["customer,calls,left", *rows]), "utf-8")
    (folder / "left.yaml").write_text(MAP, "utf-8")
    return str(folder / "left.csv"), str(folder / "left.yaml")


async def learn_all(settings: Settings, folder: Path) -> ModelWriter:
    """Let a new writer take what the topic has, and publish it."""
    async with open_parts(settings) as parts:
        writer = ModelWriter(
            "churn",
            store=parts.store,
            log=parts.log,
            files=KeptFiles(folder, most=5),
            owner="w",
            publish_every_s=1e9,
            publish_examples=10**9,
            keep_every_s=0.0,
        )
        await writer.open()
        while await writer.advance():
            pass
        assert await writer.publish()
        return writer


def test_a_file_is_learnt_through_kafka(
    start_kafka: Callable[..., KafkaServer],
    redis_server: RedisServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`cem learn` fills the topic, the writer learns it, `cem models` shows it; a pin is learnt after it, and stays."""
    environ = {
        "CEM_KAFKA_BOOTSTRAP": start_kafka().bootstrap,
        "CEM_REDIS_URL": f"{redis_server.url.rsplit('/', 1)[0]}/7",
        "CEM_PARTITIONS": "1",
        "CEM_STATE_DIR": str(tmp_path),
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_env(environ)
    file, mapping = write_file(tmp_path)
    assert run("topics", "create") == 0
    assert run("learn", "churn", file, "--map", mapping) == 0
    first = asyncio.run(learn_all(settings, tmp_path / "1"))
    assert first.pupil.examples == 300
    capsys.readouterr()
    assert run("models", "--json") == 0
    shown = {row["model"]: row for row in json.loads(capsys.readouterr().out)["models"]}
    assert shown["churn"]["figures"]["auc"] > 0.9
    assert shown["sentiment"]["version"] is None
    assert run("models", "pin", "churn", "bayes", "--why", "cheaper") == 0
    assert run("models", "pin", "churn", "nobody") == 2
    assert run("models", "rollback", "churn", "5000") == 2
    second = asyncio.run(learn_all(settings, tmp_path / "2"))
    # Found in the store, not learnt again: the pin is all that was new.
    assert second.pupil.version > first.pupil.version
    assert second.pupil.contest.pinned == "bayes"
    capsys.readouterr()
    assert run("models", "history", "churn", "--json") == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert "cheaper" in changes[-1]["why"]
    assert run("models") == 0
    assert "bayes (pinned)" in capsys.readouterr().out
