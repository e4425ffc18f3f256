"""The language of pages: sentences are written in English where they arise, and translated at the exit.

Who writes a sentence makes it a `Message`. That is a text in English, and goes into JSON, CSV, the log
and the terminal as such; where a page, a chart or a caption is written, its `Language` says the same
sentence in its own words and with its own numbers. Whatever is no message (a class, a path, a phase) is
never translated, even if it is called "accuracy".

The sentences of another language stand in `languages/CODE.json`, by subject.
"""

import functools
import json
import numbers
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from vitlab.errors import InputError
from vitlab.names import unknown

Code = Literal["en", "fr"]
CODES: tuple[Code, ...] = get_args(Code)

FOLDER = Path(__file__).parent / "languages"
NARROW, WIDE = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"


class Message(str):
    """A sentence in English, whose `{names}` were filled in, that can be said in another language.

    A value is a number (`{share:.1%}`; without a format, a whole number), a message, or a name.
    With `several`, that is the sentence unless the value `n` is 1.
    """

    words: str
    several: str
    values: Mapping[str, Any]

    def __new__(cls, words: str, several: str = "", /, **values: Any) -> "Message":
        message = super().__new__(cls, ENGLISH.said(words, several, values))
        message.words, message.several, message.values = words, several, values
        return message

    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, Any]]:
        return (self.words, self.several), dict(self.values)


class Figure(str):
    """A number in English, in a form that is chosen where it arises, for a `Message` or a page.

    `is_chance`: in English no 0 stands before its point, for it is never more than 1.
    """

    value: float
    form: str
    is_chance: bool

    def __new__(cls, value: float, form: str, *, is_chance: bool = False) -> "Figure":
        figure = super().__new__(cls, ENGLISH.number(value, form, is_chance=is_chance))
        figure.value, figure.form, figure.is_chance = value, form, is_chance
        return figure

    def __getnewargs_ex__(self) -> tuple[tuple[float, str], dict[str, bool]]:
        return (self.value, self.form), {"is_chance": self.is_chance}


@dataclass(frozen=True, eq=False)
class Language:
    """Its sentences by the English ones, and how it writes numbers.

    Attributes:
        sentences: of one with two forms, the one for one thing and the one for several.
        marks: what stands for the characters of a number that Python has written.
        least_for_several: fewer are one: in French, 0 too.
        drops_zero: p = .03, and not 0.03.
        day: how a date is written, as `strftime` takes it.
    """

    code: Code
    marks: Mapping[int, str]
    least_for_several: int = 0
    drops_zero: bool = False
    day: str = "%Y-%m-%d"
    sentences: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    def __call__(self, words: str, several: str = "", /, **values: Any) -> str:
        """A sentence, as `Message` takes it."""
        return self.said(words, several, values)

    def text(self, value: Any) -> Any:
        """A message or a figure in this language; anything else as it is."""
        if isinstance(value, Message):
            return self.said(value.words, value.several, value.values)
        if isinstance(value, Figure):
            return self.number(value.value, value.form, is_chance=value.is_chance)
        return value

    def word(self, word: str) -> str:
        """A word of vitlab's own that stands in a variable; one that it does not know stays as it is."""
        found = self.text(word) if isinstance(word, Message) else self.sentences.get(word, word)
        return found if isinstance(found, str) else found[0]

    def said(self, words: str, several: str, values: Mapping[str, Any]) -> str:
        return _Filling(self).vformat(self.words(words, several, values.get("n")), (), values)

    def words(self, words: str, several: str = "", n: float | None = None) -> str:
        """The sentence before its values are filled in."""
        found = self.sentences.get(words, (words, several) if several else words)
        if isinstance(found, str):
            return found
        one, more = found
        return one if n is not None and (n == 1 or 0 <= n < self.least_for_several) else more

    def number(self, value: float | numbers.Real, form: str = ",d", *, is_chance: bool = False) -> str:
        """As the format says; `.1%` is a share in percent."""
        text = self.as_written(format(value, form))
        return text.removeprefix("0") if is_chance and self.drops_zero else text

    def as_written(self, text: str) -> str:
        """A number that stands in a text already, as in `1.5 s`."""
        return text.translate(self.marks)


class _Filling(string.Formatter):
    def __init__(self, language: Language):
        self._language = language

    def format_field(self, value: Any, form: str) -> str:
        if isinstance(value, numbers.Real):
            return self._language.number(value, form or ",d")
        return str(self._language.text(value))


_MARKS = {"-": "\N{MINUS SIGN}", "%": " %"}
ENGLISH = Language("en", str.maketrans(_MARKS), drops_zero=True)
_FRENCH_MARKS = _MARKS | {".": ",", ",": NARROW, "%": f"{NARROW}%"}


def chosen_code(code: str, where: str) -> Code:
    """Raises InputError, which names `where`, if there is no such language."""
    for known in CODES:
        if code == known:
            return known
    raise InputError(unknown("language", code, CODES, where))


@functools.cache
def language_of(code: Code) -> Language:
    if code == ENGLISH.code:
        return ENGLISH
    by_subject = json.loads((FOLDER / f"{code}.json").read_text(encoding="utf-8"))
    sentences = {
        words: _typeset(said) if isinstance(said, str) else [_typeset(form) for form in said]
        for subject in by_subject.values()
        for words, said in subject.items()
    }
    return Language(
        code, str.maketrans(_FRENCH_MARKS), least_for_several=2, day="%d/%m/%Y", sentences=sentences
    )


def _typeset(text: str) -> str:
    """French typography (Lexique de l'Imprimerie nationale) from what a keyboard gives."""
    text = text.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
    text = re.sub(" (?=[;!?%])", NARROW, text)
    return re.sub("(?<=«) | (?=[:»])", WIDE, text)
