"""The policy of next best actions: both files loaded, every name, rule and sentence in them checked.

What is refused is refused here, with file, line and the nearest known name, so that `decide` cannot fail on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from cem.domain.alert_types import ALERT_TYPES
from cem.nba.catalogue import Action, Amount, Catalogue, ContactPolicy, Treatment
from cem.nba.contact_policy import in_scope
from cem.nba.expressions import ExpressionError, FactType
from cem.nba.fact_table import ALWAYS_FROZEN, FACT_TYPES, INPUT_TOPICS
from cem.nba.matters import matters_of
from cem.nba.params import Cap, Exploration, Floor, Params, Scope
from cem.nba.policy_file import PolicyError, PolicyFile, nearest
from cem.nba.raw_policy import RawAction, RawActionsFile, RawDecisionFile, RawGroup, RawScope
from cem.nba.rules import Expressions, Rule
from cem.nba.sentences import Sentences, TemplateError, Text, compile_sentences

__all__ = ["ACTIONS_FILE", "DECISION_FILE", "Policy", "PolicyError", "load_policy"]

ACTIONS_FILE: Final = "actions.yaml"
DECISION_FILE: Final = "decision.yaml"

_DAY_MS: Final = 86_400_000
_STAGES: Final = ("eligibility", "applicability", "suitability")
#: What a sentence may say of the action itself.
_OF_ACTION: Final[Mapping[str, FactType]] = {"price_minor": FactType("int"), "cost_minor": FactType("int")}
_VARIABLES: Final[Mapping[str, FactType]] = {**FACT_TYPES, **_OF_ACTION}
_Path = tuple[str | int, ...]


class Policy(msgspec.Struct, frozen=True):
    """A loaded policy: what `decide` needs besides the customer."""

    catalogue: Catalogue
    params: Params


def load_policy(texts: Mapping[str, str], *, currency: str, segments: Sequence[str] | None = None) -> Policy:
    """Return the policy of the files' texts (by file name). Raises PolicyError for the first thing wrong.

    `segments` are those that rules may name; None: any (a policy of the past).
    """
    actions_file = PolicyFile(ACTIONS_FILE, texts[ACTIONS_FILE])
    decision_file = PolicyFile(DECISION_FILE, texts[DECISION_FILE])
    decision = decision_file.convert(RawDecisionFile)
    types = dict(FACT_TYPES)
    if segments is not None:
        types["segments"] = types["segments"]._replace(among=tuple(segments))
    loader = _ActionsLoader(actions_file, decision.language, tuple(decision.topics), types)
    actions = loader.actions()
    params = _params(decision_file, decision, loader.expressions, actions, currency)
    names = {*ALWAYS_FROZEN, *loader.expressions.names}
    for action in actions:
        said = [action.rep, action.customer, *(t.customer for t in action.treatments.values() if t.customer)]
        names.update(name for sentences in said for name in sentences.names if name in FACT_TYPES)
    digest = hashlib.sha256()
    for name in (ACTIONS_FILE, DECISION_FILE):
        digest.update(f"{name}\0{texts[name]}\0".encode())
    digest.update(currency.encode())
    catalogue = Catalogue(
        actions, loader.expressions, tuple(sorted(names)), digest.hexdigest()[:32], loader.raw.fallback
    )
    return Policy(catalogue, params)


class _ActionsLoader:
    """Reads actions.yaml."""

    def __init__(
        self, file: PolicyFile, language: str, topics: Sequence[str], types: Mapping[str, FactType]
    ) -> None:
        self.file = file
        self.language = language
        #: What contacts, and alerts about them, can be about.
        self.topics_known = topics
        self.raw = file.convert(RawActionsFile)
        self.expressions = Expressions(types)
        self.rules: dict[str, Rule] = {}
        for rule_id, source in self.raw.rules.items():
            if rule_id.partition(".")[0] not in _STAGES:
                raise file.error(("rules", rule_id), f"a rule's id begins with one of {', '.join(_STAGES)}")
            self.rules[rule_id] = _rule(self.expressions, file, ("rules", rule_id), rule_id, source)
        self.used: set[str] = set()

    def actions(self) -> tuple[Action, ...]:
        """Return all actions, ordered by id."""
        for name, group in self.raw.groups.items():
            self.topics(("groups", name, "max_staleness_s"), group.max_staleness_s)
        found = tuple(self.action(name, raw) for name, raw in sorted(self.raw.actions.items()))
        if not found:
            raise self.file.error(("actions",), "a catalogue needs at least one action")
        fallback = next((a for a in found if a.action == self.raw.fallback), None)
        if fallback is None:
            raise self.file.error(
                ("fallback",),
                f"there is no action {self.raw.fallback!r}{nearest(self.raw.fallback, self.raw.actions)}",
            )
        if fallback.precedence != "service":
            raise self.file.error(("fallback",), "the fallback must be a service action: it sells nothing")
        if (
            max(fallback.gain.expression, fallback.cost.expression, fallback.delta_if_accepted.expression)
            >= 0
        ):
            raise self.file.error(
                ("actions", fallback.action), "the fallback's amounts must be plain numbers"
            )
        treatments = fallback.treatments.values()
        for sentences in (fallback.rep, fallback.customer, *(t.customer for t in treatments if t.customer)):
            if sentences.names:
                raise self.file.error(
                    ("actions", fallback.action, "sentences"),
                    "the fallback's sentences name no facts: it is said when none are known",
                )
        for rule_id in self.rules:
            if rule_id not in self.used:
                raise self.file.error(("rules", rule_id), f"no action uses the rule {rule_id!r}")
        return found

    def action(self, name: str, raw: RawAction) -> Action:
        path: _Path = ("actions", name)
        group = self.raw.groups.get(raw.group)
        if group is None:
            message = f"there is no group {raw.group!r}{nearest(raw.group, self.raw.groups)}"
            raise self.file.error((*path, "group"), message)
        self.topics((*path, "max_staleness_s"), raw.max_staleness_s)
        if not raw.treatments:
            raise self.file.error(
                (*path, "treatments"), "an action needs a treatment on at least one channel"
            )
        eligibility, applicability, suitability = (
            self.stage(stage, raw.group, group, path, raw) for stage in _STAGES
        )
        known = self.known((*eligibility, *applicability, *suitability))
        return Action(
            action=name,
            issue=group.issue,
            group=raw.group,
            precedence=raw.precedence,
            title=self.sentences((*path, "title"), raw.title, ()),
            rules=(*eligibility, *applicability, *suitability),
            max_staleness_s={**group.max_staleness_s, **raw.max_staleness_s},
            treatments={
                channel: Treatment(
                    t.treatment,
                    channel,
                    self.sentences((*path, "treatments", channel, "customer"), t.customer, known)
                    if t.customer
                    else None,
                )
                for channel, t in raw.treatments.items()
            },
            contact=ContactPolicy(
                {state: int(days * _DAY_MS) for state, days in raw.contact.cool_down_days.items()},
                raw.contact.exempt,
            ),
            gain=self.amount((*path, "gain_minor"), raw.gain_minor),
            cost=self.amount((*path, "cost_minor"), raw.cost_minor),
            price_minor=raw.price_minor,
            delta_if_accepted=self.amount((*path, "delta_if_accepted"), raw.delta_if_accepted),
            annoyance_if_declined=raw.annoyance_if_declined,
            accepted=raw.propensity.accepted,
            declined=raw.propensity.declined,
            rep=self.sentences((*path, "sentences", "rep"), raw.sentences.rep, known),
            customer=self.sentences((*path, "sentences", "customer"), raw.sentences.customer, known),
            helps_with=self.helps_with((*path, "helps_with"), raw.helps_with),
        )

    def helps_with(self, path: _Path, raw: Sequence[str] | None) -> frozenset[str] | None:
        """Return the alerts that an action names, each a type, or a type and what it is about."""
        for i, named in enumerate(raw or ()):
            type_, dot, matter = named.partition(".")
            if type_ not in ALERT_TYPES:
                raise self.file.error(
                    (*path, i), f"there is no type of alert {type_!r}{nearest(type_, ALERT_TYPES)}"
                )
            known = matters_of(type_, self.topics_known)
            if dot and matter not in known:
                hint = nearest(matter, known) if known else ""
                raise self.file.error((*path, i), f"no {type_} is about {matter!r}{hint}")
        return None if raw is None else frozenset(raw)

    def stage(
        self, stage: str, group_name: str, group: RawGroup, path: _Path, raw: RawAction
    ) -> tuple[Rule, ...]:
        """Return the stage's rules: the group's, then the action's."""
        found: dict[str, Rule] = {}
        for where, owner in ((("groups", group_name), group), (path, raw)):
            for i, rule_id in enumerate(getattr(owner, stage)):
                rule = self.rules.get(rule_id)
                if rule is None:
                    message = f"there is no rule {rule_id!r}{nearest(rule_id, self.rules)}"
                    raise self.file.error((*where, stage, i), message)
                if not rule_id.startswith(f"{stage}."):
                    raise self.file.error((*where, stage, i), f"{rule_id!r} is no rule of {stage}")
                self.used.add(rule_id)
                found[rule_id] = rule
        return tuple(found.values())

    def topics(self, path: _Path, limits: Mapping[str, float]) -> None:
        for topic in limits:
            if topic not in INPUT_TOPICS:
                message = f"there is no input topic {topic!r}{nearest(topic, INPUT_TOPICS)}"
                raise self.file.error((*path, topic), message)

    def amount(self, path: _Path, raw: float | str) -> Amount:
        if not isinstance(raw, str):
            return Amount(float(raw))
        try:
            return Amount(0.0, self.expressions.add(raw, ("int", "double")))
        except ExpressionError as error:
            raise self.file.error(path, _explained(raw, error)) from None

    def condition(self, source: str) -> int:
        """Return the number of a sentence's condition."""
        try:
            return self.expressions.add(source)
        except ExpressionError as error:
            raise TemplateError(_explained(source, error)) from None

    def known(self, rules: Sequence[Rule]) -> frozenset[str]:
        """Return the facts that cannot be unknown where all these rules hold."""
        programs = self.expressions.programs
        return frozenset(name for rule in rules for name in programs[rule.expression][1])

    def sentences(self, path: _Path, raw: Mapping[str, Text], known: frozenset[str] | tuple[()]) -> Sentences:
        try:
            return compile_sentences(raw, _VARIABLES, self.language, known, self.condition)
        except TemplateError as error:
            raise self.file.error((*path, *error.path), str(error)) from None


