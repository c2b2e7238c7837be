"""Ways to build the pipeline wrongly, each a small edit of the real source. The simulation has to catch every one."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import Any, NamedTuple

from cem import following, hot_states, journal, lane_memory, limits, opening, pipeline
from cem.stores import memory

__all__ = ["MUTANTS", "Mutant"]


class Mutant(NamedTuple):
    """One wrong edit: in which module, what is replaced by what, and what would go wrong."""

    name: str
    module: types.ModuleType
    old: str
    new: str

    def build(self) -> dict[str, Callable[..., Any]]:
        """Return the arguments of `History` that put the mutant in the place of the real thing."""
        source = inspect.getsource(self.module)
        assert source.count(self.old) >= 1, f"{self.name}: the source no longer has {self.old!r}"
        if self.module is memory:
            return {"make_store": _built(memory, source.replace(self.old, self.new), {}).MemoryCore}
        # Everything above the mutated module is made again, on top of it.
        names: dict[str, Any] = {}
        for module in (journal, limits, hot_states, opening, lane_memory, following, pipeline):
            text = inspect.getsource(module)
            made = _built(module, text.replace(self.old, self.new) if module is self.module else text, names)
            names |= {name: getattr(made, name) for name in module.__all__}
        return {"make_pipeline": names["LanePipeline"]}


def _built(module: types.ModuleType, source: str, names: dict[str, Any]) -> Any:
    """Return `module` made of another source, with what it imports replaced by `names`."""
    made = types.ModuleType(module.__name__)
    made.__dict__["__file__"] = module.__file__
    exec(compile(source, f"<{module.__name__} mutated>", "exec"), made.__dict__)
    made.__dict__.update({name: value for name, value in names.items() if name in made.__dict__})
    return made


_SAVE = "        answer = await self._patiently(lambda: self._store.save(self._lane, save))\n"
_PUBLISH = "            await self.patiently(lambda: self._publisher.publish(emissions))\n"
_STOP = "records[-1].offset + 1"
_SAVE_OWN = "        await memory.save(self._stepper, header, outcome.changed, entry.due, sorted_sets, emissions, states)\n"
_ANNOUNCE = "offset = await self._announce(entry)"
_CONTINUATION = "continuation = list(history.after(token))"

_SOURCE = inspect.getsource(pipeline)
#: From the announcement of a save of one's own to that save.
_OWN = _SOURCE[_SOURCE.index(_ANNOUNCE) : _SOURCE.index(_SAVE_OWN) + len(_SAVE_OWN)]

#: (name, module, old, new)
_EDITS: tuple[tuple[str, types.ModuleType, str, str], ...] = (
    (
        "a counter for the token",
        pipeline,
        "self._new_token()",
        'str(int(header.token or "0") + 1)',
    ),
    (
        "the journal after the save",
        pipeline,
        _OWN,
        _OWN.replace("await self._announce(entry)", "self._journal_end")
        + "        await self._announce(entry)\n",
    ),
    (
        # Before the save alone would do no harm: what is announced is going to be said, by whomever.
        "publish before it is announced and saved",
        pipeline,
        "        " + _ANNOUNCE,
        """        said = stamped(outcome.emissions, entry.token)
        if said:
            await self.patiently(lambda: self._publisher.publish(said))
        """
        + _ANNOUNCE,
    ),
    (
        "no outbox",
        lane_memory,
        "Save(self._stored, header, values, sorted_sets, emissions)",
        "Save(self._stored, header, values, sorted_sets, ())",
    ),
    (
        "outbox not published again",
        pipeline,
        "if found.outbox and not found.portion.continuation:",
        "if False:",
    ),
    ("nothing published", pipeline, _PUBLISH, "            pass\n"),
    ("journal not followed", opening, _CONTINUATION, "continuation = []"),
    ("journal followed for one entry only", opening, _CONTINUATION, _CONTINUATION + "[:1]"),
    ("the first portion of the journal is all", pipeline, "if not portion.more or", "if True or"),
    ("a portion begins too late", pipeline, "token, portion.end)", "token, portion.end + 1)"),
    (
        "the words of a portion are lost behind the next",
        pipeline,
        "            if portion.continuation:\n                said =",
        "            if True:\n                said =",
    ),
    ("journal not written", pipeline, _ANNOUNCE, "offset = 0"),
    ("journal written, never compared", pipeline, "        if offset != end:\n", "        if False:\n"),
    (
        "the last writer wins the journal",
        journal,
        "self._next.setdefault(entry.previous, (offset, entry))",
        "self._next[entry.previous] = (offset, entry)",
    ),
    (
        "followed saves get other tokens",
        following,
        "memory.stand_at(stepper, header, save=is_last)",
        """memory.stand_at(
                stepper, __import__("msgspec").structs.replace(header, token=header.token + "'"), save=is_last
            )""",
    ),
    (
        "followed ticks get the time of now",
        following,
        'Moment(self._lane, "", time_ms,',
        'Moment(self._lane, "", time_ms + 1,',
    ),
    (
        "last followed save not published",
        following,
        "                said = emissions\n",
        "                pass\n",
    ),
    ("cache kept on closing", hot_states, "        self.states.clear()\n", "        pass\n"),
    (
        "redelivered records applied again",
        pipeline,
        "records = [r for r in records if r.offset >= applied]",
        "pass",
    ),
    ("position beyond the cut", pipeline, _STOP, "records[-1].offset + 2"),
    ("position one short", pipeline, _STOP, "max(records[-1].offset, self.position(topic).next_offset)"),
    ("time goes back", pipeline, "max(lane_time_ms, memory.header.lane_time_ms)", "lane_time_ms"),
    (
        "journal read from behind its place",
        opening,
        "first = header.journal_offset\n",
        "first = header.journal_offset + 1\n",
    ),
    (
        "fence ignored",
        lane_memory,
        '        if answer.outcome == "fenced":\n            raise Fenced(answer.found)\n',
        "",
    ),
    (
        "publication not awaited before the next save",
        pipeline,
        _PUBLISH,
        "            self._later = getattr(self, '_later', []) + list(emissions)\n            if len(self._later) > 3:\n                await self.patiently(lambda: self._publisher.publish(self._later))\n                self._later = []\n",
    ),
    (
        "position saved in a second call",
        lane_memory,
        _SAVE,
        """        half = msgspec.structs.replace(header, token=header.token + "'", positions={})
        await self._patiently(lambda: self._store.save(self._lane, Save(self._stored, half, values, sorted_sets, emissions)))
        save = Save(half.token, header, {}, {}, emissions)
