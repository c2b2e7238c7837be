"""The part of CEL that policies may use: parsed and typed when a policy is loaded, before any customer meets it.

The wheel compiles and runs an expression but does not type it: it would compare a number with a text, or meet a
misspelt name, only when some customer's decision gets there. So this module reads the expression once more, by the
grammar of the CEL specification (precedence included) and over the table of facts, and refuses what could fail.

On the way it also writes the expression down as Python, which runs in a tenth of the time that the wheel takes to be
given its facts (`cem.nba.rules`). Where the two languages could differ it writes none, or a call that raises.

Unknown facts: a nullable fact that the expression itself compares with `null` is handed over as null. One that it
does not compare makes the expression not hold while it is unknown, without being run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Literal, NamedTuple

import msgspec

from cem.nba.expression_tokens import ExpressionError, Token, tokens_of

__all__ = ["CheckedExpression", "ExpressionError", "FactType", "Kind", "a_kind", "check"]

Kind = Literal["bool", "int", "double", "string", "null", "list"]


class FactType(NamedTuple):
    """What an expression may assume of a fact."""

    #: "list": of texts without spaces; its value is the texts with a space between them.
    kind: Kind
    nullable: bool = False
    #: Of a list: what may be in it; None: that is not known here.
    among: tuple[str, ...] | None = None


class CheckedExpression(msgspec.Struct, frozen=True):
    """An expression that cannot fail on types or names."""

    source: str
    kind: Kind
    #: The facts it names, sorted.
    names: tuple[str, ...]
    #: Those of them without which it does not hold: nullable, and never compared with null by it.
    needs_known: tuple[str, ...]
    #: The same in Python over the facts as local names and the helpers of `cem.nba.rules`; None: only CEL can run it.
    python: str | None = None
    #: Where its value can turn as a fact grows or falls: the numbers that facts are compared with.
    thresholds: tuple[tuple[str, float], ...] = ()
    #: The facts that it uses in another way than comparing them with numbers, sorted.
    free: tuple[str, ...] = ()


def check(source: str, facts: Mapping[str, FactType]) -> CheckedExpression:
    """Return `source` typed over `facts`. Raises ExpressionError for what CEL, or these facts, do not allow."""
    parser = _Parser(source, facts)
    kind = parser.parse()
    names = tuple(sorted(parser.names))
    needs = tuple(n for n in names if facts[n].nullable and n not in parser.guarded)
    compared: dict[str, int] = {}
    for name, _ in parser.thresholds:
        compared[name] = compared.get(name, 0) + 1
    return CheckedExpression(
        source,
        kind.kind,
        names,
        needs,
        kind.code if parser.translatable else None,
        tuple(parser.thresholds),
        tuple(n for n in names if parser.names[n] > compared.get(n, 0) + parser.guards.get(n, 0)),
    )


class _Typed(NamedTuple):
    """The type of a sub-expression; `of` is a list's element type, `fact` the name if it is a bare fact."""

    kind: Kind
    column: int
    code: str
    of: Kind | None = None
    fact: str | None = None
    number: float | None = None
    text: str | None = None


_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "in")
_NUMBERS = ("int", "double")
#: method -> (receiver, arguments, result)
_METHODS: dict[str, tuple[Kind, tuple[Kind, ...], Kind]] = {
    "startsWith": ("string", ("string",), "bool"),
    "endsWith": ("string", ("string",), "bool"),
    "contains": ("string", ("string",), "bool"),
}
_PYTHON_METHODS = {
    "startsWith": "{}.startswith({})",
    "endsWith": "{}.endswith({})",
    "contains": "({1} in {0})",
}
_FUNCTIONS: dict[str, tuple[tuple[Kind, ...], Kind]] = {
    "size": (("string", "list"), "int"),
    "double": (("int", "double"), "double"),
    "int": (("int", "double"), "int"),
    "string": (("int", "double", "string"), "string"),
}
_MAX_DEPTH = 64


