"""One function turns any image file into RGB, and says what it had to repair."""

import errno
import hashlib
import io
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from vitlab.data.fast_jpeg import decode_reduced
from vitlab.language import Message

# What photographs and drawings come in (MPO is opened as JPEG). Not EPS and its like: to read them
# is to run a program.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "PPM")

# An image beyond this is refused before it is unpacked: 400 MB as RGB.
MOST_PIXELS = 120_000_000

# Colours are converted piece by piece: what that takes for a moment, up to 40 bytes a pixel, is never
# taken for a whole image.
PIECE = 2**18  # pixels

# Pillow holds a pixel in up to 4 bytes, before and after it is made RGB: a GB for the largest image. So
# that this is not multiplied by the cores, images beyond so many pixels are unpacked one at a time.
# Photographs of 24 million, from common cameras, still keep all cores busy, at 200 MB each.
LARGE = 25_000_000
_unpacking_large = threading.Lock()

# So many pixels can a byte of a file stand for at most: a size that was damaged is seen before memory
# is taken for it. JPEG spends at least a bit on each 8 x 8 pixels; deflate, in PNG, makes at most 1032
# bytes of one. A palette's and grey pixels may have as little as one bit.
JPEG_PIXELS_PER_BYTE = 512
PNG_BYTES_PER_BYTE = 1032
PNG_BITS = {"LA": 16, "RGB": 24, "RGBA": 32}  # of a pixel, at least

# Of formats that have more than their own name.
SUFFIXES = {
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif"},
    "MPO": {".jpg", ".jpeg", ".mpo"},
    "TIFF": {".tif", ".tiff"},
    "PPM": {".ppm", ".pgm", ".pbm", ".pnm"},
}

# What the system says when it is short of something, not of the file.
BUSY = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.EAGAIN, errno.ESTALE}

MISNAMED = Message("suffix of another format")  # the one repair that depends on the name
ORIENTATION = 0x0112  # the EXIF tag

# Pillow warns of images above a limit that is lower than ours, and of odd EXIF data.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\..*")


class DecodeError(Exception):
    """A file is no image that can be read whole; the message says why, without the file's name."""


@dataclass(frozen=True)
class Decoded:
    """An RGB image and the names of the repairs that made it one.

    `format` and `mode` are those of the file, in Pillow's words; empty where there was no file.
    """

    image: Image.Image
    repairs: frozenset[str]
    format: str = ""
    mode: str = ""

    @property
    def digest(self) -> str:
        """Of its size and colours as they are shown: the same for one picture in two files."""
        digest = hashlib.sha256(f"{self.image.size}".encode())
        for _, piece in _pieces(self.image):
            digest.update(piece.tobytes())
        return digest.hexdigest()


def decode(path: Path, enough: int = 0) -> Decoded:
    """Reads the first frame of an image, upright, in RGB, with transparency on white.

    With `enough`, a JPEG that needs no repair comes at a reduced scale, with no side below so many
    pixels if it had them. What is refused, and why, does not depend on it.

    Raises:
        DecodeError: not an image, cut short, damaged, or larger than `MOST_PIXELS`.
        OSError, MemoryError: it says nothing about the image; another time it may be read.
    """
    if not os.path.isfile(path):  # unlike Path.is_file, no error where a folder cannot be entered
        raise DecodeError(_why_no_file(path))
    decoded = _decode(path, enough)
    if is_misnamed(path, decoded.format):
        return replace(decoded, repairs=decoded.repairs | {MISNAMED})
    return decoded


