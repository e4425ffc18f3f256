"""Keras applications."""

import importlib
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np

from tests.parity.case import Case
from tests.parity.ours import CLASSES
from tests.parity.recipe import Tensors
from tests.parity.theirs import IMAGENET, Answer


class KerasNetwork:
    """Keras applications; a variable's published name is that of the `.h5` files."""

    def __init__(self, case: Case, size: int):
        import keras

        keras.utils.clear_session()  # names that are counters start anew
        build: Callable[..., Any] = getattr(keras.applications, case.theirs)
        self.preprocess = importlib.import_module(build.__module__).preprocess_input
        self.model = _build(build, case, size)
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
        return Answer(np.asarray(logits), np.asarray(features), self._moved() if training else {})

    def _moved(self) -> Tensors:
        moving = ("moving_mean:0", "moving_variance:0")
        return {
            name: np.asarray(variable)
            for name, variable in self.variables.items()
            if name.endswith(moving)
        }


def _build(build: Callable[..., Any], case: Case, size: int) -> Any:
    """Without weights; EfficientNet as it is with them, for they bring a normalisation and a layer."""
    import keras

    if not build.__name__.startswith("EfficientNet"):
        top: dict[str, Any] = dict(classes=CLASSES, classifier_activation=None)
        top = top if case.has_top else dict(include_top=False, pooling="avg")
        return build(weights=None, input_shape=(size, size, 3), **top, **case.theirs_options)
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