"""
        + _SAVE,
    ),
    (
        "a save retried under a new token",
        lane_memory,
        _SAVE,
        """        answer = await self._patiently(lambda: self._store.save(self._lane, Save(self._stored, msgspec.structs.replace(header, token=header.token + "'"), values, sorted_sets, emissions)))
""",
    ),
    (
        "followed saves held back and never made",
        lane_memory,
        "        if held is not None:\n            changed",
        "        if False:\n            changed",
    ),
    (
        "states dropped that are held back",
        lane_memory,
        "if self._held is not None and self._hot.would_overflow(customers):",
        "if False:",
    ),
    (
        "a held save without its first changes",
        lane_memory,
        "held = self._held = self._held or Gathered()",
        "held = self._held = Gathered()",
    ),
    (
        "a run at the time of its first entry",
        following,
        "max(entry.lane_time_ms, lane_time_ms)",
        "run[0][1].lane_time_ms",
    ),
    (
        "a run's position after its first entry",
        following,
        "memory.header_after(last, offset,",
        "memory.header_after(__import__('msgspec').structs.replace(last, next=run[0][1].next), offset,",
    ),
    (
        "a run without the records of its last entry",
        following,
        "yield entry, start, stop",
        "yield entry, start, min(stop, count - 1)",
    ),
    ("a tick that does not say whom it woke", pipeline, "tuple(due))", "tuple(due[:1]))"),
    (
        "the state of the lane itself not given",
        lane_memory,
        "[*stepper.standing(self._lane), *subjects]",
        "subjects",
    ),
    (
        "what was read of another history is used",
        lane_memory,
        "        if token != self._stored:",
        "        if False:",
    ),
    (
        "a lane left open whose save did not come about",
        lane_memory,
        "        if kind is not None:",
        "        if False:",
    ),
    ("followed under the rules of now", following, "self._stepper.at(first.versions)", "self._stepper"),
    (
        "a model asked again when a step is made again",
        following,
        ", scores=entry.scores)",
        ")",
    ),
    (
        "an entry that was followed already is gone on from",
        pipeline,
        "if (successor := history.next_of(entry.token)) is not None:",
        "if False:",
    ),
    (
        "an offset that the broker does not name is believed",
        pipeline,
        "        if offset != end:\n",
        "        if offset not in (end, -1):\n",
    ),
    (
        "a piece that begins one record late",
        limits,
        "        yield records[start:stop]\n        start = stop\n",
        "        yield records[start:stop]\n        start = stop + 1\n",
    ),
    ("states dropped that are in hand", hot_states, "if customer_id not in wanted:", "if True:"),
    (
        "what a step changes is not what is kept",
        hot_states,
        "return {c: state for c in",
        "return {c: __import__('copy').copy(state) for c in",
    ),
    ("due times not known of what is loaded", hot_states, "self._dues[customer_id] = due\n", "pass\n"),
    ("due times kept on closing", hot_states, "        self._dues.clear()\n", ""),
    ("a due time that goes stays in the store", hot_states, "if due != dues.get(customer_id):", "if due:"),
    ("a forgotten state is kept as nothing", hot_states, "data or None", "data"),
    (
        "of followed steps the first word counts",
        hot_states,
        "self.sorted_sets.setdefault(name, {}).update(members)",
        "self.sorted_sets[name] = {**members, **self.sorted_sets.get(name, {})}",
    ),
    (
        "of followed steps the first is published again",
        hot_states,
        "        self.emissions = emissions\n",
        "        self.emissions = self.emissions or emissions\n",
    ),
)

MUTANTS: tuple[Mutant, ...] = tuple(Mutant(*edit) for edit in _EDITS)
