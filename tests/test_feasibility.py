"""What a user gets from `vitlab.feasibility`: a page whose figures are those of its JSON; refusals."""

import importlib.util
import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.configs.small import get_config
from tests.conftest import vitlab
from tests.reporting.pages import Page, assert_stands_alone
from vitlab import config
from vitlab.data import Split, open_source, write_split
from vitlab.errors import InputError
from vitlab.evaluation import wilson_interval
from vitlab.feasibility_job import study_feasibility
from vitlab.language import ENGLISH
from vitlab.reporting import write_feasibility_report
from vitlab.reporting.scatter_chart import MOST_NAMED, scatter_chart

SMALL = "--config=tests/configs/small.py"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    output = tmp_path_factory.mktemp("feasibility") / "out"
    result = vitlab("feasibility", SMALL, "--config.dataset.per_class=20", f"--output={output}")
    assert result.returncode == 0, result.stderr
    return result.stdout, output


@pytest.fixture(scope="module")
def facts(study: tuple[str, Path]) -> dict:
    return json.loads((study[1] / "feasibility.json").read_text())


@pytest.fixture(scope="module")
def page(study: tuple[str, Path]) -> Page:
    return Page((study[1] / "report.html").read_text())


def percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def test_every_figure_of_the_page_is_in_the_file(page: Page, facts: dict):
    scores, classes = page.texts("scores"), page.texts("classes")
    expected = [
        facts["baseline"]["test"],
        facts["clusters"]["score"],
        *(facts["neighbours"][key] for key in ("leave_one_out", "val", "test")),
        *(facts["probe"][key] for key in ("val", "test")),
    ]
    for row, score in zip(scores[1:], expected, strict=True):
        low, high = score["interval"]
        assert row[2:] == [
            str(score["n"]),
            str(score["right"]),
            f"{percent(score['accuracy'])} [{100 * low:.2f} to {100 * high:.2f}]",
        ]
        assert (low, high) == pytest.approx(wilson_interval(score["right"], score["n"]))
    for row, (name, count) in zip(classes[1:], facts["classes"].items(), strict=True):
        label = list(facts["classes"]).index(name)
        clusters, neighbours, probe = (
            facts[way]["confusion_matrix"][label] for way in ("clusters", "neighbours", "probe")
        )
        shares = [percent(of[label] / sum(of)) for of in (clusters, neighbours, probe)]
        assert row == [name, str(count), *shares[:2], str(sum(probe)), shares[2]]
    text = " ".join(" ".join(page.text).split())
    assert f"Adjusted Rand index {facts['clusters']['adjusted_rand']:.4f}" in text
    for sentence in facts["conclusion"]:
        assert sentence in text


def test_the_figures_follow_from_what_is_said_of_each_image(facts: dict):
    rows = facts["images"]
    label_of = {row["path"]: row["label"] for row in rows}
    assert len(rows) == len(label_of) == sum(facts["classes"].values()) == 200
    right = sum(row["cluster"] == row["label"] for row in rows)
    assert facts["clusters"]["score"]["right"] == right
    neighbours = sum(label_of[row["neighbour"]] == row["label"] for row in rows)
    assert facts["neighbours"]["leave_one_out"]["right"] == neighbours
    assert all(row["neighbour"] != row["path"] for row in rows)
    places = np.array([row["pca"] + row["tsne"] for row in rows])
    assert places.shape == (200, 4)
    assert np.isfinite(places).all()
    spread = places[:, :2].var(axis=0)
    shares = facts["projections"]["pca"]["share"]
    assert spread[0] / spread[1] == pytest.approx(shares[0] / shares[1], rel=1e-3)


def test_the_page_stands_alone_and_its_figures_are_files_too(study: tuple[str, Path], page: Page):
    assert_stands_alone(page.source)
    assert page.targets == ["scores", "plane", "clusters", "classes", "conclusion", "provenance"]
    assert f"python -m vitlab.feasibility {SMALL} --config.dataset.per_class=20" in page.words
    figures = {path.stem for path in (study[1] / "figures").iterdir()}
    assert figures == {"pca", "tsne", "confusion_clusters", "confusion_neighbours", "confusion_probe"}
    drawn = ElementTree.parse(study[1] / "figures" / "tsne.svg").getroot()
    paths = [one.attrib["d"] for one in drawn.iter() if one.tag.endswith("path")]
    assert sum(path.count("M") for path in paths) == 200 + 10  # of each image, and in the legend


