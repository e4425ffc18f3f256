"""One phase: what it optimises, what it leaves alone, and that where it runs changes nothing."""

import dataclasses
import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AbstractMesh

from tests.training.small_setting import OPTIONS, a_setting, some_store, train
from vitlab.augmentation_settings import Augmentation
from vitlab.config import Phase
from vitlab.data import augment, check_batch_size
from vitlab.errors import InputError
from vitlab.models import Network, create, initialise
from vitlab.training import Stage
from vitlab.training.checkpoints import Checkpoints
from vitlab.training.step import first_state, make_score, make_train_step, train_step, zero_totals
from vitlab.training.task import make_task


def test_a_step_goes_down_the_mean_loss_of_the_real_examples():
    weights = jnp.array([1.0, 1.0, 0.0])
    inputs, labels = jnp.eye(3), jnp.array([0, 1, 2])
    kernel = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3)), jnp.float32)

    def loss(kernel):
        losses = optax.softmax_cross_entropy_with_integer_labels(inputs[:2] @ kernel, labels[:2])
        return losses.mean()

    step = train_step(lambda p, s, x, k: (x @ p["kernel"], {}), optax.sgd(0.5), jax.random.key(0))
    state = {
        "trainable": {"kernel": jnp.copy(kernel)},
        "statistics": {},
        "optimizer": optax.sgd(0.5).init({"kernel": kernel}),
        "totals": zero_totals(),
        "step": jnp.zeros((), jnp.int32),
    }
    state, totals = step(state, {"parameters": {}, "statistics": {}}, inputs, labels, weights)
    expected = kernel - 0.5 * jax.grad(loss)(kernel)
    np.testing.assert_allclose(state["trainable"]["kernel"], expected, atol=1e-6)
    assert float(totals["count"]) == 2
    assert float(totals["loss"]) == pytest.approx(2 * float(loss(kernel)), rel=1e-5)


def test_only_what_is_trainable_changes(tmp_path: Path):
    trained, _, before = train(tmp_path, Phase(trainable=("head/bias",), epochs=2))
    changed = {path for path in before if (trained.parameters[path] != before[path]).any()}
    assert changed == {"head/bias"}


def test_every_image_of_train_and_val_is_counted_when_the_last_batch_is_short(tmp_path: Path):
    _, history, _ = train(tmp_path, Phase(epochs=1), batch_size=16)
    assert history.lines[0]["train"]["n"] == 43
    assert history.lines[0]["val"]["n"] == 21


def test_a_head_on_embeddings_learns_what_it_learns_behind_the_backbone(tmp_path: Path):
    head = Phase(trainable=("head/.*",), learning_rate=0.01, epochs=4)
    almost = Phase(
        trainable=("head/.*",), learning_rate=0.01, epochs=4, augmentation=Augmentation(brightness=1e-12)
    )
    on_embeddings, fast, _ = train(tmp_path / "a", head)
    on_images, slow, _ = train(tmp_path / "b", almost)
    assert on_embeddings.on_embeddings
    assert not on_images.on_embeddings
    for one, other in zip(fast.lines, slow.lines, strict=True):
        assert one["val"]["loss"] == pytest.approx(other["val"]["loss"], abs=1e-4)
    for path in ("head/kernel", "head/bias"):
        np.testing.assert_allclose(on_embeddings.parameters[path], on_images.parameters[path], atol=1e-4)


@pytest.mark.slow
def test_a_phase_ends_at_its_last_step_and_validates_what_it_has_seen(tmp_path: Path):
    """Three batches an epoch, of 43 images: the second epoch has two, and both are full."""
    phase = Phase(optimizer="sgd", schedule="linear", warmup_steps=1, learning_rate=0.1, steps=5)
    trained, history, _ = train(tmp_path, phase, batch_size=16)
    assert (trained.steps, trained.epochs) == (5, 2)
    assert [line["train"]["n"] for line in history.lines] == [43, 32]
    assert [line["val"]["n"] for line in history.lines] == [21, 21]
    # Up in one step, down to 0 in the four after it: the rates of steps 3 and 5.
    assert [line["learning_rate"] for line in history.lines] == pytest.approx([0.075, 0.025])
    whole, _, _ = train(tmp_path / "6", dataclasses.replace(phase, steps=6, epochs=2), batch_size=16)
    assert (whole.steps, whole.epochs) == (6, 2)
    shorter, _, _ = train(tmp_path / "1", dataclasses.replace(phase, steps=6, epochs=1), batch_size=16)
    assert (shorter.steps, shorter.epochs) == (3, 1)


