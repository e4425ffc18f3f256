"""Clusters, neighbours, probe and projections of embeddings, against closed forms and other counts."""

from itertools import permutations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from vitlab.evaluation import (
    drawn_rows,
    find_clusters,
    linear_probe,
    nearest,
    perplexity,
    reduce_width,
    score,
    separability_statements,
    tsne,
    wilson_interval,
)
from vitlab.evaluation.projections import WIDTH
from vitlab.language import Message


def clouds(classes: int, each: int, distance: float, width: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Normal clouds of deviation 1, each `distance` from the origin along an axis of its own."""
    labels = np.repeat(np.arange(classes), each)
    noise = np.random.default_rng(0).normal(size=(len(labels), width))
    return (noise + distance * np.eye(classes, width)[labels]).astype(np.float32), labels


def parts_of(count: int) -> dict[str, np.ndarray]:
    rows = np.random.default_rng(1).permutation(count)
    return {
        "train": rows[: count // 2],
        "val": rows[count // 2 : -count // 4],
        "test": rows[-count // 4 :],
    }


def unit(points: np.ndarray) -> np.ndarray:
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def test_clusters_are_matched_so_that_the_most_images_are_right():
    points, labels = clouds(4, 30, 2.5)
    clusters = find_clusters(points, labels, 4, seed=0)
    best = max(
        int((np.array(order)[clusters.assigned] == labels).sum()) for order in permutations(range(4))
    )
    assert clusters.score.right == best == np.trace(clusters.matrix)
    assert clusters.matrix.sum(axis=1).tolist() == [30] * 4


def test_the_adjusted_rand_index_is_that_of_counted_pairs():
    """Hubert and Arabie 1985: pairs together in both, against what the margins give by chance."""
    points, labels = clouds(3, 20, 2.0)
    clusters = find_clusters(points, labels, 3, seed=0)
    first, second = np.triu_indices(len(labels), 1)
    same_class = labels[first] == labels[second]
    same_cluster = clusters.assigned[first] == clusters.assigned[second]
    both = (same_class & same_cluster).sum()
    chance = same_class.sum() * same_cluster.sum() / len(first)
    most = (same_class.sum() + same_cluster.sum()) / 2
    assert clusters.adjusted_rand == pytest.approx((both - chance) / (most - chance))


@pytest.mark.parametrize(("distance", "recovery"), [(0.0, "poor"), (30.0, "excellent")])
def test_recovery_is_named_by_the_index(distance: float, recovery: str):
    points, labels = clouds(3, 40, distance)
    clusters = find_clusters(points, labels, 3, seed=0)
    assert clusters.recovery == recovery
    assert clusters.adjusted_rand == pytest.approx(1.0 if distance else 0.0, abs=0.06)


def test_the_nearest_is_the_most_similar_that_is_no_kin(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vitlab.evaluation.separability.BLOCK", 7)
    points, _ = clouds(2, 15, 1.0)
    embeddings, kin = unit(points), np.arange(30) // 2
    rows, among = np.arange(0, 30, 3), np.arange(5, 30)
    expected = []
    for row in rows:
        allowed = [other for other in among if kin[other] != kin[row]]
        cosines = [float(embeddings[row] @ embeddings[other]) for other in allowed]
        expected.append(allowed[int(np.argmax(cosines))])
    assert nearest(embeddings, kin, rows, among).tolist() == expected
    assert nearest(embeddings, np.zeros(30, int), rows, among).tolist() == [-1] * len(rows)


def test_the_probe_is_trained_on_train_and_chosen_on_val_alone():
    points, labels = clouds(3, 60, 2.0)
    parts = parts_of(len(labels))
    probe = linear_probe(points, labels, parts)
    train = parts["train"]
    scaled = (points - points[train].mean(axis=0)) / points[train].std(axis=0)
    right = {}
    for strength in (1e-4, 1e-3, 1e-2, 1e-1, 1.0):
        model = LogisticRegression(C=strength, max_iter=1000).fit(scaled[train], labels[train])
        right[strength] = {part: model.predict(scaled[parts[part]]) for part in ("val", "test")}
    accuracy = {
        strength: (answers["val"] == labels[parts["val"]]).mean() for strength, answers in right.items()
    }
    assert accuracy[probe.strength] == max(accuracy.values()) == probe.scores["val"].accuracy
    assert (probe.answers["test"] == right[probe.strength]["test"]).all()

    shuffled = labels.copy()
    shuffled[parts["test"]] = np.roll(labels[parts["test"]], 1)
    other = linear_probe(points, shuffled, parts)
    assert other.strength == probe.strength
    assert (other.answers["test"] == probe.answers["test"]).all()


def test_the_probe_bears_a_class_that_training_lacks_and_a_dimension_that_says_nothing():
    points, labels = clouds(3, 30, 4.0)
    points[:, 5] = 7.0
    parts = parts_of(len(labels))
    parts["train"] = parts["train"][labels[parts["train"]] != 2]
    probe = linear_probe(points, labels, parts)
    assert set(probe.answers["test"].tolist()) <= {0, 1}
    assert probe.scores["test"].n == len(parts["test"])


def test_a_score_has_wilsons_interval():
    found = score(np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2]))
    assert (found.n, found.right, found.accuracy) == (4, 3, 0.75)
    assert found.interval == wilson_interval(3, 4)


def test_principal_components_hold_the_variance_that_the_covariance_says():
    points, _ = clouds(4, 40, 3.0)
    reduced = reduce_width(points, seed=0)
    values = np.sort(np.linalg.eigvalsh(np.cov(points.T)))[::-1]
    assert reduced.shares == pytest.approx(values / values.sum(), rel=1e-4)
    assert reduced.points.var(axis=0, ddof=1) == pytest.approx(values, rel=1e-3)
    wide = np.random.default_rng(0).normal(size=(200, 70))
    assert reduce_width(wide, 0).points.shape == (200, WIDTH)
    assert reduce_width(wide[:9], 0).points.shape == (9, 9)


def test_what_is_drawn_has_every_class_by_its_share():
    labels = np.repeat([0, 1, 2], [9000, 900, 2])
    rows = drawn_rows(labels, seed=0, most=1000)
    counts = np.bincount(labels[rows])
    assert counts[0] == pytest.approx(9000 * 1000 / 9902, abs=1)
    assert counts[2] >= 1
    assert (np.diff(rows) > 0).all()
    assert (drawn_rows(labels, 0, 1000) == rows).all()
    assert len(drawn_rows(labels, seed=0, most=20_000)) == len(labels)


def test_tsne_is_the_same_each_time_and_keeps_clouds_apart():
    points, labels = clouds(3, 12, 20.0)
    found = tsne(points, seed=3)
    assert (found == tsne(points, seed=3)).all()
    gaps = np.linalg.norm(found[:, None] - found[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    assert (labels[gaps.argmin(axis=1)] == labels).all()
    assert perplexity(1000) == 30
    assert perplexity(10) == 3


def sentences(distance: float, *, is_random: bool = False) -> list[Message]:
    points, labels = clouds(3, 80, distance)
    parts = parts_of(len(labels))
    probe = linear_probe(points, labels, parts)
    largest = np.bincount(labels[parts["train"]]).argmax()
    tested = labels[parts["test"]]
    neighbours = np.zeros((3, 3), int)
    every = np.arange(len(labels))
    np.add.at(neighbours, (labels, labels[nearest(unit(points), every, every, every)]), 1)
    return separability_statements(
        ("a", "b", "c"),
        score(tested, np.full(len(tested), largest)),
        probe,
        find_clusters(points, labels, 3, seed=0),
        neighbours,
        is_random=is_random,
    )


@pytest.mark.parametrize(
    ("distance", "verdict", "of_random"),
    [
        (0.0, "It is not established that these classes", "It is not established that random weights"),
        (1.5, "Without training, only some images of", "nothing, only some images of"),
        (3.0, "Without training, most images of", "nothing, most images of"),
        (30.0, "Without training, nearly all images of", "nothing, nearly all images of"),
    ],
)
def test_the_verdict_follows_the_lower_end_of_the_interval_and_says_what_has_learned_nothing(
    distance: float, verdict: str, of_random: str
):
    answer, random = sentences(distance)[0], sentences(distance, is_random=True)[0]
    assert answer.startswith(verdict)
    assert "random" not in answer
    assert of_random in random
    assert "random weights, which have learned nothing, " in random.partition(":")[0]
    assert random.partition(":")[2] == answer.partition(":")[2]


def test_the_last_sentence_is_about_who_is_mixed_up_if_anyone_is():
    assert sentences(30.0)[-1] == "Every image has an image of its own class as its nearest neighbour."
    assert "are mixed up most" in sentences(1.0)[-1]
