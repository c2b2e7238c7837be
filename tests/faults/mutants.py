"""Ways to build the pipeline wrongly, each a small edit of the real source. The simulation has to catch every one."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import Any, NamedTuple

from cem import following, hot_states, journal, limits, opening, pipeline
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
        for module in (journal, limits, following, hot_states, opening, pipeline):
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


_LOAD = "token, blobs = await self.patiently(lambda: self._store.load(self.lane, keys))"
_SAVE = "        answer = await self.patiently(lambda: self._store.save(self.lane, save))\n"
_PUBLISH = "            await self.patiently(lambda: self._publisher.publish(emissions))\n"
_CUT = "await self._advance(topic, cut, cut[-1].offset + 1, lane_time_ms)"
_SAVE_OWN = "            await self._save(header, outcome.changed, woken, dict(outcome.sorted_sets), emissions, states)\n"
_ANNOUNCE = "offset = followed.offset if followed is not None else await self._announce(entry)"
_FOLLOW_TICK = "await self._advance_tick(entry.due, entry.lane_time_ms, followed)"
_CONTINUATION = "continuation = list(history.after(header.token))"

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
        + "            await self._announce(entry)\n",
    ),
    (
        # Before the save alone would do no harm: what is announced is going to be said, by whomever.
        "publish before it is announced and saved",
        pipeline,
        "        " + _ANNOUNCE,
        """        stamp = (TOKEN_HEADER, entry.token.encode())
        said = [Emission(e.topic, e.key, e.value, (*e.headers, stamp), e.partition) for e in outcome.emissions]
        if said and followed is None:
            await self.patiently(lambda: self._publisher.publish(said))
        """
        + _ANNOUNCE,
    ),
    (
        "no outbox",
        pipeline,
        "Save(self._stored, header, values, sorted_sets, emissions)",
        "Save(self._stored, header, values, sorted_sets, ())",
    ),
    ("outbox not published again", pipeline, "if found.outbox and not continuation:", "if False:"),
    ("nothing published", pipeline, _PUBLISH, "            pass\n"),
    ("journal not followed", opening, _CONTINUATION, "continuation = []"),
    ("journal followed for one entry only", opening, _CONTINUATION, _CONTINUATION + "[:1]"),
    ("journal not written", pipeline, _ANNOUNCE, "offset = 0"),
    ("journal written, never compared", pipeline, "        if offset != end:\n", "        if False:\n"),
    (
        "the last writer wins the journal",
        journal,
        "self._next.setdefault(entry.previous, (offset, entry))",
        "self._next[entry.previous] = (offset, entry)",
    ),
    (
        "followed saves get new tokens",
        pipeline,
        "            entry.token, before.token,",
        "            self._new_token() if followed else entry.token, before.token,",
    ),
    (
        "followed ticks get the time of now",
        pipeline,
        _FOLLOW_TICK,
        "await self._advance_tick(entry.due, entry.lane_time_ms + 1, followed)",
    ),
    (
        "last followed save not published",
        pipeline,
        "if emissions and (followed is None or followed.last):",
        "if emissions and followed is None:",
    ),
    ("cache kept on closing", hot_states, "        self.states.clear()\n", "        pass\n"),
    (
        "redelivered records applied again",
        pipeline,
        "records = [r for r in records if r.offset >= applied]",
        "pass",
    ),
    ("position beyond the cut", pipeline, _CUT, _CUT.replace("cut[-1]", "records[-1]")),
    (
        "position one short",
        pipeline,
        _CUT,
        "await self._advance(topic, cut, max(cut[-1].offset, applied), lane_time_ms)",
    ),
    ("time goes back", pipeline, "max(lane_time_ms, self._header.lane_time_ms)", "lane_time_ms"),
    (
        "journal read from behind its place",
        opening,
        "first = header.journal_offset\n",
        "first = header.journal_offset + 1\n",
    ),
    (
        "fence ignored",
        pipeline,
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
        pipeline,
        _SAVE,
        """        half = msgspec.structs.replace(header, token=header.token + "'", positions={})
        await self.patiently(lambda: self._store.save(self.lane, Save(self._stored, half, values, sorted_sets, emissions)))
        save = Save(half.token, header, {}, {}, emissions)
"""
        + _SAVE,
    ),
    (
        "a save retried under a new token",
        pipeline,
        _SAVE,
        """        answer = await self.patiently(lambda: self._store.save(self.lane, Save(self._stored, msgspec.structs.replace(header, token=self._new_token()), values, sorted_sets, emissions)))
""",
    ),
    (
        "followed saves held back and never made",
        pipeline,
        "        if held is not None:\n            changed",
        "        if False:\n            changed",
    ),
    (
        "states dropped that are held back",
        pipeline,
        "if self._held is not None and self._hot.would_overflow(customers):",
        "if False:",
    ),
    (
        "a held save without its first changes",
        pipeline,
        "held = self._held = self._held or Gathered()",
        "held = self._held = Gathered()",
    ),
    ("a run that takes in the last entry", following, "while stop < last:", "while stop <= last:"),
    (
        "a run at the time of its first entry",
        pipeline,
        "max(entry.lane_time_ms, lane_time_ms)",
        "first.lane_time_ms",
    ),
    (
        "a run's position after its first entry",
        pipeline,
        "Position(last.next, applied",
        "Position(first.next, applied",
    ),
    (
        "a run without the records of its last entry",
        following,
        "yield entry, start, stop",
        "yield entry, start, min(stop, count - 1)",
    ),
    ("a tick that does not say whom it woke", pipeline, "tuple(due),", "tuple(due[:1]),"),
    (
        "the state of the lane itself not given",
        pipeline,
        "[*self._stepper.standing(self.lane), *subjects]",
        "subjects",
    ),
    (
        "what was read of another history is used",
        pipeline,
        "        if token != self._stored:",
        "        if False:",
    ),
    (
        "a lane left open whose save did not come about",
        pipeline,
        "        if kind is not None:",
        "        if False:",
    ),
    ("followed under the rules of now", pipeline, "self._stepper = stepper.at(entry.versions)", "pass"),
    (
        "a model asked again when a step is made again",
        pipeline,
        "scores = None if followed is None else followed.entry.scores",
        "scores = None",
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
