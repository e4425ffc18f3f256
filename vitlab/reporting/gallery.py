"""Which images a report shows: examples of classes, patches, augmentation, answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from vitlab.augmentation_settings import Augmentation
from vitlab.config import Config
from vitlab.data import PRIVATE, REPUBLISH, Collection, DecodeError, Split, augment, mix
from vitlab.language import Message
from vitlab.reporting.pictures import Answer, Picture, into_patches, picture
from vitlab.reporting.results import Results

MOST_CLASSES = 60  # of more classes, as many are drawn at random
PATCHES_SIDE = 420  # pixels: each of 14 x 14 patches is to be seen
GREY = 200
VERSIONS = 7  # augmented versions beside the original
DRAWS = 16  # of which a version of each single operation is chosen


@dataclass(frozen=True)
class Gallery:
    """The images of a run, and the draws of which to show, from the run's seed.

    In the place of an image that may not be republished stands grey, unless `private` (S0-02).
    """

    collection: Collection
    split: Split
    results: Results
    seed: int
    private: bool = False

    def one_per_class(self) -> list[Picture]:
        """An example of each class that has one in the training part (S0-05)."""
        return [
            self.show(row, name)
            for label, name in self._classes()
            for row in self._draw(label, "train")[:1]
        ]

    def of_classes(self, config: Config) -> list[Picture]:
        """Several examples of the chosen classes (S0-05)."""
        names = self.results.class_names
        chosen = config.report.classes or self._most_confused()
        return [
            self.show(row, name)
            for name in chosen
            for row in self._draw(names.index(name), "train")[: config.report.examples]
        ]

    def patches(self) -> Picture | None:
        """An image as a ViT reads it: cut into its patches (S0-06). None for other networks."""
        card = self.results.phases[-1].card
        patch = card["options"].get("patch")
        if patch is None:
            return None
        pixels = self._pixels(self._trained_on()[0])
        side = pixels.shape[0] // patch
        cut = into_patches(pixels, patch, gap=max(1, patch // 8))
        caption = Message("{side} x {side} patches of {patch} x {patch} pixels", side=side, patch=patch)
        return picture(cut, caption, sharp=True, side=PATCHES_SIDE)

    def augmented(self, settings: Augmentation) -> list[Picture]:
        """An original beside versions of it that training could have seen (S0-10)."""
        original, other = self._two()
        versions = self._versions(original, other, settings)[:VERSIONS]
        captions = [Message("version {number}", number=index + 1) for index in range(VERSIONS)]
        return [
            _shown(original, Message("original")),
            *(_shown(image, caption) for image, caption in zip(versions, captions, strict=True)),
        ]

    def operations(self, settings: Augmentation) -> list[Picture]:
        """The same original after each operation alone (S1-02): of several draws the plainest."""
        original, other = self._two()
        pictures = [_shown(original, Message("before"))]
        for name in settings.operations():
            versions = self._versions(original, other, settings.alone(name))
            moved = np.abs(versions - original.astype(np.float32)).mean((1, 2, 3))
            pictures.append(_shown(versions[moved.argmax()], _strength(name, getattr(settings, name))))
        return pictures

    def answers(self) -> list[Picture]:
        """Per class a random test image, the truth and each model's answer (S0-24)."""
        names = self.results.class_names
        test_rows = self.split.rows("test")
        shown = []
        for label, name in self._classes():
            drawn = self._draw(label, "test")
            if not len(drawn):
                continue
            row = drawn[0]
            place = int(np.flatnonzero(test_rows == row)[0])
            answers = []
            for phase in self.results.phases:
                probabilities = phase.predictions["test"].probabilities[place]
                answer = int(probabilities.argmax())
                text = Message(
                    "{model}: {answer} ({probability:.0%})",
                    model=phase.name,
                    answer=names[answer],
                    probability=probabilities[answer],
                )
                answers.append(Answer(text, answer == label))
            shown.append(self.show(row, name, tuple(answers)))
        return shown

    def show(
        self, row: int, caption: str, answers: tuple[Answer, ...] = (), *, named: bool = False
    ) -> Picture:
        """In its own shape; an image that has gone since training is shown as the network saw it.
        One that is `named` can be found by its path."""
        path = self.split.table.paths[row] if named else ""
        if self._is_hidden(row):
            hidden = Message("{caption} (not to be shown)", caption=caption)
            return picture(Image.fromarray(self._pixels(row)), hidden, answers, path=path)
        try:
            image = self.collection.read(int(row)).image
        except (DecodeError, OSError):
            image = Image.fromarray(self._pixels(row))
        return picture(image, caption, answers, path=path)

    def _classes(self) -> list[tuple[int, str]]:
        names = self.results.class_names
        chosen = list(range(len(names)))
        if len(names) > MOST_CLASSES:
            generator = np.random.default_rng(self.seed)
            chosen = sorted(generator.choice(len(names), MOST_CLASSES, replace=False).tolist())
        return [(label, names[label]) for label in chosen]

    def _draw(self, label: int, part: str) -> np.ndarray:
        """The images of a class in a part, in random order that is always the same."""
        rows = self.split.rows(part)
        rows = rows[self.split.table.labels[rows] == label]
        drawn = np.random.default_rng([self.seed, label]).permutation(rows)
        return np.array(sorted(drawn, key=self._is_hidden), int)  # stable: what can be shown goes first

    def _is_hidden(self, row: int) -> bool:
        return not self.private and self.split.table.column(REPUBLISH)[row] == PRIVATE

    def _most_confused(self) -> Sequence[str]:
        matrix = np.array(self.results.phases[-1].metrics["test"]["confusion_matrix"])
        np.fill_diagonal(matrix, 0)
        pair = np.unravel_index(np.argmax(matrix + matrix.T), matrix.shape)
        first, second = sorted(int(label) for label in pair)
        names = self.results.class_names
        return [names[first], names[second if second != first else 1]]

    def _two(self) -> tuple[np.ndarray, np.ndarray]:
        """The image that augmentation is shown on, and one of another class for it to be mixed with."""
        first, *others = self._trained_on()
        return self._pixels(first), self._pixels(others[0] if others else first)

    def _trained_on(self) -> list[int]:
        """A training image of each of the first classes that have one: of two, if there are."""
        present = np.unique(self.split.table.labels[self.split.rows("train")])
        return [int(self._draw(int(label), "train")[0]) for label in present[:2]]

    def _versions(self, original: np.ndarray, other: np.ndarray, settings: Augmentation) -> np.ndarray:
        """Several draws of what training could make of the original, with others of its batch."""
        changed, mixed = jax.random.split(jax.random.key(self.seed))
        batch = jnp.stack([jnp.asarray(image) for image in (original, other)] * DRAWS)
        batch = augment(batch, changed, settings)
        if settings.mixes:
            labels = jnp.arange(len(batch)) % 2
            batch, _ = mix(batch, labels, jnp.ones(len(batch)), mixed, settings)
        return np.asarray(batch[::2])

    def _pixels(self, row: int) -> np.ndarray:
        """As the network saw it in training, or would have."""
        inputs = self.collection.store(np.array([row]), training=True).fetch(np.array([0]))
        return np.full_like(inputs[0], GREY) if self._is_hidden(row) else inputs[0]


def _strength(operation: str, value: bool | float | str) -> str:
    """`rotation 10`, `flip`, or the name of the policy."""
    if isinstance(value, str):
        return value
    words = Message(operation.replace("_", " "))
    return words if value is True else Message("{words} {value:g}", words=words, value=value)


def _shown(pixels: np.ndarray, caption: str) -> Picture:
    return picture(Image.fromarray(pixels.round().astype(np.uint8)), caption)
