"""The publishers' own networks behind one face: shapes by published name, logits, features."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from unittest import mock

import numpy as np

from tests.parity.cases import Case
from tests.parity.ours import CLASSES
from tests.parity.recipe import Tensors, draw_texts

IMAGENET = (np.array([0.485, 0.456, 0.406]) * 255, np.array([0.229, 0.224, 0.225]) * 255)
OPENAI = (
    np.array([0.48145466, 0.4578275, 0.40821073]) * 255,
    np.array([0.26862954, 0.26130258, 0.27577711]) * 255,
)
SYMMETRIC = (np.array(127.5), np.array(127.5))


@dataclass(frozen=True)
class Answer:
    """logits [batch, classes], features with the channels last."""

    logits: np.ndarray
    features: np.ndarray


class Theirs(Protocol):
    shapes: dict[str, tuple[int, ...]]

    def run(self, tensors: Tensors, images: np.ndarray, *, training: bool) -> Answer: ...


def open_network(case: Case, size: int, seed: int) -> Theirs:
    """The publisher's network of `case` for images of `size` pixels; `seed` draws CLIP's texts."""
    if case.publisher == "keras":
        return _Keras(case, size)
    if case.model.startswith("clip"):
        clip = {"huggingface": _huggingface_clip, "open_clip": _open_clip}[case.publisher]
        return _Torch(clip(case, size, draw_texts(seed)), case)
    build = {"timm": _timm, "torchvision": _torchvision, "huggingface": _huggingface}[case.publisher]
    return _Torch(build(case, size), case)


# -------------------------------------------------------------------------------------- PyTorch


class _Torch:
    def __init__(self, publisher: "Publisher", case: Case):
        self.model = publisher.model
        self.adapt = publisher.adapt
        self.mean, self.deviation = publisher.normalisation
        self.features = case.features
        self.shapes = {name: tuple(tensor.shape) for name, tensor in self.model.state_dict().items()}

    def run(self, tensors: Tensors, images: np.ndarray, *, training: bool) -> Answer:
        import torch

        given = self.adapt({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
        self.model.load_state_dict(given)
        self.model.train(training)
        for module in self.model.modules():
            if type(module).__name__ in ("Dropout", "StochasticDepth"):
                module.p = 0.0
        caught: dict[str, Any] = {}
        module = self.model.get_submodule(self.features.removeprefix("<"))
        if self.features.startswith("<"):
            handle = module.register_forward_pre_hook(
                lambda _, inputs, named: caught.update(at=(*inputs, *named.values())[0]),
                with_kwargs=True,
            )
        else:
            handle = module.register_forward_hook(lambda _, inputs, output: caught.update(at=output))
        inputs = ((images - self.mean) / self.deviation).astype(np.float32).transpose(0, 3, 1, 2)
        with torch.no_grad():
            output = self.model(torch.from_numpy(np.ascontiguousarray(inputs)))
        handle.remove()
        features = caught["at"].numpy()
        return Answer(
            getattr(output, "logits", output).numpy(),
            features.transpose(0, 2, 3, 1) if features.ndim == 4 else features,
        )


@dataclass(frozen=True)
class Publisher:
    """A model, what it subtracts from images and divides them by, and its way to other sizes.

    `adapt` turns weights for the native size into weights for the model's.
    """

    model: Any
    normalisation: tuple[np.ndarray, np.ndarray]
    adapt: Callable[[dict[str, Any]], dict[str, Any]] = lambda tensors: tensors


def _timm(case: Case, size: int) -> Publisher:
    import timm
    from timm.models.vision_transformer import checkpoint_filter_fn

    if not case.model.startswith("vit"):
        model = timm.create_model(case.theirs, num_classes=CLASSES)
        config = model.default_cfg
        scale = np.array([config["mean"], config["std"]]) * 255
        return Publisher(model, (scale[0], scale[1]))
    model = timm.create_model(case.theirs, num_classes=CLASSES, img_size=size)
    return Publisher(model, SYMMETRIC, lambda tensors: checkpoint_filter_fn(tensors, model))


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
        model, IMAGENET, lambda tensors: interpolate_embeddings(size, model.patch_size, tensors)
    )


def _huggingface(case: Case, size: int) -> Publisher:
    import transformers

    if case.theirs == "mobilenet_v2":
        config = transformers.MobileNetV2Config(num_labels=CLASSES, image_size=size)
        return Publisher(transformers.MobileNetV2ForImageClassification(config), SYMMETRIC)
    config = transformers.ViTConfig(
        hidden_size=192, num_attention_heads=3, intermediate_size=768, num_labels=CLASSES
    )
    model = transformers.ViTForImageClassification(config)
    forward = model.forward
    model.forward = lambda images: forward(images, interpolate_pos_encoding=True)
    return Publisher(model, SYMMETRIC)


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
    return Publisher(model, OPENAI, adapt)


# ---------------------------------------------------------------------------------------- Keras


class _Keras:
    """Keras applications; a variable's published name is that of the `.h5` files."""

    def __init__(self, case: Case, size: int):
        import keras

        keras.utils.clear_session()  # names that are counters start anew
        build: Callable[..., Any] = getattr(keras.applications, case.theirs)
        self.preprocess = importlib.import_module(build.__module__).preprocess_input
        self.model = _build_keras(build, size)
        self.variables = {
            f"{layer.name}/{layer.name}/{_in_file(layer, variable.name)}:0": variable
            for layer in self.model.layers
            if type(layer).__name__ not in ("Dropout", "Normalization")
            for variable in layer.weights
        }
        self.shapes = {name: tuple(variable.shape) for name, variable in self.variables.items()}
        layer = self.model.get_layer(case.features)
        self.both = keras.Model(self.model.input, [self.model.output, layer.output])

    def run(self, tensors: Tensors, images: np.ndarray, *, training: bool) -> Answer:
        for layer in self.model.layers:
            if type(layer).__name__ == "Dropout":
                layer.rate = 0.0
        for name, tensor in tensors.items():
            self.variables[name].assign(tensor)
        inputs = self.preprocess(images.astype(np.float32))
        logits, features = self.both(inputs, training=training)
        return Answer(np.asarray(logits), np.asarray(features))


def _build_keras(build: Callable[..., Any], size: int) -> Any:
    """Without weights; EfficientNet as it is with them, for they bring a normalisation and a layer."""
    import keras

    if not build.__name__.startswith("EfficientNet"):
        shape = (size, size, 3)
        return build(weights=None, classes=CLASSES, input_shape=shape, classifier_activation=None)
    with (
        mock.patch("keras.src.utils.file_utils.get_file"),
        mock.patch.object(keras.Model, "load_weights"),
    ):
        model = build(input_tensor=keras.Input((size, size, 3)), classifier_activation=None)
    (normalisation,) = (layer for layer in model.layers if type(layer).__name__ == "Normalization")
    # What the published file holds: the deviations, where the layer has variances.
    normalisation.set_weights([IMAGENET[0] / 255, IMAGENET[1] / 255, np.array(0)])
    normalisation.finalize_state()
    return model


def _in_file(layer: Any, name: str) -> str:
    """Keras 3 calls a depthwise kernel otherwise than the files of Keras applications do."""
    return f"depthwise_{name}" if type(layer).__name__ == "DepthwiseConv2D" else name
