"""Keras applications."""

import importlib
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np

from tests.parity.cases import Case
from tests.parity.ours import CLASSES
from tests.parity.recipe import Tensors
from tests.parity.theirs import IMAGENET, Answer, Gradients


class KerasNetwork:
    """Keras applications; a variable's published name is that of the `.h5` files."""

    def __init__(self, case: Case, size: int, *, double: bool):
        import keras

        keras.config.set_floatx("float64" if double else "float32")
        keras.utils.clear_session()  # names that are counters start anew
        build: Callable[..., Any] = getattr(keras.applications, case.theirs)
        self.preprocess = importlib.import_module(build.__module__).preprocess_input
        self.model = _build(build, size)
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
        self._load(tensors)
        inputs = self.preprocess(images.astype(np.float32))
        logits, features = self.both(inputs, training=training)
        return Answer(np.asarray(logits), np.asarray(features))

    def gradients(self, tensors: Tensors, images: np.ndarray, labels: np.ndarray) -> Gradients:
        import jax
        import jax.numpy as jnp

        self._load(tensors)
        fixed = [variable.value for variable in self.model.non_trainable_variables]

        @jax.jit
        def run(trained, images):
            def loss(trained, images):
                inputs = self.preprocess(images)
                logits, _ = self.model.stateless_call(trained, fixed, inputs, training=False)
                return -jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels].mean()

            return jax.grad(loss, argnums=(0, 1))(trained, images)

        trained = self.model.trainable_variables
        values = [variable.value for variable in trained]
        by_variables, by_images = run(values, jnp.asarray(images, jnp.float64))
        by_path = {
            variable.path: np.asarray(gradient)
            for variable, gradient in zip(trained, by_variables, strict=True)
        }
        return Gradients(
            np.asarray(by_images),
            {
                name: by_path.get(variable.path, np.zeros(variable.shape, np.float32))
                for name, variable in self.variables.items()
            },
        )

    def _load(self, tensors: Tensors) -> None:
        for layer in self.model.layers:
            if type(layer).__name__ == "Dropout":
                layer.rate = 0.0
        for name, tensor in tensors.items():
            self.variables[name].assign(tensor)


def _build(build: Callable[..., Any], size: int) -> Any:
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
