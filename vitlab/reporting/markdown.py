"""Markdown with a YAML header, from a template in which names are text and stay in their line."""

import functools
import json
import re
from collections.abc import Mapping
from typing import Any

import jinja2
from markupsafe import Markup

from vitlab.language import Language
from vitlab.names import shown
from vitlab.reporting.page import translating
from vitlab.reporting.tables import Table

# CommonMark and GitHub's tables take a backslash before these for the letter itself.
_MEANT = re.compile(r"([\\`*_\[\]<>&|~#$])")

# So it does here, where these would begin an item of a list, or GitHub would make a link of a name.
_AT_A_START = re.compile(r"^(\d*)([-+=]|(?<=\d)[.)](?=\s|$))")
_LINK = re.compile(r"(?i)(?<=www)(\.)|(:)(?=//)")

# Beside what `shown` escapes, YAML 1.2 (section 5.1) has no room for these.
_NOT_YAML = re.compile("[\ufffe\uffff\ufeff]")


def render_markdown(template: str, language: Language, **values: Any) -> str:
    return _environment(language).get_template(template).render(**values)


def header(values: Mapping[str, Any]) -> Markup:
    """A line for each key. Its values are JSON, which YAML reads: no text in them can end them."""
    lines = [f"{key}: {_yaml(value)}" for key, value in values.items()]
    return Markup("\n".join(["---", *lines, "---"]))


@functools.cache
def _environment(language: Language) -> jinja2.Environment:
    def readable(value: Any) -> Any:
        """What is about to be written: in the language; a name as one line of plain text."""
        value = language.text(value)
        return _plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    made = translating(language, readable)
    made.filters.update(table=lambda table: _table(table, language), code=_code, address=_address)
    return made


def _plain(text: str) -> Markup:
    text = _AT_A_START.sub(r"\1\\\2", _LINK.sub(r"\\\g<0>", _MEANT.sub(r"\\\1", shown(text))))
    return Markup(text.replace("@", "&#64;"))


def _address(text: str) -> Markup:
    """A link, if it is the address of a page."""
    return Markup(f"<{text}>") if re.fullmatch(r"https://[^\s<>]+", text) else _plain(text)


def _code(line: str) -> Markup:
    """A block of code of one line: indented, for no text within it can end that."""
    return Markup(f"    {shown(line)}")


def _table(table: Table, language: Language) -> Markup:
    lines: list[list[str]] = [
        [_plain(language.word(column.title)) for column in table.columns],
        [":--" if column.is_text else "--:" for column in table.columns],
    ]
    lines += [
        [_plain(f"{cell.text} ({cell.below})" if cell.below else cell.text) for cell in row]
        for row in table.cells(language)
    ]
    return Markup("\n".join(f"| {' | '.join(line)} |" for line in lines))


def _yaml(value: Any) -> str:
    text = json.dumps(_shown(value), ensure_ascii=False)
    return _NOT_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return shown(value) if isinstance(value, str) else value
