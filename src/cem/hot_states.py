"""The states that a lane holds in memory, and what of them has to be saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from cem.domain.subjects import state_suffix
from cem.ports import Emission
from cem.stepper import Outcome, Stepper

__all__ = ["Gathered", "HotStates"]

S = TypeVar("S")


class HotStates(Generic[S]):
    """Subjects' states as of the last save, or changed in place by the step that is about to be saved."""

    def __init__(self, limit: int) -> None:
        """limit: how many are kept."""
        self.states: dict[str, S] = {}
        #: Running mean of an encoded state, in bytes.
        self.mean_bytes = 600.0
        self._limit = limit
        #: When (lane time, ms) each wants its next tick, as the store has it; of those that want one.
        self._dues: dict[str, int] = {}

    def clear(self) -> None:
        """Forget them all."""
        self.states.clear()
        self._dues.clear()

    def would_overflow(self, customers: Sequence[str]) -> bool:
        """Tell whether bringing the customers in would drop others."""
        states = self.states
        return len(states) + sum(1 for c in customers if c not in states) > self._limit

    def find(self, customers: Sequence[str]) -> dict[str, S]:
        """Return the states of those of the customers that are here.

        Whoever asks for them again asks that: it is small, and every look into a memory of many thousands misses the
        processor's caches.
        """
        get = self.states.get
        return {c: state for c in customers if (state := get(c)) is not None}

    def make_room(self, missing: Sequence[str], customers: Sequence[str]) -> None:
        """Drop states, if there are too many, before the `missing` of the `customers` come; none of the customers'."""
        states = self.states
        if len(states) + len(missing) > self._limit and len(states) > len(missing):
            # Dictionaries keep insertion order, so this drops what was loaded longest ago. An eighth, for looking
            # through all of them costs something; not more, for whoever is dropped has to be loaded again.
            keep = self._limit - max(len(missing), self._limit // 8)
            wanted = set(customers)
            for customer_id in list(states)[: max(0, len(states) - keep)]:
                if customer_id not in wanted:
                    del states[customer_id]
                    self._dues.pop(customer_id, None)

    def add(
        self, stepper: Stepper[S, Any], customers: Sequence[str], blobs: Sequence[bytes | None]
    ) -> dict[str, S]:
        """Take in what the store has of the customers, None being one without a past; return their states."""
        added: dict[str, S] = {}
        for customer_id, blob in zip(customers, blobs, strict=True):
            state = (
                stepper.new_state(customer_id) if blob is None else stepper.decode_state(customer_id, blob)
            )
            added[customer_id] = state
            if blob is not None and (due := stepper.due_of(state)) is not None:
                self._dues[customer_id] = due
        self.states.update(added)
        return added

    def changes(
        self,
        stepper: Stepper[S, Any],
        changed: Sequence[str],
        woken: Sequence[str],
        states: Mapping[str, S],
    ) -> tuple[dict[str, bytes | None], dict[str, int | None]]:
        """Return the values to save by key suffix, and the due times that differ from the store's by customer.

        Those of `woken`, whose due time has come, are always among them. `states` has them all.
        """
        dues = self._dues
        values: dict[str, bytes | None] = {}
        due_changes: dict[str, int | None] = {}
        size = 0
        encode, due_of = stepper.encode_state, stepper.due_of
        for customer_id in changed:
            state = states[customer_id]
            data = encode(state)
            size += len(data)
            values[state_suffix(customer_id)] = data or None
            due = due_of(state)
            if due != dues.get(customer_id):
                due_changes[customer_id] = due
        for customer_id in woken:  # a due time without a changed state must still go away
            due_changes.setdefault(customer_id, stepper.due_of(states[customer_id]))
        for customer_id, due in due_changes.items():
            if due is not None:
                dues[customer_id] = due
            else:
                dues.pop(customer_id, None)
        if values:
            self.mean_bytes += 0.2 * (size / len(values) - self.mean_bytes)
        return values, due_changes


class Gathered:
    """What several followed steps changed, to be saved at once; the latest word on each customer and member wins."""

    def __init__(self) -> None:
        self.changed: dict[str, None] = {}
        self.woken: dict[str, None] = {}
        self.sorted_sets: dict[str, dict[str, int | None]] = {}
        #: Of the last step only: what those before it said was published before the next one was announced.
        self.emissions: Sequence[Emission] = ()

    def add(self, outcome: Outcome, woken: Sequence[str], emissions: Sequence[Emission]) -> None:
        """Take in what one more step changed, whom its tick woke, and what it says under its save's token."""
        self.emissions = emissions
        changed = self.changed
        for subject in outcome.changed:
            changed[subject] = None
        for subject in woken:
            self.woken[subject] = None
        for name, members in outcome.sorted_sets.items():
            self.sorted_sets.setdefault(name, {}).update(members)
