"""What a study of embeddings says, in words: can these classes be told apart without training?"""

from collections.abc import Sequence

import numpy as np

from vitlab.evaluation.separability import Clusters, Probe, Score
from vitlab.language import Message

# By the lower end of the probe's interval, as a share of the way from the largest class's share to 1.
NEARLY_ALL, MOST = 0.85, 0.5

HOW = {
    "excellent": Message("excellently"),
    "good": Message("well"),
    "moderate": Message("moderately"),
    "poor": Message("poorly"),
}


def separability_statements(
    class_names: Sequence[str],
    baseline: Score,
    probe: Probe,
    clusters: Clusters,
    neighbours: np.ndarray,
    *,
    is_random: bool,
) -> list[Message]:
    """The answer first, then what clusters say without labels, then who is hard and with whom.

    `baseline` is the score on the test part of always answering the largest class of the training part;
    `neighbours` counts images of class i (row) whose nearest other image is of class j (column). Of
    random weights the answer says so itself.
    """
    return [
        _answer(baseline, probe.scores["test"], is_random=is_random),
        Message(
            "Without any label, {clusters} clusters recover the classes {how} (adjusted Rand index "
            "{rand:.2f}; {share:.1%} of {images} images are in the cluster of their class).",
            clusters=len(class_names),
            how=HOW[clusters.recovery],
            rand=clusters.adjusted_rand,
            share=clusters.score.accuracy,
            images=clusters.score.n,
        ),
        *_hardest(class_names, neighbours),
    ]


def _answer(baseline: Score, test: Score, *, is_random: bool) -> Message:
    low, high = test.interval
    gain = (low - baseline.accuracy) / (1 - baseline.accuracy) if baseline.accuracy < 1 else 0.0
    verdict = (_verdict_of_random if is_random else _verdict)(gain)
    return Message(
        "{verdict}: a linear classifier on what the network says of them names {share:.1%} of {images} "
        "test images rightly (95 % interval {low:.1%} to {high:.1%}), where always answering the "
        "largest class would name {largest:.1%}.",
        verdict=verdict,
        share=test.accuracy,
        images=test.n,
        low=low,
        high=high,
        largest=baseline.accuracy,
    )


def _verdict(gain: float) -> Message:
    if gain <= 0:
        return Message("It is not established that these classes can be told apart without training")
    if gain >= NEARLY_ALL:
        return Message("Without training, nearly all images of these classes can be told apart")
    if gain >= MOST:
        return Message("Without training, most images of these classes can be told apart")
    return Message("Without training, only some images of these classes can be told apart")


def _verdict_of_random(gain: float) -> Message:
    if gain <= 0:
        return Message(
            "It is not established that random weights, which have learned nothing, tell these classes "
            "apart"
        )
    if gain >= NEARLY_ALL:
        return Message(
            "With random weights, which have learned nothing, nearly all images of these classes can be "
            "told apart"
        )
    if gain >= MOST:
        return Message(
            "With random weights, which have learned nothing, most images of these classes can be told "
            "apart"
        )
    return Message(
        "With random weights, which have learned nothing, only some images of these classes can be told "
        "apart"
    )


def _hardest(class_names: Sequence[str], neighbours: np.ndarray) -> list[Message]:
    own, total = np.diagonal(neighbours), neighbours.sum(axis=1)
    if own.sum() == total.sum():
        return [Message("Every image has an image of its own class as its nearest neighbour.")]
    shares = np.where(total > 0, own / np.maximum(total, 1), np.inf)
    hardest = int(shares.argmin())
    others = neighbours - np.diag(own)
    first, second = sorted(map(int, np.unravel_index((others + others.T).argmax(), others.shape)))
    mixed = int(others[first, second] + others[second, first])
    return [
        Message(
            "The hardest class is {name} (images whose nearest neighbour is of the class: {own} of "
            "{all}).",
            name=class_names[hardest],
            own=int(own[hardest]),
            all=int(total[hardest]),
        ),
        Message(
            "{first} and {second} are mixed up most (images whose nearest neighbour is of the other "
            "class: {mixed} of {all}).",
            first=class_names[first],
            second=class_names[second],
            mixed=mixed,
            all=int(total[first] + total[second]),
        ),
    ]
