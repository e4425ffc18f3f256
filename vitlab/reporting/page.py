"""A page from its template: one HTML file without outside parts, in which names are text."""

import base64
import functools
import hashlib
from typing import Any

import jinja2
from markupsafe import Markup

from vitlab.names import shown
from vitlab.progress import duration


def render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("vitlab.reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_readable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(bytes=size_text, duration=duration, lines=_lines)
    script = Markup(environment.get_template("sort.js").render())
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.globals.update(sorting=script, sorting_hash=digest)  # for sortable.html
    return environment


def data_address(svg: str) -> str:
    """A drawing as the address of an image within the page."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _readable(value: Any) -> Any:
    """What a template is about to write: names as one line, however it came by them."""
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _lines(text: str) -> Markup:
    """A text whose own line breaks are meant."""
    return Markup("\n").join(shown(line) for line in text.split("\n"))


def size_text(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
