"""How many trainings and test images it would take to establish a difference four times of five."""

from collections.abc import Callable

import scipy

from vitlab.evaluation.comparison import POWER
from vitlab.evaluation.spread import Spread

LEAST_FREEDOM = 5  # of the images: fewer than six that decide are no ground to plan on
UNLIMITED = 2**30  # times what there is: what more can do, so much does


def needed_trainings(
    spread: Spread, difference: float, images: int, level: float
) -> tuple[int | None, int | None]:
    """The seeds of each recipe, and the test images, with which such a difference would be established.

    More seeds alone if they can do it, and then the number of images is None. If not, about as many
    seeds as leave four times the images to be needed that unlimited seeds would need. Both are None
    where there is no difference, where a handful of images decides, or the formula knows of none. As in
    Connor's formula (1987) the difference must be as large as half of the interval, here by Student's
    distribution, and what normal errors take off it in one case of five.
    """
    least = min(spread.trainings)

    def suffice(seeds: int, count: float) -> bool:
        more = spread.grown(seeds, count / images)
        return more.towards_zero(level) + scipy.stats.norm.ppf(POWER) * more.error <= abs(difference)

    if difference == 0 or spread.freedom_of_images < LEAST_FREEDOM or suffice(least, images):
        return None, None
    seeds = _first(lambda seeds: suffice(seeds, images), least)
    if seeds is not None:
        return seeds, None
    fewest = _first(lambda count: suffice(UNLIMITED, count), images)
    seeds = None if fewest is None else _first(lambda seeds: suffice(seeds, 4 * fewest), least - 1)
    if seeds is None:
        return None, None
    return seeds, _first(lambda count: suffice(seeds, count), images)


def _first(is_enough: Callable[[int], bool], low: int) -> int | None:
    """The first number above `low` that is enough; every larger one is, too."""
    high = low * UNLIMITED
    if not is_enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