def test_the_drawings_are_in_the_page_and_have_no_background_of_their_own(
    study: tuple[str, Path], page: Page
):
    for path in (study[1] / "figures").iterdir():
        assert path.read_text() in page.source
    for name in ("pca", "tsne"):
        assert not re.search("white|black|#000|#fff", (study[1] / "figures" / f"{name}.svg").read_text())


def test_thousands_of_points_are_a_small_drawing():
    generator = np.random.default_rng(0)
    labels, points = generator.integers(0, 30, 3000), generator.normal(size=(3000, 2))
    names = [f"class {label}" for label in range(30)]
    text = scatter_chart(points, labels, names, "title", "PCA", ("", ""), ENGLISH)
    assert len(text) < 3000 * 30


def test_both_axes_of_a_plane_have_one_unit():
    corners = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0]])
    text = scatter_chart(corners, np.zeros(4, int), ["only"], "title", "PCA", ("", ""), ENGLISH)
    path = re.search(r'd="((?:M[^"M]*){4})"', text)
    assert path is not None
    places = np.array(re.findall(r"M([\d.]+) ([\d.]+)", path[1]), float)
    wide, tall = np.ptp(places, axis=0)
    assert wide / tall == pytest.approx(4 / 3, rel=1e-2)


def test_random_weights_are_warned_of_on_the_screen_and_the_page(study: tuple[str, Path], page: Page):
    assert "warning: model.weights is empty, and a random network tells little" in study[0]
    assert "The network's weights are random" in page.words
    verdict = study[0][study[0].index("\n\n") :].partition(":")[0]
    assert "random weights, which have learned nothing, " in verdict
    assert verdict.strip() in page.words


KNOWN = "a network knows of these images that was not trained on them, as far as names tell"
SIGNED = "a network knows of images that it may have been trained on, labels and all"
UNKNOWN = "whether it was trained on them is said above, as far as it is known"


@pytest.mark.parametrize(
    ("pretraining", "weights", "said"),
    [
        ({"data": "ImageNet-1k", "signs": []}, "with weights as they were published.", KNOWN),
        ({"data": "ImageNet-1k", "signs": ["a sign"]}, "with weights as they were published.", SIGNED),
        ({"data": None, "signs": []}, "with weights from a file.", UNKNOWN),
        (
            {"data": None, "signs": [], "met": 3, "tested": 9},
            "with weights that vitlab trained.",
            SIGNED,
        ),
        (
            {"data": None, "signs": [], "met": 0, "tested": 9},
            "with weights that vitlab trained.",
            UNKNOWN,
        ),
    ],
)
def test_what_follows_says_no_more_of_the_weights_than_is_known(
    facts: dict, tmp_path: Path, pretraining: dict, weights: str, said: str
):
    network = facts["network"] | {"is_random": False, "is_trained_here": "met" in pretraining}
    write_feasibility_report(facts | {"network": network, "pretraining": pretraining}, tmp_path, ENGLISH)
    words = Page((tmp_path / "report.html").read_text()).words
    assert weights in words
    assert [one for one in (KNOWN, SIGNED, UNKNOWN) if one in words] == [said]


def test_a_class_without_test_images_is_named_and_has_no_share(facts: dict, tmp_path: Path):
    probe = facts["probe"] | {"confusion_matrix": [[0] * 10, *facts["probe"]["confusion_matrix"][1:]]}
    write_feasibility_report(facts | {"probe": probe}, tmp_path, ENGLISH)
    page = Page((tmp_path / "report.html").read_text())
    first = next(iter(facts["classes"]))
    assert f"1 of 10 classes has no test image ( {first} ): what is said of the linear" in page.words
    assert page.texts("classes")[1][-2:] == ["0", "–"]


