"""Small collections of drawn photographs, no two alike, and what people do to copies."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from vitlab import config
from vitlab.data import Inspection, inspect_source, open_source


def photograph(seed: int, width: int = 160, height: int = 120) -> Image.Image:
    """Soft shapes with some grain: as much in it as in a photograph, and nothing of another one."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(20, 236, (6, 8, 3)).astype(np.uint8)
    soft = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    grain = generator.integers(-12, 13, soft.shape)
    return Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8))


def blurred(seed: int) -> Image.Image:
    return photograph(seed).filter(ImageFilter.GaussianBlur(6))


def save(image: Image.Image, path: Path, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def inspect(path: Path, **others: object) -> Inspection:
    source = open_source(config.Dataset(path=str(path)), fewest_classes=1)
    return inspect_source(source, str(path), **others)  # type: ignore[arg-type]
