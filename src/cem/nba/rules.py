"""Compiled expressions of one policy, and their values for one decision.

Each expression runs once per decision, however many actions share it: all of them together, as one Python function
that is made of them when the policy is loaded. Where that raises - an unknown fact in a place that the expression did
not guard, a division by zero - CEL itself is asked, in a context of the facts that the policy names, and its word
counts. (A context costs more than all the expressions in it.)
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from cem.cel_engine import cel
from cem.nba.expressions import CheckedExpression, ExpressionError, FactType, Kind, a_kind, check

__all__ = ["Evaluation", "Expressions", "FactValue", "Rule", "asking"]

FactValue = bool | int | float | str | None

#: Types are checked at load; what is left is arithmetic: division by zero, overflow.
_FAILURES: Final = (TypeError, ValueError, RuntimeError, ArithmeticError)
_OBSERVED_MAX: Final = 512
_BEYOND_INT: Final = 2**63


class _Differs(Exception):
    """Python would give another answer here than CEL."""


_DIFFERS: Final = (_Differs, *_FAILURES)


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
        self._function: Callable[[Mapping[str, FactValue]], list[Any]] | None = None

    def add(self, source: str, kinds: Sequence[Kind] = ("bool",)) -> int:
        """Return the number of `source`, compiled. Raises ExpressionError if it is not one of `kinds`, or not valid."""
        number = self._known.get(source)
        if number is None:
            checked = check(source, self.facts)
            program = _program(source)
            number = self._known[source] = len(self._checked)
            self._checked.append(checked)
            self._programs.append((program, checked.needs_known))
            self._together = self._function = None
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

    def run(self, facts: Mapping[str, FactValue]) -> list[Any]:
        """Return the value of every expression; None where a needed fact is unknown, or nothing can be computed."""
        if self._function is None:
            self._function = self._translated()
        try:
            return self._function(facts)
        except _DIFFERS:
            return self.run_cel(facts)

    def run_cel(self, facts: Mapping[str, FactValue]) -> list[Any]:
        """Return what `run` does, by CEL's own interpreter: what the Python is measured by, and the last resort.

        All of them run as one list: a call costs more than an expression. If that fails, one by one.
        """
        context = cel.Context(variables={name: self._as_cel(name, facts[name]) for name in self.names})
        if self._together is None:
            guarded = [_guarded(c) for c in self._checked]
            self._together = cel.compile(f"[{', '.join(guarded)}]")
        try:
            found: list[Any] = self._together.execute(context)
        except _FAILURES:
            return [_run(program, needs, context, facts) for program, needs in self._programs]
        return found

    def _as_cel(self, name: str, value: FactValue) -> Any:
        """Return the fact's value as CEL knows it: a list is one."""
        return _listed(value) if self.facts[name].kind == "list" and value is not None else value

    def _translated(self) -> Callable[[Mapping[str, FactValue]], list[Any]]:
        """Return all expressions as one Python function of the facts."""
        if any(c.python is None for c in self._checked):
            return self.run_cel
        lines = [f"    {name} = facts[{name!r}]" for name in self.names]
        values = []
        for checked in self._checked:
            unknown = " or ".join(f"{name} is None" for name in checked.needs_known)
            values.append(f"None if {unknown} else {checked.python}" if unknown else str(checked.python))
        lines.append(f"    return [{', '.join(values)}]")
        namespace: dict[str, Any] = dict(_HELPERS)
        # Its text is made by the checker of nothing but names of facts, literals and operators.
        exec("def run(facts):\n" + "\n".join(lines), namespace)  # noqa: S102
        function: Callable[[Mapping[str, FactValue]], list[Any]] = namespace["run"]
        return function

    @property
    def programs(self) -> Sequence[tuple[cel.Program, tuple[str, ...]]]:
        """Each expression's program, with the facts without which it does not hold."""
        return self._programs


@lru_cache(maxsize=1024)
def _program(source: str) -> cel.Program:
    """Return the expression as CEL's own interpreter runs it. Raises ExpressionError."""
    try:
        return cel.compile(source)
    except ValueError as error:
        raise ExpressionError(str(error).splitlines()[0], 1) from None


def _known(value: FactValue) -> FactValue:
    """Return the value of a fact that may be unknown where the expression says nothing of that."""
    if value is None:
        raise _Differs
    return value


def _listed(value: FactValue) -> list[str]:
    """Return the texts of a list."""
    return str(value).split()


def _whole(value: int) -> int:
    """Return an integer that CEL could have computed."""
    if not -_BEYOND_INT <= value < _BEYOND_INT:
        raise _Differs
    return value


