"""The pictures of a report: small copies with captions, for the page and as SVG files."""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from vitlab.language import Language
from vitlab.names import shown

SIDE = 160  # pixels of a small copy, which is never enlarged


@dataclass(frozen=True)
class Picture:
    """A small image as a data address, a caption, and lines below it that may be right or wrong.

    `path` is where it lies in its collection, of images that a person may want to open.
    """

    address: str
    width: int
    height: int
    caption: str
    answers: tuple["Answer", ...] = field(default=())
    path: str = ""


@dataclass(frozen=True)
class Answer:
    """`is_suggestion`: neither right nor wrong is known of it, and it is marked as a question."""

    text: str
    is_right: bool
    is_suggestion: bool = False

    @property
    def colour(self) -> str:
        if self.is_suggestion:
            return "black"
        return "#1b7837" if self.is_right else "#C1121F"


def picture(
    image: Image.Image,
    caption: str,
    answers: tuple[Answer, ...] = (),
    *,
    sharp: bool = False,
    side: int = SIDE,
    path: str = "",
) -> Picture:
    """A copy of at most `side` pixels a side; `sharp` keeps lines and few pixels without loss."""
    small = image.copy()
    small.thumbnail((side, side))
    content = io.BytesIO()
    kind = "png" if sharp or max(small.size) <= 64 else "jpeg"
    small.save(content, kind.upper(), **({} if kind == "png" else {"quality": 82}))
    address = f"data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode()}"
    return Picture(address, *small.size, caption, answers, path)


def into_patches(pixels: np.ndarray, patch: int, gap: int) -> Image.Image:
    """The image cut into the squares that a ViT reads, `gap` white pixels between them (S0-06)."""
    rows, columns = (length // patch for length in pixels.shape[:2])
    step = patch + gap
    sheet = np.full((rows * step - gap, columns * step - gap, 3), 255, np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * patch, column * patch
            sheet[row * step : row * step + patch, column * step : column * step + patch] = pixels[
                top : top + patch, left : left + patch
            ]
    return Image.fromarray(sheet)


def grid_svg(pictures: Sequence[Picture], language: Language, columns: int = 5) -> str:
    """The pictures in rows, with their captions, as one SVG file without any outside part."""
    cell, line = SIDE + 16, 16
    lines = 1 + max((len(item.answers) for item in pictures), default=0)
    height = SIDE + 8 + line * lines + 8
    rows = -(-len(pictures) // columns)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{cell * columns}" height="{height * rows}" '
        f'viewBox="0 0 {cell * columns} {height * rows}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for index, item in enumerate(pictures):
        x, y = cell * (index % columns) + 8, height * (index // columns) + 8
        scale = SIDE / max(item.width, item.height)
        parts.append(
            f'<image x="{x}" y="{y}" width="{item.width * scale:.0f}" '
            f'height="{item.height * scale:.0f}" href="{item.address}">'
            f"<title>{html.escape(item.path or language.text(item.caption))}</title></image>"
        )
        texts = [(item.caption, "black")]
        texts += [(answer.text, answer.colour) for answer in item.answers]
        for number, (text, colour) in enumerate(texts):
            parts.append(
                f'<text x="{x}" y="{y + SIDE + line * (number + 1) - 2}" fill="{colour}">'
                f"{html.escape(language.text(text))}</text>"
            )
    return "".join(f"{shown(part)}\n" for part in (*parts, "</svg>"))
