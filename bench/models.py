"""`make bench-models`: how good, how quick and how large the models are, on public data sets.

The data sets are not part of the project: `CEM_BENCH_DATA` names their folder (`../shared/data` by default). Models
whose data are not there are passed by, aloud.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Final

from bench.common import ROOT, Row, Target, check_targets, say, show, write_results

__all__: list[str] = []

#: Modules with `measured(data)` and `TARGETS`.
PARTS: Final = {
    "text": "bench.models_text",
    "tabular": "bench.models_tabular",
    "learner": "bench.learner",
}


def main() -> int:
    """Measure what the command line names, or all; return the exit code."""
    data = Path(os.environ.get("CEM_BENCH_DATA", ROOT.parent / "shared" / "data"))
    if not data.is_dir():
        say(f"NOT RUN: there are no data sets in {data}; CEM_BENCH_DATA names their folder")
        return 0
    wanted = [PARTS[name] for name in sys.argv[1:]] or list(PARTS.values())
    rows: list[Row] = []
    targets: list[Target] = []
    for name in wanted:
        part = importlib.import_module(name)
        rows += part.measured(data)
        targets += part.TARGETS
    show(
        "Models, one pass, predicted before learnt",
        ("figure", "value", "unit"),
        [(r.name, r.value, r.unit) for r in rows],
    )
    write_results("models", rows)
    return 0 if check_targets(rows, targets) else 1


if __name__ == "__main__":
    sys.exit(main())