@pytest.mark.slow
def test_steps_that_are_over_in_the_middle_of_an_epoch_are_refused(tmp_path: Path, monkeypatch):
    save, batches = Checkpoints.save, itertools.count(1)

    def save_and_stop(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "is_due", lambda self: self.newest or next(batches) == 2)
        patched.setattr(Checkpoints, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, Phase(steps=9), batch_size=16)
    with pytest.raises(InputError, match=r"phases.p.steps is 2, but 2 are done, .* set it to 3 or more"):
        train(tmp_path, Phase(steps=2), batch_size=16)
    trained, _, _ = train(tmp_path, Phase(steps=3), batch_size=16)
    assert (trained.steps, trained.epochs) == (3, 1)


def test_the_last_layers_train_and_those_below_stay(tmp_path: Path):
    trained, _, before = train(tmp_path, Phase(last_layers=2, epochs=2))
    still = {path for path in before if (trained.parameters[path] == before[path]).all()}
    assert still == {
        *("backbone/class_token", "backbone/positions"),
        *(f"backbone/patches/projection/{name}" for name in ("kernel", "bias")),
    }


@pytest.mark.slow
def test_a_phase_under_way_may_change_how_its_gradients_are_used(tmp_path: Path):
    """Rates, weight decay and clipping are in no array of the checkpoint, whatever the optimizer is."""
    for optimizer in ("adam", "lamb"):
        folder = tmp_path / optimizer
        plain = Phase(optimizer=optimizer, learning_rate=0.01, epochs=1)
        train(folder, plain)
        changed = dataclasses.replace(
            plain,
            epochs=2,
            clip=1.0,
            weight_decay=0.1,
            decays=((".*/bias", 0.0),),
            layer_decay=0.5,
            rates=(("head/.*", 2.0),),
        )
        trained, history, _ = train(folder, changed)
        assert trained.epochs == len(history.lines) == 2


def test_the_best_weights_are_those_of_the_best_epoch(tmp_path: Path):
    phase = Phase(optimizer="adam", learning_rate=0.05, epochs=12)
    trained, history, _ = train(tmp_path, phase)
    scores = [(line["val"]["accuracy"], -line["val"]["loss"]) for line in history.lines]
    assert trained.best_epoch == 1 + scores.index(max(scores))
    network, *_ = initialise(lambda: create("vit", num_classes=3, **OPTIONS), {})
    store = some_store(21, 1)
    logits = network(trained.parameters, trained.statistics, jnp.asarray(store.inputs))
    assert float((logits.argmax(1) == store.labels).mean()) == pytest.approx(max(scores)[0])


def test_a_loss_that_is_no_number_stops_the_run_and_says_what_to_do(tmp_path: Path):
    phase = Phase(optimizer="sgd", learning_rate=1e30, epochs=5)
    message = r"phase p went wrong: the loss became (nan|inf) in step [23] \(epoch 1\); lower phases.p"
    with pytest.raises(InputError, match=message + ".*there is no checkpoint before it"):
        train(tmp_path, phase)


