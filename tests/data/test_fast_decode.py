"""JPEGs at a reduced scale: close to the exact pixels, and refused or taken like them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from vitlab import config
from vitlab.data import draw_split, open_collection
from vitlab.data.decode import DecodeError, decode
from vitlab.data.resize import to_square
from vitlab.weights import Preprocessing

SQUARE = Preprocessing(size=224, interpolation="bilinear", crop=0.875, crop_first=False)


def outcome(path: Path, enough: int) -> object:
    """The repairs, or the reason of a refusal."""
    try:
        return decode(path, enough).repairs
    except DecodeError as error:
        return str(error)


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    """A smooth picture of 640 x 480 with its full detail in JPEG."""
    rows, columns = np.mgrid[:480, :640]
    waves = [127 + 120 * np.sin(rows / 31 + shift) * np.cos(columns / 47) for shift in range(3)]
    Image.fromarray(np.stack(waves, -1).astype(np.uint8)).save(tmp_path / "p.jpg", quality=95)
    return tmp_path / "p.jpg"


def test_a_plain_jpeg_comes_at_a_reduced_scale_that_is_enough(photograph: Path):
    assert decode(photograph, 224).image.size == (320, 240)
    assert decode(photograph).image.size == (640, 480)
    assert decode(photograph, 1000).image.size == (640, 480)
    exact, fast = (
        to_square(decode(photograph, enough).image, SQUARE, "squash").astype(int) for enough in (0, 224)
    )
    assert 0 < np.abs(exact - fast).mean() < 1.5


@pytest.mark.parametrize("kind", ["png", "grey", "CMYK", "turned"])
def test_what_is_no_plain_jpeg_goes_the_exact_way(tmp_path: Path, photograph: Path, kind: str):
    image, path, exif = Image.open(photograph), tmp_path / "other.jpg", Image.Exif()
    if kind == "turned":
        exif[0x0112] = 6
    mode = {"grey": "L", "CMYK": "CMYK"}.get(kind, "RGB")
    image.convert(mode).save(path, "PNG" if kind == "png" else "JPEG", exif=exif)
    exact, fast = decode(path), decode(path, 224)
    assert exact.repairs == fast.repairs != frozenset()
    np.testing.assert_array_equal(np.asarray(exact.image), np.asarray(fast.image))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_jpeg_is_refused_or_taken_alike(photograph: Path, data: st.DataObject):
    whole = photograph.read_bytes()
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(whole)))
        damaged[place : place + 1] = data.draw(st.binary(max_size=3))
    path = photograph.with_name("damaged.jpg")
    path.write_bytes(damaged)
    assert outcome(path, 224) == outcome(path, 0)


def test_training_sees_fast_pixels_and_the_other_parts_exact_ones(tmp_path: Path):
    generator = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for index in range(10):
            image = Image.fromarray(generator.integers(0, 256, (64, 64, 3)).astype(np.uint8))
            image.save(tmp_path / "images" / name / f"{index}.jpg")
    small = Preprocessing(size=16, interpolation="bilinear", crop=1.0, crop_first=False)
    found, exact = (
        open_collection(config.Dataset(path=str(tmp_path / "images"), decode=how), small, "squash")
        for how in ("fast", "exact")
    )
    split = draw_split(found.table, config.Split((0.6, 0.2, 0.2)), 0)
    ours, theirs = found.stores(split), exact.stores(split)
    for part in ("train", "val", "test"):
        rows = np.arange(len(ours[part]))
        assert (ours[part].fetch(rows) == theirs[part].fetch(rows)).all() == (part != "train")
    everything = np.arange(20)
    np.testing.assert_array_equal(
        found.store(everything).fetch(everything), exact.store(everything).fetch(everything)
    )


@pytest.mark.assets
def test_photographs_differ_by_less_than_4_of_255(assets: Path):
    differences = []
    for path in sorted((assets / "data" / "photos_full").iterdir())[::4]:
        exact, fast = (to_square(decode(path, n).image, SQUARE, "squash") for n in (0, 224))
        differences.append(np.abs(exact.astype(int) - fast).mean())
    assert 0.1 < np.mean(differences) < 4


@pytest.mark.assets
def test_odd_files_are_refused_or_repaired_alike(assets: Path):
    for path in sorted((assets / "data" / "odd_images").iterdir()):
        if path.name != "large_8484x11042.jpg":  # 280 MB, in the test of decoding
            assert outcome(path, 224) == outcome(path, 0), path.name
