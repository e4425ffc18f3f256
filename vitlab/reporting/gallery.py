"""Which images a report shows: examples of classes, patches, augmentation, answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from vitlab.config import Augmentation, Config
from vitlab.data import Collection, DecodeError, Split, augment
from vitlab.reporting.pictures import Answer, Picture, into_patches, picture
from vitlab.reporting.results import Results

MOST_CLASSES = 60  # of more classes, as many are drawn at random
PATCHES_SIDE = 420  # pixels: each of 14 x 14 patches is to be seen
VERSIONS = 7  # augmented versions beside the original


@dataclass(frozen=True)
class Gallery:
    """The images of a run, and the draws of which to show, from the run's seed."""

    collection: Collection
    split: Split
    results: Results
    seed: int

    def one_per_class(self) -> list[Picture]:
        """An example of each class, from the training part (S0-05)."""
        return [self._show(self._draw(label, "train")[0], name) for label, name in self._classes()]

    def of_classes(self, config: Config) -> list[Picture]:
        """Several examples of the chosen classes (S0-05)."""
        names = self.results.class_names
        chosen = config.report.classes or self._most_confused()
        return [
            self._show(row, name)
            for name in chosen
            for row in self._draw(names.index(name), "train")[: config.report.examples]
        ]

    def patches(self) -> Picture | None:
        """An image as a ViT reads it: cut into its patches (S0-06). None for other networks."""
        card = self.results.phases[-1].card
        patch = card["options"].get("patch")
        if patch is None:
            return None
        pixels = self._pixels(self._draw(0, "train")[0])
        side = pixels.shape[0] // patch
        cut = into_patches(pixels, patch, gap=max(1, patch // 8))
        caption = f"{side} x {side} patches of {patch} x {patch} pixels"
        return picture(cut, caption, sharp=True, side=PATCHES_SIDE)

    def augmented(self, settings: Augmentation) -> list[Picture]:
        """An original beside versions of it that training could have seen (S0-10)."""
        pixels = self._pixels(self._draw(0, "train")[0])
        key = jax.random.key(self.seed)
        versions = np.asarray(augment(jnp.stack([pixels] * VERSIONS), key, settings))
        images = [pixels, *versions.round().astype(np.uint8)]
        captions = ["original", *(f"version {index + 1}" for index in range(VERSIONS))]
        return [
            picture(Image.fromarray(image), caption)
            for image, caption in zip(images, captions, strict=True)
        ]

    def answers(self) -> list[Picture]:
        """Per class a random test image, the truth and each model's answer (S0-24)."""
        names = self.results.class_names
        test_rows = self.split.rows("test")
        shown = []
        for label, name in self._classes():
            row = self._draw(label, "test")[0]
            place = int(np.flatnonzero(test_rows == row)[0])
            answers = []
            for phase in self.results.phases:
                probabilities = phase.predictions["test"].probabilities[place]
                answer = int(probabilities.argmax())
                text = f"{phase.name}: {names[answer]} {probabilities[answer]:.0%}"
                answers.append(Answer(text, answer == label))
            shown.append(self._show(row, name, tuple(answers)))
        return shown

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
        return np.random.default_rng([self.seed, label]).permutation(rows)

    def _most_confused(self) -> Sequence[str]:
        matrix = np.array(self.results.phases[-1].metrics["test"]["confusion_matrix"])
        np.fill_diagonal(matrix, 0)
        pair = np.unravel_index(np.argmax(matrix + matrix.T), matrix.shape)
        first, second = sorted(int(label) for label in pair)
        names = self.results.class_names
        return [names[first], names[second if second != first else 1]]

    def _pixels(self, row: int) -> np.ndarray:
        """As the network saw it in training, or would have."""
        inputs = self.collection.store(np.array([row]), training=True).fetch(np.array([0]))
        return inputs[0]

    def _show(self, row: int, caption: str, answers: tuple[Answer, ...] = ()) -> Picture:
        """In its own shape; an image that has gone since training is shown as the network saw it."""
        try:
            image = self.collection.read(int(row)).image
        except (DecodeError, OSError):
            image = Image.fromarray(self._pixels(row))
        return picture(image, caption, answers)
