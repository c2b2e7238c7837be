"""`cem brake on --action`: a name that no action has is set, for a brake must not wait, and warned of."""

from __future__ import annotations

from pathlib import Path

from cem.cli.brake import unknown_action
from cem.settings import Settings


def test_a_misspelt_action_is_warned_of() -> None:
    """With the nearest name: who believes that messages have stopped, and they have not, looks no further."""
    warning = unknown_action(Settings(), "sms_bundel")
    assert warning is not None
    assert "'sms_bundel'" in warning
    assert warning.endswith("; did you mean 'sms_bundle'?")


def test_an_action_of_the_policies_is_not() -> None:
    """Nor one when the policies here cannot be read: they are not what the brake is about."""
    assert unknown_action(Settings(), "sms_bundle") is None


def test_policies_that_cannot_be_read_do_not_hinder(tmp_path: Path) -> None:
    """The brake is on already."""
    (tmp_path / "actions.yaml").write_text("fallback: [")
    assert unknown_action(Settings(policies=tmp_path), "sms_bundel") is None
