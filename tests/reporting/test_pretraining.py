"""The report says what the weights were trained on, and warns if names say that it was these images."""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import vitlab
from tests.weights.timm_files import SIZES, write_vit
from vitlab.language import ENGLISH
from vitlab.reporting.page import render

SIGN = "2 of 2 classes carry a WordNet number, as ImageNet's do: n02085620-pug, n02108089-boxer"
UNKNOWN = "vitlab does not know what they were trained on"


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", page).replace("&#39;", "'").split())


def paragraph(data: str | None, *signs: str) -> str:
    return render("pretraining.html", ENGLISH, pretraining={"data": data, "signs": signs})


def test_a_sign_is_a_warning_beside_what_the_weights_were_trained_on():
    page = paragraph("ImageNet-21k, ImageNet-1k", SIGN)
    assert 'class="warning"' in page
    assert "trained on ImageNet-21k, ImageNet-1k, as the catalogue says. Images of" in text_of(page)
    assert f"may have been among it: {SIGN}. Then the test says nothing" in text_of(page)


@pytest.mark.parametrize(("data", "said"), [("LAION-2B", "trained on LAION-2B"), (None, UNKNOWN)])
def test_without_a_sign_it_is_said_that_this_proves_little(data: str | None, said: str):
    page = paragraph(data)
    assert "warning" not in page
    assert said in text_of(page)
    assert "no name is a sign of that, which proves little" in text_of(page)


def test_a_run_on_a_file_of_nobody_warns_once_and_its_report_says_why(tmp_path: Path, image_folder):
    folder = image_folder({"n02085620-pug": 9, "n02108089-boxer": 9}, size=24)
    write_vit(tmp_path / "w.safetensors")
    workdir = tmp_path / "run"
    result = vitlab(
        "main",
        "--config=tests/configs/small.py",
        f"--config.dataset.path={folder}",
        f"--config.model.weights={tmp_path}/w.safetensors",
        "--config.model.input_size=24",
        *(f"--config.model.options.{name}={size}" for name, size in SIZES.items()),
        f"--workdir={workdir}",
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("warning: it is not known what the weights were trained on") == 1
    assert SIGN in result.stdout
    manifest = json.loads((workdir / "manifest.json").read_text())
    assert manifest["pretraining"] == {"data": None, "signs": [SIGN]}
    page = text_of((workdir / "report.html").read_text())
    assert f"{UNKNOWN}. Images of this collection may have been among it: {SIGN}." in page


def test_a_run_from_nothing_says_nothing_of_it(small_run: Path):
    assert json.loads((small_run / "manifest.json").read_text())["pretraining"] is None
    assert "trained on" not in text_of((small_run / "report.html").read_text()).partition("Results")[0]