def _params(
    file: PolicyFile,
    raw: RawDecisionFile,
    expressions: Expressions,
    actions: tuple[Action, ...],
    currency: str,
) -> Params:
    known = _Known(file, actions)
    weights: dict[str, list[tuple[Rule, float]]] = {}
    for rule_id, w in raw.context_weights.items():
        rule = _rule(expressions, file, ("context_weights", rule_id, "when"), rule_id, w.when)
        scope = known.scope(("context_weights", rule_id, "scope"), w.scope)
        for action in actions:
            if in_scope(action, scope):
                weights.setdefault(action.action, []).append((rule, w.add_percent))
    floors = tuple(
        Floor(_rule(expressions, file, ("floors", rule_id, "when"), rule_id, f.when), tuple(f.drops))
        for rule_id, f in raw.floors.items()
    )
    caps = tuple(
        Cap(
            rule_id,
            known.scope(("caps", rule_id, "scope"), c.scope),
            tuple(c.states),
            c.times,
            int(c.window_days * _DAY_MS),
        )
        for rule_id, c in raw.caps.items()
    )
    levers = raw.levers
    for field, table in (("issue", levers.issue), ("group", levers.group), ("action", levers.action)):
        for name in table:
            known.name(("levers", field, name), field, name)
    return Params(
        price_of_satisfaction_minor_per_point=raw.price_of_satisfaction_minor_per_point,
        currency=currency,
        language=raw.language,
        context_weights={name: tuple(found) for name, found in weights.items()},
        levers={
            a.action: 1
            + (
                levers.issue.get(a.issue, 0.0)
                + levers.group.get(a.group, 0.0)
                + levers.action.get(a.action, 0.0)
            )
            / 100
            for a in actions
        },
        floors=floors,
        caps=caps,
        exploration=Exploration(raw.exploration.method, raw.exploration.samples),
        topics={topic: tuple(words) for topic, words in raw.topics.items()},
    )


class _Known:
    """The names that a scope or a lever may use."""

    def __init__(self, file: PolicyFile, actions: tuple[Action, ...]) -> None:
        self.file = file
        self.names = {
            "issue": sorted({a.issue for a in actions}),
            "group": sorted({a.group for a in actions}),
            "action": [a.action for a in actions],
        }

    def name(self, path: _Path, field: str, name: str) -> None:
        if name not in self.names[field]:
            raise self.file.error(path, f"there is no {field} {name!r}{nearest(name, self.names[field])}")

    def scope(self, path: _Path, raw: RawScope) -> Scope:
        for field in self.names:
            value = getattr(raw, field)
            if value is not None:
                self.name((*path, field), field, value)
        return Scope(raw.precedence, raw.issue, raw.group, raw.action)


def _rule(expressions: Expressions, file: PolicyFile, path: _Path, rule_id: str, source: str) -> Rule:
    try:
        return expressions.rule(rule_id, source)
    except ExpressionError as error:
        raise file.error(path, f"rule {rule_id!r}: {_explained(source, error)}") from None


def _explained(source: str, error: ExpressionError) -> str:
    return f"{error.message} (column {error.column} of `{source}`)"
