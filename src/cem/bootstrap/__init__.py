"""The only wiring: settings in, running parts out. Nothing else in the program chooses an implementation."""

from __future__ import annotations

from cem.bootstrap.api import run_api
from cem.bootstrap.checkpoints import CheckpointFiles
from cem.bootstrap.learner import model_names, run_learner
from cem.bootstrap.parts import Parts, open_parts
from cem.bootstrap.policy_files import policy_text
from cem.bootstrap.replay import Replayed, replay_lanes
from cem.bootstrap.rules import read_rules
from cem.bootstrap.rules_archive import RulesArchive
from cem.bootstrap.segments import read_segments
from cem.bootstrap.worker import make_stepper, resume_key, run_worker

__all__ = [
    "CheckpointFiles",
    "Parts",
    "Replayed",
    "RulesArchive",
    "make_stepper",
    "model_names",
    "open_parts",
    "policy_text",
    "read_rules",
    "read_segments",
    "replay_lanes",
    "resume_key",
    "run_api",
    "run_learner",
    "run_worker",
]
