"""Child processes end with their parent, leave their last words, and are stopped within a time."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cem.embedded.child import Child

#: Says its pid, then sleeps.
SLEEPER = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
#: Starts a sleeper bound to itself, repeats its pid, then sleeps as well.
PARENT = f"""
import asyncio, sys
from pathlib import Path
from cem.embedded.child import Child

async def run():
    child = await Child.start("sleeper", [sys.executable, "-c", {SLEEPER!r}], log=Path(sys.argv[1]), read_stdout=True)
    print(await child.line(), flush=True)
    await child.wait()

asyncio.run(run())
"""


def ended(pid: int) -> bool:
    """Tell whether the process is gone, or a zombie that its new parent has not collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_a_killed_parent_takes_its_child_along(tmp_path: Path) -> None:
    """kill -9 of the parent leaves no orphan, though nobody had the time to tidy up."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child_pid = int(parent.stdout.readline())
    os.kill(child_pid, 0)
    parent.kill()
    parent.wait()
    # The child holds the write end of nothing of ours, so wait for the kernel's own word.
    while not ended(child_pid):
        time.sleep(0.01)
    parent.stdout.close()


def test_a_childs_words_are_in_its_log_and_the_last_runs_beside_it(tmp_path: Path) -> None:
    """What a process said before it died can be shown."""
    log = tmp_path / "logs" / "x.log"

    async def run(words: str) -> tuple[int, list[str]]:
        child = await Child.start("x", [sys.executable, "-c", f"print({words!r}); exit(3)"], log=log)
        return await child.wait(), child.last_lines(2)

    assert asyncio.run(run("a\nb\nc")) == (3, ["b", "c"])
    assert asyncio.run(run("d")) == (3, ["d"])
    assert log.with_name("x.log.1").read_text() == "a\nb\nc\n"


def test_a_child_that_will_not_stop_is_forced(tmp_path: Path) -> None:
    """A stop ends in the time given, whatever the process does about SIGTERM."""
    stubborn = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"

    async def run() -> int:
        child = await Child.start(
            "x", [sys.executable, "-c", stubborn], log=tmp_path / "log", read_stdout=True
        )
        assert await child.line()
        return await child.stop(0.1)

    assert asyncio.run(run()) == -signal.SIGKILL


def test_a_program_that_is_not_there_ends_with_a_code(tmp_path: Path) -> None:
    """The wrapper says so in the log."""

    async def run() -> tuple[int, list[str]]:
        child = await Child.start("x", [str(tmp_path / "none")], log=tmp_path / "log")
        return await child.wait(), child.last_lines(1)

    code, lines = asyncio.run(run())
    assert code != 0
    assert "No such file" in lines[0]
