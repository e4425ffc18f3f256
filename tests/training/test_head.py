"""The dropout of a head: on while it trains, whatever it trains on; off when it is judged."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.training.small_setting import OPTIONS, a_setting
from vitlab.augmentation_settings import Augmentation
from vitlab.config import Phase
from vitlab.models import HeadSettings, create, initialise
from vitlab.training import Stage
from vitlab.training.task import make_task


@pytest.mark.parametrize("augmentation", [Augmentation(), Augmentation(flip=True)])
def test_the_head_drops_while_it_trains_and_not_when_it_is_judged(
    tmp_path: Path, augmentation: Augmentation
):
    head = HeadSettings(hidden=64, dropout=0.5)
    network, parameters, _ = initialise(lambda: create("vit", num_classes=3, head=head, **OPTIONS), {})
    parameters["head/output/kernel"] += 1
    chosen = frozenset(path for path in parameters if path.startswith("head/"))
    stage = Stage("p", Phase(trainable=("head/.*",), augmentation=augmentation), 0, 0)
    task = make_task(stage, a_setting(network, tmp_path), chosen, parameters, {})
    assert task.on_embeddings != augmentation.flip
    inputs = jnp.asarray(task.train.fetch(np.arange(8)))
    judged = np.asarray(task.score_forward(parameters, {}, inputs))
    forward = jax.jit(lambda key: task.train_forward(parameters, {}, inputs, key)[0])
    first, again, other = (np.asarray(forward(jax.random.key(seed))) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
    assert (first != judged).all()