def test_the_same_seed_gives_the_same_study(study: tuple[str, Path], facts: dict, tmp_path: Path):
    result = vitlab("feasibility", SMALL, "--config.dataset.per_class=20", f"--output={tmp_path}")
    assert result.returncode == 0, result.stderr
    again = json.loads((tmp_path / "feasibility.json").read_text())
    assert {**again, "command": 0} == {**facts, "command": 0}
    for path in (study[1] / "figures").iterdir():
        assert (tmp_path / "figures" / path.name).read_text() == path.read_text()


def test_of_many_classes_the_largest_have_signs_of_their_own():
    labels = np.repeat(np.arange(30), [3] * 24 + [1] * 6)
    points = np.random.default_rng(0).normal(size=(len(labels), 2))
    names = [f"class {label}" for label in range(30)]
    text = scatter_chart(points, labels, names, "title", "PCA", ("", ""), ENGLISH)
    assert MOST_NAMED == 24
    assert "6 others" in text
    assert "class 23" in text
    assert "class 24" not in text


def test_a_name_that_is_markup_stays_text(image_folder: Callable[..., Path], tmp_path: Path):
    bad = "<img src=x onerror=alert(1)>"
    folder = image_folder({bad: 8, "$x^2$": 8})
    result = vitlab(
        "feasibility", SMALL, f"--config.dataset.path={folder}", f"--output={tmp_path / 'out'}"
    )
    assert result.returncode == 0, result.stderr
    page = Page((tmp_path / "out" / "report.html").read_text())
    assert not page.handlers
    assert bad in "".join(page.text)
    assert "$x^2$" in (tmp_path / "out" / "figures" / "pca.svg").read_text()


def study_of(folder: Path, output: Path, **split: str) -> None:
    chosen = get_config()
    chosen.dataset.path = str(folder)
    chosen.split.update(split)
    study_feasibility(config.resolve(chosen), output, with_umap=False)


def test_one_class_is_refused(image_folder: Callable[..., Path], tmp_path: Path):
    with pytest.raises(InputError, match="class"):
        study_of(image_folder({"only": 8}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_training_part_of_one_class_is_refused(image_folder: Callable[..., Path], tmp_path: Path):
    folder = image_folder({"a": 6, "b": 6})
    table = open_source(config.Dataset(path=str(folder)), fewest_classes=2).table
    parts = ("train",) * 4 + ("val", "test") + ("test",) * 6
    write_split(Split(table, parts), tmp_path / "split.csv")
    with pytest.raises(InputError, match="the training part has images of one class only"):
        study_of(folder, tmp_path / "out", file=str(tmp_path / "split.csv"))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, r"embeddings of 20 of 20 images, the first is a/000.png, hold what is no finite"),
        (1.0, "1 different embeddings for 20 images of 2 classes, which cannot be told apart"),
    ],
)
def test_embeddings_that_say_nothing_are_refused(
    image_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    value: float,
    message: str,
):
    def embedder(*_):
        return lambda _parameters, _statistics, store, _title: np.full((len(store), 3), value)

    monkeypatch.setattr("vitlab.feasibility_job.Embedder", embedder)
    with pytest.raises(InputError, match=message):
        study_of(image_folder({"a": 10, "b": 10}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a config with --config=FILE"),
        ([SMALL], "give a folder for the report with --output=DIR"),
        ([SMALL, "--output=setup.py/x"], "cannot write setup.py/x/report.html"),
        ([SMALL, "--output=x", "--config.dataset.path=nowhere"], "there is no folder 'nowhere'"),
    ],
)
def test_a_wrong_call_is_one_line_and_code_2_without_importing_jax(
    without_jax, arguments: list[str], message: str
):
    result = vitlab("feasibility", *arguments, **without_jax)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_umap_that_is_not_installed_is_one_line(tmp_path: Path):
    """Or, where it is, it is drawn too."""
    output = tmp_path / "out"
    arguments = (SMALL, "--umap", "--config.dataset.per_class=8", f"--output={output}")
    result = vitlab("feasibility", *arguments)
    if importlib.util.find_spec("umap"):
        assert result.returncode == 0, result.stderr
        assert "umap" in json.loads((output / "feasibility.json").read_text())["projections"]
    else:
        assert result.returncode == 2
        assert result.stderr.endswith("--umap needs a package more: pip install vitlab[umap]\n")
