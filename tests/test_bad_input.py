"""What is wrong with an input is said in one line, with exit code 2, and nothing is left behind."""

import fcntl
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.conftest import ROOT, vitlab

SMALL = "--config=tests/configs/small.py"


def train(folder: Path, workdir: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A short run on a folder of images."""
    source = [f"--config.dataset.path={folder}"]
    return vitlab("main", SMALL, *source, f"--workdir={workdir}", *arguments)


def assert_refused(result: subprocess.CompletedProcess[str], message: str, workdir: Path) -> None:
    assert result.returncode == 2, result.stderr
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not workdir.exists()


def test_an_empty_folder(tmp_path: Path):
    (tmp_path / "images").mkdir()
    result = train(tmp_path / "images", tmp_path / "run")
    assert_refused(result, "holds no folders; a class is a folder of images", tmp_path / "run")


def test_a_folder_with_one_class(tmp_path: Path, image_folder):
    result = train(image_folder({"only": 9}), tmp_path / "run")
    assert_refused(result, "holds images of 1 class", tmp_path / "run")


def test_a_class_with_too_few_images_to_split(tmp_path: Path, image_folder):
    result = train(image_folder({"a": 9, "panda": 2}), tmp_path / "run")
    assert_refused(result, "too few in panda (2)", tmp_path / "run")


def test_a_name_that_turns_or_ends_the_line(tmp_path: Path, image_folder):
    result = train(image_folder({"a": 9, "ev\u202eil": 2}), tmp_path / "run")
    assert_refused(result, "too few in ev\\u202eil (2)", tmp_path / "run")
    folder = tmp_path / "im\x1b[31m\nages"
    folder.mkdir()
    assert_refused(train(folder, tmp_path / "run"), "im\\x1b[31m\\nages", tmp_path / "run")
    flag = vitlab("main", SMALL, "--no\x1b[31m\u202eflag=1", f"--workdir={tmp_path}/run")
    assert_refused(flag, "no\\x1b[31m\\u202eflag", tmp_path / "run")


def test_a_pattern_that_matches_nothing(tmp_path: Path):
    result = vitlab(
        "main", SMALL, f"--workdir={tmp_path}/run", "--config.phases.head.trainable=('haed/.*',)"
    )
    message = "unknown pattern of parameters 'haed/.*' (phases.head.trainable); did you mean head/.*?"
    assert_refused(result, message, tmp_path / "run")


def test_batch_norm_that_was_never_measured(tmp_path: Path, image_folder):
    result = vitlab(
        "main",
        "--config=configs/transfer.py:mobilenet_v2",
        f"--config.dataset.path={image_folder({'a': 5, 'b': 5})}",
        f"--workdir={tmp_path}/run",
    )
    assert_refused(result, "without model.weights the statistics of batch", tmp_path / "run")


def test_weights_of_another_architecture_list_all_that_differs(tmp_path: Path, image_folder):
    folder = image_folder({"a": 9, "b": 9})
    assert train(folder, tmp_path / "first").returncode == 0
    weights = tmp_path / "first" / "model" / "all"
    deeper = ["--config.model.options.depth=3", "--config.model.options.width=16"]
    result = train(folder, tmp_path / "run", f"--config.model.weights={weights}", *deeper)
    assert result.returncode == 2
    lines = result.stderr.splitlines()
    assert "read in the layout of vitlab, do not fit the network: 16 missing, 0 unused" in lines[0]
    assert any(line.startswith("  missing: backbone/blocks/2/") for line in lines)
    assert any("(32, 32) in the file, (16, 16) in the network" in line for line in lines)
    assert not (tmp_path / "run").exists()


def test_weights_of_another_family_are_named(tmp_path: Path, image_folder):
    folder = image_folder({"a": 9, "b": 9})
    names = ["cls_token", "pos_embed", "norm.weight", "norm.bias", "patch_embed.proj.bias"]
    save_file({name: np.zeros(3, np.float32) for name in names}, tmp_path / "vit.safetensors")
    result = vitlab(
        "main",
        "--config=configs/transfer.py:mobilenet_v2",
        f"--config.dataset.path={folder}",
        f"--config.model.weights={tmp_path}/vit.safetensors",
        f"--workdir={tmp_path}/run",
    )
    assert_refused(result, "they are a vit in the layout of timm", tmp_path / "run")


def test_a_head_for_other_classes_is_replaced_and_that_is_said(tmp_path: Path, image_folder):
    assert train(image_folder({"a": 9, "b": 9}), tmp_path / "two").returncode == 0
    three = image_folder({"a": 9, "b": 9, "c": 9}, name="three")
    weights = tmp_path / "two" / "model" / "all" / "weights.safetensors"
    result = train(three, tmp_path / "run", f"--config.model.weights={weights}")
    assert result.returncode == 0, result.stderr
    assert "its head for 2 classes is replaced by a new one for 3" in result.stdout


def test_weights_that_changed_since_the_run_began_are_noticed(tmp_path: Path, image_folder):
    folder = image_folder({"a": 9, "b": 9})
    assert train(folder, tmp_path / "first").returncode == 0
    weights = shutil.copytree(tmp_path / "first" / "model" / "all", tmp_path / "weights")
    argument = f"--config.model.weights={weights}"
    assert train(folder, tmp_path / "run", argument).returncode == 0
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest | {"finished": False}))
    shutil.copytree(tmp_path / "first" / "model" / "head", weights, dirs_exist_ok=True)
    result = train(folder, tmp_path / "run", argument)
    assert result.returncode == 2
    assert "the weights of this run have changed since it began" in result.stderr


def test_a_weights_file_with_a_tensor_too_many(tmp_path: Path):
    norm = np.zeros(32, np.float32)
    tensors = {"norm.weight": norm, "norm.bias": norm, "what": np.zeros(3, np.float32)}
    save_file(tensors, tmp_path / "w.safetensors")
    result = vitlab(
        "main", SMALL, f"--workdir={tmp_path}/run", f"--config.model.weights={tmp_path}/w.safetensors"
    )
    assert result.returncode == 2
    assert "  unused: what (3,)" in result.stderr.splitlines()
    assert not (tmp_path / "run").exists()


def test_a_workdir_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("")
    result = vitlab("main", SMALL, f"--workdir={tmp_path}/file/run")
    assert_refused(result, f"cannot write {tmp_path}/file/run: Not a directory", tmp_path / "run")


def test_a_second_process_on_one_workdir_is_refused(tmp_path: Path):
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    result = vitlab("main", SMALL, f"--workdir={tmp_path}")
    os.close(handle)
    assert result.returncode == 2
    assert f"another process works in {tmp_path}; wait for it, or stop it" in result.stderr


@pytest.mark.parametrize("limit", [100_000, 1_000_000])
def test_a_file_that_cannot_be_written_whole_is_not_there_and_the_run_goes_on_later(
    tmp_path: Path, small_run: Path, limit: int
):
    """A limit on the size of files fails in the same calls as a full disk."""
    workdir = tmp_path / "run"
    command = [sys.executable, "-m", "vitlab.main", SMALL, f"--workdir={workdir}"]
    result = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert result.returncode == 2, result.stderr
    assert result.stderr.count("\n") == 1
    assert "File too large" in result.stderr
    assert not [path for path in workdir.rglob("*") if path.name.endswith(".part")]
    assert vitlab("main", SMALL, f"--workdir={workdir}").returncode == 0
    assert (workdir / "metrics.json").read_text() == (small_run / "metrics.json").read_text()


@pytest.mark.assets
def test_a_collection_with_every_kind_of_odd_file_is_trained_on(assets: Path, tmp_path: Path):
    folder = tmp_path / "images"
    odd = sorted((assets / "data" / "odd_images").iterdir())
    for index, path in enumerate(odd):
        destination = folder / ("a" if index % 2 else "b") / path.name
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.symlink_to(path)
    result = train(folder, tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "9 of 38 files cannot be read and are left out" in result.stdout
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert len(manifest["unreadable"]) == 9
    assert manifest["images"] == 29
    assert manifest["repairs"]["EXIF orientation"] == 4
    assert sum(manifest["parts"].values()) == 29


def test_a_class_that_the_report_should_show_and_that_there_is_not(tmp_path: Path):
    result = vitlab("main", SMALL, f"--workdir={tmp_path}/run", "--config.report.classes=('x',)")
    assert_refused(result, "unknown class 'x' (report.classes); known: 0, 1, 2", tmp_path / "run")


def test_what_is_no_file_and_what_has_no_proper_name_is_unreadable_by_name(tmp_path: Path, image_folder):
    folder = image_folder({"a": 9, "b": 9})
    (folder / "a" / "link.png").symlink_to("/nowhere")
    os.mkfifo(folder / "b" / "pipe.png")
    (folder / "b" / os.fsdecode(b"caf\xe9.png")).write_bytes(b"no image")
    result = train(folder, tmp_path / "run")
    assert result.returncode == 0, result.stderr
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["unreadable"] == {
        "a/link.png": "not a file that can be opened",
        "b/pipe.png": "not a file that can be opened",
        os.fsdecode(b"b/caf\xe9.png"): "not an image",
    }


@pytest.mark.parametrize("name", [os.fsdecode(b"latin\xe9"), "bell\a"])
def test_a_class_whose_name_cannot_be_shown(tmp_path: Path, image_folder, name: str):
    result = train(image_folder({"a": 9, name: 9}), tmp_path / "run")
    assert_refused(result, "has a name that cannot be shown; rename it", tmp_path / "run")
