"""The intervals that a run's metrics hold, and what its page and its card make of them."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.reporting.made_runs import conclude_run, digits_split, make_run
from tests.reporting.pages import Page
from vitlab.data import read_split
from vitlab.evaluation import (
    Predictions,
    bootstrap_intervals,
    figure_intervals,
    load_predictions,
    save_predictions,
)
from vitlab.language import Message, language_of
from vitlab.reporting import write_model_card
from vitlab.reporting.missing import without_interval
from vitlab.reporting.results import read_results
from vitlab.reporting.run_tables import run_tables
from vitlab.run_directory import RunDirectory

SEED = 3


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two phases, of which the second answers every test image rightly."""
    path = tmp_path_factory.mktemp("made") / "run"
    make_run(path, digits_split(images=240), {"head": 0.7, "all": 0.9}, seed=SEED)
    saved = path / "predictions" / "all" / "test.npz"
    test = load_predictions(saved)
    sure = 5 * np.eye(test.logits.shape[1], dtype=np.float32)[test.labels]
    save_predictions(Predictions(test.ids, test.labels, sure), saved)
    return conclude_run(path).path


def metrics_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "metrics.json").read_text())


@pytest.mark.parametrize("phase", ["head", "all"])
def test_the_intervals_of_the_test_part_are_those_of_the_bootstrap_with_the_seed(run: Path, phase: str):
    saved = load_predictions(run / "predictions" / phase / "test.npz")
    test = metrics_of(run)[phase]["test"]
    told = test["bootstrap"]
    ranks = ["roc_auc", "average_precision"]
    figures = [figure for figure in told["intervals"] if figure not in ranks]
    assert {"balanced_accuracy", "macro.f1", "kappa", "matthews", "loss", "brier"} <= set(figures)
    found = bootstrap_intervals(saved, figures, SEED, 10_000)
    found |= bootstrap_intervals(saved, ranks, SEED, 400)
    expected = {figure: one.interval and list(one.interval) for figure, one in found.items()}
    assert test["weighted"]["recall"] == pytest.approx(test["accuracy"])
    expected["weighted.recall"] = test["accuracy_interval"]  # one number has one interval
    assert told["intervals"] == expected
    assert (told["seed"], told["resamples"], told["rank_resamples"]) == (SEED, 10_000, 400)
    lacking = {figure for figure, interval in expected.items() if interval is None}
    assert told["no_interval"] == {figure: found[figure].note for figure in lacking}
    assert "kappa" in (told["no_interval"] if phase == "all" else told["intervals"])


def test_no_other_part_has_any(run: Path):
    for parts in metrics_of(run).values():
        assert [part for part, found in parts.items() if "bootstrap" in found] == ["test"]


def test_too_many_images_are_not_ranked_again_and_again():
    n = 5001
    logits = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
    many = Predictions(np.arange(n).astype(str), np.arange(n, dtype=np.int32) % 2, logits)
    (found,) = figure_intervals([many], SEED)
    for figure in ("roc_auc", "average_precision"):
        assert found["intervals"][figure] is None
        reason = json.loads(json.dumps(found["no_interval"][figure]))
        assert reason.startswith("too many test images")
        assert language_of("fr")(Message(reason)).startswith("trop d’images de test")
    assert found["intervals"]["kappa"] is not None


def test_the_page_says_of_which_figures_there_is_no_interval_and_why(run: Path):
    words = re.sub(r" ([,;.:)])", r"\1", Page((run / "report.html").read_text()).words)
    assert "a stratified bootstrap of 10,000 resamples, seed 3; of ROC-AUC and average" in words
    assert "No interval: ECE: chance adds more to it than it varies; balanced accuracy, loss," in words
    assert "average precision: the same in every resample ( all)." in words


def test_metrics_of_an_older_version_have_none_and_nothing_is_claimed(run: Path, tmp_path: Path):
    older = shutil.copytree(run, tmp_path / "run")
    metrics = metrics_of(older)
    for parts in metrics.values():
        del parts["test"]["bootstrap"]
    (older / "metrics.json").write_text(json.dumps(metrics))
    opened = RunDirectory(older)
    config = opened.read_finished()
    write_model_card(opened, read_split(opened.split))
    card = opened.model_card.read_text()
    assert "bootstrap" not in card
    kappa = metrics["all"]["test"]["kappa"]
    assert f"| Cohen's kappa | {kappa:.4f} | – |" in card
    results = read_results(opened)
    assert without_interval(results) == []
    cells = [*run_tables(results, config, [])["results"].cells()]
    assert {cell.below for row in cells for cell in row[4:]} == {""}


def test_the_area_below_each_roc_curve_of_the_page_is_that_of_the_metrics(run: Path):
    text = (run / "report.html").read_text()
    drawing = (run / "figures" / "roc.svg").read_text()
    assert drawing in text
    assert "Each phase by its number: 1 head, 2 all." in re.sub(r" +([,.])", r"\1", Page(text).words)
    found = re.findall(r'<polyline points="([^"]*)"', drawing)
    lines = [np.array([place.split(",") for place in line.split()], float).T for line in found]
    curves = [(x, y) for x, y in lines if np.ptp(x) > 100]  # the others are their signs above
    for (x, y), parts in zip(curves, metrics_of(run).values(), strict=True):
        low, high = y[-1] + (x[-1] - x[0]), y[-1]  # the square's sides are as long; it ends at (1, 1)
        area = np.trapezoid((low - y) / (low - high), (x - x[0]) / (x[-1] - x[0]))
        assert area == pytest.approx(parts["test"]["roc_auc"], abs=0.01)
