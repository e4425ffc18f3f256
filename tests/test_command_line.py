"""What a user types, and what comes back: text, exit code, files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT, vitlab
from vitlab.data import read_split
from vitlab.evaluation import load_predictions

DIGITS = "--config=tests/configs/small.py"
TRANSFER = "--config=configs/transfer.py:vit_ti16"


@pytest.mark.parametrize(
    ("command", "flag"),
    [
        ("main", "--workdir"),
        ("evaluate", "--workdir"),
        ("convert", "--output"),
        ("summary", "--choose"),
        ("dataset", "--fix"),
        ("find_rate", "--steps"),
        ("compare", "--intersect"),
    ],
)
def test_help_says_how_to_call_it_without_importing_jax(without_jax, command: str, flag: str):
    result = vitlab(command, "--help", **without_jax)
    assert result.returncode == 0
    assert f"python -m vitlab.{command}" in result.stdout
    assert flag in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a config with --config=FILE"),
        ([DIGITS], "give a folder for the run with --workdir=DIR"),
        ([DIGITS, "--workdri=x"], "Unknown command line flag 'workdri'. Did you mean: workdir"),
        ([DIGITS, "nonsense"], "'nonsense' is no flag"),
        (["--config.seed=1"], "--config.seed changes a config; give that too, with --config=FILE"),
        (["--config=nowhere.py", "--workdir=x"], "there is no config file 'nowhere.py'"),
        (["--config=configs/digits.py:x", "--workdir=x"], "get_config() takes 0 positional arguments"),
        ([DIGITS, "--config.modle.name=x"], "unknown config key 'modle'; did you mean \"model\""),
        ([DIGITS, "--config.phases.al.epochs=1"], "unknown config key 'al'"),
        (
            [DIGITS, "--config.report.reported.phases.head=1"],
            "unknown config key 'head'; a flag only changes what its file has",
        ),
        ([DIGITS, "--config.model.nam=x"], "unknown config key 'nam'; did you mean \"name\""),
        (
            [DIGITS, f"--config.seed={2**32}", "--workdir=x"],
            f"seed is {2**32}; it must be below 2**32",
        ),
        ([DIGITS, "--config.batch_size=many", "--workdir=x"], "invalid literal for int()"),
        ([DIGITS, "--config.batch_size=0", "--workdir=x"], "batch_size is 0; it must be at least 1"),
        (
            [DIGITS, "--config.split.fractions=(0.7, 0.2, 0.2)", "--workdir=x"],
            "split fractions 0.7 + 0.2 + 0.2 sum to 1.1; they must sum to 1",
        ),
        (
            [DIGITS, "--config.phases.all.optimizer=adamm", "--workdir=x"],
            "unknown value 'adamm' (phases.all.optimizer); did you mean adam",
        ),
        (
            [DIGITS, "--config.model.dtype=bfloat61", "--workdir=x"],
            "unknown value 'bfloat61' (model.dtype); did you mean bfloat16",
        ),
        ([TRANSFER, "--workdir=x"], "no images are given; name their folder with --config.dataset.path"),
        (
            [TRANSFER, "--config.dataset.path=/no/such", "--workdir=x"],
            "there is no folder '/no/such'; name it with --config.dataset.path",
        ),
    ],
)
def test_a_wrong_call_is_one_line_and_code_2_without_importing_jax(
    without_jax, tmp_path: Path, arguments: list[str], message: str
):
    arguments = [text.replace("--workdir=x", f"--workdir={tmp_path / 'x'}") for text in arguments]
    result = vitlab("main", *arguments, **without_jax)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.startswith("vitlab main: ")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("command", ["main", "evaluate"])
def test_a_file_of_flags_that_cannot_be_read_is_one_line_and_code_2(tmp_path: Path, command: str):
    (tmp_path / "picture").write_bytes(b"\xff\xd8\xff\xe0")
    for file, message in {
        tmp_path / "missing": f"cannot read the file '{tmp_path}/missing' of flags: No such file",
        tmp_path: f"cannot read the file '{tmp_path}' of flags: Is a directory (--flagfile)",
        tmp_path / "picture": "a file of flags is no text: 'utf-8' codec can't decode byte 0xff",
    }.items():
        for arguments in ([f"--flagfile={file}"], ["--flagfile", str(file)]):
            result = vitlab(command, *arguments)
            assert result.returncode == 2
            assert result.stderr.startswith(f"vitlab {command}: {message}")
            assert result.stderr.count("\n") == 1
    result = vitlab(command, "--flagfile")
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "--flagfile with no argument" in result.stderr


def test_flags_may_stand_in_a_file(tmp_path: Path):
    (tmp_path / "flags").write_text(f"{DIGITS}\n--config.batch_size=0\n--workdir={tmp_path / 'run'}\n")
    result = vitlab("main", f"--flagfile={tmp_path / 'flags'}")
    assert result.returncode == 2
    assert "batch_size is 0; it must be at least 1" in result.stderr


def test_a_config_file_of_ones_own_with_a_misspelt_key_is_refused(tmp_path: Path):
    (tmp_path / "mine.py").write_text(
        "from ml_collections import ConfigDict\n"
        "def get_config():\n"
        "    return ConfigDict({'modell': {'name': 'vit_ti16'}, 'phases': {'a': {'epochs': 1}}})\n"
    )
    result = vitlab("main", f"--config={tmp_path}/mine.py", f"--workdir={tmp_path}/run")
    assert result.returncode == 2
    assert "unknown config key 'modell' (config); did you mean model?" in result.stderr


def test_a_run_leaves_everything_that_the_later_stages_read(small_run: Path):
    assert {path.name for path in small_run.iterdir()} == {
        "config.json", "manifest.json", "split.csv", "log.jsonl", "checkpoints", "model", "network.json",
        "analysis.json", "predictions", "metrics.json", "figures", "report.html", "model_card.md",
    }  # fmt: skip
    manifest = json.loads((small_run / "manifest.json").read_text())
    split = read_split(small_run / "split.csv")
    assert manifest["finished"]
    assert manifest["split_hash"] == split.hash
    assert manifest["parts"] == split.counts()
    assert {"jax", "flax", "numpy"} <= manifest["packages"].keys()
    for phase in ("head", "all"):
        for part in ("train", "val", "test"):
            predictions = load_predictions(small_run / "predictions" / phase / f"{part}.npz")
            rows = split.rows(part)
            assert len(predictions) == split.counts()[part]
            assert list(predictions.ids) == [split.table.ids[row] for row in rows]
            np.testing.assert_array_equal(predictions.labels, split.table.labels[rows])
        assert {path.name for path in (small_run / "model" / phase).iterdir()} == {
            "weights.safetensors",
            "model.json",
        }


def test_a_finished_run_says_so_and_does_nothing(small_run: Path, without_jax):
    before = {path: path.stat().st_mtime_ns for path in small_run.rglob("*")}
    result = vitlab("main", DIGITS, f"--workdir={small_run}", **without_jax)
    assert result.returncode == 0
    assert result.stdout.startswith("finished already: test accuracy 0.")
    assert str(small_run / "report.html") in result.stdout
    assert {path: path.stat().st_mtime_ns for path in small_run.rglob("*")} == before


def test_a_workdir_of_another_config_is_refused_with_the_keys_that_differ(small_run: Path):
    result = vitlab("main", DIGITS, f"--workdir={small_run}", "--config.seed=5", "--config.batch_size=9")
    assert result.returncode == 2
    assert "holds the run of another config (seed: 0, now 5; batch_size: 64, now 9)" in result.stderr


def test_a_workdir_of_something_else_is_refused_and_left_alone(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("mine")
    result = vitlab("main", DIGITS, f"--workdir={tmp_path}")
    assert result.returncode == 2
    assert "holds no run, but other files (thesis.txt); choose a new --workdir" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_evaluation_in_a_new_process_gets_the_same_numbers(small_run: Path):
    for phase in ("head", "all"):
        result = vitlab("evaluate", f"--workdir={small_run}", f"--phase={phase}")
        assert result.returncode == 0, result.stderr
        assert f"equal to {small_run}/metrics.json in every figure" in result.stdout
        stored = json.loads((small_run / "metrics.json").read_text())[phase]["test"]
        assert f"accuracy   {stored['accuracy']:.4f}" in result.stdout
        assert f"n = {stored['n']}" in result.stdout


def test_evaluation_on_other_images_counts_them_and_keeps_its_figures(tmp_path: Path, image_folder):
    folder = image_folder({"a": 12, "b": 12, "c": 12})
    workdir = tmp_path / "run"
    arguments = [f"--config.dataset.path={folder}"]
    assert vitlab("main", DIGITS, *arguments, f"--workdir={workdir}").returncode == 0
    other = image_folder({"c": 5}, name="other")
    (other / "c" / "broken.jpg").write_bytes(b"no image")
    result = vitlab("evaluate", f"--workdir={workdir}", f"--data={other}")
    assert result.returncode == 0, result.stderr
    assert "n = 5" in result.stdout
    assert "c/broken.jpg: not an image" in result.stdout
    (metrics,) = (workdir / "evaluations" / "all").glob("other-*/metrics.json")
    kept = json.loads(metrics.read_text())
    assert kept["n"] == 5
    assert kept["classes"]["b"]["n"] == 0
    assert kept["unreadable"] == {"c/broken.jpg": "not an image"}
    same_name = image_folder({"a": 2}, name="elsewhere/other")
    assert vitlab("evaluate", f"--workdir={workdir}", f"--data={same_name}").returncode == 0
    assert len(list((workdir / "evaluations" / "all").glob("other-*/metrics.json"))) == 2
    foreign = image_folder({"a": 3, "zebra": 3}, name="foreign")
    refused = vitlab("evaluate", f"--workdir={workdir}", f"--data={foreign}")
    assert refused.returncode == 2
    assert "classes that the model does not know: zebra; it knows a, b, c" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give the directory of a run with --workdir=DIR"),
        (["--workdir=/no/such"], "/no/such holds no run"),
        (["--workdir=RUN", "--phase=warmup"], "has no phase 'warmup' (--phase); it has head, all"),
        (["--workdir=RUN", "--data=/no/such"], "there is no folder '/no/such'; name it with --data"),
    ],
)
def test_a_wrong_evaluation_is_one_line_and_code_2(
    small_run: Path, without_jax, arguments: list[str], message: str
):
    arguments = [text.replace("RUN", str(small_run)) for text in arguments]
    result = vitlab("evaluate", *arguments, **without_jax)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_split_that_was_tampered_with_is_noticed(small_run: Path, tmp_path: Path):
    workdir = tmp_path / "copy"
    shutil.copytree(small_run, workdir)
    text = (workdir / "split.csv").read_text()
    (workdir / "split.csv").write_text(text.replace('"train"\n', '"test"\n', 1))
    result = vitlab("evaluate", f"--workdir={workdir}")
    assert result.returncode == 2
    assert "is not the split that the run was trained with" in result.stderr


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    result = vitlab("main", DIGITS, f"--workdir={tmp_path}/run", VITLAB_CACHE=f"{tmp_path}/file/cache")
    assert result.returncode == 2
    assert "cannot make the cache folder" in result.stderr
    assert "set VITLAB_CACHE" in result.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def get_config(:", "config.py, line 1: invalid syntax"),
        ("import nothere", "config.py, line 1: ModuleNotFoundError: No module named 'nothere'"),
        ("def get_config():\n    return foo", "config.py, line 2: NameError: name 'foo' is not defined"),
        ("x = 1", "config.py has no function get_config"),
        ("def get_config():\n    return 5", "config.py returns 5, no config"),
    ],
)
def test_a_config_file_that_is_wrong_is_one_line_that_says_where(
    tmp_path: Path, without_jax, text: str, message: str
):
    (tmp_path / "config.py").write_text(text)
    arguments = [f"--config={tmp_path}/config.py", f"--workdir={tmp_path}/run"]
    result = vitlab("main", *arguments, **without_jax)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_paths_mean_the_same_from_every_folder(tmp_path: Path, image_folder):
    """The folder of images is relative to where the run began; later commands come from elsewhere."""
    folder = image_folder({"a": 12, "b": 12})
    program = [sys.executable, "-m", "vitlab.main", f"--config={ROOT}/{DIGITS.partition('=')[2]}"]
    source = [f"--config.dataset.path={folder.name}/"]
    begun = subprocess.run(
        [*program, *source, "--workdir=run"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert begun.returncode == 0
    workdir = tmp_path / "run"
    assert "equal to" in vitlab("evaluate", f"--workdir={workdir}").stdout
    source = [f"--config.dataset.path={folder}"]
    assert "finished already" in vitlab("main", DIGITS, *source, f"--workdir={workdir}").stdout


PIECES = ["report.html", "metrics.json", "network.json", "predictions/all/val.npz", "model/all"]
PIECES += ["model/head", "figures"]


@pytest.mark.parametrize("piece", PIECES)
def test_a_piece_that_a_finished_run_has_lost_is_made_again(small_run: Path, tmp_path: Path, piece: str):
    workdir = tmp_path / "copy"
    shutil.copytree(small_run, workdir)
    before = [(workdir / name).read_text() for name in ("metrics.json", "log.jsonl")]
    lost = workdir / piece
    shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
    refused = vitlab("evaluate", f"--workdir={workdir}")
    assert refused.returncode == 2
    assert f"{lost} is gone; run the training again" in refused.stderr
    assert vitlab("main", DIGITS, f"--workdir={workdir}").returncode == 0
    assert lost.exists()
    assert [(workdir / name).read_text() for name in ("metrics.json", "log.jsonl")] == before


def test_without_its_log_a_report_says_so_and_shows_the_rest(small_run: Path, tmp_path: Path):
    workdir = tmp_path / "copy"
    shutil.copytree(small_run, workdir)
    (workdir / "log.jsonl").unlink()
    (workdir / "report.html").unlink()
    card = (workdir / "model_card.md").read_text()
    (workdir / "model_card.md").unlink()
    result = vitlab("main", DIGITS, f"--workdir={workdir}")
    assert result.returncode == 0, result.stderr
    assert "log.jsonl is gone, and with it the curves" in (workdir / "report.html").read_text()
    made_again = (workdir / "model_card.md").read_text()
    figures = [text.partition("## How good it is")[2].partition("## Use") for text in (card, made_again)]
    assert figures[0][0] == figures[1][0] != ""


def test_what_a_kill_left_half_written_is_no_hindrance_and_goes_away(small_run: Path, tmp_path: Path):
    fresh, copy = tmp_path / "fresh", tmp_path / "copy"
    fresh.mkdir()
    left = fresh / ".config.json.0123abcd.part"
    left.write_text("{")
    shutil.copytree(small_run, copy)
    (copy / "model" / ".all.0123abcd.part").mkdir()
    (copy / "report.html").unlink()
    for workdir in (fresh, copy):
        assert vitlab("main", DIGITS, f"--workdir={workdir}").returncode == 0
        assert not list(workdir.rglob("*.part"))


def test_whoever_reads_the_output_may_stop_reading(tmp_path: Path):
    program = f"{sys.executable} -m vitlab.main {DIGITS} --workdir={tmp_path}/run | head -n 1"
    result = subprocess.run(program, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("devices")
    assert "Traceback" not in result.stderr


def test_a_terminated_command_leaves_no_half_written_file(tmp_path: Path, image_folder):
    """SIGTERM, as a batch system sends it, while images are decoded."""
    cache = tmp_path / "cache"
    folder = image_folder({"a": 100, "b": 100}, size=300)
    source = [f"--config.dataset.path={folder}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "vitlab.main", DIGITS, *source, f"--workdir={tmp_path}/run"],
        cwd=ROOT,
        env={**os.environ, "VITLAB_CACHE": str(cache)},
    )
    while process.poll() is None and not list(cache.glob("pixels/*")):
        pass
    process.terminate()
    assert process.wait() == 143
    assert not [file for file in cache.rglob("*") if file.name.endswith(".part")]
    assert not list(cache.glob("pixels/*/*"))
    assert not (tmp_path / "run").exists()


def test_output_that_cannot_be_written_is_one_line(tmp_path: Path):
    program = f"{sys.executable} -m vitlab.main {DIGITS} --workdir={tmp_path}/run > /dev/full"
    result = subprocess.run(
        program, shell=True, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stderr.endswith("cannot write to standard output: No space left on device\n")
    assert result.stderr.count("\n") == 1


def test_output_that_is_closed_is_not_missed(small_run: Path):
    program = f"{sys.executable} -m vitlab.main {DIGITS} --workdir={small_run} >&-"
    subprocess.run(program, shell=True, cwd=ROOT, check=True)
