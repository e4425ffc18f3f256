"""Compares embeddings by Hugging Face's models without a head with ours, from the files that they save.

    pip install -e .[test,parity]
    python -m tests.parity.compare_base_models [--seed=0]

Both files of a model are read: that of `save_pretrained`, and the state dictionary under the names of
its modules. What differs by more than 1e-4 of the largest value is named, and the exit code is 1.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import app, flags

from tests.parity.pytorch_networks import SYMMETRIC, UNIT
from tests.parity.recipe import draw_images
from tests.parity.theirs import IMAGENET
from vitlab.config import Model
from vitlab.models import draw_blueprint, first_model

SIZE = 64
TOLERANCE = 1e-4

_SEED = flags.DEFINE_integer("seed", 0, "Of the random weights and images.", lower_bound=0)


def main(_: list[str]) -> int:
    import torch

    torch.manual_seed(_SEED.value)
    images = draw_images(SIZE, _SEED.value)
    differs = False
    for name, title, model, normalise, pool in _models():
        _move_statistics(model)
        with torch.no_grad():
            inputs = torch.from_numpy(normalise(images.astype(np.float32)).transpose(0, 3, 1, 2).copy())
            expected = pool(model, model(inputs)).numpy()
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            modules = Path(folder) / "modules.bin"
            torch.save(model.state_dict(), modules)
            for file in (Path(folder) / "model.safetensors", modules):
                found = _embed(name, file, images)
                gap = float(np.abs(found - expected).max() / np.abs(expected).max())
                print(f"{title:32} {file.suffix:12} {gap:.1e}", flush=True)
                differs = differs or not gap <= TOLERANCE
    return int(differs)


Base = tuple[str, str, Any, Callable[[np.ndarray], np.ndarray], Callable[[Any, Any], Any]]


def _models() -> Iterator[Base]:
    """Our name, theirs, the model, its normalisation, and its embedding of what it answers."""
    import torch
    import transformers as hf

    sizes = dict(hidden_size=192, num_attention_heads=3, intermediate_size=768, image_size=SIZE)
    symmetric, imagenet, unit = map(_by, (SYMMETRIC, IMAGENET, UNIT))
    for pools in (True, False):
        vit = hf.ViTModel(hf.ViTConfig(**sizes), add_pooling_layer=pools)
        at = (lambda _, found: found[1]) if pools else (lambda _, found: found[0][:, 0])
        yield "vit_ti16", f"ViTModel, pooler: {pools}", vit.eval(), symmetric, at
    mobilenet = hf.MobileNetV2Model(hf.MobileNetV2Config()).eval()
    yield "mobilenet_v2", "MobileNetV2Model", mobilenet, symmetric, lambda _, found: found[1]
    mobilevit = hf.MobileViTModel(hf.MobileViTConfig()).eval()
    yield (
        "mobilevit_s",
        "MobileViTModel",
        mobilevit,
        lambda images: unit(images)[..., ::-1],
        lambda _, found: found[1],
    )

    def classify(model: Any, found: Any) -> Any:
        """What `CvtForImageClassification` begins with: a new norm, of the class token."""
        norm = torch.nn.LayerNorm(model.config.embed_dim[-1])
        return norm(found.cls_token_value).mean(dim=1)

    yield "cvt13", "CvtModel", hf.CvtModel(hf.CvtConfig()).eval(), imagenet, classify


def _by(normalisation: tuple[np.ndarray, np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    mean, deviation = normalisation
    return lambda images: ((images - mean) / deviation).astype(np.float32)


def _move_statistics(model: Any) -> None:
    """Away from 0 and 1, so that a mistake in them shows."""
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)


def _embed(name: str, file: Path, images: np.ndarray) -> np.ndarray:
    blueprint = draw_blueprint(Model(name, str(file), input_size=SIZE))
    model = first_model(blueprint, ("a", "b"), "crop", seed=0)
    with jax.default_matmul_precision("float32"):
        embed = jax.jit(model.network.embed)
        return np.asarray(embed(model.parameters, model.statistics, images))


if __name__ == "__main__":
    sys.exit(app.run(main))
