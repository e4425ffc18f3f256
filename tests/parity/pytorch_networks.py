"""timm, torchvision, Hugging Face, open_clip, and the authors of CvT."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests.parity.cases import Case
from tests.parity.ours import CLASSES
from tests.parity.recipe import Tensors, draw_texts
from tests.parity.theirs import IMAGENET, Answer

OPENAI = (
    np.array([0.48145466, 0.4578275, 0.40821073]) * 255,
    np.array([0.26862954, 0.26130258, 0.27577711]) * 255,
)
SYMMETRIC = (np.array(127.5), np.array(127.5))
UNIT = (np.array(0.0), np.array(255.0))


def open_network(case: Case, size: int, seed: int, *, double: bool = False) -> "TorchNetwork":
    """In float32 or float64."""
    if case.model.startswith("clip"):
        clip = {"huggingface": _huggingface_clip, "open_clip": _open_clip}[case.publisher]
        return TorchNetwork(clip(case, size, draw_texts(seed)), case, double=double)
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
        return Answer(logits.numpy(), features.transpose(0, 2, 3, 1) if features.ndim == 4 else features)

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


def _timm(case: Case, size: int) -> Publisher:
    import timm
    from timm.models.vision_transformer import checkpoint_filter_fn

    if not case.model.startswith("vit"):
        model = timm.create_model(case.theirs, num_classes=CLASSES)
        mean, deviation = (255 * np.array(model.default_cfg[key]) for key in ("mean", "std"))
        return Publisher(model, (mean, deviation))
    model = timm.create_model(case.theirs, num_classes=CLASSES, img_size=size)
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
        return Publisher(torchvision.models.get_model(case.theirs, num_classes=CLASSES), IMAGENET)
    model = torchvision.models.get_model(case.theirs, num_classes=CLASSES, image_size=size)
    return Publisher(
        model, IMAGENET, adapt=lambda tensors: interpolate_embeddings(size, model.patch_size, tensors)
    )


def _huggingface(case: Case, size: int) -> Publisher:
    import transformers

    match case.theirs:
        case "vit":
            config = transformers.ViTConfig(
                hidden_size=192, num_attention_heads=3, intermediate_size=768, num_labels=CLASSES
            )
            model = transformers.ViTForImageClassification(config)
            forward = model.forward
            model.forward = lambda images: forward(images, interpolate_pos_encoding=True)
            return Publisher(model, SYMMETRIC)
        case "mobilenet_v2":
            config = transformers.MobileNetV2Config(num_labels=CLASSES, image_size=size)
            return Publisher(transformers.MobileNetV2ForImageClassification(config), SYMMETRIC)
        case "mobilevit":
            config = transformers.MobileViTConfig(num_labels=CLASSES)
            return Publisher(transformers.MobileViTForImageClassification(config), UNIT, bgr=True)
        case "cvt":
            config = transformers.CvtConfig(num_labels=CLASSES, drop_path_rate=(0.0, 0.0, 0.0))
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

    model = transformers.CLIPModel(transformers.CLIPConfig())
    assert model.vision_model.config.image_size == 224
    forward, rows = model.forward, torch.from_numpy(texts)
    more = dict(input_ids=rows, interpolate_pos_encoding=size != 224)
    model.forward = lambda images: forward(pixel_values=images, **more).logits_per_image
    return Publisher(model, OPENAI)


def _open_clip(case: Case, size: int, texts: np.ndarray) -> Publisher:
    import open_clip
    import torch
    from open_clip.model import resize_pos_embed

    model = open_clip.create_model(case.theirs, force_image_size=size, pretrained=None)
    forward, rows = model.forward, torch.from_numpy(texts)

    def logits(images):
        image_embedding, text_embedding, scale = forward(images, rows)
        return scale * image_embedding @ text_embedding.T

    def adapt(tensors):
        resize_pos_embed(tensors, model)
        return tensors

    model.forward = logits
    return Publisher(model, OPENAI, adapt=adapt)
