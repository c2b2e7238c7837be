"""The words and signs that expressions are made of, and the error that names the place in one."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["ExpressionError", "Token", "tokens_of"]


class ExpressionError(ValueError):
    """An expression that must not be loaded: one sentence, and the column (1-based) it is about."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.column = column


class Token(NamedTuple):
    """A word, a number, a text or a sign of an expression."""

    #: "int", "double", "string", "name", "op" or "end".
    kind: str
    text: str
    #: Where it begins, from 1.
    column: int


_TOKENS = re.compile(
    r"""(?P<space>\s+)
      | (?P<double>\d+\.\d+(?:[eE][+-]?\d+)?)
      | (?P<int>\d+)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<op>\|\||&&|==|!=|<=|>=|[<>!+\-*/%?:.,()\[\]])
    """,
    re.VERBOSE,
)
_MAX_LENGTH = 2000


def tokens_of(source: str) -> list[Token]:
    """Return the tokens of `source` in order, the last of kind "end". Raises ExpressionError for what is none."""
    if len(source) > _MAX_LENGTH:
        raise ExpressionError(
            f"an expression may have {_MAX_LENGTH} characters, this one has {len(source)}", 1
        )
    found: list[Token] = []
    at = 0
    while at < len(source):
        match = _TOKENS.match(source, at)
        if match is None:
            raise ExpressionError(f"{source[at]!r} does not belong in an expression", at + 1)
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup or "", match.group(), at + 1))
        at = match.end()
    found.append(Token("end", "", len(source) + 1))
    return found
