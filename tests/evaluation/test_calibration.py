"""The temperature that predictions were drawn with is found; where there is none, that is said."""

import json
import re

import numpy as np
import pytest
from scipy import optimize

from tests.evaluation.test_metrics import some_predictions
from vitlab.evaluation import Predictions, calibration, evaluate, fit_temperature, made_worse
from vitlab.evaluation.calibration import ALL_EQUAL, ALL_RIGHT, AT_A_BOUND, HIGHEST, LOWEST
from vitlab.language import Message, language_of


def drawn_with(temperature: float, count: int = 20_000) -> Predictions:
    """Labels drawn from the softmax of logits / temperature."""
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 3, (count, 4))
    labels = (logits / temperature + generator.gumbel(size=logits.shape)).argmax(axis=1)
    return Predictions(np.arange(count).astype(str), labels, logits.astype(np.float32))


@pytest.mark.parametrize("temperature", [0.3, 1, 2.5, 20])
def test_a_known_temperature_is_found_and_calibrates(temperature: float):
    predictions = drawn_with(temperature)
    found = fit_temperature(predictions)
    assert found.note == ""
    assert found.value == pytest.approx(temperature, rel=0.1 if temperature == 20 else 0.03)
    told = calibration(predictions, found)
    assert told["after"]["ece"] < 0.015
    assert told["after"]["loss"] <= told["before"]["loss"]


def test_the_temperature_of_one_wrong_answer_in_four_is_a_closed_form():
    """Logits 1 and 0, three of four right: p = 3/4 is best, so 1 / T = log 3."""
    logits = np.array([[1.0, 0.0]] * 4, np.float32)
    predictions = Predictions(np.array(list("abcd")), np.array([0, 0, 0, 1]), logits)
    assert fit_temperature(predictions).value == pytest.approx(1 / np.log(3), rel=1e-6)
    assert calibration(predictions, fit_temperature(predictions))["after"]["ece"] == pytest.approx(
        0, abs=1e-6
    )


def test_the_loss_at_the_temperature_is_the_least_of_a_grid():
    predictions = some_predictions()
    found = fit_temperature(predictions)
    losses = {
        t: evaluate(predictions.cooled(t), tuple("abcdefg"))["loss"] for t in np.geomspace(0.05, 20, 200)
    }
    assert evaluate(predictions.cooled(found.value), tuple("abcdefg"))["loss"] <= min(losses.values())
    assert optimize.approx_fprime(
        [found.value], lambda t: evaluate(predictions.cooled(t[0]), tuple("abcdefg"))["loss"]
    ) == pytest.approx(0, abs=1e-4)


def test_a_temperature_changes_no_answer_however_close_two_logits_are():
    logits = np.array([[1, np.nextafter(np.float32(1), np.float32(2))]], np.float32)
    predictions = Predictions(np.array(["a"]), np.array([1]), logits)
    for temperature in (0.01, 3, 100):
        assert predictions.cooled(temperature).answers.tolist() == [1]


def test_perfect_answers_want_the_lowest_temperature_and_that_is_said():
    logits = 5 * np.eye(3, dtype=np.float32)
    found = fit_temperature(Predictions(np.array(list("abc")), np.arange(3), logits))
    assert found.value == 0.01
    assert "every validation image is answered rightly" in found.note
    assert "the loss there falls with the temperature" in found.note


def test_answers_that_are_worse_than_chance_want_the_highest_and_that_is_said():
    logits = -5 * np.eye(3, dtype=np.float32)
    found = fit_temperature(Predictions(np.array(list("abc")), np.arange(3), logits))
    assert found.value == pytest.approx(100)
    assert "not between 0.01 and 100" in found.note


def test_equal_logits_keep_their_temperature_and_that_is_said():
    found = fit_temperature(Predictions(np.array(["a"]), np.array([0]), np.ones((1, 3), np.float32)))
    assert found.value == 1
    assert "every temperature is as good" in found.note


def test_figures_that_the_temperature_makes_worse_are_named():
    before = {"ece": 0.0434, "loss": 0.5, "brier": 0.3}
    after = {"ece": 0.4556, "loss": 0.7, "brier": 0.3}
    worse = made_worse({"before": before, "after": after})
    assert worse == "worse with it on these images: ECE, loss"
    french = language_of("fr").text(worse)
    assert french == "moins bons avec elle sur ces images\N{NO-BREAK SPACE}: ECE, perte"
    assert made_worse({"before": after, "after": before}) is None


@pytest.mark.parametrize("note", [ALL_EQUAL, ALL_RIGHT, AT_A_BOUND])
def test_a_note_has_the_bounds_and_is_french_again_after_metrics_json(note: Message):
    """A file keeps it as plain text."""
    read = json.loads(json.dumps(note))
    assert language_of("fr").text(Message(read)) not in (read, "")
    assert note.values == {}
    numbers = set(re.findall(r"\d+(?:\.\d+)?", note))
    assert numbers <= {f"{LOWEST:g}", f"{HIGHEST:g}"}
