"""Colours are converted piece by piece: the pixels of the whole image's conversion, in less memory."""

import io
import subprocess
import sys
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
from PIL import Image

from tests.data.test_mutated_images import encoded
from vitlab.data import decode
from vitlab.data.decode import decode_bytes

GENERATOR = np.random.default_rng(0)
NOISE = GENERATOR.integers(0, 256, (9, 7, 4)).astype(np.uint8)
DEEP = GENERATOR.integers(0, 4096, (9, 7)).astype(np.uint16)
COLOURS = Image.fromarray(NOISE[:, :, :3])
SEE_THROUGH = Image.fromarray(NOISE)
SOLID = Image.fromarray(np.concatenate([NOISE[:, :, :3], np.full((9, 7, 1), 255, np.uint8)], axis=2))
EVERY_ALPHA = Image.fromarray(
    np.stack(np.meshgrid(np.arange(0, 256, 15), [0, 77, 255], np.arange(256), indexing="ij"), -1)
    .reshape(18, -1, 3)[:, :, [0, 0, 1, 2]]
    .astype(np.uint8)
)

FILES = {
    "1": encoded(COLOURS.convert("1"), "PNG"),
    "L": encoded(COLOURS.convert("L"), "PNG"),
    "L with a transparent grey": encoded(
        COLOURS.convert("L"), "PNG", transparency=COLOURS.convert("L").getpixel((3, 5))
    ),
    "LA": encoded(SEE_THROUGH.convert("LA"), "PNG"),
    "P": encoded(COLOURS.quantize(9), "PNG"),
    "P with a transparent colour": encoded(COLOURS.quantize(9), "PNG", transparency=2),
    "P with an alpha for each colour": encoded(
        COLOURS.quantize(9), "PNG", transparency=bytes(range(0, 252, 28))
    ),
    "P with a transparent colour that is nowhere": encoded(
        Image.new("P", (7, 9)), "PNG", transparency=1
    ),
    "P in a GIF": encoded(COLOURS.quantize(9), "GIF", transparency=2),
    "PA": encoded(SEE_THROUGH.convert("PA"), "TIFF"),
    "RGB": encoded(COLOURS, "PNG"),
    "RGB with a transparent colour": encoded(COLOURS, "PNG", transparency=COLOURS.getpixel((3, 5))),
    "RGBA": encoded(SEE_THROUGH, "PNG"),
    "RGBA of every alpha": encoded(EVERY_ALPHA, "PNG"),
    "RGBA, solid": encoded(SOLID, "PNG"),
    "RGBA, see-through in its last row": encoded(
        Image.fromarray(np.concatenate([np.asarray(SOLID), NOISE[:1]])), "PNG"
    ),
    "CMYK": encoded(COLOURS.convert("CMYK"), "TIFF"),
    "YCbCr": encoded(COLOURS.convert("YCbCr"), "TIFF"),
    "LAB": encoded(Image.fromarray(NOISE[:, :, :3], mode="LAB"), "TIFF"),
    "I;16": encoded(Image.fromarray(DEEP), "PNG"),
    "I;16 of little light": encoded(Image.fromarray(DEEP // 64), "PNG"),
    "I;16 with a transparent grey": encoded(Image.fromarray(DEEP), "PNG", transparency=int(DEEP[5, 3])),
    "I;16B": encoded(Image.fromarray(DEEP.astype(">u2")), "TIFF"),
    "I": encoded(Image.fromarray(DEEP.astype(np.int32) * 99), "TIFF"),
    "F": encoded(Image.fromarray(DEEP.astype(np.float32) * 0.7), "TIFF"),
    "F up to 1": encoded(Image.fromarray(DEEP.astype(np.float32) / 4095), "TIFF"),
}


def converted_whole(image: Image.Image) -> tuple[Image.Image, bool]:
    """In RGB, and whether something shows through."""
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, np.float64)
        top = 2.0 ** np.ceil(np.log2(max(values.max(), 255.0) + 1)) - 1
        if image.mode == "F" and values.max() <= 1:
            top = 1.0
        grey = Image.fromarray(np.round(values * (255 / top)).astype(np.uint8))
        if "transparency" in image.info:
            hidden = values == image.info["transparency"]
            grey.putalpha(Image.fromarray(np.where(hidden, 0, 255).astype(np.uint8)))
        image = grey
    if not image.has_transparency_data:
        return image.convert("RGB"), False
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return (
        Image.alpha_composite(white, image).convert("RGB"),
        image.getchannel("A").getextrema() != (255, 255),
    )


@pytest.mark.parametrize("piece", [3, 7, 20, 2**18])
@pytest.mark.parametrize("kind", FILES)
def test_pieces_have_the_pixels_of_the_whole(monkeypatch: pytest.MonkeyPatch, kind: str, piece: int):
    """Pieces of half a row, a row, two rows, and everything."""
    expected, shows_through = converted_whole(Image.open(io.BytesIO(FILES[kind])))
    whole = decode_bytes(FILES[kind])
    monkeypatch.setattr(decode, "PIECE", piece)
    found = decode_bytes(FILES[kind])
    np.testing.assert_array_equal(np.asarray(found.image), np.asarray(expected))
    assert ("transparency on white" in found.repairs) == shows_through
    assert found.repairs == whole.repairs
    assert found.digest == whole.digest


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_a_bad_grey_value_in_any_piece_is_refused(monkeypatch: pytest.MonkeyPatch, value: float):
    monkeypatch.setattr(decode, "PIECE", 7)
    values = np.ones((9, 7), np.float32)
    values[6, 2] = value
    with pytest.raises(decode.DecodeError, match="negative or not finite"):
        decode_bytes(encoded(Image.fromarray(values), "TIFF"))


def test_sixteen_bits_take_little_more_than_the_image(tmp_path: Path):
    """60 MB as they come and 120 MB in RGB; arrays of float64 would be 240 MB each."""
    ramp = np.arange(6000, dtype=np.uint16) * 10
    Image.fromarray(np.tile(ramp, (5000, 1))).save(tmp_path / "deep.png", compress_level=1)
    program = (
        "import re, sys; from pathlib import Path; from vitlab.data.decode import decode\n"
        "status = Path('/proc/self/status')\n"
        "most = lambda: int(re.search(r'VmHWM:\\s+(\\d+) kB', status.read_text())[1]) * 1024\n"
        "before = most(); decode(Path(sys.argv[1])); print(most() - before)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "deep.png"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert 120e6 < int(run.stdout) < 240e6


def test_only_large_images_wait_for_each_other(monkeypatch: pytest.MonkeyPatch):
    turn = MagicMock()
    monkeypatch.setattr(decode, "_unpacking_large", turn)
    decode_bytes(FILES["RGB"])
    assert turn.__enter__.call_count == 0
    monkeypatch.setattr(decode, "LARGE", 9 * 7 - 1)
    decode_bytes(FILES["RGB"])
    assert turn.__enter__.call_count == turn.__exit__.call_count == 1
