"""Kept views are the augmentations that the seed says; an epoch trains on the view whose turn it is."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.training import small_setting
from vitlab import runtime
from vitlab.augmentation_settings import Augmentation
from vitlab.config import Phase
from vitlab.data import Store, augment_each, map_store
from vitlab.errors import InputError
from vitlab.models import Arrays, Network, create, initialise
from vitlab.training import Embedder, History, Setting, Stage, Trained, check_views, train_phase
from vitlab.training.checkpoints import Checkpoints
from vitlab.training.stage import phase_seed
from vitlab.training.views import Views

OPTIONS: dict[str, Any] = dict(input_size=8, patch=4, width=16, depth=1, heads=2, mlp_width=16)
STRONG = Augmentation(brightness=0.5, contrast=0.5)
HEAD: dict[str, Any] = {"trainable": ("head/.*",), "augmentation": STRONG, "views": 3}
COUNT, BATCH = 11, 4


@pytest.fixture(scope="module")
def model() -> tuple[Network, Arrays, Arrays]:
    network, parameters, statistics = initialise(lambda: create("vit", num_classes=3, **OPTIONS), {})
    kernel = np.random.default_rng(2).normal(size=parameters["head/kernel"].shape)
    return network, parameters | {"head/kernel": jnp.asarray(kernel, jnp.float32)}, statistics


def some_store(count: int, seed: int, key: str = "") -> Store:
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (count, 8, 8, 3)).astype(np.uint8)
    return Store(images, np.arange(count), generator.integers(0, 3, count).astype(np.int32), key)


TRAIN, VAL = some_store(COUNT, 0, "a name"), some_store(5, 1)


def a_setting(network: Network, folder: Path) -> Setting:
    folder.mkdir(exist_ok=True)
    setting = small_setting.a_setting(network, folder, BATCH)
    return dataclasses.replace(setting, stores={"train": TRAIN, "val": VAL}, seed=5)


@pytest.fixture
def train(model, tmp_path: Path) -> Callable[..., tuple[Trained, History]]:
    """Trains a phase in a folder of this name."""
    network, parameters, statistics = model

    def in_folder(name: str, phase: Phase) -> tuple[Trained, History]:
        setting = a_setting(network, tmp_path / name)
        return train_phase(Stage("p", phase, 0, 0), parameters, statistics, setting), setting.history

    return in_folder


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch) -> Path:
    """That of the kept embeddings, empty."""
    monkeypatch.setenv("VITLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "embeddings"


@pytest.fixture
def computed(monkeypatch) -> list[str]:
    """The titles of all passes through a network."""
    titles = []

    def counting(*arguments):
        titles.append(arguments[-1])
        return map_store(*arguments)

    monkeypatch.setattr("vitlab.training.embeddings.map_store", counting)
    return titles


def embed(model, count: int = 3, batch_size: int = BATCH, seed: int = 7, **changes) -> np.ndarray:
    """As a new process does: nothing is in memory."""
    views = Views("head", count, dataclasses.replace(STRONG, **changes), seed)
    network, parameters, statistics = model
    return Embedder(network, batch_size, runtime.device_mesh()).views(
        parameters, statistics, TRAIN, views
    )


def by_hand(model, seed: int) -> list[np.ndarray]:
    """Three views of each image alone, by a key of the seed, the view and the image's number."""
    network, parameters, statistics = model

    @jax.jit
    def embedded(view):
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), 2**31), view)
        keys = jnp.stack([jax.random.fold_in(key, number) for number in range(COUNT)])
        images = augment_each(jnp.asarray(TRAIN.inputs), keys, STRONG)
        return network.embed(parameters, statistics, images)

    return [np.asarray(embedded(view)) for view in range(3)]


def test_a_view_is_the_augmentation_that_seed_view_and_image_say_whatever_the_batch(model):
    expected = by_hand(model, seed=7)
    assert np.abs(expected[0] - expected[1]).max() > 0.1
    for batch_size in (4, 16):
        found = embed(model, batch_size=batch_size)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-5)


def test_a_run_takes_the_views_that_another_has_kept_and_computes_the_others(
    model, computed, folder, capsys
):
    first = embed(model, count=2)
    assert computed == ["head: view 1 of 2", "head: view 2 of 2"]
    assert "earlier" not in capsys.readouterr().out
    more = embed(model, count=3)
    assert computed[2:] == ["head: view 3 of 3"]
    assert first.tobytes() == more[: 2 * COUNT].tobytes()
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "         3 augmented views of 11 images: 0.00211 MB of embeddings",
        "         2 of the 3 views come from earlier passes",
    ]
    assert len(list(folder.iterdir())) == 3


