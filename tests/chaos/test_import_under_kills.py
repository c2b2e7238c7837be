"""A file is imported while workers, and the import itself, are killed."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.harness import Chaos

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]

MAP = """
event: sms.rated
fields:
  line: {column: line}
  recipient: {column: recipient}
time: {column: t, format: unix}
key: {column: account}
"""


def test_import_is_counted_exactly(start_chaos: Callable[..., Chaos]) -> None:
    """Every row of the file counts once, whatever is killed while it is read: not one more, not one less."""
    with start_chaos() as chaos:
        rows, kills = chaos.scale((15_000, 2), (1_000_000, 10))
        file, rule = written(chaos, rows)
        names = ("a", "b")
        for name in names:
            chaos.worker(name)
        importing = start_import(chaos, file, rule)
        # The import, too: it goes on where it was, and what it sends again is a repeat.
        chaos.wait_applied(rows // 10)
        if importing.poll() is None:
            chaos.kills.kill(importing, "import")
            importing = start_import(chaos, file, rule)
        for number in range(kills):
            # Spread over the run, as far as it is known.
            share = (number + 1) / (kills + 1)
            chaos.wait_applied(int(rows * share * 0.9), within_s=600)
            chaos.kill(chaos.draw.choice(names))
            chaos.say_progress()
        assert importing.wait(600) == 0, chaos.system.log("import")
        counters = chaos.verify(within_s=60 + rows / 1_000)
        assert counters.counted == rows
        assert sum(entry.alive for entry in chaos.kills.entries) >= kills


def start_import(chaos: Chaos, file: Path, rule: Path) -> subprocess.Popen[bytes]:
    """Start `cem import` of the file in the background."""
    return chaos.system.start("import", str(file), "--map", str(rule), "--no-wait", name="import")


def written(chaos: Chaos, rows: int) -> tuple[Path, Path]:
    """Return a file of so many messages, each of its own second, and the map for it."""
    draw = random.Random(chaos.seed)
    folder = chaos.system.state_dir
    file, rule = folder / "messages.csv", folder / "messages.yaml"
    begin_s = int(time.time()) - rows - 86_400
    with file.open("w") as lines:
        lines.write("account,line,recipient,t\n")
        for number in range(rows):
            account = draw.randrange(max(50, rows // 100))
            lines.write(f"acc{account},+84{account:09},h{draw.randrange(40)},{begin_s + number}\n")
    rule.write_text(MAP)
    return file, rule
