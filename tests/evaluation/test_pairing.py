"""Models are compared on the same images, or it is said on which they are not."""

import numpy as np
import pytest

from tests.evaluation.test_metrics import some_predictions
from vitlab.errors import InputError
from vitlab.evaluation import Predictions, common_images, same_images


def test_the_same_images_in_another_order_are_put_into_the_first_ones():
    first = some_predictions()
    turned = first.select(np.random.default_rng(0).permutation(200))
    found = same_images({"a": first, "b": turned})
    for name in ("ids", "labels", "logits"):
        np.testing.assert_array_equal(getattr(found["b"], name), getattr(first, name))


def test_a_file_that_is_there_twice_is_two_images():
    twice = some_predictions().select(np.array([0, 1, 1, 2]))
    assert len(same_images({"a": twice, "b": twice.select(np.array([3, 1, 0, 2]))})["b"]) == 4
    with pytest.raises(InputError, match="1 of the 4 of a are not among the 3 of b"):
        same_images({"a": twice, "b": twice.select(np.array([0, 1, 3]))})


@pytest.mark.parametrize("rows", [np.arange(190), np.r_[0:199, 0:1]])
def test_other_images_are_refused_with_the_names(rows: np.ndarray):
    first = some_predictions()
    with pytest.raises(InputError, match="old and new were not tested on the same images"):
        same_images({"old": first, "new": first.select(rows)})
    with pytest.raises(InputError, match="new and old were not tested on the same images"):
        same_images({"new": first.select(rows), "old": first})


def test_common_images_are_those_that_all_have():
    first = some_predictions()
    models = {"a": first.select(np.arange(150)), "b": first.select(np.arange(199, 99, -1)), "c": first}
    found = common_images(models)
    for model in found.values():
        np.testing.assert_array_equal(model.ids, first.ids[100:150])
        np.testing.assert_array_equal(model.logits, first.logits[100:150])
    with pytest.raises(InputError, match="a, b have no test image in common"):
        common_images({"a": first.select(np.arange(50)), "b": first.select(np.arange(50, 90))})


def test_other_labels_and_other_classes_are_refused():
    first = some_predictions()
    labels = first.labels.copy()
    labels[4] = (labels[4] + 1) % 7
    with pytest.raises(InputError, match=r"a and b give the image cat/4\.png different labels"):
        same_images(
            {"a": first, "b": Predictions(first.ids, labels, first.logits)}, {"id4": "cat/4.png"}
        )
    with pytest.raises(InputError, match="a has 7 classes and b 6"):
        same_images({"a": first, "b": Predictions(first.ids, first.labels % 6, first.logits[:, :6])})
