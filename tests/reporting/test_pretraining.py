"""The report says what the weights were trained on, and warns if names say that it was these images."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.configs.small import get_config
from tests.conftest import vitlab
from tests.weights.timm_files import SIZES, write_vit
from vitlab.config import resolve
from vitlab.data import Table, pretraining_signs, read_split, short_ids, signs_again
from vitlab.language import ENGLISH, language_of
from vitlab.models import draw_blueprint
from vitlab.preparation import first_placed, pretraining
from vitlab.reporting.page import render
from vitlab.runtime import device_mesh

SIGN = "2 of 2 classes carry a WordNet number, as ImageNet's do (n02085620-pug, n02108089-boxer)"
UNKNOWN = "vitlab does not know what they were trained on"


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", page).replace("&#39;", "'").split())


def paragraph(data: str | None, *signs: str, **met: int) -> str:
    return render("pretraining.html", ENGLISH, pretraining={"data": data, "signs": signs, **met})


def test_a_sign_is_a_warning_beside_what_the_weights_were_trained_on():
    page = paragraph("ImageNet-21k, ImageNet-1k", SIGN)
    assert 'class="warning"' in page
    assert "trained on ImageNet-21k, ImageNet-1k, as the catalogue says. Images of" in text_of(page)
    assert f"may have been part of that: {SIGN}. Then the test says nothing" in text_of(page)


def test_signs_of_a_manifest_are_said_in_the_language_of_the_page():
    """They come as the English text that JSON has; their names stay as they are."""
    paths = [f"a/n02085620_{index}.JPEG" for index in range(1200)]
    ids = tuple(map(str, range(1200)))
    table = Table(ids, tuple(paths), np.zeros(1200, np.int32), ("n02085620-pug", "n1"))
    signs = json.loads(json.dumps(pretraining_signs("tfds:imagenet_v2", table)))
    assert [type(sign) for sign in signs] == [str, str, str]
    known = {"data": None, "signs": [*signs, "as of old"]}
    page = text_of(render("pretraining.html", language_of("fr"), pretraining=known))
    assert "tfds:imagenet_v2, est celui d’un jeu de données tiré d’ImageNet" in page
    assert "1 classe sur 2 porte un numéro WordNet, comme celles d’ImageNet (n02085620-pug)" in page
    listed = "n02085620_0.JPEG, n02085620_1.JPEG, n02085620_2.JPEG, …"
    assert f"1 200 fichiers sur 1 200 sont nommés comme ceux d’ImageNet ({listed})" in page
    assert page.count("as of old") == 1
    assert signs_again(signs) == signs


@pytest.mark.parametrize(("data", "said"), [("LAION-2B", "trained on LAION-2B"), (None, UNKNOWN)])
def test_without_a_sign_it_is_said_that_this_proves_little(data: str | None, said: str):
    page = paragraph(data)
    assert "warning" not in page
    assert said in text_of(page)
    assert "no name is a sign of that, which proves little" in text_of(page)


def test_a_model_of_vitlabs_knows_the_images_that_it_has_met(small_run: Path, capsys):
    """Of its own run's test part none; of another split's those that were not in its own test part."""
    config = resolve(get_config())
    weights = dataclasses.replace(config.model, weights=str(small_run / "model" / "all"))
    blueprint = draw_blueprint(weights)
    split = read_split(small_run / "split.csv")
    tested = split.counts()["test"]
    assert pretraining(config, blueprint, split) == {
        "data": None,
        "signs": [],
        "met": 0,
        "tested": tested,
    }
    assert not capsys.readouterr().out
    turned = ["test" if part == "train" else "train" for part in split.parts]
    other = dataclasses.replace(split, parts=tuple(turned))
    found = pretraining(config, blueprint, other)
    assert found is not None
    assert found["met"] == found["tested"] == split.counts()["train"]
    warned = f"warning: {found['met']} of the {found['met']} test images are among those"
    assert warned in capsys.readouterr().out


def test_a_model_remembers_what_the_weights_that_it_began_with_have_met(small_run: Path):
    """Its first phase is about to meet the train and val parts of its own split beside them."""
    config = resolve(get_config())
    blueprint = draw_blueprint(
        dataclasses.replace(config.model, weights=str(small_run / "model" / "all"))
    )
    assert blueprint.earlier is not None
    other = dataclasses.replace(
        blueprint, earlier=dataclasses.replace(blueprint.earlier, met="feed 1234")
    )
    split = read_split(small_run / "split.csv")
    met = first_placed(config, other, split, device_mesh()).card.met.split()
    assert {"feed", "1234"} < set(met)
    tested = short_ids(split.table.select(split.rows("test")).ids)
    assert not set(tested) & set(met)
    assert len(met) == 2 + split.counts()["train"] + split.counts()["val"]


def test_images_that_the_weights_have_met_are_a_warning():
    page = paragraph(None, met=7, tested=9)
    assert 'class="warning"' in page
    assert "7 of 9 test images are among those that these weights were trained on" in text_of(page)
    page = paragraph(None, met=0, tested=9)
    assert "warning" not in page
    assert "None of the 9 test images is among those" in text_of(page)
    assert "proves little" not in page


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
    assert f"{UNKNOWN}. Images of this collection may have been part of that: {SIGN}." in page


def test_a_run_from_nothing_says_nothing_of_it(small_run: Path):
    assert json.loads((small_run / "manifest.json").read_text())["pretraining"] is None
    assert "trained on" not in text_of((small_run / "report.html").read_text()).partition("Results")[0]
