"""How `cem state show` prints a state."""

from __future__ import annotations

from cem.cli.state import tree_lines


def test_rows_are_lines_and_amounts_have_their_currency() -> None:
    """Nested facts are indented, a list's rows stand on a line each, amounts also say their value."""
    shown = {
        "customer_id": "C1",
        "billed_minor": 1240,
        "sums_minor": {"account": {"plan": 390}},
        "recent": [
            {"at": "2026-03-02T00:00:00Z", "ended": True},
            {"price_minor": 5, "turns": [{"text": "a"}]},
        ],
    }
    assert list(tree_lines(shown, "EUR")) == [
        "customer_id: C1",
        "billed_minor: 1240 (€12.40)",
        "sums_minor:",
        "  account:",
        "    plan: 390 (€3.90)",
        "recent:",
        "  - at: 2026-03-02T00:00:00Z, ended: yes",
        "  - price_minor: 5 (€0.05)",
        "    turns:",
        "      - text: a",
    ]


def test_what_a_customer_wrote_steers_no_terminal() -> None:
    """Control characters are spelled out."""
    assert list(tree_lines({"text": "a\x1b[31m\nb"}, "EUR")) == ["text: a\\x1b[31m\\nb"]
