"""timm, torchvision, Hugging Face, open_clip, the authors of CvT, and files of Google and OpenAI."""

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.parity.cases import Case
from tests.parity.ours import CLASSES
from tests.parity.recipe import Tensors, draw_texts
from tests.parity.theirs import IMAGENET, Answer
from vitlab.weights import read_tensors

OPENAI = (
    np.array([0.48145466, 0.4578275, 0.40821073]) * 255,
    np.array([0.26862954, 0.26130258, 0.27577711]) * 255,
)
SYMMETRIC = (np.array(127.5), np.array(127.5))
UNIT = (np.array(0.0), np.array(255.0))

GOOGLE_POSITIONS = "Transformer/posembed_input/pos_embedding"
OPENAI_SIZES = ("input_resolution", "context_length", "vocab_size")  # beside the weights


def open_network(case: Case, size: int, seed: int, *, double: bool = False) -> "TorchNetwork":
    """In float32 or float64."""
    if case.model.startswith("clip"):
        if case.publisher == "openai":
            return OpenAINetwork(_open_clip(case, size, draw_texts(seed)), case, draw_texts(seed))
        clip = {"huggingface": _huggingface_clip, "open_clip": _open_clip}[case.publisher]
        return TorchNetwork(clip(case, size, draw_texts(seed)), case, double=double)
    if case.publisher == "google":
        return GoogleNetwork(_timm(case, size), case)
    build = {
        "timm": _timm,
        "torchvision": _torchvision,
        "huggingface": _huggingface,
        "microsoft": _microsoft,
    }[case.publisher]
    return TorchNetwork(build(case, size), case, double=double)


@dataclass(frozen=True)
class Publisher:
    """A model, what it subtracts from images and divides them by, and its way to other sizes.

    Attributes:
        bgr: the model takes the channels turned.
        rename: the name of a tensor of the model to the one that it is published under.
        adapt: turns weights for the native size into weights for the model's.
    """

    model: Any
    normalisation: tuple[np.ndarray, np.ndarray]
    bgr: bool = False
    rename: Callable[[str], str] = lambda name: name
    adapt: Callable[[dict[str, Any]], dict[str, Any]] = lambda tensors: tensors


@dataclass(frozen=True)
class Gradients:
    """By the images in [0, 255], and by every tensor: 0 for one that is not trained."""

    images: np.ndarray
    tensors: Tensors


