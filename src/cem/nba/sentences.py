"""Sentences with variables: parsed and checked at load, filled in the reader's language for one decision.

A text is one sentence or a list of them, most telling first: the first whose condition (`when`) holds and whose
variables are all known is said. The last must need nothing that can be unknown, so there is always something to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

import msgspec

from cem.domain.money import money
from cem.nba.channel_words import channel_name
from cem.nba.expressions import FactType
from cem.nba.policy_file import nearest
from cem.nba.rules import FactValue

__all__ = ["Conditional", "Sentences", "TemplateError", "Text", "compile_sentences"]

_VARIABLE = re.compile(r"\{([a-z_0-9]+)(?:\|([a-z]+))?\}")
_FILTERS: Mapping[str, tuple[str, ...]] = {
    "money": ("int",),
    "round": ("int", "double"),
    "percent": ("double",),
    "channel": ("string",),
}


class TemplateError(ValueError):
    """A sentence that could not always be said; the message says why, `path` (language, number) which it is."""

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


class Conditional(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sentence that is said only while its condition holds."""

    when: str
    say: str


#: A text in one language, as a policy file writes it.
Text = str | list[str | Conditional]


class _Template(msgspec.Struct, frozen=True):
    #: Number of the condition's expression; -1 = none.
    when: int
    #: Plain text between the variables: one more than there are variables.
    texts: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]


class Sentences(msgspec.Struct, frozen=True):
    """The same said in several languages."""

    languages: dict[str, tuple[_Template, ...]]
    #: The language spoken when the reader's is not there.
    default: str
    #: Every variable named in any of them, sorted.
    names: tuple[str, ...]

    def say(
        self,
        language: str,
        values: Mapping[str, FactValue],
        currency: str,
        holds: Callable[[int], bool] = lambda number: False,
    ) -> str:
        """Return the first sentence that can be said in `language` ('pt-BR' falls back to 'pt', then the default).

        `holds` tells whether the condition of a number does.
        """
        language, templates = self._templates(language)
        for template in templates:
            if template.when >= 0 and not holds(template.when):
                continue
            filled = [_fill(values[name], how, language, currency) for name, how in template.variables]
            if None not in filled:
                parts = [template.texts[0]]
                for value, text in zip(filled, template.texts[1:], strict=True):
                    parts += (value or "", text)
                return "".join(parts)
        raise AssertionError("the last sentence can always be said: checked at load")

    def _templates(self, language: str) -> tuple[str, tuple[_Template, ...]]:
        found = self.languages.get(language)
        if found is None:
            language = language.partition("-")[0].lower()
            found = self.languages.get(language)
        if found is None:
            language = self.default
            found = self.languages[language]
        return language, found


def compile_sentences(
    raw: Mapping[str, Text],
    types: Mapping[str, FactType],
    default: str,
    known: Collection[str] = (),
    condition: Callable[[str], int] | None = None,
) -> Sentences:
    """Return the sentences of `raw` (language to text or texts). Raises TemplateError.

    `known` are facts that cannot be unknown when the sentences are said; `condition` numbers a condition, and raises
    ValueError for one that must not be loaded.
    """
    if default not in raw:
        raise TemplateError(f"the sentence is missing in {default!r}, the language that others fall back to")
    names: dict[str, None] = {}
    languages: dict[str, tuple[_Template, ...]] = {}
    for language, texts in raw.items():
        if not texts:
            raise TemplateError(f"there is no sentence in {language!r}", (language,))
        single = isinstance(texts, str)
        found = []
        for i, text in enumerate([texts] if isinstance(texts, str) else texts):
            try:
                found.append(_compiled(text, types, condition))
            except ValueError as error:
                raise TemplateError(str(error), (language,) if single else (language, i)) from None
        templates = tuple(found)
        if templates[-1].when >= 0:
            raise TemplateError(
                f"the last sentence in {language!r} has a condition; add one without",
                (language, len(templates) - 1),
            )
        last_unknown = [n for n, _ in templates[-1].variables if types[n].nullable and n not in known]
        if last_unknown:
            raise TemplateError(
                f"the last sentence in {language!r} needs {last_unknown[0]!r}, which can be unknown; "
                "add one without it",
                (language,) if single else (language, len(templates) - 1),
            )
        languages[language] = templates
        names.update({name: None for template in templates for name, _ in template.variables})
    return Sentences(languages, default, tuple(sorted(names)))


def _compiled(
    text: str | Conditional, types: Mapping[str, FactType], condition: Callable[[str], int] | None
) -> _Template:
    if isinstance(text, str):
        return _parse(text, types)
    if condition is None:
        raise TemplateError("a condition cannot stand here")
    return msgspec.structs.replace(_parse(text.say, types), when=condition(text.when))


def _parse(text: str, types: Mapping[str, FactType]) -> _Template:
    texts: list[str] = []
    variables: list[tuple[str, str]] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        name, how = match[1], match[2] or ""
        if name not in types:
            raise TemplateError(f"there is no variable {name!r}{nearest(name, types)}")
        kind = types[name].kind
        if how and (how not in _FILTERS or kind not in _FILTERS[how]):
            raise TemplateError(f"{name!r} (of type {kind}) cannot be said as {how!r}")
        if not how and kind == "double":
            raise TemplateError(f"say how to write {name!r}: {{{name}|round}} or {{{name}|percent}}")
        texts.append(text[end : match.start()])
        variables.append((name, how))
        end = match.end()
    texts.append(text[end:])
    if any("{" in t or "}" in t for t in texts):
        raise TemplateError("a brace that is no variable: write {name} or {name|money}")
    return _Template(-1, tuple(texts), tuple(variables))


def _fill(value: FactValue, how: str, language: str, currency: str) -> str | None:
    if value is None:
        return None
    if how == "money":
        return money(int(value), currency, language)
    if how == "round":
        return str(max(1, round(float(value))) if float(value) > 0 else round(float(value)))
    if how == "percent":
        return f"{round(100 * float(value))} %"
    if how == "channel":
        return channel_name(str(value), language)
    return str(value)
