"""What is measured of one picture: how light, how sharp, and what it looks like in 64 bits."""

from dataclasses import dataclass

import numpy as np
import scipy
from PIL import Image, ImageStat

SHARP_SIDE = 256  # pixels of the longer side at which sharpness is measured; nothing is enlarged
LOOK_SIDE = 32  # of the small grey copy that two pictures are compared by


@dataclass(frozen=True)
class Measures:
    """Of one picture.

    Attributes:
        mean: of the grey values, 0 (black) to 255 (white).
        tint: how far the means of red, green and blue are from theirs, float32 [3].
        spread: their largest difference, over all three colours; 0 for a picture of one colour.
        sharpness: variance of the Laplacian of the grey picture at `SHARP_SIDE` (Pech-Pacheco et al.
            2000).
        look: the grey picture at 32 x 32, uint8.
        print: 64 bits, uint64: nearly the same for nearly the same picture.
    """

    mean: float
    tint: np.ndarray
    spread: int
    sharpness: float
    look: np.ndarray
    print: np.uint64


def measure(image: Image.Image) -> Measures:
    """Of an RGB picture."""
    spread = max(high - low for low, high in image.getextrema())  # type: ignore[misc]
    grey = image.convert("L")
    shrink = SHARP_SIDE / max(grey.size)
    if shrink < 1:
        size = [max(1, round(length * shrink)) for length in grey.size]
        grey = grey.resize((size[0], size[1]), Image.Resampling.BOX, reducing_gap=2.0)
    pixels = np.asarray(grey, np.int16)
    look = np.asarray(grey.resize((LOOK_SIDE, LOOK_SIDE), Image.Resampling.BILINEAR))
    means = np.array(ImageStat.Stat(image.reduce(max(1, min(image.size) // 32))).mean, np.float32)
    tint = means - means.mean()
    return Measures(float(pixels.mean()), tint, spread, _sharpness(pixels), look, fingerprint(look))


def fingerprint(look: np.ndarray) -> np.uint64:
    """Which of the 64 slowest waves in the picture, but for its mean, are above their median.

    The signs survive another size, compression or brightness (Zauner 2010, "pHash").
    """
    waves = scipy.fft.dctn(look.astype(np.float32))[:9, :9].ravel()[1:65]
    return np.packbits(waves > np.median(waves)).view(np.uint64)[0]


def _sharpness(grey: np.ndarray) -> float:
    if min(grey.shape) < 3:
        return 0.0
    centre = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * centre
    return float(laplacian.var(dtype=np.float32))
