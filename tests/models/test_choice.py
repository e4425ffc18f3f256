"""What a report says of other networks without building them."""

import math

import pytest

from vitlab.models import PRESETS, create, outline, published_networks
from vitlab.models.choice import NUMBERS, best_of_families
from vitlab.weights import CATALOGUE, Checkpoint

BEST = best_of_families()


@pytest.mark.parametrize("checkpoint", BEST, ids=lambda one: one.name)
def test_what_is_said_of_a_networks_size_is_what_is_built(checkpoint: Checkpoint):
    size = checkpoint.preprocessing.size
    _, *shapes = outline(
        lambda: create(checkpoint.model, num_classes=checkpoint.classes, input_size=size)
    )
    counted = [sum(map(math.prod, found.values())) for found in shapes]
    assert counted == list(NUMBERS[checkpoint.name])
    (row,) = [one for one in published_networks() if one.weights == checkpoint.name]
    assert (row.parameters, row.weights_bytes) == (counted[0], 4 * sum(counted))


def test_each_family_with_weights_has_the_row_of_its_most_accurate():
    rows = published_networks()
    families = {PRESETS[checkpoint.model].family for checkpoint in CATALOGUE.values()}
    assert sorted(PRESETS[row.name].family for row in rows) == sorted(families)
    for row in rows:
        family = PRESETS[row.name].family
        stated = [one.top1 or 0 for one in CATALOGUE.values() if PRESETS[one.model].family == family]
        assert row.top1 == max(stated)


def test_no_number_is_kept_of_a_checkpoint_that_has_no_row():
    assert list(NUMBERS) == [checkpoint.name for checkpoint in BEST]
