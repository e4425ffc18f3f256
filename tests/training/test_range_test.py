"""The range test finds the rates at which a phase learns, and keeps nothing of what it trained."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.small_setting import OPTIONS, some_store
from vitlab import runtime
from vitlab.config import Phase
from vitlab.models import create, initialise
from vitlab.training import HIGHEST, LOWEST, Embedder, History, RangeTest, Setting, Stage, range_test
from vitlab.training.range_test import judged

STEPS = 80


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> tuple[RangeTest, History]:
    folder: Path = tmp_path_factory.mktemp("range")
    network, parameters, statistics = initialise(lambda: create("vit", num_classes=3, **OPTIONS), {})
    mesh = runtime.device_mesh()
    setting = Setting(
        network=network,
        embedder=Embedder(network, 8, mesh),
        stores={"train": some_store(43, 0), "val": some_store(21, 1)},
        mesh=mesh,
        seed=0,
        batch_size=8,
        device_gib=1.0,
        checkpoint_seconds=60.0,
        checkpoints=folder / "checkpoints",
        history=History(folder / "log.jsonl"),
    )
    phase = Phase(epochs=1, optimizer="sgd", momentum=0.0, schedule="cosine")
    return range_test(Stage("p", phase, 0, 0), parameters, statistics, setting, STEPS), setting.history


def test_the_rates_rise_evenly_in_their_logarithm_whatever_the_schedule_of_the_phase(tested):
    test, _ = tested
    expected = np.geomspace(LOWEST, HIGHEST, STEPS)[: len(test.rates)]
    np.testing.assert_allclose(test.rates, expected, rtol=1e-6)


def test_at_the_lowest_rates_nothing_is_learned_and_at_the_suggested_one_much(tested):
    test, history = tested
    losses = np.array(test.losses)
    np.testing.assert_allclose(losses[:20], np.log(3), atol=1e-3)  # the head begins at zero
    assert test.suggestion is not None
    assert 1e-3 < test.suggestion < test.at_lowest
    assert not history.lines


def falling(rates: np.ndarray) -> np.ndarray:
    """A loss that falls from 2 to 1 around the rate 1e-3, and rises from 1e-1 on."""
    decades = np.log10(rates)
    return 1 + 1 / (1 + np.exp(6 * (decades + 3))) + np.exp(6 * (decades + 0.5))


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_the_suggestion_is_where_the_loss_falls_most_steeply(noise: float):
    rates = np.geomspace(LOWEST, 1, 88)
    losses = falling(rates) + noise * np.random.default_rng(0).normal(size=88)
    test = judged(rates, losses)
    assert test.suggestion == pytest.approx(1e-3, rel=0.7)
    assert 1e-3 < test.at_lowest < 0.3


def test_a_loss_that_never_falls_suggests_nothing():
    rates = np.geomspace(LOWEST, 1, 88)
    noise = 0.1 * np.random.default_rng(0).normal(size=88)
    assert judged(rates, 2 + noise + np.exp(6 * np.log10(rates))).suggestion is None
