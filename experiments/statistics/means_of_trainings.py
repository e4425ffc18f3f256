"""How often the interval of a mean accuracy over trainings holds the accuracy of the recipe.

    python -m experiments.statistics.means_of_trainings [--sets=2000] [--seed=0]

A recipe finds some images hard, and a training moves the accuracy of all images by its luck, of the
given deviation. The truth is the mean over all trainings and all images. Beside the interval in use
stands Student's over the trainings alone, which takes the test images for all there are.
"""

from collections.abc import Sequence

import numpy as np
from absl import flags
from scipy import stats

from experiments.statistics.simulated_models import in_parallel, row
from vitlab import command
from vitlab.evaluation import interval_of_trainings, student_interval

ACCURACIES = (0.9, 0.99)
LUCK = (0.0, 0.2, 0.4)  # the deviation of what a training adds, as a share of the mistakes
SEEDS, SIZES = (3, 5, 10), (150, 1000)
OWN = 0.8  # of the variance of an answer: the image's, and not the training's

_SETS = flags.DEFINE_integer("sets", 2000, "Simulated recipes of each kind.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Of everything random.")


def main() -> None:
    kinds = [(seeds, size, accuracy) for accuracy in ACCURACIES for seeds in SEEDS for size in SIZES]
    row("", *(f"luck {luck:.0%} of the mistakes" for luck in LUCK))
    row(*["---"] * (1 + len(LUCK)))
    arguments = [
        (*kind, luck, _SETS.value, (_SEED.value, place))
        for place, kind in enumerate(kinds)
        for luck in LUCK
    ]
    shares = in_parallel(_coverage, arguments)
    for seeds, size, accuracy in kinds:
        found = [f"{both:.1%} ({alone:.1%})" for both, alone in (next(shares) for _ in LUCK)]
        row(f"{seeds} seeds, n = {size}, accuracy {accuracy:g}", *found)


def _coverage(
    seeds: int, size: int, accuracy: float, luck: float, sets: int, seed: Sequence[int]
) -> list[float]:
    """The share of sets in which each interval holds the truth. Where all trainings are equal, Student's
    is their one value."""
    generator = np.random.default_rng(seed)
    held = np.zeros(2)
    for _ in range(sets):
        deviation = luck * (1 - accuracy) * generator.normal(size=(seeds, 1))
        hard, noise = generator.normal(size=size), generator.normal(size=(seeds, size))
        limits = stats.norm.ppf(np.clip(accuracy + deviation, 0, 1))
        right = np.sqrt(OWN) * hard + np.sqrt(1 - OWN) * noise < limits
        values = right.mean(axis=1).tolist()
        both = (interval_of_trainings(values, size), student_interval(values))
        held += [low <= accuracy <= high for low, high in both]
    return list(held / sets)


if __name__ == "__main__":
    command.run(main)
