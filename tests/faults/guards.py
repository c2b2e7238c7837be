"""Ways to take a guard away from what surrounds the pipeline, each a small edit of the real source, and the test that notices.

The simulation steps the pipeline alone. Between it and Kafka and Redis stand the transport, the lanes, the agents and
the store's client, whose guards have unit tests of their own. Each is run here with its guard gone, and has to fail:

    python -m tests.faults.guards          # prints a line of JSON for each

Constants and function bodies are exchanged in place, in this process, so that whoever has imported them sees it.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import json
import sys
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.faults.guarded_traps import TRAPS
from tests.faults.guarded_ways import WAYS

__all__ = ["GUARDS", "Guard", "swapped"]


class Guard(NamedTuple):
    """One guard: in which module it stands, what it is replaced by, and the test that must fail then."""

    name: str
    module: str
    old: str
    new: str
    test: str


GUARDS: tuple[Guard, ...] = tuple(Guard(*each) for each in (*TRAPS, *WAYS))


@contextlib.contextmanager
def swapped(guard: Guard) -> Iterator[None]:
    """Have the guard's module do without it. Raises AssertionError if its source has nothing of the kind."""
    module = importlib.import_module(guard.module)
    source = inspect.getsource(module)
    assert guard.old in source, f"{guard.name}: {guard.module} no longer has {guard.old!r}"
    made = types.ModuleType(module.__name__)
    made.__dict__["__file__"] = module.__file__
    exec(compile(source.replace(guard.old, guard.new), f"<{guard.module} without>", "exec"), made.__dict__)
    undo: list[tuple[Any, str, Any]] = []
    _exchange(module, made, module.__name__, undo)
    assert undo, f"{guard.name}: nothing changed"
    try:
        yield
    finally:
        for owner, name, value in reversed(undo):
            setattr(owner, name, value)


def _exchange(owner: Any, made: Any, module: str, undo: list[tuple[Any, str, Any]]) -> None:
    """Give functions of `owner` the code that they have in `made`, and its constants their values there."""
    for name, new in list(vars(made).items()):
        old = vars(owner).get(name)
        if isinstance(old, types.FunctionType) and isinstance(new, types.FunctionType):
            if old.__module__ == module and old.__code__ != new.__code__:
                undo.append((old, "__code__", old.__code__))
                old.__code__ = new.__code__
        elif isinstance(old, type) and isinstance(new, type) and old.__module__ == module:
            _exchange(old, new, module, undo)
        elif isinstance(old, tuple) and old != new:
            undo.append((owner, name, old))
            setattr(owner, name, new)


def _outcome(test: str) -> int:
    """Return pytest's exit code of the test: 0 passed, 1 failed."""
    # What a broken guard leaves lying about would otherwise end the run at the next collection of garbage.
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:unraisableexception"]
    with contextlib.redirect_stdout(io.StringIO()):
        return int(pytest.main([*options, test]))


def main() -> None:
    """Print, for each guard, how its test ends with it and without it."""
    with_them: dict[str, int] = {}
    for guard in GUARDS:
        if guard.test not in with_them:
            with_them[guard.test] = _outcome(guard.test)
        with swapped(guard):
            without = _outcome(guard.test)
        line = {"name": guard.name, "with": with_them[guard.test], "without": without}
        print(json.dumps(line), file=sys.stdout, flush=True)


if __name__ == "__main__":
    main()
