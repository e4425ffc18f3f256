"""A publisher's PyTorch network, run from tensors in its names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.parity.case import Case
from tests.parity.recipe import Tensors
from tests.parity.theirs import Answer


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
