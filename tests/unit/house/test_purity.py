"""The pure core stays pure: no clock, no chance, no outside, no order of a set, and few imports."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tests.builders.source_code import ROOT, imported_modules, impurities, python_files

PURE = python_files(
    "src/cem/domain",
    "src/cem/alerts",
    "src/cem/nba",
    "src/cem/segments",
    "src/cem/voice",
    "src/cem/step.py",
    "src/cem/step_context.py",
    "src/cem/step_rules.py",
)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PURE, ids=relative)
def test_pure_modules_use_no_clock_chance_outside_or_set_order(path: Path) -> None:
    """Equal inputs give equal outputs, in every process and at any time."""
    assert impurities(path.read_text()) == []


@pytest.mark.parametrize("path", python_files("src/cem/domain"), ids=relative)
def test_domain_imports_standard_library_and_msgspec_only(path: Path) -> None:
    """The ground floor stands on nothing but the standard library, msgspec, itself and the ports."""
    foreign = [
        module
        for module in imported_modules(ast.parse(path.read_text()))
        if module.split(".")[0] not in {*sys.stdlib_module_names, "msgspec"}
        and not module.startswith(("cem.domain", "cem.ports"))
    ]
    assert foreign == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "from time import monotonic",
        "import random as r",
        "import os.path",
        "from datetime import datetime\nx = datetime.now()",
        "import datetime as dt\nx = dt.datetime.utcnow()",
        "import datetime\nx = datetime.date.today()",
        "from datetime import datetime\nnow = datetime.now",
        "from uuid import uuid4\nx = uuid4()",
        "import uuid\nx = uuid.uuid1()",
        "x = hash('a')",
        "open('f')",
        "for x in {1, 2}: pass",
        "for x in set(y): pass",
        "x = [a for a in {b for b in c}]",
        "s = frozenset(y)\nfor x in s: pass",
        "S: frozenset[str] = f()\nx = list(S)",
        "from typing import Final\nS: Final[frozenset[str]] = f()\nx = tuple(S)",
        "def f(s: set[int]):\n    return [*s]",
        "def f(s: set[int] | None):\n    return {k: 1 for k in s}",
        "class C:\n    seen: set[str]\ndef f(c):\n    for x in c.seen: pass",
        "class C:\n    def __init__(self):\n        self.seen = set()\n    def f(self):\n        return ','.join(self.seen)",
        "s = {1}\nt = s | other\nx = next(iter(t))",
        "for k in a.keys() & b.keys(): pass",
        "s = set()\ns.pop()",
        "s = {1}\ntotal = sum(s)",
        "S = {1}\ndef f():\n    return [x for x in S]",
        "def f():\n    s = {1}\n    return lambda: list(s)",
    ],
)
def test_the_check_finds(source: str) -> None:
    """Each of these depends on more than its inputs, and is found."""
    assert impurities(source)


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime, timezone\nx = datetime.fromtimestamp(ms / 1000, timezone.utc)",
        "import uuid\nx = uuid.uuid5(a, b)",
        "s = {1, 2}\nx = sorted(s)",
        "s = {1, 2}\nx = 1 in s and len(s) and any(a > 1 for a in s)",
        "x = sorted(a for a in {1, 2})",
        "for k in {'a': 1}: pass",
        "d = {}\nfor k in d.keys(): pass",
        "x = {a for a in {1, 2}}",
        "def f(now_ms: int): return now_ms",
        "x = record.time",
        "xs.pop()",
        "s = {1}\nt = {*s, 2}",
        "s = set()\ns.update(x for x in {1, 2})",
        "def f():\n    names = {1}\ndef g(names):\n    return [*names]",
        "def f():\n    names = {1}\ndef g(x):\n    return [*x.names]",
    ],
)
def test_the_check_passes(source: str) -> None:
    """Each of these depends on its inputs alone, and passes."""
    assert impurities(source) == []
