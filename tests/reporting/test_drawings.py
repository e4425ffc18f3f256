"""No text of a drawing is cut off at its edge, in either language."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from PIL import ImageFont

from vitlab.language import ENGLISH, Code, Language, Message, language_of
from vitlab.reporting import drawings
from vitlab.reporting.comparison import charts
from vitlab.reporting.drawing import FONT, Drawing, log_ticks, text_width
from vitlab.reporting.histogram import histogram_chart
from vitlab.reporting.matrix import matrix_chart
from vitlab.reporting.network_chart import network_chart
from vitlab.reporting.rate_chart import rate_chart
from vitlab.reporting.scatter_chart import scatter_chart
from vitlab.training import RangeTest

SVG = "{http://www.w3.org/2000/svg}"
LONG = "a rather long name " * 5
BINS = [
    {"low": 0.4, "high": 0.6, "n": 12345, "accuracy": 0.5},
    {"low": 0.6, "high": 0.8, "n": 4115, "accuracy": 1.0},
    {"low": 0.8, "high": 1.0, "n": 1, "accuracy": 1.0},
]
EPOCHS = [
    {
        "phase": phase,
        "epoch": epoch,
        "epoch_of_run": epoch + 3 * (phase != "head"),
        **{part: {"accuracy": 0.1234 * epoch, "loss": 0.00017 * epoch} for part in ("train", "val")},
    }
    for phase in ("head", LONG)
    for epoch in (1, 2, 3)
]
SCORES = [
    (name, dict(zip(("train", "val", "test"), values, strict=True)))
    for name, values in ((LONG, (0.98765, 0.9, 0.8)), ("head", (0.123, 0.2, 0.1)))
]
LAYERS = [
    {"kind": f"Kind {number} of a layer", "output": (56 // number, 56 // number, 2**number)}
    for number in range(1, 9)
]
RATES = RangeTest(tuple(10.0**n for n in range(-7, 2)), (2.3,) * 9, (2.4,) * 4 + (0.1,) * 5, 0.012, 0.1)
PLANE, TWO = np.array([[0.0, 5.0], [1e-5, 7.0], [3.0, 2.0]]), np.array([0, 1, 1])
VARIANCES = ("12.3 % of the variance",) * 2
COST = {"accuracy_interval": (0.4, 0.7), "machine": "cpu", "on_front": True}
COSTS = [
    {"number": 1, "accuracy": 0.5, "seconds": 1.0, "milliseconds": 0.2, **COST},
    {"number": 2, "accuracy": 0.6, "seconds": 90000.0, "milliseconds": 3.0, **COST},
]


def every_drawing(language: Language) -> dict[str, str]:
    interval = [(LONG, 0.5, (0.4, 0.6)), ("b", 0.02, (-0.01, 0.05))]
    over = Message("test accuracy, %, with its 95 % interval")
    between = Message("difference of test accuracy, points, corrected 95 % interval")
    counts = {Message(part): {LONG: 123456, "b": 1} for part in ("train", "val", "test")}
    matrix = np.array([[12345, 3], [0, 7]])
    return {
        "scores": drawings.scores_chart(SCORES, "accuracy", Message("accuracy, %"), language),
        "losses": drawings.scores_chart(SCORES, "loss", Message("loss"), language),
        "accuracies": drawings.curves_chart(EPOCHS, {"head": 2}, "accuracy", "", language),
        "curves of losses": drawings.curves_chart(EPOCHS, {"head": 2}, "loss", "", language),
        "classes": drawings.class_counts_chart(counts, "", language),
        "unassigned": drawings.class_counts_chart({Message("no part"): {"b": 1}}, "", language),
        "reliability": drawings.reliability_chart(BINS, LONG, language),
        "intervals": charts.intervals_chart(interval, over, language),
        "differences": charts.intervals_chart(interval, between, language, zero=True),
        "matrix": matrix_chart(matrix, [LONG, "b"], LONG, language, chosen=[0, 1]),
        "narrow matrix": matrix_chart(
            matrix, ["a", "b"], LONG, language, chosen=[0, 1], columns=LONG[:50]
        ),
        "histogram": histogram_chart([90, 1234, 5678], LONG, Message("width / height"), language),
        "one size": histogram_chart([224], "size", Message("width / height"), language),
        "network": network_chart(LAYERS, LONG),
        "rates": rate_chart(RATES, "mobilenet_v2, phase finetune"),
        "long classes": scatter_chart(PLANE, TWO, [LONG, "b"], "", "t-SNE", VARIANCES, language),
        "many classes": scatter_chart(
            PLANE, TWO, [f"a class {n}" for n in range(30)], "", "PCA", VARIANCES, language
        ),
        **{
            key: charts.scatter_chart(COSTS, key, axis, "", language, front=True)
            for key, axis in (
                ("seconds", Message("training, seconds")),
                ("milliseconds", Message("ms an image")),
            )
        },
    }


def cut_off(svg: str) -> Iterator[str]:
    """Texts that go beyond an edge, in the letters of DejaVu Sans, which are wide."""
    root = ElementTree.fromstring(svg)
    font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    for one in root.iter(f"{SVG}text"):
        text = "".join(one.itertext())
        length = ImageFont.truetype(font, 100).getlength(text) / 100 * float(one.attrib["font-size"])
        turned = "transform" in one.attrib
        # What is turned goes upwards: against the axis.
        place = (
            float(root.attrib["height"]) - float(one.attrib["y"]) if turned else float(one.attrib["x"])
        )
        room = float(root.attrib["height" if turned else "width"])
        begins = place - length * {"start": 0, "middle": 0.5, "end": 1}[one.attrib["text-anchor"]]
        if begins < 0 or begins + length > room:
            yield f"{text}: {begins:.0f} to {begins + length:.0f} of {room:.0f}"


@pytest.mark.parametrize("code", ["en", "fr"])
def test_no_text_of_a_drawing_is_cut_off(code: Code):
    found = {name: list(cut_off(svg)) for name, svg in every_drawing(language_of(code)).items()}
    assert not any(found.values()), found


def test_a_bin_of_few_images_is_seen_to_be_one():
    root = ElementTree.fromstring(drawings.reliability_chart(BINS, "head", language_of("en")))
    *_, most, third, one = (float(box.attrib["height"]) for box in root.iter(f"{SVG}rect"))
    assert third == pytest.approx(most / 3, abs=0.1)
    assert one == 1
    assert "12,345" in [text.text for text in root.iter(f"{SVG}text")]


def test_no_axis_of_accuracy_goes_beyond_100_percent():
    perfect = [("head", {"train": 1.0, "val": 0.9, "test": 0.4})]
    root = ElementTree.fromstring(drawings.scores_chart(perfect, "accuracy", "", language_of("en")))
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert max(int(text) for text in texts if text.isdigit()) == 100
    dots = [float(dot.attrib["cx"]) for dot in root.iter(f"{SVG}circle")]
    assert max(dots) == drawings.WIDTH - 12


def test_a_text_that_is_cut_off_would_be_found():
    drawing = Drawing(100, 50, "", language_of("en"))
    drawing.write(50, 20, "twelve letters", anchor="middle", size=17)
    drawing.write(50, 40, "short")
    drawing.write(10, 40, "twelve letters", turned=True)
    assert [text.partition(":")[0] for text in cut_off(drawing.text())] == ["twelve letters"] * 2


def test_a_logarithmic_axis_has_round_values():
    assert log_ticks(5, 240) == [5, 10, 20, 50, 100, 200]
    assert log_ticks(6.4, 10) == [7, 8, 9, 10]
    assert log_ticks(0.02, 300) == [0.1, 1, 10, 100]


def test_numbers_of_dots_at_one_place_do_not_cover_each_other():
    rows = [
        {"number": number, "ms": 7.0, "accuracy": 0.9, "accuracy_interval": None}
        for number in (1, 2, 3, 10)
    ]
    svg = charts.scatter_chart(rows, "ms", "ms", "title", ENGLISH)
    found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>(1|2|3|10)</text>', svg)
    boxes = [(float(x), float(y), text_width(text)) for x, y, text in found]
    assert len(boxes) == 4
    for (x, y, width), (other_x, other_y, other_width) in itertools.combinations(boxes, 2):
        assert x + width <= other_x or other_x + other_width <= x or abs(y - other_y) >= FONT - 0.1


def test_names_that_begin_and_end_alike_are_told_apart_beside_a_matrix():
    names = [f"class number {number} of animals" for number in range(8)]
    svg = matrix_chart(np.eye(8, dtype=int), names, "title", ENGLISH, chosen=range(8))
    rows = re.findall(r'text-anchor="end" font-size="11" fill="currentColor">([^<]*)</text>', svg)
    assert len(set(rows)) == 8


def test_of_many_classes_a_matrix_says_what_became_of_the_images_that_it_leaves_out():
    """Three of five classes: all counts are there, but those among the other two."""
    counts = np.arange(1, 26).reshape(5, 5)
    svg = matrix_chart(counts, list("abcde"), "title", ENGLISH, chosen=[0, 2, 3])
    cells = re.findall(r'<text[^>]*fill="(?:white|currentColor)"[^>]*>(\d+)</text>', svg)
    expected = [1, 3, 4, 2 + 5, 11, 13, 14, 12 + 15, 16, 18, 19, 17 + 20, 6 + 21, 8 + 23, 9 + 24]
    assert [int(cell) for cell in cells] == expected
    assert svg.count(">others<") == 2


def test_the_numbers_along_an_axis_differ_however_close_the_figures_are():
    close = [("head", {"train": 6.907841, "val": 6.907842, "test": 6.907844})]
    root = ElementTree.fromstring(drawings.scores_chart(close, "loss", "", ENGLISH))
    numbers = [text.text for text in root.iter(f"{SVG}text") if str(text.text).startswith("6.9")]
    assert len(set(numbers)) == len(numbers) >= 2
