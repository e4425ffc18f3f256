"""What two kinds of chance, of trainings and of test images, do to the difference of two recipes."""

from dataclasses import dataclass, replace

import numpy as np
import scipy

from vitlab.evaluation.intervals import ALIKE, paired_interval

COUNTED = 30  # degrees of freedom of the images: with more, counts are no better than their deviation
LEVELS = (1e-6, 0.99)  # between which a p value by counts is looked for


@dataclass(frozen=True)
class Counts:
    """Images that one recipe alone answers rightly, in the mean of its trainings, and all images.

    An image that some trainings of a recipe answer counts by their share, which varies less than an
    image that counts as a whole: so tests of counts are rather too strict here.
    """

    gained: float
    lost: float
    images: float

    @property
    def difference(self) -> float:
        return (self.gained - self.lost) / self.images

    def reach(self, level: float) -> np.ndarray:
        """How far `paired_interval` goes below the difference and above it [2]."""
        low, high = paired_interval(self.gained, self.lost, self.images, 1 - level)
        return np.array([self.difference - low, high - self.difference])

    def grown(self, images: float) -> "Counts":
        """With so many times the images."""
        return Counts(self.gained * images, self.lost * images, self.images * images)


@dataclass(frozen=True)
class Spread:
    """Of a difference of means over seeds: two standard errors with their degrees of freedom.

    Attributes:
        trainings: how many each mean is of; one number if they are paired by seed.
        variances: of the trainings that each of these numbers counts; of paired ones that of their
            differences.
        error_of_images: the standard error that the test images leave.
        freedom_of_images: its degrees of freedom.
        noise: for each number of trainings, what one training does to single images: its part of the
            variance between trainings, which falls with the number of images, and of the squared error
            of images, which falls with that of trainings.
        counts: of an accuracy, which tell more than the error where few images are answered differently.
    """

    trainings: tuple[int, ...]
    variances: tuple[float, ...]
    error_of_images: float
    freedom_of_images: float
    noise: tuple[float, ...]
    counts: Counts | None = None

    @property
    def error_of_seeds(self) -> float:
        error = float(np.sqrt(np.divide(self.variances, self.trainings).sum()))
        return error if error > ALIKE else 0.0

    @property
    def freedom_of_seeds(self) -> float:
        """Student's of paired trainings, else Welch's (1947)."""
        shares, less = np.divide(self.variances, self.trainings), np.subtract(self.trainings, 1)
        if self.error_of_seeds < ALIKE:
            return float(less.sum())
        return float(shares.sum() ** 2 / (shares**2 / less).sum())

    @property
    def is_nothing(self) -> bool:
        return max(self.error_of_seeds, self.error_of_images) < ALIKE

    @property
    def is_told(self) -> bool:
        """Whether there is anything to test by: an error, or images that are answered differently."""
        differing = self.counts.gained + self.counts.lost if self.counts else 0.0
        return not self.is_nothing or differing > 0

    @property
    def error(self) -> float:
        return float(np.hypot(self.error_of_seeds, self.error_of_images))

    def reach(self, level: float) -> np.ndarray:
        """How far the interval, which excludes 0 where p is at most the level, goes below the difference
        and above it [2]."""
        errors, freedoms = self._parts()
        by_errors = np.full(2, (scipy.stats.t.isf(level / 2, freedoms) * errors).max(initial=0.0))
        if not self._goes_by_counts:
            return by_errors
        by_counts = self._by_counts(level)
        return by_counts if self.is_nothing else np.minimum(by_errors, by_counts)

    def towards_zero(self, level: float) -> float:
        """How far it goes on the side of the difference where 0 is."""
        return float(self.reach(level)[self._side])

    def p(self, difference: float) -> float:
        errors, freedoms = self._parts()
        by_errors = 1.0
        if not self.is_nothing:
            by_errors = float(2 * scipy.stats.t.sf(abs(difference) / errors, freedoms).max())
        if not self._goes_by_counts:
            return by_errors

        def excess(logarithm: float) -> float:
            return float(self._by_counts(float(np.exp(logarithm)))[self._side]) - abs(difference)

        least, most = np.log(LEVELS).tolist()
        if excess(most) >= 0:
            return by_errors
        if excess(least) <= 0:
            return min(by_errors, LEVELS[0])
        return min(by_errors, float(np.exp(scipy.optimize.brentq(excess, least, most))))

    def strictest_freedom(self, level: float) -> float | None:
        """Of the part that the interval is of; None where counts alone tell it."""
        if self.is_nothing:
            return None
        errors, freedoms = self._parts()
        halves = scipy.stats.t.isf(level / 2, freedoms) * errors
        if not self._goes_by_counts or halves.max() <= self._by_counts(level)[self._side]:
            return float(freedoms[np.argmax(halves)])
        return self.freedom_of_seeds if self.error_of_seeds > ALIKE else None

    def grown(self, seeds: int, images: float) -> "Spread":
        """As it would be with so many seeds of each recipe, and so many times the test images."""
        square = self.error_of_images**2
        noise = float(sum(np.divide(self.noise, self.trainings)))
        kept = min(1.0, square / noise) if noise > 0 else 0.0  # an estimate; not more than there is
        square += kept * (sum(self.noise) / seeds - noise)
        freedom = (self.freedom_of_images + 1) * images - 1
        of_noise = np.minimum(self.variances, self.noise)
        return replace(
            self,
            trainings=(seeds,) * len(self.trainings),
            variances=tuple((self.variances - of_noise * (1 - 1 / images)).tolist()),
            error_of_images=float(np.sqrt(max(0.0, square) / images)),
            freedom_of_images=freedom,
            noise=tuple(one / images for one in self.noise),
            counts=self.counts.grown(images) if self.counts and freedom <= COUNTED else None,
        )

    @property
    def _goes_by_counts(self) -> bool:
        return self.counts is not None and (self.freedom_of_images <= COUNTED or self.is_nothing)

    @property
    def _side(self) -> int:
        return int(self.counts is not None and self.counts.difference < 0)

    def _by_counts(self, level: float) -> np.ndarray:
        """The reach of another interval: those of the seeds and of the counts of images are the legs of
        it (MOVER: Zou and Donner 2008)."""
        of_seeds = scipy.stats.t.isf(level / 2, self.freedom_of_seeds) * self.error_of_seeds
        of_images = self.counts.reach(level) if self.counts else np.inf
        return np.hypot(of_seeds, of_images)

    def _parts(self) -> tuple[np.ndarray, np.ndarray]:
        """The errors of the seeds, of the images and of both (Satterthwaite 1946), with their freedoms;
        none that is 0, as both are of seeds and images without number."""
        if self.is_nothing:
            return np.empty(0), np.empty(0)
        errors = np.array([self.error_of_seeds, self.error_of_images])
        freedoms = np.array([self.freedom_of_seeds, self.freedom_of_images])
        both = self.error**4 / (errors**4 / freedoms).sum()
        errors, freedoms = np.append(errors, self.error), np.append(freedoms, both)
        return errors[errors > ALIKE], freedoms[errors > ALIKE]
