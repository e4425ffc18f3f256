"""Runs of `vitlab.main` on the product photographs, in processes of their own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ASSETS = Path(os.environ.get("VITLAB_ASSETS", "../shared")).absolute()
PRODUCTS = ASSETS / "data" / "products"
BATCH, SIZE = 32, 224


def flags_of(config: str, weights: Path, workdir: Path) -> list[str]:
    return [
        f"--config={config}",
        f"--config.dataset.path={PRODUCTS / 'products.csv'}",
        "--config.dataset.images=Images",
        "--config.dataset.columns.path=image",
        "--config.dataset.columns.label=product_category_tree",
        "--config.dataset.label_separator=>>",
        f"--config.model.weights={weights}",
        f"--config.batch_size={BATCH}",
        f"--workdir={workdir}",
    ]


def run(
    config: str, weights: Path, workdir: Path, cache: Path, *changes: str, until: str = ""
) -> tuple[float, float]:
    """Seconds until it prints a line with `until`, and until its end."""
    arguments = [*flags_of(config, weights, workdir), *changes]
    environment = {**os.environ, "VITLAB_CACHE": str(cache), "PYTHONUNBUFFERED": "1"}
    started = time.monotonic()
    seen = float("nan")
    with subprocess.Popen(
        [sys.executable, "-m", "vitlab.main", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if until and until in line:
                seen = time.monotonic() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return seen, time.monotonic() - started


def seconds(work: Callable[[], Any]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def their_network() -> Any:
    """Hugging Face's ViT-B/32, with random weights."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    return ViTForImageClassification(ViTConfig(patch_size=32, num_labels=1000))


def random_weights(folder: Path) -> Path:
    """A file with those of `their_network`, made once."""
    import torch

    path = folder / "weights.pth"
    if not path.exists():
        torch.save(their_network().state_dict(), path)
    return path
