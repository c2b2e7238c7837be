"""The rules of the segments, read from the policy files."""

from __future__ import annotations

from importlib import resources

from cem.bootstrap.policy_files import policy_text
from cem.nba import PolicyError
from cem.segments import FILE, SegmentRules, load
from cem.settings import Settings, SettingsError

__all__ = ["read_segments", "read_segments_file", "shipped_segments"]


def read_segments(settings: Settings) -> SegmentRules:
    """Return the rules of the segments in force here. Raises SettingsError with file and line."""
    return read_segments_file(settings)[0]


def read_segments_file(settings: Settings) -> tuple[SegmentRules, str]:
    """Return the rules of the segments in force here, and their file's text. Raises SettingsError with file and line."""
    text, origin = policy_text(settings, FILE)
    try:
        return load(text, origin), text
    except PolicyError as error:
        raise SettingsError(str(error)) from None


def shipped_segments() -> SegmentRules:
    """Return the rules that ship with the program."""
    return load(resources.files("cem.policies").joinpath(FILE).read_text("utf-8"))
