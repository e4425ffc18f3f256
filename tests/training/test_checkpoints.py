"""A checkpoint is whole or the one before is kept; it is due neither too rarely nor too often."""

import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest

from tests.training.small_setting import train
from vitlab import runtime
from vitlab.config import Phase
from vitlab.errors import InputError
from vitlab.training.checkpoints import Checkpoints


def arrays(value: float) -> dict:
    return {"state": {"a/b": jnp.full((3, 2), value)}, "step": jnp.asarray(7, jnp.int32)}


def restored(folder: Path) -> tuple[dict, dict]:
    found = Checkpoints(folder, 0.0).restore(lambda _: arrays(0))
    assert found is not None
    return found


def test_the_newest_comes_back_with_its_position(tmp_path: Path):
    checkpoints = Checkpoints(tmp_path / "c", 0.0)
    assert checkpoints.restore(lambda _: arrays(0)) is None
    for value in (1.0, 2.0):
        checkpoints.save(arrays(value), {"epoch": int(value), "accuracy": 0.1 * value})
    found, position = restored(tmp_path / "c")
    np.testing.assert_array_equal(found["state"]["a/b"], np.full((3, 2), 2.0))
    assert position == {"epoch": 2, "accuracy": 0.2}
    checkpoints.save(arrays(3.0), {"epoch": 3, "accuracy": 0.3})
    assert sorted(folder.name for folder in (tmp_path / "c").iterdir()) == ["2", "3"]


def test_a_checkpoint_that_was_being_written_is_passed_over(tmp_path: Path):
    Checkpoints(tmp_path / "c", 0.0).save(arrays(1.0), {"epoch": 1})
    shutil.copytree(tmp_path / "c" / "1", tmp_path / "c" / "2.orbax-checkpoint-tmp")
    _, position = restored(tmp_path / "c")
    assert position == {"epoch": 1}


def damaged(checkpoint: Path, length: int = 0) -> None:
    """Its arrays are cut to so many bytes each."""
    for file in (checkpoint / "arrays").rglob("*"):
        if file.is_file():
            os.truncate(file, min(length, file.stat().st_size))


@pytest.mark.parametrize("length", [0, 40])
def test_where_the_newest_is_cut_short_the_one_before_is_taken_and_it_is_said(
    tmp_path: Path, capsys, length: int
):
    checkpoints = Checkpoints(tmp_path / "c", 0.0)
    for value in (1.0, 2.0, 3.0):
        checkpoints.save(arrays(value), {"epoch": int(value)})
    damaged(tmp_path / "c" / "3", length)
    found, position = restored(tmp_path / "c")
    np.testing.assert_array_equal(found["state"]["a/b"], np.full((3, 2), 2.0))
    assert position == {"epoch": 2}
    assert re.search(
        r"warning: .*c/3 cannot be read .*; the one before it, 2, is taken", capsys.readouterr().out
    )
    Checkpoints(tmp_path / "c", 0.0).save(arrays(4.0), {"epoch": 4})
    assert restored(tmp_path / "c")[1] == {"epoch": 4}


