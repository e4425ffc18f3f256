"""`python -m vitlab.evaluate --calibrated`: logits by the temperature of the validation part."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, special
from sklearn import metrics as sklearn

from tests.conftest import vitlab
from tests.reporting.made_runs import digits_split, make_run
from vitlab.config import from_json
from vitlab.errors import InputError
from vitlab.evaluation import Predictions, load_predictions, made_worse, save_predictions
from vitlab.evaluation_job import evaluate_test_part
from vitlab.run_directory import RunDirectory
from vitlab.runtime import cache_folder
from vitlab.training.embeddings import map_store


def temperature_by_scipy(predictions: Predictions) -> float:
    logits = predictions.logits.astype(np.float64)

    def loss(temperature: np.ndarray) -> float:
        return sklearn.log_loss(predictions.labels, special.softmax(logits / temperature[0], axis=1))

    return float(optimize.minimize(loss, [1.0], method="Nelder-Mead", options={"xatol": 1e-7}).x[0])


def test_a_calibrated_evaluation_scales_what_it_tells_and_keeps(small_run: Path, tmp_path: Path):
    workdir = shutil.copytree(small_run, tmp_path / "run")
    done = vitlab("evaluate", f"--workdir={workdir}", "--phase=head", "--calibrated")
    assert done.returncode == 0, done.stderr
    kept = workdir / "evaluations" / "head" / "test-calibrated"
    found = json.loads((kept / "metrics.json").read_text())
    run_metrics = json.loads((workdir / "metrics.json").read_text())["head"]["test"]
    val, test = (load_predictions(workdir / f"predictions/head/{part}.npz") for part in ("val", "test"))

    assert found["temperature"] == pytest.approx(temperature_by_scipy(val), rel=1e-4)
    scaled = special.softmax(test.logits.astype(np.float64) / found["temperature"], axis=1)
    saved = load_predictions(kept / "predictions.npz")
    np.testing.assert_allclose(saved.probabilities, scaled, rtol=1e-5)
    assert found["loss"] == pytest.approx(sklearn.log_loss(test.labels, scaled))
    truth = np.eye(scaled.shape[1])[test.labels]
    assert found["brier"] == pytest.approx(((scaled - truth) ** 2).sum(axis=1).mean())
    assert found["accuracy"] == run_metrics["accuracy"]

    told = run_metrics["calibration"]
    assert told["temperature"] == found["temperature"]
    for key in ("loss", "brier", "ece"):
        assert told["before"][key] == run_metrics[key]
        assert told["after"][key] == pytest.approx(found[key])
        assert f"{run_metrics[key]:.4f}, calibrated {found[key]:.4f}" in done.stdout
    assert f"temperature {found['temperature']:.4f}, fitted on the validation part" in done.stdout
    worse = made_worse(told)
    assert ("warning: the temperature suits the validation part" in done.stdout) == (worse is not None)
    assert worse is None or worse in done.stdout
    assert "equal to" in done.stdout


def test_the_whole_network_answers_again_though_embeddings_of_it_are_kept(
    small_run, monkeypatch, capsys
):
    """Those of the run's own passes are there, and would test the head alone."""
    run = RunDirectory(small_run)
    kept = cache_folder("embeddings")
    before = {path: path.stat().st_mtime_ns for path in kept.iterdir()}
    assert before
    seen = []

    def counting(function, store, *others):
        seen.append(len(store))
        return map_store(function, store, *others)

    monkeypatch.setattr("vitlab.training.embeddings.map_store", counting)
    evaluate_test_part(run, run.open_finished(), "head", calibrated=False)
    assert seen == [json.loads((small_run / "metrics.json").read_text())["head"]["test"]["n"]]
    assert "in every figure" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in kept.iterdir()} == before


def test_a_validation_part_without_a_mistake_tells_no_temperature(tmp_path: Path):
    path = make_run(tmp_path / "run", digits_split(images=80), {"t": 0.8})
    file = path / "predictions" / "t" / "val.npz"
    saved = load_predictions(file)
    sure = 5 * np.eye(10, dtype=np.float32)[saved.labels]
    save_predictions(Predictions(saved.ids, saved.labels, sure), file)
    config = from_json(json.loads((path / "config.json").read_text()))
    with pytest.raises(InputError, match=r"every validation image is answered rightly.*without --calib"):
        evaluate_test_part(RunDirectory(path), config, "t", calibrated=True)
