"""Whatever bytes pretend to be an image: an image or a clear error, in little memory and time."""

import io
import struct
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.data.inspection.collections import photograph
from vitlab.data.decode import DecodeError, decode_bytes

MOST_BYTES, MOST_SECONDS = 200e6, 2.0


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description"
    return exif


WHOLE = {
    "jpeg": encoded(photograph(0, 240, 180), "JPEG", exif=_exif()),
    "progressive jpeg": encoded(photograph(1, 240, 180), "JPEG", progressive=True),
    "cmyk jpeg": encoded(photograph(2).convert("CMYK"), "JPEG"),
    "png": encoded(photograph(3), "PNG", exif=_exif()),
    "palette png": encoded(photograph(4).quantize(64), "PNG", transparency=3),
    "alpha png": encoded(photograph(5).convert("RGBA"), "PNG"),
}


def peak(kind: str) -> float:
    """VmHWM, the most memory since it was reset, or VmRSS, that of now, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(kind))


def assert_harmless(content: bytes) -> None:
    Path("/proc/self/clear_refs").write_text("5")
    before, started = peak("VmRSS"), time.perf_counter()
    try:
        image = decode_bytes(content).image
        assert image.mode == "RGB"
        assert min(image.size) > 0
    except DecodeError as error:
        assert str(error)
        assert "\n" not in str(error)
    assert time.perf_counter() - started < MOST_SECONDS
    assert peak("VmHWM") - before < MOST_BYTES


changes = st.lists(
    st.tuples(
        st.sampled_from(["set", "delete", "insert", "cut"]),
        st.one_of(st.integers(0, 700), st.integers(0, 2**20)),  # most of what matters is at the start
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=12,
)


def changed(content: bytes, steps: list[tuple[str, int, int]]) -> bytes:
    result = bytearray(content)
    for step, anywhere, value in steps:
        place = anywhere % (len(result) or 1)
        if step == "set":
            result[place : place + 1] = bytes([value])
        elif step == "delete":
            del result[place : place + value]
        elif step == "insert":
            result[place:place] = bytes([value]) * (value % 7 + 1)
        elif place > len(result) // 2:
            del result[place:]
    return bytes(result)


def with_right_sums(content: bytes) -> bytes:
    """A PNG whose checksums fit what its chunks hold: Pillow believes the rest of it too."""
    result, place = bytearray(content), 8
    while place + 12 <= len(result):
        (length,) = struct.unpack(">I", result[place : place + 4])
        end = place + 8 + length
        if end + 4 > len(result):
            break
        result[end : end + 4] = struct.pack(">I", zlib.crc32(result[place + 4 : end]))
        place = end + 4
    return bytes(result)


@pytest.mark.parametrize("kind", WHOLE)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=changes)
def test_a_changed_file_is_an_image_or_an_error(kind: str, steps: list[tuple[str, int, int]]):
    content = changed(WHOLE[kind], steps)
    assert_harmless(with_right_sums(content) if "png" in kind else content)


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("size", [(10_900, 11_000), (65_000, 1_800), (1, 60_000)])
def test_a_size_that_the_file_cannot_hold_takes_no_memory(kind: str, size: tuple[int, int]):
    content = bytearray(WHOLE[kind])
    width, height = size
    if "png" in kind:
        content[16:24] = struct.pack(">II", width, height)
        content = bytearray(with_right_sums(bytes(content)))
    else:
        marker = content.index(b"\xff\xc2" if "progressive" in kind else b"\xff\xc0")
        content[marker + 5 : marker + 9] = struct.pack(">HH", height, width)
    assert_harmless(bytes(content))
    if size != (1, 60_000) and kind != "palette png":  # a bit a pixel could fill these
        with pytest.raises(DecodeError, match=f"{width} x {height} pixels in {len(content)} bytes"):
            decode_bytes(bytes(content))


def test_the_emptiest_images_of_each_kind_are_believed():
    for mode in ("RGB", "L", "1", "P", "LA", "RGBA"):
        image = Image.new(mode, (6000, 6000))
        assert decode_bytes(encoded(image, "PNG", optimize=True)).image.size == (6000, 6000)
    for mode in ("RGB", "L", "CMYK"):
        for progressive in (False, True):
            content = encoded(
                Image.new(mode, (6000, 6000)), "JPEG", quality=1, optimize=True, progressive=progressive
            )
            assert decode_bytes(content).image.size == (6000, 6000)