def test_another_seed_or_augmentation_makes_other_views(model, computed):
    embed(model, count=1)
    embed(model, count=1, seed=8)
    embed(model, count=1, contrast=0.4)
    assert computed == ["head: view 1 of 1"] * 3


def test_what_is_too_large_for_the_disk_is_not_kept_there(model, folder, monkeypatch, capsys):
    monkeypatch.setattr("vitlab.training.embeddings.MOST_BYTES", 3 * COUNT * 16 * 4)
    embed(model)
    assert not list(folder.iterdir())
    assert "MB of embeddings, too many to be kept on disk" in capsys.readouterr().out


def test_what_is_too_large_for_the_memory_is_refused_before_a_pass(model, computed, monkeypatch):
    monkeypatch.setattr("vitlab.training.views._free_memory", lambda: 2_000_000)
    message = (
        "phases.head.views is 9999: the embeddings of so many views of 11 images take 0.00704 GB, and "
        "0.002 GB of memory are free; set it lower"
    )
    with pytest.raises(InputError, match=message):
        embed(model, count=9999)
    assert not computed


def test_an_epoch_trains_on_the_view_whose_turn_it_is_and_is_judged_on_plain_images(model, train):
    """At a rate that changes nothing, an epoch's loss is that of the first head on one view."""
    network, parameters, statistics = model
    phase = Phase(**HEAD, optimizer="sgd", learning_rate=1e-30, epochs=4)
    trained, history = train("run", phase)
    assert trained.on_embeddings

    def loss(embeddings: np.ndarray, labels: np.ndarray) -> float:
        logits = network.classify(parameters, statistics, jnp.asarray(embeddings))
        return float(optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean())

    seed = phase_seed(5, 0)
    views = [loss(view, TRAIN.labels) for view in by_hand(model, seed)]
    assert min(abs(a - b) for a, b in [views[:2], views[1:], views[::2]]) > 1e-3
    found = [line["train"]["loss"] for line in history.lines]
    assert found == pytest.approx([*views, views[0]], abs=1e-5)
    assert [line["train"]["n"] for line in history.lines] == [COUNT] * 4
    plain = loss(network.embed(parameters, statistics, jnp.asarray(VAL.inputs)), VAL.labels)
    assert [line["val"]["loss"] for line in history.lines] == pytest.approx([plain] * 4, abs=1e-5)


def test_a_phase_on_views_goes_on_in_the_middle_of_an_epoch(train, computed, monkeypatch):
    """With what else a phase can do to its batches."""
    phase = Phase(**HEAD, epochs=3, sampling="balanced", accumulate=2, ema=0.9, learning_rate=0.01)
    expected, whole = train("whole", phase)
    save, saves = Checkpoints.save, iter(range(9))

    def save_and_stop(*arguments):
        save(*arguments)
        if next(saves) == 4:  # an epoch has three batches
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "is_due", lambda _: True)
        patched.setattr(Checkpoints, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            train("stopped", phase)
    found, history = train("stopped", phase)
    assert [line["train"] for line in history.lines] == [line["train"] for line in whole.lines]
    for path, array in expected.parameters.items():
        np.testing.assert_array_equal(found.parameters[path], array)
    assert computed.count("p: view 3 of 3") == 1


@pytest.mark.parametrize(
    ("changes", "statistics", "message"),
    [
        ({}, ["backbone/mean"], None),
        ({"batch_norm": "update"}, [], None),
        (
            {"trainable": (".*",)},
            [],
            r"phases.p.views is 3, but the backbone trains, .*; set phases.p.trainable to \('head/",
        ),
        (
            {"batch_norm": "update"},
            ["backbone/mean"],
            r"the backbone moves its statistics, .*; set phases.p.batch_norm to frozen",
        ),
    ],
)
def test_views_of_a_backbone_that_changes_are_refused(changes, statistics, message):
    phase = Phase(**HEAD | changes, epochs=1)
    chosen = {"head/kernel"} | ({"backbone/kernel"} if "trainable" in changes else set())
    if message is None:
        check_views("p", phase, frozenset(chosen), statistics)
    else:
        with pytest.raises(InputError, match=message):
            check_views("p", phase, frozenset(chosen), statistics)


def test_a_training_of_the_backbone_on_views_is_refused(train):
    with pytest.raises(InputError, match=r"phases.p.views is 3, but the backbone trains"):
        train("run", Phase(**HEAD | {"trainable": (".*",)}, epochs=1))