class _Parser:
    """Recursive descent over CEL's precedence: ?: then || then && then relations then + - then * / % then unary."""

    def __init__(self, source: str, facts: Mapping[str, FactType]) -> None:
        self.tokens = tokens_of(source)
        self.at = 0
        self.depth = 0
        self.facts = facts
        #: How often each fact is named.
        self.names: dict[str, int] = {}
        self.guarded: dict[str, None] = {}
        #: How often each fact is compared with null.
        self.guards: dict[str, int] = {}
        self.thresholds: list[tuple[str, float]] = []
        #: False once something was met that Python does not do the same way.
        self.translatable = True

    def parse(self) -> _Typed:
        typed = self.conditional()
        token = self.peek()
        if token.kind != "end":
            raise ExpressionError(f"{token.text!r} was not expected here", token.column)
        return typed

    def peek(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def accept(self, *texts: str) -> Token | None:
        token = self.peek()
        if token.kind in ("op", "name") and token.text in texts:
            return self.take()
        return None

    def expect(self, text: str) -> None:
        if self.accept(text) is None:
            token = self.peek()
            got = repr(token.text) if token.text else "its end"
            raise ExpressionError(f"{text!r} was expected, but here is {got}", token.column)

    def conditional(self) -> _Typed:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ExpressionError("nested too deeply", self.peek().column)
        test = self.disjunction()
        if self.accept("?"):
            _require(test, "bool", "the condition before '?'")
            yes = self.disjunction()
            self.expect(":")
            no = self.conditional()
            if yes.kind != no.kind:
                raise ExpressionError(f"the two sides of ':' differ: {yes.kind} and {no.kind}", no.column)
            test = _Typed(yes.kind, yes.column, f"({yes.code} if {test.code} else {no.code})", yes.of)
        self.depth -= 1
        return test

    def disjunction(self) -> _Typed:
        return self.logic("||", lambda: self.logic("&&", self.relation))

    def logic(self, op: str, operand: Callable[[], _Typed]) -> _Typed:
        left = operand()
        while self.accept(op):
            _require(left, "bool", f"the left of {op}")
            right = operand()
            _require(right, "bool", f"the right of {op}")
            joined = "or" if op == "||" else "and"
            left = _Typed("bool", left.column, f"({left.code} {joined} {right.code})")
        return left

    def relation(self) -> _Typed:
        left = self.sum()
        while (token := self.accept(*_COMPARISONS)) is not None:
            right = self.sum()
            self.compare(left, token, right)
            left = _Typed("bool", left.column, _comparison(left, token.text, right))
        return left

    def compare(self, left: _Typed, op: Token, right: _Typed) -> None:
        if "null" in (left.kind, right.kind):
            self.compare_with_null(left, op, right)
        elif op.text == "in":
            if right.kind != "list":
                raise ExpressionError(
                    f"'in' needs a list on its right, not {a_kind(right.kind)}", right.column
                )
            if right.of is not None and not _alike(left.kind, right.of):
                raise ExpressionError(f"{a_kind(left.kind)} cannot be in a list of {right.of}", left.column)
            self.known_in(left, right)
        elif not _alike(left.kind, right.kind) or left.kind == "list":
            raise ExpressionError(
                f"{op.text!r} compares unlike types: {_name(left)} and {_name(right)}", op.column
            )
        elif left.kind == "bool" and op.text not in ("==", "!="):
            raise ExpressionError(f"{op.text!r} does not order true and false", op.column)
        elif left.fact is not None and right.number is not None:
            self.thresholds.append((left.fact, right.number))
        elif right.fact is not None and left.number is not None:
            self.thresholds.append((right.fact, left.number))

    def known_in(self, left: _Typed, right: _Typed) -> None:
        """Refuse to look for a text in a list in which it can never be."""
        among = self.facts[right.fact].among if right.fact is not None else None
        if among is not None and left.text is not None and left.text not in among:
            near = get_close_matches(left.text, among, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ExpressionError(f"{left.text!r} is never in {right.fact}{hint}", left.column)

    def compare_with_null(self, left: _Typed, op: Token, right: _Typed) -> None:
        fact = left.fact or right.fact
        if op.text not in ("==", "!=") or fact is None:
            raise ExpressionError("null can only be compared by == or != with a fact", op.column)
        if not self.facts[fact].nullable:
            raise ExpressionError(
                f"{fact!r} is never unknown, so it need not be compared with null", op.column
            )
        self.guarded[fact] = None
        self.guards[fact] = self.guards.get(fact, 0) + 1

    def sum(self) -> _Typed:
        return self.arithmetic(("+", "-"), lambda: self.arithmetic(("*", "/", "%"), self.unary))

    def arithmetic(self, ops: tuple[str, ...], operand: Callable[[], _Typed]) -> _Typed:
        left = operand()
        while (op := self.accept(*ops)) is not None:
            right = operand()
            joins = op.text == "+" and left.kind == "string"
            if left.kind != right.kind or not (left.kind in _NUMBERS or joins):
                raise ExpressionError(
                    f"{op.text!r} needs two numbers of one type, not {_name(left)} and {_name(right)}"
                    " (double(x) makes a double of an int)",
                    op.column,
                )
            if op.text == "%" and left.kind != "int":
                raise ExpressionError("'%' needs two ints", op.column)
            left = _Typed(left.kind, left.column, _arithmetic(left, op.text, right))
        return left

    def unary(self) -> _Typed:
        if (op := self.accept("!")) is not None:
            negated = self.unary()
            _require(negated, "bool", "what '!' negates")
            return _Typed("bool", op.column, f"(not {negated.code})")
        if (op := self.accept("-")) is not None:
            operand = self.unary()
            if operand.kind not in _NUMBERS:
                raise ExpressionError(f"'-' needs a number, not {a_kind(operand.kind)}", op.column)
            code = f"whole(-{operand.code})" if operand.kind == "int" else f"(-{operand.code})"
            number = None if operand.number is None else -operand.number
            return _Typed(operand.kind, op.column, code, number=number)
        return self.member()

    def member(self) -> _Typed:
        value = self.primary()
        while self.accept("."):
            name = self.take()
            signature = _METHODS.get(name.text)
            if signature is None:
                raise ExpressionError(_unknown("method", name.text, list(_METHODS)), name.column)
            receiver, arguments, result = signature
            _require(value, receiver, f"what .{name.text}() is asked of")
            given = self.arguments()
            if [g.kind for g in given] != list(arguments):
                raise ExpressionError(f".{name.text}() takes {', '.join(arguments)}", name.column)
            value = _Typed(result, value.column, _PYTHON_METHODS[name.text].format(value.code, given[0].code))
        return value

    def arguments(self, opening: str = "(", closing: str = ")") -> list[_Typed]:
        self.expect(opening)
        given: list[_Typed] = []
        if not self.accept(closing):
            given.append(self.conditional())
            while self.accept(","):
                given.append(self.conditional())
            self.expect(closing)
        return given

    def primary(self) -> _Typed:
        token = self.peek()
        if token.kind in ("int", "double", "string"):
            self.take()
            if "\\" in token.text:
                self.translatable = False
            # A leading zero is decimal in CEL, and nothing in Python.
            code = str(int(token.text)) if token.kind == "int" else token.text
            number, text = (None, token.text[1:-1]) if token.kind == "string" else (float(token.text), None)
            return _Typed(token.kind, token.column, code, number=number, text=text)  # type: ignore[arg-type]
        if token.kind == "name":
            self.take()
            return self.named(token)
        if token.text == "(":
            inner = self.arguments()
            if len(inner) != 1:
                raise ExpressionError("one expression was expected between the parentheses", token.column)
            return inner[0]
        if token.text == "[":
            items = self.arguments("[", "]")
            kinds = sorted({i.kind for i in items})
            if len(kinds) > 1:
                raise ExpressionError(f"a list holds one type, not {' and '.join(kinds)}", token.column)
            code = f"({', '.join([i.code for i in items])}{',' if items else ''})"
            return _Typed("list", token.column, code, of=items[0].kind if items else None)
        what = repr(token.text) if token.text else "the end"
        raise ExpressionError(f"a value was expected, but here is {what}", token.column)

    def named(self, token: Token) -> _Typed:
        if token.text in ("true", "false"):
            return _Typed("bool", token.column, token.text.capitalize())
        if token.text == "null":
            return _Typed("null", token.column, "None")
        if self.peek().text == "(":
            signature = _FUNCTIONS.get(token.text)
            if signature is None:
                raise ExpressionError(_unknown("function", token.text, list(_FUNCTIONS)), token.column)
            given = self.arguments()
            if len(given) != 1 or given[0].kind not in signature[0]:
                raise ExpressionError(f"{token.text}() takes one {' or '.join(signature[0])}", token.column)
            if token.text != "double":
                # How texts are counted and numbers written or cut is each language's own.
                self.translatable = False
            return _Typed(signature[1], token.column, f"float({given[0].code})")
        fact = self.facts.get(token.text)
        if fact is None:
            raise ExpressionError(_unknown("fact", token.text, list(self.facts)), token.column)
        self.names[token.text] = self.names.get(token.text, 0) + 1
        code = f"known({token.text})" if fact.nullable else token.text
        if fact.kind == "list":
            return _Typed("list", token.column, f"listed({code})", of="string", fact=token.text)
        return _Typed(fact.kind, token.column, code, fact=token.text)


def _comparison(left: _Typed, op: str, right: _Typed) -> str:
    """Return the comparison in Python; one with null is of the bare fact."""
    if "null" in (left.kind, right.kind):
        return f"({left.fact or right.fact} {'is' if op == '==' else 'is not'} None)"
    if op in ("==", "!=", "in"):
        return f"({left.code} {op} {right.code})"
    # Ordering null raises by itself.
    return f"({left.fact or left.code} {op} {right.fact or right.code})"


def _arithmetic(left: _Typed, op: str, right: _Typed) -> str:
    """Return the operation in Python: integers of 64 bits, divided towards zero."""
    if left.kind == "int":
        name = {"/": "divided", "%": "remainder"}.get(op)
        if name is not None:
            return f"{name}({left.code}, {right.code})"
        return f"whole({left.code} {op} {right.code})"
    return f"({left.code} {op} {right.code})"


def _alike(left: Kind, right: Kind) -> bool:
    return left == right or (left in _NUMBERS and right in _NUMBERS)


def _require(typed: _Typed, kind: Kind, what: str) -> None:
    if typed.kind != kind:
        raise ExpressionError(f"{what} must be {a_kind(kind)}, not {_name(typed)}", typed.column)


def a_kind(kind: str) -> str:
    """Return the kind with its article."""
    return f"an {kind}" if kind.startswith("int") else f"a {kind}"


def _name(typed: _Typed) -> str:
    return f"{typed.fact} ({a_kind(typed.kind)})" if typed.fact else a_kind(typed.kind)


def _unknown(what: str, name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"there is no {what} {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