def test_a_piece_of_a_large_array_may_be_missing(tmp_path: Path, capsys):
    """Placed as a run has it, and larger than what Orbax keeps beside its index."""
    mesh = runtime.device_mesh()

    noise = np.random.default_rng(0).normal(size=(2000, 500)).astype(np.float32)

    def large(value: float) -> dict:
        return runtime.placed({"kernel": value * noise}, mesh)

    checkpoints = Checkpoints(tmp_path / "c", 0.0)
    for value in (1.0, 2.0):
        checkpoints.save(large(value), {"epoch": int(value)})
    files = [file for file in (tmp_path / "c" / "2").rglob("*") if file.is_file()]
    largest = max(files, key=lambda file: file.stat().st_size)
    os.truncate(largest, largest.stat().st_size // 2)
    again = Checkpoints(tmp_path / "c", 0.0)
    found = again.restore(lambda _: large(0.0))
    assert found is not None
    np.testing.assert_array_equal(found[0]["kernel"], noise)
    assert "the one before it, 1, is taken" in capsys.readouterr().out
    assert again.newest == tmp_path / "c" / "1"  # the damaged one is gone


def test_where_every_checkpoint_is_damaged_the_way_out_is_named(tmp_path: Path):
    Checkpoints(tmp_path / "c", 0.0).save(arrays(1.0), {"epoch": 1})
    damaged(tmp_path / "c" / "1")
    with pytest.raises(InputError, match=r"c/1 cannot be read .*delete .*c to train this phase"):
        Checkpoints(tmp_path / "c", 0.0).restore(lambda _: arrays(0))


def test_a_checkpoint_of_another_model_is_refused_with_the_differences(tmp_path: Path):
    Checkpoints(tmp_path / "c", 0.0).save(arrays(1.0), {"epoch": 1})
    other = {"state": {"a/b": jnp.zeros((3, 5)), "c": jnp.zeros(2)}, "step": jnp.asarray(7, jnp.int32)}
    expected = (
        r"c/1 is of another model: state/a/b is \[3, 2\] there and \[3, 5\] here; "
        r"state/c is None there and \[2\] here; put the run's own back"
    )
    with pytest.raises(InputError, match=expected):
        Checkpoints(tmp_path / "c", 0.0).restore(lambda _: other)


def test_a_full_disk_is_found_before_anything_is_written(tmp_path: Path, monkeypatch):
    checkpoints = Checkpoints(tmp_path / "c", 0.0)
    checkpoints.save(arrays(1.0), {"epoch": 1})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(InputError, match=r"a checkpoint needs 1\.0 MB and .*c has 0\.0 MB left"):
        checkpoints.save(arrays(2.0), {"epoch": 2})
    _, position = restored(tmp_path / "c")
    assert position == {"epoch": 1}


def test_saving_takes_at_most_a_twentieth_of_the_time(tmp_path: Path):
    checkpoints = Checkpoints(tmp_path / "c", 0.0)
    assert checkpoints.is_due()
    checkpoints._last_duration = 10.0
    assert not checkpoints.is_due()
    assert not Checkpoints(tmp_path / "d", 3600.0).is_due()


def test_a_checkpoint_never_holds_a_parameter_that_is_no_number(tmp_path: Path, monkeypatch):
    """The loss shows it one step later; what is saved meanwhile would be of no use."""
    monkeypatch.setattr(Checkpoints, "is_due", lambda _: True)
    phase = Phase(optimizer="sgd", learning_rate=1e30, epochs=5)
    with pytest.raises(
        InputError, match=r"went wrong: .*last good checkpoint, .*p/\d+, by --accept_changes$"
    ):
        train(tmp_path, phase)
    kept = Checkpoints(tmp_path / "checkpoints" / "p", 0.0).newest
    assert kept is not None
    arrays = ocp.StandardCheckpointer().restore((kept / "arrays").absolute())
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(arrays["state"]))


@pytest.mark.parametrize("ema", [0.0, 0.5])
def test_a_checkpoint_of_the_best_epoch_holds_its_weights_once(tmp_path: Path, monkeypatch, ema):
    class KilledError(Exception):
        pass

    held: list[set[str]] = []

    def save_and_die(checkpoints: Checkpoints, arrays: dict, position: dict) -> None:
        if position["batch"] == 0:
            save(checkpoints, arrays, position)
            held.append(set(arrays))
            raise KilledError

    phase = Phase(optimizer="adam", learning_rate=0.05, epochs=4, ema=ema)
    expected, whole, _ = train(tmp_path / "whole", phase)
    save = Checkpoints.save
    monkeypatch.setattr(Checkpoints, "is_due", lambda _: True)
    monkeypatch.setattr(Checkpoints, "save", save_and_die)
    for _ in range(phase.epochs):
        with pytest.raises(KilledError):
            train(tmp_path / "killed", phase)
    monkeypatch.setattr(Checkpoints, "save", save)
    found, history, _ = train(tmp_path / "killed", phase)

    assert held == [{"state"} if line["best"] else {"state", "best"} for line in whole.lines]
    assert {"state"} in held
    assert {"state", "best"} in held
    assert [line["val"] for line in history.lines] == [line["val"] for line in whole.lines]
    assert found.best_epoch == expected.best_epoch
    for path, array in expected.parameters.items():
        np.testing.assert_array_equal(found.parameters[path], array, err_msg=path)
