"""docs/next-best-action.md and docs/api.md name everything that there is."""

from __future__ import annotations

from pathlib import Path

import msgspec

from cem.api.metrics import ApiMetrics
from cem.api.parameters import CALL_PARAMETERS
from cem.api.problems import KINDS
from cem.nba import FACTS
from cem.nba.raw_policy import RawAction, RawDecisionFile
from tests.builders.nba import shipped_policy

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "next-best-action.md").read_text()
API = (DOCS / "api.md").read_text()


def test_every_fact_action_and_field_is_on_the_page() -> None:
    """With what it says, in the words of the table of facts."""
    assert [f.name for f in FACTS.values() if f"| `{f.name}` |" not in PAGE or f.says not in PAGE] == []
    assert [a.action for a in shipped_policy().catalogue.actions if f"| `{a.action}` |" not in PAGE] == []
    fields = [f.name for kind in (RawAction, RawDecisionFile) for f in msgspec.structs.fields(kind)]
    assert [name for name in fields if name not in PAGE and name != "version"] == []


def test_every_problem_metric_and_parameter_is_on_the_page() -> None:
    """So nobody has to read the code to know what an answer means."""
    assert [k.slug for k in KINDS.values() if f"| `{k.slug}` | {k.status} | {k.title}" not in API] == []
    names = [
        name
        for name in ApiMetrics().registry._names_to_collectors
        if not name.endswith(("_created", "_bucket", "_sum", "_count"))
    ]
    families = {name.removesuffix("_total") for name in names}
    assert [name for name in sorted(families) if name not in API] == []
    assert [name for name in CALL_PARAMETERS if f"`{name}`" not in API] == []