class TorchNetwork:
    def __init__(self, publisher: Publisher, case: Case, *, double: bool):
        self.publisher = publisher
        self.model = publisher.model.double() if double else publisher.model
        self.dtype = np.float64 if double else np.float32
        self.features = case.features
        self.published = {name: publisher.rename(name) for name in self.model.state_dict()}
        self.shapes = {
            self.published[name]: tuple(tensor.shape) for name, tensor in self.model.state_dict().items()
        }

    def run(self, tensors: Tensors, images: np.ndarray, *, training: bool) -> Answer:
        import torch

        self._load(tensors, training)
        caught: dict[str, Any] = {}
        module = self.model.get_submodule(self.features.removeprefix("<"))
        if self.features.startswith("<"):
            handle = module.register_forward_pre_hook(
                lambda _, inputs, named: caught.update(at=(*inputs, *named.values())[0]),
                with_kwargs=True,
            )
        else:
            handle = module.register_forward_hook(lambda _, inputs, output: caught.update(at=output))
        with torch.no_grad():
            logits = self._logits(self._inputs(images))
        handle.remove()
        features = caught["at"].numpy()
        features = features.transpose(0, 2, 3, 1) if features.ndim == 4 else features
        return Answer(logits.numpy(), features, self._moved() if training else {})

    def _moved(self) -> Tensors:
        return {
            self.published[name]: tensor.numpy()
            for name, tensor in self.model.state_dict().items()
            if name.endswith((".running_mean", ".running_var"))
        }

    def gradients(self, tensors: Tensors, images: np.ndarray, labels: np.ndarray) -> Gradients:
        """Of the mean cross-entropy in inference mode."""
        import torch

        self._load(tensors, training=False)
        inputs = self._inputs(images).requires_grad_()
        self.model.zero_grad()
        loss = torch.nn.functional.cross_entropy(self._logits(inputs), torch.from_numpy(labels))
        loss.backward()
        by_inputs = inputs.grad.numpy().transpose(0, 2, 3, 1)
        by_inputs = by_inputs[..., ::-1] if self.publisher.bgr else by_inputs
        trained = dict(self.model.named_parameters())
        return Gradients(
            by_inputs / self.publisher.normalisation[1],
            {
                published: trained[name].grad.numpy()
                if name in trained
                else np.zeros(self.shapes[published], np.float32)
                for name, published in self.published.items()
            },
        )

    def _load(self, tensors: Tensors, training: bool) -> None:
        import torch

        given = {name: torch.from_numpy(tensors[theirs]) for name, theirs in self.published.items()}
        self.model.load_state_dict(self.publisher.adapt(given))
        self.model.train(training)
        for module in self.model.modules():
            if type(module).__name__ in ("Dropout", "StochasticDepth"):
                module.p = 0.0

    def _inputs(self, images: np.ndarray) -> Any:
        import torch

        mean, deviation = self.publisher.normalisation
        inputs = ((images - mean) / deviation).astype(self.dtype).transpose(0, 3, 1, 2)
        inputs = inputs[:, ::-1] if self.publisher.bgr else inputs
        return torch.from_numpy(np.ascontiguousarray(inputs))

    def _logits(self, inputs: Any) -> Any:
        output = self.model(inputs)
        return getattr(output, "logits", output)


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
        self.model = _with_texts(model.train(training), self.texts)


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


def _timm(case: Case, size: int) -> Publisher:
    import timm
    from timm.models.vision_transformer import checkpoint_filter_fn

    if not case.model.startswith("vit"):
        model = timm.create_model(case.theirs, num_classes=CLASSES, **case.theirs_options)
        mean, deviation = (255 * np.array(model.default_cfg[key]) for key in ("mean", "std"))
        return Publisher(model, (mean, deviation))
    model = timm.create_model(case.theirs, num_classes=CLASSES, img_size=size, **case.theirs_options)
    return Publisher(model, SYMMETRIC, adapt=lambda tensors: checkpoint_filter_fn(tensors, model))


def _torchvision(case: Case, size: int) -> Publisher:
    import torchvision
    from torchvision.models.vision_transformer import interpolate_embeddings

    if case.theirs == "inception_v3":  # as get_model makes it with its weights
        model = torchvision.models.inception_v3(
            num_classes=CLASSES, transform_input=True, init_weights=False
        )
        model.AuxLogits.forward = lambda maps: None  # its 5x5 does not fit the maps of small images
        return Publisher(model, IMAGENET)
    if not case.model.startswith("vit"):
        model = torchvision.models.get_model(case.theirs, num_classes=CLASSES, **case.theirs_options)
        return Publisher(model, IMAGENET)
    model = torchvision.models.get_model(case.theirs, num_classes=CLASSES, image_size=size)
    return Publisher(
        model, IMAGENET, adapt=lambda tensors: interpolate_embeddings(size, model.patch_size, tensors)
    )


def _huggingface(case: Case, size: int) -> Publisher:
    import transformers

    more = dict(case.theirs_options)
    match case.theirs:
        case "vit":
            config = transformers.ViTConfig(num_labels=CLASSES, image_size=case.sizes[0], **more)
            model = transformers.ViTForImageClassification(config)
            model.vit = transformers.ViTModel(config, add_pooling_layer="pre_logits" in case.options)

            def logits(images):
                found = model.vit(images, interpolate_pos_encoding=True)
                pooled = found.pooler_output
                return model.classifier(found[0][:, 0] if pooled is None else pooled)

            model.forward = logits
            return Publisher(model, SYMMETRIC)
        case "mobilenet_v2":
            config = transformers.MobileNetV2Config(num_labels=CLASSES, image_size=size, **more)
            return Publisher(transformers.MobileNetV2ForImageClassification(config), SYMMETRIC)
        case "mobilevit":
            config = transformers.MobileViTConfig(num_labels=CLASSES, **more)
            return Publisher(transformers.MobileViTForImageClassification(config), UNIT, bgr=True)
        case "cvt":
            more |= dict(num_labels=CLASSES, drop_path_rate=(0.0, 0.0, 0.0))
            config = transformers.CvtConfig(**more)
            return Publisher(transformers.CvtForImageClassification(config), IMAGENET)
    raise ValueError(f"no network of Hugging Face is known as {case.theirs}")


