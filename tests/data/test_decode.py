"""Any image file becomes RGB with its repairs named, or a reason why not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vitlab.data.decode import DecodeError, decode


def pixels(path: Path) -> np.ndarray:
    return np.asarray(decode(path).image)


def test_transparency_becomes_white_and_is_counted(tmp_path: Path):
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = (255, 0, 0, 255)
    rgba[0, 1] = (0, 0, 0, 128)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    found = decode(tmp_path / "a.png")
    assert found.repairs == {"transparency on white"}
    np.testing.assert_array_equal(
        np.asarray(found.image), [[[255, 0, 0], [127, 127, 127]], [[255] * 3, [255] * 3]]
    )


def test_an_alpha_channel_that_hides_nothing_is_no_repair(tmp_path: Path):
    Image.new("RGBA", (4, 4), (9, 8, 7, 255)).save(tmp_path / "a.png")
    assert decode(tmp_path / "a.png").repairs == frozenset()


def test_a_palette_with_a_transparent_colour(tmp_path: Path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    image.save(tmp_path / "a.png", transparency=0)
    found = decode(tmp_path / "a.png")
    assert found.repairs == {"palette", "transparency on white"}
    np.testing.assert_array_equal(np.asarray(found.image)[0], [[255, 255, 255], [200, 100, 50]])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_cameras_orientation_is_undone(tmp_path: Path, orientation: int):
    upright = np.zeros((16, 8, 3), np.uint8)
    upright[:8, :4] = 255  # a white corner at the top left
    # As a camera held that way stores it; the tag says how to turn it back.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.png", exif=exif)
    found = decode(tmp_path / "a.png")
    np.testing.assert_array_equal(np.asarray(found.image), upright)
    assert ("EXIF orientation" in found.repairs) == (orientation != 1)


def test_twelve_bits_in_sixteen_fill_the_range(tmp_path: Path):
    Image.fromarray(np.array([[0, 2048, 4095]], np.uint16)).save(tmp_path / "a.png")
    found = decode(tmp_path / "a.png")
    assert "16-bit or wider" in found.repairs
    np.testing.assert_array_equal(np.asarray(found.image)[0, :, 0], [0, 128, 255])


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path):
    Image.fromarray(np.array([[0, 257 * 100, 65535]], np.uint16)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(pixels(tmp_path / "a.png")[0, :, 0], [0, 100, 255])


def test_cmyk_one_bit_grey_and_the_first_frame(tmp_path: Path):
    Image.new("CMYK", (2, 2), (255, 0, 0, 0)).save(tmp_path / "cmyk.jpg", quality=100)
    found = decode(tmp_path / "cmyk.jpg")
    assert "CMYK" in found.repairs
    assert np.abs(np.asarray(found.image)[0, 0].astype(int) - [0, 255, 255]).max() < 4
    Image.new("1", (2, 2), 1).save(tmp_path / "bit.png")
    assert (pixels(tmp_path / "bit.png") == 255).all()
    frames = [Image.new("RGB", (2, 2), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    found = decode(tmp_path / "two.gif")
    assert "first frame of several" in found.repairs
    np.testing.assert_array_equal(np.asarray(found.image)[0, 0], [255, 0, 0])


def test_a_png_that_calls_itself_jpeg_is_read_and_counted(tmp_path: Path):
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert decode(tmp_path / "a.jpg").repairs == {"suffix of another format"}


def test_what_is_no_image_says_why(tmp_path: Path):
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "script.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    whole = tmp_path / "whole.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(whole)
    (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[:1500])
    (tmp_path / "link.jpg").symlink_to("gone.jpg")
    for name, reason in {
        "empty.jpg": "an empty file",
        "notes.txt": "not an image",
        "script.eps": "not an image",
        "cut.jpg": "damaged: image file is truncated",
        "gone.jpg": "missing",
        "link.jpg": "not a file that can be opened",
    }.items():
        with pytest.raises(DecodeError, match=reason):
            decode(tmp_path / name)


REFUSED = {
    "broken.png": "not an image",
    "broken_data_stream.png": "damaged",
    "corrupt_1280x960.jpg": "damaged",
    "decompression_bomb.gif": "more than 120000000 pixels",
    "max_size.jpg": "more than 120000000 pixels",
    "truncated_3484x2347.jpg": "damaged: image file is truncated",
    "truncated_image.png": "damaged: image file is truncated",
    "truncated_jpeg.jpg": "damaged: image file is truncated",
    "zero_byte.jpg": "an empty file",
}
REPAIRED: dict[str, set[str]] = {
    "16bit_MR4.png": {"16-bit or wider", "grey"},
    "16bit_XA1.png": {"16-bit or wider", "grey"},
    "Landscape_3.jpg": {"EXIF orientation"},
    "Landscape_6.jpg": {"EXIF orientation"},
    "Portrait_5.jpg": {"EXIF orientation"},
    "anim.webp": {"first frame of several", "transparency on white"},
    "ball.png": {"first frame of several", "transparency on white"},
    "chi.gif": {"first frame of several", "palette"},
    "exif_imagemagick_orientation.png": {"EXIF orientation"},
    "flower.webp": set(),
    "frozenpond.mpo": {"first frame of several"},
    "hopper.avif": set(),
    "hopper.png": set(),
    "hopper_16bit_qtables.jpg": set(),
    "hopper_bad_exif.jpg": {"grey"},
    "hopper_bw_500.png": {"grey"},
    "hopper_gray.jpg": {"grey"},
    "i_trns.png": {"16-bit or wider", "transparency on white"},
    "imageNotFound.gif": {"palette"},
    "iss634.gif": {"first frame of several", "palette"},
    "iss634.webp": {"first frame of several"},
    "jpg-cmyk-2.jpg": {"CMYK"},
    "large_8484x11042.jpg": set(),
    "pil123p.png": {"palette", "transparency on white"},
    "pil_sample_cmyk.jpg": {"CMYK"},
    "rgb_trns.png": {"transparency on white"},
    "transparent.png": {"transparency on white"},
    "uncompressed_la.png": {"transparency on white"},
    "ycck.jpg": {"CMYK"},
}


@pytest.mark.assets
@pytest.mark.parametrize("name", REFUSED)
def test_real_damaged_files_are_refused(assets: Path, name: str):
    with pytest.raises(DecodeError, match=REFUSED[name]):
        decode(assets / "data" / "odd_images" / name)


@pytest.mark.assets
@pytest.mark.parametrize("name", REPAIRED)
def test_real_odd_files_are_repaired(assets: Path, name: str):
    found = decode(assets / "data" / "odd_images" / name)
    assert found.repairs == REPAIRED[name]
    assert found.image.mode == "RGB"
    assert np.asarray(found.image).std() > 1  # something can be seen


@pytest.mark.assets
def test_every_odd_file_has_a_stated_outcome(assets: Path):
    names = {path.name for path in (assets / "data" / "odd_images").iterdir()}
    assert names == REFUSED.keys() | REPAIRED.keys()


def test_grey_values_between_0_and_1_are_light(tmp_path: Path):
    Image.fromarray(np.array([[0.0, 0.5, 1.0]], np.float32)).save(tmp_path / "f.tif")
    found = np.asarray(decode(tmp_path / "f.tif").image)
    np.testing.assert_array_equal(found[0, :, 0], [0, 128, 255])
