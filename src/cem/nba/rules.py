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

_UNSET: Final = object()


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

    @property
    def programs(self) -> Sequence[tuple[cel.Program, tuple[str, ...]]]:
        """Each expression's program, with the facts without which it does not hold."""
        return self._programs


class Evaluation:
    """The values of a policy's expressions for one set of facts."""

    __slots__ = ("_context", "_programs", "_values", "facts")

    def __init__(self, expressions: Expressions, facts: Mapping[str, FactValue]) -> None:
        self.facts = facts
        self._programs = expressions.programs
        self._values: list[Any] = [_UNSET] * len(self._programs)
        self._context = cel.Context(variables={name: facts[name] for name in expressions.names})

    def value(self, number: int) -> Any:
        """Return the expression's value; None if a fact that it needs is unknown, or it cannot be computed."""
        found = self._values[number]
        if found is _UNSET:
            found = self._values[number] = self._run(number)
        return found

    def is_true(self, number: int) -> bool:
        """Return whether the expression is true."""
        return self.value(number) is True

    def holds(self, rule: Rule) -> bool:
        """Return whether the condition is true; while a fact that it needs is unknown, it is not."""
        found = self._values[rule.expression]
        if found is _UNSET:
            found = self._values[rule.expression] = self._run(rule.expression)
        return found is True

    def observed(self, names: Sequence[str]) -> dict[str, FactValue]:
        """Return the values that a condition saw."""
        return {name: self.facts[name] for name in names}

    def _run(self, number: int) -> Any:
        program, needs = self._programs[number]
        for name in needs:
            if self.facts[name] is None:
                return None
        try:
            return program.execute(self._context)
        except (TypeError, ValueError, RuntimeError, ArithmeticError):
            # Types are checked at load; what is left is arithmetic: division by zero, overflow.
            return None
