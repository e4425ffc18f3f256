"""Data sets that tensorflow-datasets has prepared."""

import hashlib
import io
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from vitlab import config
from vitlab.data.sources import open_source
from vitlab.errors import InputError


def png(row: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (5, 4), (row, 2, 3)).save(file, "png")
    return file.getvalue()


class Dots(tfds.core.GeneratorBasedBuilder):
    """One colour an image; the last of each split has no label, and one label no example."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(encoding_format="png"),
            "label": tfds.features.ClassLabel(names=["even", "never", "odd"]),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        starts = {"train": 0, "test": 20, "unlabeled": 40}
        return {name: self._generate_examples(start) for name, start in starts.items()}

    def _generate_examples(self, start):
        for row in range(start, start + 9):
            label = -1 if row == start + 8 else row % 2 * 2
            yield str(row), {"image": io.BytesIO(png(row)), "label": label}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    Dots(data_dir=str(folder), file_format="array_record").download_and_prepare()
    return folder


def dataset(folder: Path, name: str = "dots") -> config.Dataset:
    return config.Dataset(path=f"tfds:{name}", images=str(folder))


def test_every_labelled_example_is_read_and_splits_are_parts(prepared: Path, capsys):
    source = open_source(dataset(prepared))
    table = source.table
    assert table.class_names == ("even", "odd")
    assert table.column("part") == ("train",) * 8 + ("test",) * 8
    assert set(table.ids) == {
        hashlib.sha256(png(row)).hexdigest() for row in (*range(8), *range(20, 28))
    }
    for row, label in enumerate(table.labels):
        red = np.asarray(source.read(row).image)[0, 0, 0]
        assert red % 2 == label
        assert hashlib.sha256(png(red)).hexdigest() == table.ids[row]
    said = capsys.readouterr().out
    assert "the split unlabeled of tfds:dots is left out" in said
    assert "1 class of tfds:dots has no example; it is left out:\n  never\n" in said
    assert "2 examples without a label are left out" in said
    assert "tensorflow" not in sys.modules


def test_a_set_that_is_not_there_or_not_prepared_is_refused_with_the_way_out(tmp_path: Path):
    with pytest.raises(InputError, match=r"cannot open 'dotz' in .*not found"):
        open_source(dataset(tmp_path, "dotz"))
    with pytest.raises(InputError, match=r"tfds:mnist is not prepared in .*download_and_prepare\(\)"):
        open_source(dataset(tmp_path, "mnist"))


def test_another_format_is_refused(tmp_path: Path):
    Dots(data_dir=str(tmp_path), file_format="parquet").download_and_prepare()
    with pytest.raises(InputError, match="tfds:dots is prepared as parquet"):
        open_source(dataset(tmp_path))


def test_a_set_without_labels_is_refused(tmp_path: Path, monkeypatch):
    def without_labels(self):
        features = {"image": tfds.features.Image(encoding_format="png"), "label": tfds.features.Text()}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def examples(self, start):
        yield "0", {"image": io.BytesIO(png(start)), "label": "even"}

    monkeypatch.setattr(Dots, "_info", without_labels)
    monkeypatch.setattr(Dots, "_generate_examples", examples)
    Dots(data_dir=str(tmp_path), file_format="array_record").download_and_prepare()
    with pytest.raises(InputError, match="has 0 features that are a class label, where one is needed"):
        open_source(dataset(tmp_path))
