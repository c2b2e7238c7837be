"""Compiled expressions of one policy, and their values for one decision.

A context of the facts that the policy names is made once per decision, and each expression runs at most once in it,
however many actions share it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import cel
import msgspec

from cem.nba.expressions import CheckedExpression, ExpressionError, FactType, Kind, a_kind, check

__all__ = ["Evaluation", "Expressions", "FactValue", "Rule"]

FactValue = bool | int | float | str | None

#: Types are checked at load; what is left is arithmetic: division by zero, overflow.
_FAILURES: Final = (TypeError, ValueError, RuntimeError, ArithmeticError)
_OBSERVED_MAX: Final = 512


class Rule(msgspec.Struct, frozen=True):
    """A condition with the id under which a dropped action names it."""

    id: str
    #: Index of its expression among the policy's.
    expression: int
    source: str
    #: The facts whose values a drop reports.
    names: tuple[str, ...]


class Expressions:
    """The distinct expressions of a policy, each compiled once, addressed by number."""

    def __init__(self, facts: Mapping[str, FactType]) -> None:
        self.facts = facts
        self._programs: list[tuple[cel.Program, tuple[str, ...]]] = []
        self._checked: list[CheckedExpression] = []
        self._known: dict[str, int] = {}
        self._names: dict[str, None] = {}
        self._context_names: tuple[str, ...] = ()
        self._together: cel.Program | None = None

    def add(self, source: str, kinds: Sequence[Kind] = ("bool",)) -> int:
        """Return the number of `source`, compiled. Raises ExpressionError if it is not one of `kinds`, or not valid."""
        number = self._known.get(source)
        if number is None:
            checked = check(source, self.facts)
            try:
                program = cel.compile(source)
            except ValueError as error:
                raise ExpressionError(str(error).splitlines()[0], 1) from None
            number = self._known[source] = len(self._checked)
            self._checked.append(checked)
            self._programs.append((program, checked.needs_known))
            self._together = None
            self._names.update(dict.fromkeys(checked.names))
            self._context_names = tuple(sorted(self._names))
        kind = self._checked[number].kind
        if kind not in kinds:
            raise ExpressionError(f"{a_kind(' or '.join(kinds))} was expected, but this is {a_kind(kind)}", 1)
        return number

    def rule(self, rule_id: str, source: str) -> Rule:
        """Return the condition `source` under `rule_id`. Raises ExpressionError."""
        number = self.add(source)
        return Rule(rule_id, number, source, self._checked[number].names)

    @property
    def names(self) -> tuple[str, ...]:
        """The facts that the expressions name, sorted: no other one is put in a context."""
        return self._context_names

    def run(self, context: cel.Context, facts: Mapping[str, FactValue]) -> list[Any]:
        """Return the value of every expression; None where a needed fact is unknown, or nothing can be computed.

        All of them run as one list: a call costs more than an expression. If that fails, one by one.
        """
        if self._together is None:
            guarded = [_guarded(c) for c in self._checked]
            self._together = cel.compile(f"[{', '.join(guarded)}]")
        try:
            found: list[Any] = self._together.execute(context)
        except _FAILURES:
            return [_run(program, needs, context, facts) for program, needs in self._programs]
        return found

    @property
    def programs(self) -> Sequence[tuple[cel.Program, tuple[str, ...]]]:
        """Each expression's program, with the facts without which it does not hold."""
        return self._programs


def _guarded(checked: CheckedExpression) -> str:
    """Return the expression so that it is null while a fact that it needs is unknown."""
    if not checked.needs_known:
        return f"({checked.source})"
    unknown = " || ".join(f"{name} == null" for name in checked.needs_known)
    return f"({unknown} ? null : ({checked.source}))"


def _run(
    program: cel.Program, needs: Sequence[str], context: cel.Context, facts: Mapping[str, FactValue]
) -> Any:
    for name in needs:
        if facts[name] is None:
            return None
    try:
        return program.execute(context)
    except _FAILURES:
        return None


class Evaluation:
    """The values of a policy's expressions for one set of facts."""

    __slots__ = ("_observed", "facts", "values")

    def __init__(self, expressions: Expressions, facts: Mapping[str, FactValue]) -> None:
        self.facts = facts
        context = cel.Context(variables={name: facts[name] for name in expressions.names})
        #: By the expressions' numbers; None where a needed fact is unknown, or nothing can be computed.
        self.values: list[Any] = expressions.run(context, facts)
        self._observed: dict[tuple[str, ...], FactValue] = {}

    def is_true(self, number: int) -> bool:
        """Return whether the expression is true."""
        return self.values[number] is True

    def holds(self, rule: Rule) -> bool:
        """Return whether the condition is true; while a fact that it needs is unknown, it is not."""
        return self.values[rule.expression] is True

    def observed(self, names: tuple[str, ...]) -> FactValue:
        """Return the value that a rule saw: the fact's own if it names one, else all of them in words."""
        if len(names) == 1:
            return self.facts[names[0]]
        found = self._observed.get(names)
        if found is None:
            facts = self.facts
            text = ", ".join([f"{name}={_said(facts[name])}" for name in names])
            found = self._observed[names] = text[:_OBSERVED_MAX]
        return found


def _said(value: FactValue) -> str:
    if value is None:
        return "unknown"
    if value is True:
        return "true"
    if value is False:
        return "false"
    return f"{value:.2f}" if type(value) is float else str(value)