def test_a_phase_that_stops_at_any_batch_goes_on_from_there(tmp_path: Path, monkeypatch):
    """In the middle of an epoch, at its end, which is no batch to go on after, and in a short one."""
    phase = Phase(
        optimizer="lion",
        schedule="linear",
        steps=5,
        patience=5,
        accumulate=2,
        ema=0.9,
        sampling="balanced",
        batch_norm="update",
        augmentation=Augmentation(brightness=0.3, mixup=0.4),
    )
    expected, whole, _ = train(tmp_path / "whole", phase, batch_size=16)

    save = Checkpoints.save
    for stop in (2, 3, 4):
        saves = itertools.count(1)

        def save_and_stop(*arguments, saves=saves, stop=stop):
            save(*arguments)
            if next(saves) == stop:
                raise KeyboardInterrupt

        folder = tmp_path / str(stop)
        with monkeypatch.context() as patched:
            patched.setattr(Checkpoints, "is_due", lambda _: True)
            patched.setattr(Checkpoints, "save", save_and_stop)
            with pytest.raises(KeyboardInterrupt):
                train(folder, phase, batch_size=16)
        found, history, _ = train(folder, phase, batch_size=16)
        assert [line["val"] for line in history.lines] == [line["val"] for line in whole.lines]
        assert [line["train"] for line in history.lines] == [line["train"] for line in whole.lines]
        for path, array in expected.parameters.items():
            np.testing.assert_array_equal(found.parameters[path], array)


BATCH_OF_8 = (jnp.asarray(some_store(8, 3).inputs), jnp.asarray(some_store(8, 3).labels))


def one_step(weights=None, **settings):
    """The parameters, and all that the state holds, after one step of SGD on eight images."""
    network, parameters, _ = initialise(lambda: create("vit", num_classes=3, **OPTIONS), {})
    optimizer = optax.sgd(0.1)

    def forward(parameters, statistics, images, key):
        return network(parameters, statistics, images), {}

    step = make_train_step(network, forward, optimizer, jax.random.key(0), **settings)
    state = first_state(parameters, {}, optimizer, ema="ema" in settings)
    weights = jnp.ones(8) if weights is None else weights
    state, _ = step(state, {"parameters": {}, "statistics": {}}, *BATCH_OF_8, weights)
    return state, parameters


def test_step_and_score_are_compiled_with_the_options_of_their_network(monkeypatch):
    network, parameters, statistics = initialise(lambda: create("vit", num_classes=3, **OPTIONS), {})
    unknown = {"xla_cpu_of_another_day": "none"}
    monkeypatch.setattr(Network, "compiler_options", lambda network: unknown)
    with pytest.raises(jax.errors.JaxRuntimeError, match="xla_cpu_of_another_day"):
        one_step()
    score = make_score(network, network)
    with pytest.raises(jax.errors.JaxRuntimeError, match="xla_cpu_of_another_day"):
        score(zero_totals(), parameters, statistics, *BATCH_OF_8, jnp.ones(8))


@pytest.mark.parametrize("parts", [2, 4])
def test_a_batch_in_parts_makes_the_step_of_the_whole(parts: int):
    """With fillers too, which lie in one part only."""
    weights = jnp.array([1.0] * 5 + [0.0] * 3)
    whole, _ = one_step(weights)
    found, _ = one_step(weights, parts=parts)
    for path, array in whole["trainable"].items():
        np.testing.assert_allclose(found["trainable"][path], array, atol=1e-6)
    for name, total in whole["totals"].items():
        np.testing.assert_allclose(found["totals"][name], total, rtol=1e-5)


def test_the_moving_average_forgets_its_start_faster_at_first():
    """The first step's decay is (1 + 0) / (10 + 0)."""
    state, start = one_step(ema=0.999)
    for path, array in state["trainable"].items():
        expected = 0.1 * start[path] + 0.9 * array
        np.testing.assert_allclose(state["average"]["trainable"][path], expected, atol=1e-7)


def test_a_phase_that_is_made_longer_goes_on_as_if_it_had_always_been_so(tmp_path: Path):
    longer = Phase(learning_rate=0.01, epochs=5, patience=9)
    expected, whole, _ = train(tmp_path / "whole", longer)
    train(tmp_path / "changed", Phase(learning_rate=0.01, epochs=2, patience=1))
    found, history, _ = train(tmp_path / "changed", longer)
    assert [line["val"] for line in history.lines] == [line["val"] for line in whole.lines]
    for path, array in expected.parameters.items():
        np.testing.assert_array_equal(found.parameters[path], array)


