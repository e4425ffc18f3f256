"""Models whose true figures are known, and their answers to as many test sets as one likes.

A model of five classes answers an image with a normal deviate for each class, to which the true class
adds as much as makes the model as accurate as it should be. Test sets have as many images of each class.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from scipy import optimize

from vitlab.errors import InputError
from vitlab.evaluation import TESTABLE, Predictions
from vitlab.names import unknown

CLASSES = 5
POPULATION = 1_000_000  # images that tell the truth about a model


def known(figures: Sequence[str], *others: str) -> Sequence[str]:
    """The figures, if --figures has none but what a comparison tests by, and `others`."""
    for figure in figures:
        if figure not in (*TESTABLE, *others):
            raise InputError(unknown("figure", figure, (*TESTABLE, *others), "--figures"))
    return figures


def population(generator: np.random.Generator) -> np.ndarray:
    """The deviates [images, classes] of so many images that chance plays no role."""
    return generator.normal(size=(POPULATION, CLASSES)).astype(np.float32)


def answered(deviates: np.ndarray, strength: float) -> Predictions:
    """The predictions for images whose labels go round the classes."""
    images = np.arange(len(deviates))
    logits = deviates.copy()
    logits[images, images % CLASSES] += strength
    return Predictions(images.astype(str), images % CLASSES, logits)


def strength_for(deviates: np.ndarray, accuracy: float) -> float:
    """What the true class must gain for the accuracy on the population."""

    def excess(strength: float) -> float:
        predictions = answered(deviates, strength)
        return float((predictions.answers == predictions.labels).mean()) - accuracy

    return float(optimize.brentq(excess, 0, 10, xtol=1e-4))


def in_parallel(simulate: Callable[..., list], arguments: Sequence[tuple]) -> Iterator[list]:
    """The results of all simulations, in order, each in one of as many processes as there are cores."""
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(simulate, *zip(*arguments, strict=True))


def row(*cells: str) -> None:
    """Prints a row of a Markdown table at once."""
    print("| " + " | ".join(cells) + " |", flush=True)
