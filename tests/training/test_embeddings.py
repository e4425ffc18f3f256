"""Embeddings on disk: taken only where they are what would be computed, and never needed."""

import dataclasses
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image

from tests.conftest import vitlab
from vitlab import config, runtime
from vitlab.augmentation_settings import Augmentation
from vitlab.data import Collection, Store, open_collection
from vitlab.models import Arrays, Network, create, initialise
from vitlab.training import Embedder, History, Setting, Stage, Trained, kept_embeddings, train_phase
from vitlab.training.embeddings import map_store
from vitlab.training.kept_embeddings import KeptEmbeddings
from vitlab.training.views import Views
from vitlab.weights import Preprocessing

OPTIONS: dict[str, Any] = {
    "input_size": 8,
    "patch": 4,
    "width": 16,
    "depth": 1,
    "heads": 2,
    "mlp_width": 16,
}
PREPROCESSING = Preprocessing(8, "bilinear", 0.9, crop_first=False)
PATH = "backbone/class_token"


@functools.cache
def model(num_classes: int = 3, **options: Any) -> tuple[Network, Arrays, Arrays]:
    return initialise(lambda: create("vit", num_classes=num_classes, **(OPTIONS | options)), {})


@functools.cache
def compiled(network: Network) -> Callable:
    """Held, it keeps for the next embedder what JAX has compiled for the first one."""
    return jax.jit(network.embed, compiler_options=network.compiler_options())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """That of the kept embeddings, empty."""
    monkeypatch.setenv("VITLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "embeddings"


@pytest.fixture
def images(image_folder: Callable[..., Path]) -> Path:
    return image_folder({"a": 6, "b": 5})


@pytest.fixture
def collection(folder: Path, images: Path) -> Collection:
    return open_collection(config.Dataset(path=str(images)), PREPROCESSING, "crop")


@pytest.fixture
def computed(monkeypatch) -> list[str]:
    """The titles of all stores that went through a network."""
    titles = []

    def counting(*arguments):
        titles.append(arguments[-1])
        return map_store(*arguments)

    monkeypatch.setattr("vitlab.training.embeddings.map_store", counting)
    return titles


def embed(store: Store, title: str, given=None, batch_size: int = 4) -> np.ndarray:
    """As a new process does: nothing is in memory."""
    network, parameters, statistics = given or model()
    compiled(network)
    return Embedder(network, batch_size, runtime.device_mesh())(parameters, statistics, store, title)


def everything(collection: Collection) -> Store:
    return collection.store(np.arange(11))


def test_a_second_run_takes_the_very_bits_from_disk(collection, computed, folder, capsys):
    first = embed(everything(collection), "one")
    assert "earlier" not in capsys.readouterr().out
    second = embed(everything(collection), "two")
    assert computed == ["one"]
    assert second.dtype == np.float32
    assert first.tobytes() == second.tobytes()
    (file,) = folder.iterdir()
    said = f"         embeddings of two come from an earlier pass ({file})\n"
    assert capsys.readouterr().out == said


def test_another_head_takes_them_too(collection, computed):
    embed(everything(collection), "one")
    network, parameters, statistics = model(num_classes=7)
    bias = {"head/bias": parameters["head/bias"] + 1}
    embed(everything(collection), "two", (network, parameters | bias, statistics))
    assert computed == ["one"]


def test_one_weight_that_differs_by_one_bit_is_another_backbone(collection, computed):
    network, parameters, statistics = model()
    embed(everything(collection), "one", (network, parameters, statistics))
    changed = np.array(parameters[PATH])
    changed.view(np.uint32)[..., 0] ^= 1
    embed(everything(collection), "two", (network, parameters | {PATH: jax.numpy.asarray(changed)}, {}))
    assert computed == ["one", "two"]


def test_the_same_weights_in_another_structure_are_another_backbone(collection, computed):
    """Four heads have the arrays of two."""
    network, parameters, statistics = model()
    other, theirs, _ = model(heads=4)
    assert {path: array.shape for path, array in parameters.items()} == {
        path: array.shape for path, array in theirs.items()
    }
    first = embed(everything(collection), "two heads", (network, parameters, statistics))
    second = embed(everything(collection), "four heads", (other, parameters, statistics))
    assert computed == ["two heads", "four heads"]
    assert np.abs(first - second).max() > 1e-6


def test_the_options_of_the_network_are_those_of_the_program(collection, monkeypatch):
    monkeypatch.setattr(Network, "compiler_options", lambda network: {"xla_cpu_of_another_day": "none"})
    network, parameters, statistics = model()
    embedder = Embedder(network, 4, runtime.device_mesh())
    with pytest.raises(jax.errors.JaxRuntimeError, match="xla_cpu_of_another_day"):
        embedder(parameters, statistics, everything(collection), "one")
    views = Views("head", 1, Augmentation(), 0)
    with pytest.raises(jax.errors.JaxRuntimeError, match="xla_cpu_of_another_day"):
        embedder.views(parameters, statistics, everything(collection), views)


def test_what_rounds_in_another_way_is_computed_again(collection, computed, monkeypatch):
    embed(everything(collection), "one")
    embed(everything(collection), "another batch size", batch_size=8)
    with jax.default_matmul_precision("highest"):
        embed(everything(collection), "another precision")
    monkeypatch.setattr("vitlab.training.kept_embeddings.processor_name", lambda: "another")
    embed(everything(collection), "another processor")
    with monkeypatch.context() as otherwise:
        otherwise.setattr(
            Network, "compiler_options", lambda network: {"xla_cpu_enable_fast_min_max": True}
        )
        embed(everything(collection), "another library")
    monkeypatch.setattr(kept_embeddings, "FORMULATION", 0)
    embed(everything(collection), "an older formulation")
    monkeypatch.setenv("VITLAB_LAYERS", "reference")
    embed(everything(collection), "the plain one")
    assert computed == [
        "one",
        "another batch size",
        "another precision",
        "another processor",
        "another library",
        "an older formulation",
        "the plain one",
    ]


def test_other_images_orders_and_pixels_are_computed(collection, computed, images):
    embed(everything(collection), "one")
    embed(collection.store(np.arange(11)[::-1]), "another order")
    embed(collection.store(np.arange(10)), "one fewer")
    other = dataclasses.replace(PREPROCESSING, interpolation="bicubic")
    settings = config.Dataset(path=str(images))
    embed(everything(open_collection(settings, other, "crop")), "another filter")
    embed(everything(open_collection(settings, PREPROCESSING, "squash")), "squash")
    fast = open_collection(dataclasses.replace(settings, decode="fast"), PREPROCESSING, "crop")
    embed(fast.store(np.arange(11), training=True), "fast decoding")
    embed(everything(fast), "exact after all")
    first = images / "a" / "000.png"
    Image.fromarray(np.asarray(Image.open(first)) // 2).save(first)
    embed(everything(open_collection(settings, PREPROCESSING, "crop")), "another image")
    expected = ["one", "another order", "one fewer", "another filter", "squash", "fast decoding"]
    assert computed == [*expected, "another image"]


def test_a_store_that_nobody_can_name_is_not_kept(collection, computed, folder):
    nameless = dataclasses.replace(everything(collection), key="")
    embed(nameless, "one")
    embed(nameless, "two")
    assert computed == ["one", "two"]
    assert not list(folder.iterdir())


def test_several_processes_keep_nothing(collection, computed, folder, monkeypatch):
    monkeypatch.setattr("vitlab.training.embeddings.jax.process_count", lambda: 2)
    embed(everything(collection), "one")
    assert computed == ["one"]
    assert not folder.exists()


def test_a_file_with_any_changed_byte_gives_the_same_bits_or_none(folder, capsys):
    kept = KeptEmbeddings()
    written = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    kept.write("key", written)
    sound = kept.path("key").read_bytes()
    refused = 0
    for place in range(len(sound)):
        for flip in (1, 255):
            kept.path("key").write_bytes(
                sound[:place] + bytes([sound[place] ^ flip]) + sound[place + 1 :]
            )
            found = kept.read("key", 3)
            if found is None:
                refused += 1
                assert not kept.path("key").exists()
            else:
                assert found.tobytes() == written.tobytes()
    assert refused > len(sound)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == refused
    assert all(str(kept.path("key")) in line for line in said)


@pytest.mark.parametrize("damage", ["cut", "empty", "npy", "shape", "type"])
def test_a_damaged_file_is_named_and_computed_again(collection, computed, folder, capsys, damage):
    first = embed(everything(collection), "one")
    (file,) = folder.iterdir()
    sound = file.read_bytes()
    with open(file, "wb") as opened:
        if damage == "cut":
            opened.write(sound[:-50])
        elif damage == "npy":
            np.save(opened, first)
        elif damage == "shape":
            np.savez(opened, embeddings=first[1:])
        elif damage == "type":
            np.savez(opened, embeddings=first.astype(np.float64))
    second = embed(everything(collection), "two")
    assert computed == ["one", "two"]
    assert first.tobytes() == second.tobytes()
    assert f"warning: the embeddings in {file} cannot be read" in capsys.readouterr().out
    assert file.read_bytes() == sound


def test_a_full_disk_is_warned_of_once_and_stops_nothing(
    collection, computed, folder, capsys, monkeypatch
):
    def full(*arguments, **others):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(kept_embeddings.np, "savez", full)
    network, parameters, statistics = model()
    compiled(network)
    embedder = Embedder(network, 4, runtime.device_mesh())
    for title in ("one", "two"):
        store = collection.store(np.arange(11 - len(computed)))
        assert embedder(parameters, statistics, store, title).shape == (len(store), 16)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"warning: cannot write {folder}")
    assert "No space left on device" in line
    assert not list(folder.iterdir())


def test_what_was_read_longest_ago_goes_first(folder, monkeypatch):
    embeddings = np.zeros((100, 10), np.float32)
    kept = KeptEmbeddings()
    for age, key in enumerate("cba"):
        kept.write(key, embeddings)
        os.utime(kept.path(key), (1000 + age, 1000 + age))
    assert kept.read("c", 100) is not None  # and so it is the newest
    monkeypatch.setattr(kept_embeddings, "MOST_BYTES", 3 * kept.path("a").stat().st_size)
    kept.write("d", embeddings)
    assert {path.stem for path in folder.iterdir()} == {"a", "c", "d"}
    kept.write("too large", np.zeros((10_000, 10), np.float32))
    assert {path.stem for path in folder.iterdir()} == {"a", "c", "d"}


def trained_head(collection: Collection, folder: Path) -> Trained:
    network, parameters, statistics = model(num_classes=2)
    compiled(network)
    mesh = runtime.device_mesh()
    folder.mkdir()
    setting = Setting(
        network=network,
        embedder=Embedder(network, 4, mesh),
        stores={
            "train": collection.store(np.arange(1, 9)),
            "val": collection.store(np.array([0, 9, 10])),
        },
        mesh=mesh,
        seed=0,
        batch_size=4,
        device_gib=1.0,
        checkpoint_seconds=60.0,
        checkpoints=folder / "checkpoints",
        history=History(folder / "log.jsonl"),
    )
    phase = config.Phase(trainable=("head/.*",), learning_rate=0.01, epochs=3)
    return train_phase(Stage("p", phase, 0, 0), parameters, statistics, setting)


def test_a_head_is_the_same_to_the_bit_with_and_without_them(collection, computed, tmp_path):
    first = trained_head(collection, tmp_path / "first")
    second = trained_head(collection, tmp_path / "second")
    assert computed == ["train", "val"]
    assert first.parameters["head/kernel"].any()
    for path, array in first.parameters.items():
        np.testing.assert_array_equal(second.parameters[path], array)


def test_another_process_finds_them(small_run: Path, tmp_path: Path):
    again = tmp_path / "again"
    result = vitlab("main", "--config=tests/configs/small.py", f"--workdir={again}")
    assert result.returncode == 0, result.stderr
    assert "embeddings of test come from an earlier pass (" in result.stdout
    assert (again / "metrics.json").read_text() == (small_run / "metrics.json").read_text()
