"""What a study reported stands beside ours, under a heading that says so."""

import json
from importlib import util
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.reporting.made_runs import digits_split, make_run
from tests.reporting.pages import Page, compare
from vitlab.config import Config, from_json, resolve, to_json
from vitlab.errors import InputError
from vitlab.reported_figures import Reported
from vitlab.run_directory import RunDirectory

STUDY = "a study of drawn images"
REPORTED = Reported(STUDY, {"head": {"accuracy": 0.875, "loss": 0.4453, "epochs": 50, "minutes": 28}})


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, dict, Path]:
    folder = tmp_path_factory.mktemp("reported")
    split = digits_split(images=120)
    paths = [
        make_run(folder / "mobile", split, {"head": 0.8, "finetune": 0.9}, reported=REPORTED),
        make_run(folder / "vit", split, {"head": 0.85}, chance=1),
    ]
    return *compare(paths, folder / "out"), folder / "out"


def test_a_comparison_shows_them_beside_ours_in_columns_of_their_own(compared):
    page, found, _ = compared
    titles, row = page.tables["table-reported"]
    assert [text for text, _ in titles] == [
        *(
            "#",
            "model",
            "source of the reported",
            "test accuracy",
            "reported by the study",
            "test loss",
            "reported by the study",
        ),
        *("epochs", "reported by the study", "time", "reported by the study"),
    ]
    ours = found["figures"][0]
    texts = [text for text, _ in row]
    assert texts[:3] == ["1", "mobile/head", STUDY]
    assert texts[3:7] == [f"{100 * ours['accuracy']:.2f} %", "87.50 %", f"{ours['loss']:.4f}", "0.4453"]
    assert texts[7:] == ["4", "50", "8 s", "28 min 0 s"]
    assert STUDY in "".join(page.text)


def test_the_files_have_them_too_and_no_other_table_does(compared):
    _, found, output = compared
    (row,) = found["reported"]
    assert (row["accuracy_reported"], row["epochs_reported"], row["seconds_reported"]) == (
        0.875,
        50,
        1680,
    )
    assert row["seconds"] == found["costs"][0]["seconds"]
    assert row["kappa_reported"] is None
    table = (output / "tables" / "reported.csv").read_text()
    assert "accuracy_reported,loss,loss_reported" in table
    assert "epochs,epochs_reported,seconds,seconds_reported\n" in table
    assert r"reported by the study & test loss" in (output / "tables" / "reported.tex").read_text()
    for file in (output / "tables").glob("*.csv"):
        assert file.stem == "reported" or "reported" not in file.read_text()


def settings(**reported) -> Config:
    values = {"model": {"name": "vit"}, "phases": {"head": {"epochs": 1}}}
    return from_json(values | {"report": {"reported": reported}})


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        ({"hed": {"loss": 1}}, "unknown phase 'hed' (report.reported.phases); did you mean head?"),
        ({"head": {"minuts": 1}}, "unknown figure 'minuts' (report.reported.phases.head); did you mean"),
        (
            {"head": {"accuracy": 87.5}},
            "report.reported.phases.head.accuracy is 87.5; it must be a share",
        ),
        ({"head": {"loss": -1}}, "report.reported.phases.head.loss is -1; it must be a number"),
        ({"head": {"epochs": float("inf")}}, "epochs is inf; it must be a number"),
        (
            {"head": {"loss": "low"}},
            "report.reported.phases.head.loss is 'low'; it must be of type float",
        ),
    ],
)
def test_a_wrong_one_is_refused(phases: dict, message: str):
    with pytest.raises(InputError) as caught:
        settings(source=STUDY, phases=phases)
    assert message in str(caught.value)


def test_figures_of_nobody_are_refused():
    with pytest.raises(InputError, match=r"report.reported.source is empty; say whose they are"):
        settings(phases={"head": {"loss": 0.5}})


def test_a_run_goes_on_with_other_ones_and_keeps_them_in_its_config(tmp_path: Path):
    before, now = settings(), settings(source=STUDY, phases={"head": {"loss": 0.5}})
    run = RunDirectory(tmp_path / "run")
    with run.claimed(before):
        run.begin(before)
    with RunDirectory(tmp_path / "run").claimed(now) as finished:
        assert not finished
    again = RunDirectory(tmp_path / "run")
    with again.claimed(now):
        again.begin(now)
    assert json.loads(again.config.read_text()) == json.loads(json.dumps(to_json(now)))


@pytest.mark.parametrize(
    ("name", "phase", "figure", "value"),
    [
        ("cartoon/config.py:mobilenet_v2", "finetune", "accuracy", 0.9141),
        ("cartoon/config.py:vit_b32", "head", "loss", 0.3295),
        ("simpsons/config.py", "all", "kappa", 0.9430),
        ("products/config.py:vgg16", "head", "accuracy", 0.76),
        ("dogs/config.py:resnet50", "head", "loss", 0.0667),
        ("dogs/config.py:inception_v3_augmented", "head", "val_accuracy", 0.9222),
    ],
)
def test_the_studies_configs_name_their_figures(name: str, phase: str, figure: str, value: float):
    path, _, model = name.partition(":")
    spec = util.spec_from_file_location("study", ROOT / "experiments" / path)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    reported = resolve(module.get_config(*([model] if model else []))).report.reported
    assert reported.phases[phase][figure] == value
    assert reported.source.startswith("study of")
