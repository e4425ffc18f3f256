"""Networks that are read from files as their publishers write them: Google's and OpenAI's."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.parity.case import Case
from tests.parity.ours import CLASSES
from tests.parity.recipe import Tensors
from tests.parity.torch_network import Publisher, TorchNetwork
from vitlab.weights import read_tensors

GOOGLE_POSITIONS = "Transformer/posembed_input/pos_embedding"
OPENAI_SIZES = ("input_resolution", "context_length", "vocab_size")  # beside the weights


class GoogleNetwork(TorchNetwork):
    """A ViT in Google's `.npz`, by timm's network and timm's reader of these files.

    What timm leaves out is done here: pre-logits, a dense layer with tanh, and Google's own way to other
    sizes, bilinear with the corners of both grids on each other, where timm's puts the borders there.
    """

    def __init__(self, publisher: Publisher, case: Case):
        super().__init__(publisher, case, double=False)
        self.has_pre_logits = bool(case.options.get("pre_logits"))
        self.head = self.model.head
        rows = case.sizes[0] // self.model.patch_embed.patch_size[0]
        self.shapes = _google_shapes(self.model, rows, pre_logits=self.has_pre_logits)

    def _load(self, tensors: Tensors, training: bool) -> None:
        import torch

        positions = torch.from_numpy(tensors[GOOGLE_POSITIONS])
        rows, old = self.model.patch_embed.grid_size[0], round((positions.shape[1] - 1) ** 0.5)
        grid = positions[:, 1:].reshape(1, old, old, -1).permute(0, 3, 1, 2)
        grid = torch.nn.functional.interpolate(
            grid, (rows, rows), mode="bilinear", align_corners=True
        ).flatten(2)
        resized = torch.cat([positions[:, :1], grid.transpose(1, 2)], dim=1).numpy()
        self.model.head = self.head
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "vit.npz"
            given: dict[str, Any] = {**tensors, GOOGLE_POSITIONS: resized}
            np.savez(path, **given)
            self.model.load_pretrained(str(path))
        if self.has_pre_logits:
            width = len(tensors["pre_logits/bias"])
            dense = torch.nn.Linear(width, width)
            dense.load_state_dict(
                {
                    "weight": torch.from_numpy(tensors["pre_logits/kernel"].T.copy()),
                    "bias": torch.from_numpy(tensors["pre_logits/bias"]),
                }
            )
            self.model.head = torch.nn.Sequential(dense, torch.nn.Tanh(), self.head)
        self.model.train(training)


def _google_shapes(model: Any, rows: int, *, pre_logits: bool) -> dict[str, tuple[int, ...]]:
    """What a file of Google's (Steiner et al. 2022) holds of a ViT."""
    width, patch = model.embed_dim, model.patch_embed.patch_size[0]
    heads, hidden = model.blocks[0].attn.num_heads, model.blocks[0].mlp.fc1.out_features
    split = (heads, width // heads)
    norm: dict[str, tuple[int, ...]] = {"scale": (width,), "bias": (width,)}

    def dense(inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
        return {"kernel": (inputs, outputs), "bias": (outputs,)}

    groups: dict[str, dict[str, tuple[int, ...]]] = {
        "embedding": {"kernel": (patch, patch, 3, width), "bias": (width,)},
        "Transformer/encoder_norm": norm,
        "head": dense(width, CLASSES),
    }
    if pre_logits:
        groups["pre_logits"] = dense(width, width)
    for index in range(len(model.blocks)):
        block = f"Transformer/encoderblock_{index}"
        attention = f"{block}/MultiHeadDotProductAttention_1"
        groups |= {f"{block}/LayerNorm_0": norm, f"{block}/LayerNorm_2": norm}
        for name in ("query", "key", "value"):
            groups[f"{attention}/{name}"] = {"kernel": (width, *split), "bias": split}
        groups[f"{attention}/out"] = {"kernel": (*split, width), "bias": (width,)}
        groups[f"{block}/MlpBlock_3/Dense_0"] = dense(width, hidden)
        groups[f"{block}/MlpBlock_3/Dense_1"] = dense(hidden, width)
    shapes = {f"{group}/{name}": shape for group, of in groups.items() for name, shape in of.items()}
    return shapes | {"cls": (1, 1, width), GOOGLE_POSITIONS: (1, rows * rows + 1, width)}


class OpenAINetwork(TorchNetwork):
    """CLIP from a TorchScript archive like OpenAI's, by open_clip's reader of these."""

    def __init__(self, publisher: Publisher, case: Case, texts: np.ndarray):
        super().__init__(publisher, case, double=False)
        self.texts = texts
        self.shapes |= dict.fromkeys(OPENAI_SIZES, ())

    def _load(self, tensors: Tensors, training: bool) -> None:
        from open_clip import load_openai_model

        with tempfile.TemporaryDirectory() as folder:
            path = _write_openai_archive(Path(folder), tensors)
            model = load_openai_model(str(path), precision="fp32", device="cpu")
        self.model = with_texts(model.train(training), self.texts)


def through_openai_archive(tensors: Tensors) -> Tensors:
    """What vitlab's reader makes of an archive of these."""
    with tempfile.TemporaryDirectory() as folder:
        return dict(read_tensors(_write_openai_archive(Path(folder), tensors)))


def _write_openai_archive(folder: Path, tensors: Tensors) -> Path:
    """As OpenAI publishes them: modules of modules, without code here, in half precision."""
    import torch

    root = torch.nn.Module()
    for name, tensor in tensors.items():
        *parents, own = name.split(".")
        module = root
        for parent in parents:
            if parent not in dict(module.named_children()):
                module.add_module(parent, torch.nn.Module())
            module = module.get_submodule(parent)
        half = torch.from_numpy(np.asarray(tensor)).half()
        module.register_parameter(own, torch.nn.Parameter(half, requires_grad=False))
    path = folder / "clip.pt"
    torch.jit.save(torch.jit.script(root), str(path))
    return path


def with_texts(model: Any, texts: np.ndarray) -> Any:
    """open_clip's CLIP, answering images with their logits over the texts."""
    import torch

    forward, rows = model.forward, torch.from_numpy(texts)

    def logits(images):
        image_embedding, text_embedding, scale = forward(images, rows)
        return scale * image_embedding @ text_embedding.T

    model.forward = logits
    return model
