"""Heads that train together: each is the head that it would be alone."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.training.small_setting import OPTIONS, some_store
from vitlab import runtime
from vitlab.augmentation_settings import Augmentation
from vitlab.config import Model, Phase
from vitlab.data import Store
from vitlab.errors import InputError
from vitlab.models import (
    Arrays,
    HeadSettings,
    create,
    draw_blueprint,
    first_model,
    head_drawer,
    head_logits,
    initialise,
)
from vitlab.models.layers import backend
from vitlab.training import (
    Embedder,
    Fold,
    History,
    Member,
    Setting,
    Stage,
    TrainedMember,
    check_population,
    population,
    train_phase,
    train_population,
)

STORE = some_store(75, 0)
FOLDS = (Fold(np.arange(43), np.arange(43, 64)), Fold(np.arange(20, 75), np.arange(20)))
PLAIN = Member(seed=0, fold=0, hidden=0, dropout=0.0, learning_rate=0.02, weight_decay=0.0)
PHASE = Phase(trainable=("head/.*",), epochs=6, patience=1)


def model(member: Member):
    """The network of a run with the member's seed, but with the backbone that all share."""
    head = HeadSettings(member.hidden, member.dropout)

    def build(seed: int):
        return initialise(lambda: create("vit", num_classes=3, seed=seed, head=head, **OPTIONS), {})

    network, parameters, _ = build(member.seed)
    shared = build(0)[1]
    backbone = {path: array for path, array in shared.items() if path.startswith("backbone/")}
    return network, parameters | backbone


def part(rows: np.ndarray) -> Store:
    return dataclasses.replace(STORE, rows=STORE.rows[rows], labels=STORE.labels[rows])


def alone(member: Member, phase: Phase, folder: Path) -> tuple[Arrays, list[dict], int]:
    """Best head, lines of the log and the best epoch, from the one loop of training."""
    network, parameters = model(member)
    mesh = runtime.device_mesh()
    fold = FOLDS[member.fold]
    setting = Setting(
        network=network,
        embedder=Embedder(network, 8, mesh),
        stores={"train": part(fold.train), "val": part(fold.val)},
        mesh=mesh,
        seed=member.seed,
        batch_size=8,
        device_gib=1.0,
        checkpoint_seconds=60.0,
        checkpoints=folder / "checkpoints",
        history=History(folder / "log.jsonl"),
    )
    own = dataclasses.replace(
        phase, learning_rate=member.learning_rate, weight_decay=member.weight_decay
    )
    trained = train_phase(Stage("p", own, 0, 0), parameters, {}, setting)
    return trained.parameters, setting.history.lines, trained.best_epoch


def together(members: list[Member], phase: Phase) -> list[TrainedMember]:
    network, parameters = model(PLAIN)
    embeddings = np.asarray(jax.jit(network.embed)(parameters, {}, jnp.asarray(STORE.inputs)))
    starts = [
        {path: array for path, array in model(member)[1].items() if path.startswith("head/")}
        for member in members
    ]
    return train_population(members, starts, phase, embeddings, STORE.labels, FOLDS, 8)


def test_the_step_is_a_part_of_their_program_on_every_processor(monkeypatch):
    """Where a step alone has options of the compiler, which none has that is a part."""
    monkeypatch.setattr(backend, "instruction_sets", lambda: frozenset({"avx2", "fma"}))
    (trained,) = together([PLAIN], dataclasses.replace(PHASE, epochs=1))
    assert len(trained.epochs) == 1


def check_equal(members: list[Member], phase: Phase, folder: Path) -> list[TrainedMember]:
    found = together(members, phase)
    for index, (member, trained) in enumerate(zip(members, found, strict=True)):
        (folder / str(index)).mkdir()
        parameters, lines, best_epoch = alone(member, phase, folder / str(index))
        assert len(trained.epochs) == len(lines)
        assert trained.best_epoch == best_epoch
        for line, expected in zip(trained.epochs, lines, strict=True):
            for name in ("train", "val"):
                assert line[name]["n"] == expected[name]["n"]
                assert line[name]["accuracy"] == pytest.approx(expected[name]["accuracy"], abs=1e-6)
                assert line[name]["loss"] == pytest.approx(expected[name]["loss"], abs=1e-5)
        for path, array in trained.head.items():
            np.testing.assert_allclose(array, parameters[path], rtol=1e-5, atol=1e-5)
    return found


@pytest.mark.slow
def test_members_of_all_kinds_are_what_they_are_alone(tmp_path: Path):
    """Seeds, folds with other counts of batches, hidden layers, dropout, rates, decay, early stops.

    By rates at which the next steps do not multiply what rounding leaves apart.
    """
    members = [
        PLAIN,
        dataclasses.replace(PLAIN, seed=1, dropout=0.5, learning_rate=0.1),
        dataclasses.replace(PLAIN, seed=2, hidden=5, dropout=0.3, weight_decay=0.1),
        dataclasses.replace(PLAIN, seed=3, hidden=12, dropout=0.3, learning_rate=0.05),
        dataclasses.replace(PLAIN, fold=1, hidden=12, weight_decay=0.01),
    ]
    found = check_equal(members, PHASE, tmp_path)
    assert len({len(trained.epochs) for trained in found}) > 1  # some stop early, and others go on


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [0, 6])
def test_members_that_share_their_batches_are_what_they_are_alone(hidden: int, tmp_path: Path):
    """In an order in which those of a seed are apart, and one of whom ends before the others."""
    members = [
        dataclasses.replace(PLAIN, seed=seed, fold=fold, hidden=hidden, learning_rate=rate, dropout=0.2)
        for rate in (0.02, 0.1)
        for seed, fold in ((1, 0), (2, 0), (1, 1))
    ]
    check_equal(members, dataclasses.replace(PHASE, epochs=4), tmp_path)


