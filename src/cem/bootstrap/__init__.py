"""The only wiring: settings in, running parts out. Nothing else in the program chooses an implementation.

What is asked for is imported when it is asked for: a command that writes one record, as `cem brake on` does, must not
wait for all that a worker and the API are made of.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
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

#: Where each of them is.
_MODULES: Final = {
    "CheckpointFiles": "checkpoints",
    "Parts": "parts",
    "Replayed": "replay",
    "RulesArchive": "rules_archive",
    "make_stepper": "worker",
    "model_names": "learner",
    "open_parts": "parts",
    "policy_text": "policy_files",
    "read_rules": "rules",
    "read_segments": "segments",
    "replay_lanes": "replay",
    "resume_key": "worker",
    "run_api": "api",
    "run_learner": "learner",
    "run_worker": "worker",
}


def __getattr__(name: str) -> Any:
    """Return what `__all__` names, and keep it. Raises AttributeError."""
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = found
    return found
