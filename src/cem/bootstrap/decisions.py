"""Making a decision again from its record and the policy that it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from cem.bootstrap.parts import open_parts
from cem.bootstrap.policies import find_policy, read_policy
from cem.domain.events import DecisionMade, Received, decode
from cem.nba import Answer, Policy, PolicyError, remake, replay
from cem.ports import Log, Record
from cem.settings import Settings
from cem.streams.partition import lane_of
from cem.streams.topics import DECISIONS

__all__ = ["NotReplayable", "ReplayedDecision", "make_again", "replay_decision"]

_PIECE: Final = 20_000


class NotReplayable(ValueError):
    """There is nothing to make the decision of; the message says what is missing."""


class ReplayedDecision(msgspec.Struct, frozen=True):
    """A decision, made again."""

    decision_id: str
    policy_hash: str
    #: "here": the policy files in force here; "log": as `cem.control` keeps it.
    policy_from: str
    #: Whether the record made again has the bytes of the one on the log.
    equal: bool
    #: Fields of the record that differ.
    different: list[str]
    answer: Answer


async def replay_decision(
    settings: Settings, decision_id: str, *, progress: Callable[[str], None]
) -> ReplayedDecision:
    """Find the decision on the log and make it again. Raises NotReplayable, Unavailable, SettingsError."""
    async with open_parts(settings) as parts:
        found = await _find(parts.log, settings.partitions, decision_id, progress)
        wanted = found[1].policy_hash
        policy, origin = read_policy(settings)[0], "here"
        if policy.catalogue.version != wanted:
            progress(f"policy {wanted} is not the one here: looking for it on the log")
            try:
                kept = await find_policy(parts.log, settings.partitions, wanted)
            except PolicyError as error:
                raise NotReplayable(f"policy {wanted} cannot be read by this version: {error}") from None
            if kept is None:
                msg = (
                    f"decision {decision_id} was made under policy {wanted}, which the log does not have: "
                    "point CEM_POLICIES at the files of that time"
                )
                raise NotReplayable(msg)
            policy, origin = kept, "log"
    return make_again(*found, policy, origin)


def make_again(record: Record, event: DecisionMade, policy: Policy, origin: str) -> ReplayedDecision:
    """Return the decision of a record, made again under the policy that it names. Pure."""
    again = remake(event, policy)
    equal = msgspec.json.encode(again) == record.value
    fields = event.__struct_fields__
    different = [name for name in fields if getattr(again, name) != getattr(event, name)]
    return ReplayedDecision(
        event.decision_id, event.policy_hash, origin, equal, different, replay(event, policy)
    )


async def _find(
    log: Log, partitions: int, decision_id: str, progress: Callable[[str], None]
) -> tuple[Record, DecisionMade]:
    """Return the decision's record, the newest first. Raises NotReplayable."""
    customer_id = decision_id.partition(".")[0]
    lane = lane_of(customer_id, partitions)
    first, end = (await log.bounds(lane, [DECISIONS]))[DECISIONS]
    key = customer_id.encode()
    for stop in range(end, first, -_PIECE):
        for record in reversed(await log.read(DECISIONS, lane, max(first, stop - _PIECE), stop)):
            if record.key != key:
                continue
            item = decode(record)
            event = item.event if type(item) is Received else None
            if type(event) is DecisionMade and event.decision_id == decision_id:
                return record, event
        progress(f"{DECISIONS}[{lane}]: looked through to offset {max(first, stop - _PIECE)}")
    msg = (
        f"there is no decision {decision_id} on the log: it was never recorded (its answer said logged: false), or it "
        "is older than the log keeps"
    )
    raise NotReplayable(msg)