def _divided(a: int, b: int) -> int:
    return _whole(a // b if (a < 0) == (b < 0) else -(-a // b))


def _remainder(a: int, b: int) -> int:
    return a - b * _divided(a, b)


#: What the Python of an expression calls.
_HELPERS: Final[Mapping[str, Any]] = {
    "known": _known,
    "listed": _listed,
    "whole": _whole,
    "divided": _divided,
    "remainder": _remainder,
}


def asking(
    sources: Sequence[str], types: Mapping[str, FactType]
) -> Callable[[Mapping[str, FactValue]], Sequence[Any]]:
    """Return the expressions as one function that looks a fact up when its value first matters, and no other fact.

    Its results are those of `Expressions.run`. Raises ExpressionError.
    """
    checked = [check(source, types) for source in sources]
    for c in checked:
        # What CEL does not understand is refused now.
        _program(c.source)
    one_by_one: list[Callable[..., Any]] = []

    def singly(facts: Mapping[str, FactValue]) -> Sequence[Any]:
        if not one_by_one:
            # Made when it is first needed, which is hardly ever: it takes longer than all the rest.
            one_by_one.extend([_asking_one(c, types) for c in checked])
        return [ask(facts) for ask in one_by_one]

    together = _looking_up(checked)
    if together is None:
        return singly

    def at_once(facts: Mapping[str, FactValue]) -> Sequence[Any]:
        try:
            return together(facts)
        except _DIFFERS:
            return singly(facts)

    return at_once


def _asking_one(checked: CheckedExpression, types: Mapping[str, FactType]) -> Callable[..., Any]:
    """Return one expression as a function that asks CEL where Python could differ."""
    expressions = Expressions(types)
    expressions.add(checked.source)
    quickly = _looking_up([checked])

    def ask(facts: Mapping[str, FactValue]) -> Any:
        if quickly is not None:
            try:
                return quickly(facts)[0]
            except _DIFFERS:
                pass
        return expressions.run_cel({name: facts[name] for name in checked.names})[0]

    return ask


def _looking_up(
    checked: Sequence[CheckedExpression],
) -> Callable[[Mapping[str, FactValue]], Sequence[Any]] | None:
    """Return the expressions in Python, looking facts up one by one; None: not all of them are Python's, too."""
    texts = []
    for c in checked:
        if c.python is None:
            return None
        unknown = " or ".join(f"{name} is None" for name in c.needs_known)
        texts.append(f"(None if {unknown} else {c.python})," if unknown else f"{c.python},")
    tree = ast.parse(f"lambda facts: ({''.join(texts)})", mode="eval")
    named = [name for c in checked for name in c.names]
    code = compile(ast.fix_missing_locations(_LookedUp(named).visit(tree)), "<rules>", "eval")
    # Its text is made by the checker of nothing but names of facts, literals and operators.
    found: Callable[[Mapping[str, FactValue]], Sequence[Any]] = eval(code, dict(_HELPERS))  # noqa: S307
    return found


class _LookedUp(ast.NodeTransformer):
    """Replaces the names of facts by look-ups."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._names:
            return node
        return ast.Subscript(ast.Name("facts", ast.Load()), ast.Constant(node.id), ast.Load())


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
        #: By the expressions' numbers; None where a needed fact is unknown, or nothing can be computed.
        self.values: list[Any] = expressions.run(facts)
        self._observed: dict[tuple[str, ...], FactValue] = {}

    def is_true(self, number: int) -> bool:
        """Return whether the expression is true."""
        return self.values[number] is True

    def holds(self, rule: Rule) -> bool:
        """Return whether the condition is true; while a fact that it needs is unknown, it is not."""
        return self.values[rule.expression] is True

    def observed(self, names: tuple[str, ...]) -> FactValue:
        """Return the value that a rule saw: the fact's own if it names one, else all of them in words."""
        try:
            return self._observed[names]
        except KeyError:
            facts = self.facts
            found = facts[names[0]] if len(names) == 1 else _in_words(names)(facts)[:_OBSERVED_MAX]
            self._observed[names] = found
            return found


@lru_cache(maxsize=4096)
def _in_words(names: tuple[str, ...]) -> Callable[[Mapping[str, FactValue]], str]:
    """Return a function that says facts by name and value: most actions end at a rule, and each says what it saw."""
    # The commonest kinds are said at once, without a call.
    parts = [f"{n}={{v if type(v := facts[{n!r}]) in plain else said(v)}}" for n in names]
    # Its text is made of nothing but names of facts.
    found: Callable[[Mapping[str, FactValue]], str] = eval(  # noqa: S307
        f'lambda facts: f"{", ".join(parts)}"', {"plain": (int, str), "said": _said}
    )
    return found


def _said(value: FactValue) -> str:
    if value is None:
        return "unknown"
    if value is True:
        return "true"
    if value is False:
        return "false"
    return f"{value:.2f}" if type(value) is float else str(value)
