"""A checkpoint is whole or the one before is kept; it is due neither too rarely nor too often."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from vitlab.errors import InputError
from vitlab.training.checkpoints import Checkpoints


def arrays(value: float) -> dict:
    return {"state": {"a/b": jnp.full((3, 2), value)}, "step": jnp.asarray(7, jnp.int32)}


def restored(folder: Path) -> tuple[dict, dict]:
    found = Checkpoints(folder, 0.0).restore(arrays(0))
    assert found is not None
    return found


def test_the_newest_comes_back_with_its_position(tmp_path: Path):
    checkpoints = Checkpoints(tmp_path / "c", 0.0)
    assert checkpoints.restore(arrays(0)) is None
    for value in (1.0, 2.0):
        checkpoints.save(arrays(value), {"epoch": int(value), "accuracy": 0.1 * value})
    found, position = restored(tmp_path / "c")
    np.testing.assert_array_equal(found["state"]["a/b"], np.full((3, 2), 2.0))
    assert position == {"epoch": 2, "accuracy": 0.2}
    assert len(list((tmp_path / "c").iterdir())) == 1


def test_a_checkpoint_that_was_being_written_is_passed_over(tmp_path: Path):
    Checkpoints(tmp_path / "c", 0.0).save(arrays(1.0), {"epoch": 1})
    shutil.copytree(tmp_path / "c" / "1", tmp_path / "c" / "2.orbax-checkpoint-tmp")
    _, position = restored(tmp_path / "c")
    assert position == {"epoch": 1}


def test_a_damaged_checkpoint_is_named_with_the_way_out(tmp_path: Path):
    Checkpoints(tmp_path / "c", 0.0).save(arrays(1.0), {"epoch": 1})
    for file in (tmp_path / "c" / "1" / "arrays").rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    with pytest.raises(InputError, match=r"c/1 cannot be read .*delete it to train this phase"):
        Checkpoints(tmp_path / "c", 0.0).restore(arrays(0))


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
