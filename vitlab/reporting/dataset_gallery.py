"""Which images the report on a collection shows: examples, copies side by side, the worst."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from vitlab.data import NEAR, PRIVATE, REPUBLISH, Copies, DecodeError, Inspection
from vitlab.language import Message
from vitlab.reporting.pictures import SIDE, Picture, picture

MOST_CLASSES = 60  # of more classes, as many are drawn at random
RANDOM = 16  # images, with their labels
MOST_GROUPS = 30  # of copies, of each kind
MOST_COPIES = 6  # of one picture
WORST = 12  # images with one flaw
GREY = (200, 200, 200)


@dataclass(frozen=True)
class Shown:
    """Copies of one picture side by side, and what to know about them."""

    pictures: tuple[Picture, ...]
    kind: str
    classes: tuple[str, ...]
    parts: tuple[str, ...]
    likeness: float | None
    similarity: float | None
    more: int


@dataclass(frozen=True)
class DatasetGallery:
    """In the place of an image that may not be republished stands grey, unless `private` (S0-02)."""

    inspection: Inspection
    seed: int
    private: bool

    def one_per_class(self) -> list[Picture]:
        """An example of each class (S0-05)."""
        table = self.inspection.examined.table
        generator = np.random.default_rng(self.seed)
        labels = np.unique(table.labels)
        if len(labels) > MOST_CLASSES:
            labels = np.sort(generator.choice(labels, MOST_CLASSES, replace=False))
        return [
            self._show(self._draw(np.flatnonzero(table.labels == label), generator)[0])
            for label in labels
        ]

    def random(self) -> list[Picture]:
        """Images of any class with their labels, from the training part where there is one (S2-09)."""
        rows = [row for row, part in enumerate(self.inspection.parts) if part == "train"]
        everything = range(len(self.inspection.parts))
        generator = np.random.default_rng([self.seed, 1])
        drawn = self._draw(np.array(rows or everything), generator)[:RANDOM]
        return [self._show(row) for row in drawn]

    def copies(self) -> dict[str, list[Shown]]:
        """By title; what may be an error of labels or a leak between parts comes first."""
        groups: dict[str, list[Copies]] = {
            Message("The same picture under several labels"): [],
            Message("The same picture in several parts"): [],
            Message("Equal files or pixels"): [],
            Message("Nearly the same"): [],
        }
        labels, parts, exact, near = groups.values()
        for one in self.inspection.copies:
            if len(one.classes) > 1:
                labels.append(one)
            elif len(one.parts) > 1:
                parts.append(one)
            else:
                (near if one.kind == NEAR else exact).append(one)
        return {
            title: [self._side_by_side(one) for one in found[:MOST_GROUPS]]
            for title, found in groups.items()
            if found
        }

    def flaws(self) -> dict[str, list[Picture]]:
        """By the name of the flaw, worst first, with what was measured."""
        return {
            flaw.name: [
                self._show(row, Message("{value:.1f}: {image}", value=value, image=self._name(row)))
                for row, value in zip(flaw.rows[:WORST], flaw.values[:WORST], strict=True)
            ]
            for flaw in self.inspection.flaws
            if flaw.rows
        }

    def _side_by_side(self, copies: Copies) -> Shown:
        is_near = copies.kind == NEAR
        return Shown(
            tuple(self._show(row, self._name(row)) for row in copies.rows[:MOST_COPIES]),
            copies.kind,
            copies.classes,
            copies.parts,
            copies.likeness if is_near else None,
            copies.similarity,
            max(0, len(copies.rows) - MOST_COPIES),
        )

    def _draw(self, rows: np.ndarray, generator: np.random.Generator) -> list[int]:
        """In random order; what can be shown goes first."""
        return sorted(generator.permutation(rows).tolist(), key=self._is_hidden)

    def _is_hidden(self, row: int) -> bool:
        return not self.private and self.inspection.examined.table.column(REPUBLISH)[row] == PRIVATE

    def _name(self, row: int) -> str:
        part = self.inspection.parts[row]
        table = self.inspection.examined.table
        path = table.paths[row]
        label = table.class_names[table.labels[row]]
        known = [part] if part and part not in path.split("/") else []
        known += [label] if label not in path.split("/") else []
        return f"{path} ({', '.join(known)})" if known else path

    def _show(self, row: int, caption: str = "") -> Picture:
        """In its own shape; grey where it may not be shown, or has gone since it was looked at."""
        table = self.inspection.examined.table
        caption = caption or table.class_names[table.labels[row]]
        seen = self.inspection.examined.seen[row]
        grey = Image.new("RGB", (min(seen.width, SIDE), min(seen.height, SIDE)), GREY)
        if self._is_hidden(row):
            return picture(grey, Message("{caption} (not to be shown)", caption=caption))
        try:
            return picture(self.inspection.examined.read(row).image, caption)
        except (DecodeError, OSError):
            return picture(grey, Message("{caption} (gone)", caption=caption))
