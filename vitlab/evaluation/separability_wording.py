"""What a study of embeddings says, in words: can these classes be told apart without training?"""

from collections.abc import Sequence

import numpy as np

from vitlab.evaluation.separability import Clusters, Probe, Score

# By the lower end of the probe's interval, as a share of the way from the largest class's share to 1.
NEARLY_ALL, MOST = 0.85, 0.5


def separability_statements(
    class_names: Sequence[str],
    baseline: Score,
    probe: Probe,
    clusters: Clusters,
    neighbours: np.ndarray,
) -> list[str]:
    """The answer first, then what clusters say without labels, then who is hard and with whom.

    `baseline` is the score on the test part of always answering the largest class of the training part;
    `neighbours` counts images of class i (row) whose nearest other image is of class j (column).
    """
    return [
        _answer(baseline, probe.scores["test"]),
        f"Without any label, {len(class_names)} clusters recover the classes {_recovery(clusters)} "
        f"(adjusted Rand index {clusters.adjusted_rand:.2f}; {_percent(clusters.score.accuracy)} of "
        f"{clusters.score.n} images are in the cluster of their class).",
        *_hardest(class_names, neighbours),
    ]


def _answer(baseline: Score, test: Score) -> str:
    low, high = test.interval
    gain = (low - baseline.accuracy) / (1 - baseline.accuracy) if baseline.accuracy < 1 else 0.0
    if gain <= 0:
        verdict = "It is not established that these classes can be told apart without training"
    elif gain >= NEARLY_ALL:
        verdict = "Without training, nearly all images of these classes can be told apart"
    elif gain >= MOST:
        verdict = "Without training, most images of these classes can be told apart"
    else:
        verdict = "Without training, only some images of these classes can be told apart"
    return (
        f"{verdict}: a linear classifier on what the network says of them names "
        f"{_percent(test.accuracy)} of {test.n} test images rightly (95 % interval "
        f"{_percent(low)} to {_percent(high)}), where "
        f"always answering the largest class would name {_percent(baseline.accuracy)}."
    )


def _recovery(clusters: Clusters) -> str:
    return {"excellent": "excellently", "good": "well", "moderate": "moderately", "poor": "poorly"}[
        clusters.recovery
    ]


def _hardest(class_names: Sequence[str], neighbours: np.ndarray) -> list[str]:
    own, total = np.diagonal(neighbours), neighbours.sum(axis=1)
    if own.sum() == total.sum():
        return ["Every image has an image of its own class as its nearest neighbour."]
    shares = np.where(total > 0, own / np.maximum(total, 1), np.inf)
    hardest = int(shares.argmin())
    others = neighbours - np.diag(own)
    first, second = sorted(map(int, np.unravel_index((others + others.T).argmax(), others.shape)))
    mixed = int(others[first, second] + others[second, first])
    return [
        f"The hardest class is {class_names[hardest]}: {int(own[hardest])} of {int(total[hardest])} of "
        "its images have their nearest neighbour in it.",
        f"{class_names[first]} and {class_names[second]} are mixed up most: {mixed} of their "
        f"{int(total[first] + total[second])} images have their nearest neighbour in the other class.",
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