def test_the_average_is_what_is_validated_and_kept(tmp_path: Path):
    _, whole, _ = train(tmp_path / "a", Phase(learning_rate=0.01, epochs=3))
    average, history, _ = train(tmp_path / "b", Phase(learning_rate=0.01, epochs=3, ema=0.9))
    one, other = whole.lines[0], history.lines[0]
    assert other["train"]["loss"] == one["train"]["loss"]  # the steps are the same
    assert other["val"]["loss"] != one["val"]["loss"]
    network, *_ = initialise(lambda: create("vit", num_classes=3, **OPTIONS), {})
    store = some_store(21, 1)
    logits = network(average.parameters, average.statistics, jnp.asarray(store.inputs))
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, jnp.asarray(store.labels))
    kept = history.lines[average.best_epoch - 1]["val"]["loss"]
    assert float(losses.mean()) == pytest.approx(kept, rel=1e-4)


def test_validation_images_are_never_augmented(tmp_path: Path):
    """Mistake 5 of the studies: the score of an epoch is that of its weights on the plain images."""
    augmentation = Augmentation(brightness=1.0, erase=1.0, mixup=0.4)
    phase = Phase(learning_rate=0.01, epochs=3, augmentation=augmentation)
    trained, history, _ = train(tmp_path, phase)
    network, *_ = initialise(lambda: create("vit", num_classes=3, **OPTIONS), {})
    store = some_store(21, 1)

    def loss(images):
        logits = network(trained.parameters, trained.statistics, images)
        labels = jnp.asarray(store.labels)
        return float(optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean())

    found = history.lines[trained.best_epoch - 1]["val"]["loss"]
    plain = jnp.asarray(store.inputs)
    assert found == pytest.approx(loss(plain), rel=1e-4)
    assert found != pytest.approx(loss(augment(plain, jax.random.key(0), augmentation)), rel=0.01)


def test_a_task_mixes_training_images_and_their_labels(tmp_path: Path):
    """The change of a step is that of `augment`, then `mix`; without settings nothing is done."""
    network, parameters, statistics = initialise(lambda: create("vit", num_classes=3, **OPTIONS), {})
    setting = a_setting(network, tmp_path)
    store = setting.stores["train"]
    inputs, labels = store.fetch(np.arange(8)), store.labels[:8]
    arguments = (jnp.asarray(inputs), jnp.asarray(labels), jnp.ones(8), jax.random.key(0))

    def changed(augmentation: Augmentation):
        stage = Stage("p", Phase(epochs=1, augmentation=augmentation), 0, 0)
        chosen = frozenset(parameters)
        return make_task(stage, setting, chosen, parameters, statistics).change(*arguments)

    same, same_labels = changed(Augmentation())
    np.testing.assert_array_equal(same, inputs)
    np.testing.assert_array_equal(same_labels, labels)
    mixed, targets = changed(Augmentation(mixup=1.0))
    own, share = jnp.asarray(inputs, jnp.float32), targets.share[:, None, None, None]
    other = (mixed - share * own) / (1 - share)
    found = [int(np.abs(own - image).mean((1, 2, 3)).argmin()) for image in other]
    np.testing.assert_array_equal(np.asarray(labels)[found], targets.others)
    assert sorted(found) == list(range(8))


def test_parts_of_a_batch_that_do_not_divide_over_the_devices_are_refused():
    """Twelve images, a part of 96, do not divide over eight devices, and do over four."""
    eight, four = (AbstractMesh((devices,), ("data",)) for devices in (8, 4))
    message = r"batch_size 96 in 8 parts \(phases.a.accumulate\) does not divide over 8 devices; use 64"
    with pytest.raises(InputError, match=message):
        check_batch_size(96, eight, 8, "phases.a.accumulate")
    check_batch_size(96, four, 8, "phases.a.accumulate")
    with pytest.raises(InputError, match=r"batch_size 20 does not divide over 8 devices; use 16"):
        check_batch_size(20, eight)