def _why_no_file(path: Path) -> Message:
    """A link that leads nowhere is there, and so may be what lies in a folder that cannot be entered."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Message("missing")
    except (OSError, ValueError):
        pass
    return Message("not a file that can be opened")


def is_named_as_image(path: str | Path) -> bool:
    """Whether its suffix is one of an image that can be read."""
    suffix = os.path.splitext(path)[1].lower()
    return any(suffix in suffixes_of(name) for name in (*FORMATS, *SUFFIXES))


def suffixes_of(name: str) -> set[str]:
    """Those under which a format is what its name says."""
    return SUFFIXES.get(name, {f".{name}".lower()})


def is_misnamed(path: str | Path, name: str) -> bool:
    """Whether the suffix is that of another format; one without a suffix says nothing."""
    suffix = os.path.splitext(path)[1].lower()
    return bool(suffix and name) and suffix not in suffixes_of(name)


def decode_bytes(content: bytes, enough: int = 0) -> Decoded:
    """Like `decode`, of what a file would hold."""
    return _decode(io.BytesIO(content), enough)


def _decode(file: Path | io.BytesIO, enough: int) -> Decoded:
    repairs: set[str] = set()
    try:
        with Image.open(file, formats=FORMATS) as opened:
            width, height = opened.size
            if width * height > MOST_PIXELS:
                raise DecodeError(f"{width} x {height} pixels; at most {MOST_PIXELS} are read")
            _check_room(opened, file)
            if getattr(opened, "is_animated", False):
                repairs.add(Message("first frame of several"))
            reduced = _reduced(opened, file, enough) if enough else None
            if reduced:
                return Decoded(reduced, frozenset(repairs), "JPEG", "RGB")
            mode = opened.mode  # a palette may be unpacked while it is read
            with _unpacking_large if width * height > LARGE else nullcontext():
                opened.load()
                image = _rgb(_upright(opened, repairs), repairs)
            return Decoded(image, frozenset(repairs), str(opened.format), mode)
    except DecodeError:
        raise
    except Image.DecompressionBombError as error:
        raise DecodeError(f"more than {MOST_PIXELS} pixels") from error
    except Image.UnidentifiedImageError as error:
        raise DecodeError(
            Message("not an image") if _bytes(file) else Message("an empty file")
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise whatever their parsing runs into
        if isinstance(error, OSError) and error.errno in BUSY:
            raise
        reason = getattr(error, "strerror", None) or f"damaged: {error or type(error).__name__}"
        raise DecodeError(reason) from error


def _reduced(opened: Image.Image, file: Path | io.BytesIO, enough: int) -> Image.Image | None:
    """The whole image, smaller, if it is a plain JPEG; None for anything else."""
    if opened.format != "JPEG" or opened.mode != "RGB" or _is_turned(opened) is not False:
        return None
    content = file.getvalue() if isinstance(file, io.BytesIO) else file.read_bytes()
    return decode_reduced(content, enough)


def _is_turned(image: Image.Image) -> bool | None:
    """Whether the camera was not held upright; None if the tags cannot be read."""
    try:
        return image.getexif().get(ORIENTATION, 1) not in (0, 1)
    except Exception:  # as above: the tags of a file are parsed like its pixels
        return None


def _check_room(image: Image.Image, file: Path | io.BytesIO) -> None:
    """Raises DecodeError if the file is too short for as many pixels as it says."""
    width, height = image.size
    if image.format in ("JPEG", "MPO"):
        most = JPEG_PIXELS_PER_BYTE * _bytes(file)
    elif image.format == "PNG":
        most = PNG_BYTES_PER_BYTE * _bytes(file) * 8 // PNG_BITS.get(image.mode, 1)
    else:
        return
    if width * height > most:
        raise DecodeError(f"damaged: {width} x {height} pixels in {_bytes(file)} bytes")


def _bytes(file: Path | io.BytesIO) -> int:
    return file.getbuffer().nbytes if isinstance(file, io.BytesIO) else file.stat().st_size


def _upright(image: Image.Image, repairs: set[str]) -> Image.Image:
    """Turned as the camera's orientation tag says; a tag that cannot be read turns nothing."""
    turned = _is_turned(image)
    try:
        upright = ImageOps.exif_transpose(image) if turned else image
    except Exception:  # to turn the image is to write its tags anew
        turned = None
    if turned is None:
        repairs.add(Message("unreadable EXIF"))
        return image
    if turned:
        repairs.add(Message("EXIF orientation"))
    return upright


def _rgb(image: Image.Image, repairs: set[str]) -> Image.Image:
    if image.mode == "RGB" and not image.has_transparency_data:
        return image.copy()
    white = None
    if image.mode.startswith(("I", "F")):
        repairs.add(Message("16-bit or wider"))
        white = _white(image)
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        repairs.add(image.mode)
    if image.mode == "P":
        repairs.add(Message("palette"))
    rgb = Image.new("RGB", image.size)
    rgb.info = {key: image.info[key] for key in ("icc_profile",) if key in image.info}
    for place, piece in _pieces(image):
        rgb.paste(_opaque(_eight_bits(piece, white) if white else piece, repairs), place)
    return rgb


def _pieces(image: Image.Image) -> Iterator[tuple[tuple[int, int], Image.Image]]:
    """With their places, in the order of their bytes: a few rows each, or part of a very long one."""
    width, height = image.size
    rows = max(1, PIECE // width)
    if rows >= height:
        yield (0, 0), image
        return
    for top in range(0, height, rows):
        for left in range(0, width, PIECE):
            box = (left, top, min(left + PIECE, width), min(top + rows, height))
            yield (left, top), image.crop(box)


def _opaque(image: Image.Image, repairs: set[str]) -> Image.Image:
    """In RGB, on white where something shows through."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            repairs.add(Message("transparency on white"))
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    elif image.mode in ("1", "L"):
        repairs.add(Message("grey"))
    return image.convert("RGB")


def _white(image: Image.Image) -> float:
    """What is white in grey values of more than 8 bits: the most of the bits that they use.

    Scanners store 12 bits in 16; scaled from the full range, such an image would be black.
    """
    pieces = (np.asarray(piece) for _, piece in _pieces(image))
    least, most = np.transpose([(piece.min(), piece.max()) for piece in pieces]).astype(np.float64)
    if not np.isfinite(most).all() or least.min() < 0:
        raise DecodeError(Message("grey values that are negative or not finite"))
    if image.mode == "F" and most.max() <= 1:  # as scientific programs write them
        return 1.0
    return 2.0 ** np.ceil(np.log2(max(most.max(), 255.0) + 1)) - 1


def _eight_bits(image: Image.Image, white: float) -> Image.Image:
    """Grey values scaled to 0..255, with an alpha channel where a value stands for transparency."""
    values = np.asarray(image, np.float64)
    transparent = image.info.get("transparency")
    grey = Image.fromarray(np.round(values * (255 / white)).astype(np.uint8))
    if isinstance(transparent, int):
        grey.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return grey
