"""Segments' rules for tests: the shipped ones, and some that name every fact there is."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from cem.segments import SegmentRules, load
from cem.segments.facts import TYPES

__all__ = ["every_fact", "rules_of", "shipped_segments"]

SHIPPED = Path(__file__).parents[2] / "src" / "cem" / "policies" / "segments.yaml"
#: What a number is compared with, so that ordinary histories cross it.
_LIMITS = {
    "tenure_days": (1, 30.5),
    "contract_days_left": (0, 25),
    "overdue_days": (0, 3),
    "days_since_contact": (0.5, 12),
    "days_since_bill": (0.25, 9),
    "days_since_survey": (2, 20),
    "fault_hours_30d": (5, 100),
    "satisfaction": (2.5, 3.4),
    "sms_top_line_segments": (3, 40),
    "sms_allowance_share": (0.5, 1),
    "overdue_minor": (0, 100),
    "answer_chance": (0.15, 0.3),
    "need_data": (0.2, 0.5),
    "need_texting": (0.2, 0.5),
    "need_roaming": (0.2, 0.5),
    "need_family_control": (0.2, 0.5),
    "need_coverage": (0.2, 0.5),
    "need_device": (0.2, 0.5),
    "need_price_certainty": (0.2, 0.5),
    "potential": (0.1, 0.6),
    "headroom_minor": (1, 400),
    "experience": (50, 65),
}


@lru_cache(maxsize=1)
def shipped_segments() -> SegmentRules:
    """Return the shipped rules, loaded."""
    return load(SHIPPED.read_text())


def rules_of(**rules: str) -> SegmentRules:
    """Return such segments, loaded."""
    lines = ["segments:"]
    for name, rule in rules.items():
        lines.append(f"  {name}: {{title: T, says: S, when: '{rule}'}}")
    return load("\n".join(lines))


@lru_cache(maxsize=2)
def every_fact(half: int) -> SegmentRules:
    """Return rules that name every other fact that rules may name (half 0 or 1), one a segment, from both sides.

    There are more facts than segments may be.
    """
    rules: dict[str, str] = {}
    for name, (kind, *_) in list(TYPES.items())[half::2]:
        if kind == "bool":
            rules[name] = name
        elif kind == "string":
            rules[name] = f'{name} != "" && {name} != "stranger"'
        else:
            low, high = _LIMITS.get(name, (0, 2))
            written = (f"{v:.1f}" if kind == "double" else str(int(v)) for v in (low, high))
            rules[name] = "{0} >= {1} && {0} < {2} || {0} > 1000000".format(name, *written).replace(
                "1000000", "1000000.0" if kind == "double" else "1000000"
            )
    return rules_of(**rules)
