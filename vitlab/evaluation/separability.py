"""Whether embeddings tell classes apart: without labels (clusters), by neighbours, by a linear probe."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy
from threadpoolctl import threadpool_limits

from vitlab.evaluation.counts import confusion_matrix
from vitlab.evaluation.intervals import Interval, wilson_interval
from vitlab.progress import track

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

BLOCK = 1024  # images whose similarities to all others are in memory at once
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # C of scikit-learn, for embeddings of deviation 1
MOST_ITERATIONS = 1000

# How well clusters recover classes by the adjusted Rand index (Steinley 2004).
RECOVERIES = ((0.9, "excellent"), (0.8, "good"), (0.65, "moderate"), (-1.0, "poor"))


@dataclass(frozen=True)
class Score:
    """How many of `n` images were named right, with Wilson's interval."""

    n: int
    right: int
    accuracy: float
    interval: Interval


@dataclass(frozen=True)
class Clusters:
    """k-means with a cluster for each class.

    Attributes:
        assigned: for each image the class that its cluster is matched to.
        matrix: images of class i (row) in the cluster that is matched to class j (column).
        adjusted_rand: agreement of clusters and classes beyond chance, 1 where they are the same.
        score: of the matching that makes the most images right (Kuhn 1955).
    """

    assigned: np.ndarray
    matrix: np.ndarray
    adjusted_rand: float
    recovery: str
    score: Score


@dataclass(frozen=True)
class Probe:
    """A linear classifier of the training part's embeddings.

    Attributes:
        strength: the C that was best on the validation part, which is why the validation score is
            a little too good, and that of the test part is not.
        converged: whether the solver came to its end within its iterations.
        answers: by part, for `val` and `test`.
        scores: the same.
    """

    strength: float
    converged: bool
    answers: dict[str, np.ndarray]
    scores: dict[str, Score]


def score(labels: np.ndarray, answers: np.ndarray) -> Score:
    n, right = len(labels), int((labels == answers).sum())
    return Score(n, right, right / n, wilson_interval(right, n))


def find_clusters(points: np.ndarray, labels: np.ndarray, classes: int, seed: int) -> Clusters:
    """k-means of points [images, width], the best of ten starts, matched to the classes."""
    from sklearn.cluster import KMeans  # late: only a study needs it, and every run imports this
    from sklearn.metrics import adjusted_rand_score

    means = KMeans(classes, n_init=10, random_state=seed)
    with threadpool_limits(1):  # threads that wait for a busy core spin: many times slower
        found = means.fit_predict(points)
    table = np.zeros((classes, classes), int)
    np.add.at(table, (labels, found), 1)
    matched, clusters = scipy.optimize.linear_sum_assignment(table, maximize=True)
    class_of = np.empty(classes, int)
    class_of[clusters] = matched
    assigned = class_of[found]
    adjusted = float(adjusted_rand_score(labels, found))
    return Clusters(
        assigned=assigned,
        matrix=confusion_matrix(labels, assigned, classes),
        adjusted_rand=adjusted,
        recovery=next(word for least, word in RECOVERIES if adjusted >= least),
        score=score(labels, assigned),
    )


def nearest(embeddings: np.ndarray, kin: np.ndarray, rows: np.ndarray, among: np.ndarray) -> np.ndarray:
    """For each of `rows` the one of `among` that is most like it, by the cosine; -1 where there is none.

    `embeddings` are of length 1. Images of equal `kin` (copies of a picture, images of a group) are not
    taken for each other's neighbours, nor is an image for its own.
    """
    found = []
    starts = range(0, len(rows), BLOCK)
    for start in track(starts, len(starts), "looking for neighbours", "blocks"):
        block = rows[start : start + BLOCK]
        likeness = embeddings[block] @ embeddings[among].T
        likeness[kin[block, None] == kin[None, among]] = -np.inf
        best = likeness.argmax(axis=1)
        is_none = np.isneginf(likeness[np.arange(len(block)), best])
        found.append(np.where(is_none, -1, among[best]))
    return np.concatenate(found)


def linear_probe(embeddings: np.ndarray, labels: np.ndarray, parts: dict[str, np.ndarray]) -> Probe:
    """Logistic regression on the rows of `train`; its strength is chosen on `val`, `test` only judges.

    Each dimension is scaled by the mean and the deviation of the training part.
    """
    from sklearn.linear_model import LogisticRegression

    train, val = parts["train"], parts["val"]
    mean, deviation = embeddings[train].mean(axis=0), embeddings[train].std(axis=0)
    scaled = (embeddings - mean) / np.where(deviation > 0, deviation, 1)
    best: tuple[tuple[float, float], LogisticRegression] | None = None
    for strength in track(STRENGTHS, len(STRENGTHS), "linear probe", "strengths"):
        model = LogisticRegression(C=strength, max_iter=MOST_ITERATIONS)
        model.fit(scaled[train], labels[train])
        right = float((model.predict(scaled[val]) == labels[val]).mean())
        loss = _loss(model, scaled[val], labels[val])
        if best is None or (right, -loss) > best[0]:
            best = (right, -loss), model
    assert best is not None
    chosen = best[1]
    answers = {part: chosen.predict(scaled[parts[part]]) for part in ("val", "test")}
    return Probe(
        strength=chosen.C,
        converged=bool(chosen.n_iter_.max() < MOST_ITERATIONS),
        answers=answers,
        scores={part: score(labels[parts[part]], answers[part]) for part in answers},
    )


def _loss(model: "LogisticRegression", points: np.ndarray, labels: np.ndarray) -> float:
    """The mean cross-entropy; a class that the model never met has no more than rounding allows."""
    chances = model.predict_proba(points)
    places = np.searchsorted(model.classes_, labels)
    places = np.minimum(places, len(model.classes_) - 1)
    own = np.where(model.classes_[places] == labels, chances[np.arange(len(labels)), places], 0)
    return float(-np.log(np.maximum(own, np.finfo(np.float64).tiny)).mean())
