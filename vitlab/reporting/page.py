"""A page from its template: one HTML file without outside parts, in which names are text.

What stands in a template as `{% trans %}` or `_()` is said in the page's language, and so is every
`Message` and `Figure` that is written into it.
"""

import base64
import functools
import hashlib
import re
from collections.abc import Callable
from typing import Any

import jinja2
from markupsafe import Markup, escape

from vitlab.data import signs_again
from vitlab.language import Language, Message
from vitlab.names import shown
from vitlab.progress import duration


def render(template: str, language: Language, **values: Any) -> str:
    return environment(language).get_template(template).render(**values)


@functools.cache
def environment(language: Language) -> jinja2.Environment:
    def readable(value: Any) -> Any:
        """What is about to be written: in the language; names as one line, however it came by them."""
        value = language.text(value)
        return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    made = translating(language, readable)
    made.filters.update(
        join=lambda names, between: escape(between).join(map(readable, names)),  # each name as one line
        lines=_lines,
        sentence=lambda message: capital(language.text(message)),
    )
    script = Markup(made.get_template("sort.js").render())
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    made.globals.update(sorting=script, sorting_hash=digest)  # for sortable.html
    return made


def translating(language: Language, readable: Callable[[Any], Any]) -> jinja2.Environment:
    """For templates with sentences in the language; whatever they write goes through `readable`."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("vitlab.reporting"),
        autoescape=True,  # so that what is meant can be told from what is a name: by Markup
        undefined=jinja2.StrictUndefined,
        finalize=readable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True  # a line break in a sentence is none of its own
    made.newstyle_gettext = True  # type: ignore[attr-defined]
    made.globals.update(language=language, **_translations(language, readable))
    made.filters.update(
        bytes=size_text,
        duration=lambda seconds: language.as_written(duration(seconds)),
        number=language.number,
        percent=lambda share, places=2: language.number(share, f".{places}%"),
        signs=signs_again,
        word=language.word,
    )
    return made


def size_text(count: int) -> Message:
    if count >= 1e9:
        return Message("{size:.1f} GB", size=count / 1e9)
    if count >= 1e5:
        return Message("{size:.1f} MB", size=count / 1e6)
    return Message("{size:.1f} kB", size=count / 1e3)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def as_words(template_words: str) -> str:
    """A sentence of a template as `Message` has it: Jinja writes `%(name)s` and `%%` into it."""
    return re.sub(r"%\((\w+)\)s", r"{\1}", template_words).replace("%%", "%")


def _translations(
    language: Language, readable: Callable[[Any], Any]
) -> dict[str, Callable[..., Markup]]:
    """What Jinja calls for a sentence, with the values in it; whole numbers are written as in a text."""

    def said(words: str, values: dict[str, Any]) -> Markup:
        written = {
            name: language.number(value) if type(value) is int else readable(value)
            for name, value in values.items()
        }
        return Markup(words).format(**written)

    def gettext(words: str, /, **values: Any) -> Markup:
        return said(language.words(as_words(words)), values)

    def ngettext(one: str, several: str, n: int, /, **values: Any) -> Markup:
        return said(language.words(as_words(one), as_words(several), n), values)

    return {"gettext": gettext, "ngettext": ngettext}


def _lines(text: str) -> Markup:
    """A text whose own line breaks are meant."""
    return Markup("\n").join(shown(line) for line in text.split("\n"))