RICH: dict[str, Any] = dict(
    schedule="cosine", warmup_epochs=1, clip=0.5, ema=0.9, accumulate=2, rates=(("head/hidden/.*", 2.0),)
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "phase",
    [
        Phase(optimizer="adamw", label_smoothing=0.1, class_weights="balanced", **RICH),
        Phase(optimizer="sgd", loss="focal", sampling="balanced", schedule="step", step_epochs=2),
        Phase(optimizer="lamb", monitor="loss", min_delta=0.05, schedule="linear"),
        Phase(optimizer="rmsprop", schedule="step", step_epochs=2),
    ],
    ids=lambda phase: phase.optimizer,
)
def test_whatever_a_phase_says_holds_for_every_member(phase: Phase, tmp_path: Path):
    members = [
        dataclasses.replace(PLAIN, seed=1, fold=1, hidden=4, dropout=0.2, weight_decay=0.1),
        dataclasses.replace(PLAIN, seed=2, hidden=9, learning_rate=0.05),
    ]
    chosen = dataclasses.replace(phase, trainable=PHASE.trainable, epochs=4, patience=2)
    check_equal(members, chosen, tmp_path)


def test_units_that_fill_up_a_hidden_layer_stay_zero(monkeypatch):
    kept: dict[tuple[int, ...], list[np.ndarray]] = {}
    cut = population._cut

    def watched(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        kept.setdefault(array.shape, []).append(array)
        return cut(array, shape)

    monkeypatch.setattr(population, "_cut", watched)
    members = [dataclasses.replace(PLAIN, hidden=hidden, weight_decay=0.1) for hidden in (3, 8)]
    together(members, dataclasses.replace(PHASE, optimizer="adamw", epochs=2))
    into, out_of = kept[16, 8][0], kept[8, 3][0]
    assert not into[:, 3:].any()
    assert not out_of[3:].any()
    assert into[:, :3].all()
    assert out_of[:3].any()


def test_a_member_that_diverges_ends_and_leaves_the_others_alone():
    wild = dataclasses.replace(PLAIN, learning_rate=1e38)
    phase = dataclasses.replace(PHASE, optimizer="sgd", epochs=3)
    lost, kept = together([wild, PLAIN], phase)
    assert lost.diverged
    assert len(lost.epochs) < 3
    (expected,) = together([PLAIN], phase)
    for found, line in zip(kept.epochs, expected.epochs, strict=True):
        for part_name in ("train", "val"):
            assert found[part_name] == pytest.approx(line[part_name], rel=1e-5)


def test_little_memory_makes_more_groups_and_the_same_heads(monkeypatch):
    members = [dataclasses.replace(PLAIN, seed=seed, hidden=4) for seed in range(3)]
    phase = dataclasses.replace(PHASE, epochs=2)
    at_once = together(members, phase)
    monkeypatch.setattr(population, "MOST_BYTES", 1)
    for one, other in zip(together(members, phase), at_once, strict=True):
        np.testing.assert_allclose(
            one.head["head/output/kernel"], other.head["head/output/kernel"], atol=1e-6
        )


def test_the_first_head_of_a_seed_is_that_of_a_run_with_it():
    settings = Model(name="vit", options={k: v for k, v in OPTIONS.items() if k != "input_size"})
    settings = dataclasses.replace(settings, input_size=8, hidden=6)
    blueprint = draw_blueprint(settings)
    draw = head_drawer(blueprint, 2)
    for seed in (0, 7):
        expected = first_model(blueprint, ("a", "b"), "squash", seed).parameters
        found = draw(seed)
        assert found.keys() == {path for path in expected if path.startswith("head/")}
        for path, array in found.items():
            np.testing.assert_array_equal(array, expected[path])


@pytest.mark.parametrize("hidden", [0, 5])
def test_a_head_by_its_arrays_answers_as_the_network_does(hidden: int):
    network, parameters = model(dataclasses.replace(PLAIN, hidden=hidden, dropout=0.5))
    noise = np.random.default_rng(0)
    head = {path: array for path, array in parameters.items() if path.startswith("head/")}
    head = {path: jnp.asarray(noise.normal(size=a.shape), jnp.float32) for path, a in head.items()}
    embedding, key = jnp.asarray(noise.normal(size=(4, 16)), jnp.float32), jax.random.key(0)
    expected = jax.jit(network.classify)(parameters | head, {}, embedding, key)
    found = jax.jit(head_logits)(head, embedding, jnp.float32(0.5), key)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trainable": (".*",)}, r"phases\.p\.trainable is \('\.\*',\); a population trains the head"),
        ({"trainable": ("head/bias",)}, r"a population trains the head, all of it"),
        ({"augmentation": Augmentation(flip=True)}, r"phases\.p\.augmentation: a population trains on"),
        ({"batch_norm": "update"}, r"phases\.p\.batch_norm is 'update', which moves the backbone"),
    ],
)
def test_what_cannot_train_together_is_refused(changes: dict[str, Any], message: str):
    paths = ["backbone/a", "head/kernel", "head/bias"]
    check_population(PHASE, "phases.p", paths)
    with pytest.raises(InputError, match=message):
        check_population(dataclasses.replace(PHASE, **changes), "phases.p", paths)