def _microsoft(case: Case, size: int) -> Publisher:
    """CvT as its authors compute it, by Hugging Face's code: theirs is not in any package.

    The two differ in the names, which are those of Hugging Face's conversion script
    (`convert_cvt_original_pytorch_checkpoint_to_pytorch.py`), and in the GELU: the authors'
    `get_cls_model` (`lib/models/cls_cvt.py`) takes QuickGELU.
    """
    from transformers.activations import QuickGELUActivation
    from transformers.models.cvt.modeling_cvt import CvtIntermediate

    publisher = _huggingface(case, size)
    for module in publisher.model.modules():
        if isinstance(module, CvtIntermediate):
            module.activation = QuickGELUActivation()
    return replace(publisher, rename=_microsoft_name)


def _microsoft_name(name: str) -> str:
    for theirs, ours in (
        (r"cvt\.encoder\.stages\.(\d)\.", r"stage\1."),
        (r"embedding\.convolution_embeddings\.projection", "patch_embed.proj"),
        (r"embedding\.convolution_embeddings\.normalization", "patch_embed.norm"),
        (r"layers\.", "blocks."),
        (
            r"attention\.attention\.convolution_projection_(.)\w+\.convolution_projection\.",
            r"attn.conv_proj_\1.",
        ),
        (r"(conv_proj_.)\.convolution", r"\1.conv"),
        (r"(conv_proj_.)\.normalization", r"\1.bn"),
        (r"attention\.attention\.projection_(.)\w+", r"attn.proj_\1"),
        (r"attention\.output\.dense", "attn.proj"),
        (r"intermediate\.dense", "mlp.fc1"),
        (r"output\.dense", "mlp.fc2"),
        (r"layernorm_before", "norm1"),
        (r"layernorm_after", "norm2"),
        (r"^layernorm", "norm"),
        (r"^classifier", "head"),
    ):
        name = re.sub(theirs, ours, name)
    return name


def _huggingface_clip(case: Case, size: int, texts: np.ndarray) -> Publisher:
    import torch
    import transformers

    native, options = case.sizes[0], dict(case.theirs_options)
    vision = {"image_size": native, **options.pop("vision_config", {})}
    model = transformers.CLIPModel(transformers.CLIPConfig(vision_config=vision, **options))
    forward, rows = model.forward, torch.from_numpy(texts)
    more = dict(input_ids=rows, interpolate_pos_encoding=size != native)
    model.forward = lambda images: forward(pixel_values=images, **more).logits_per_image
    return Publisher(model, OPENAI)


def _open_clip(case: Case, size: int, texts: np.ndarray) -> Publisher:
    import open_clip
    from open_clip.model import resize_pos_embed

    model = open_clip.create_model(case.theirs, force_image_size=size, pretrained=None)

    def adapt(tensors):
        resize_pos_embed(tensors, model)
        return tensors

    return Publisher(_with_texts(model, texts), OPENAI, adapt=adapt)


def _with_texts(model: Any, texts: np.ndarray) -> Any:
    """open_clip's CLIP, answering images with their logits over the texts."""
    import torch

    forward, rows = model.forward, torch.from_numpy(texts)

    def logits(images):
        image_embedding, text_embedding, scale = forward(images, rows)
        return scale * image_embedding @ text_embedding.T

    model.forward = logits
    return model
