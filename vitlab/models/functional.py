"""Classifiers as pure functions of plain dictionaries, the only form that is jitted.

Dispatching a jitted function of modules costs 27 ms a call, of dictionaries 0.2 (200 parameters, two
cores). So a module is split once; freezing, optimizers, checkpoints and weight maps all speak of the
paths in these dictionaries, such as `backbone/blocks/3/attention/query/kernel`.
"""

import collections
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array, Key

from vitlab.errors import InputError
from vitlab.models.classifier import Classifier, Embedding, Images, Logits
from vitlab.models.layers import compiler_options, give_keys, in_halves, rematerialise

Arrays = dict[str, Array]
Shapes = dict[str, tuple[int, ...]]

# 40 GB in float32, and four times that to train. A ViT-H has 6e8.
MOST_PARAMETERS = 10**10
# Of a matrix that counts as one of large powers of two; a ViT-L's have 1024 and 4096.
LEAST_SIDE = 1024


@dataclass(frozen=True)
class Network:
    """The structure of a network without its arrays. Hashable, so `jax.jit` can close over it.

    All but `module` and `compiler_options` is for classifiers.
    """

    graph: nnx.GraphDef
    powers_of_two: bool  # whether most parameters belong to matrices whose sides are large powers of two

    def __call__(self, parameters: Arrays, statistics: Arrays, images: Images) -> Logits:
        return _answer(self.module(parameters, statistics), "__call__", images)

    def embed(self, parameters: Arrays, statistics: Arrays, images: Images) -> Embedding:
        return _answer(self.module(parameters, statistics), "embed", images)

    def classify(
        self,
        parameters: Arrays,
        statistics: Arrays,
        embedding: Embedding,
        dropout: Key[Array, ""] | None = None,
    ) -> Logits:
        """Without a key, dropout in the head does nothing."""
        module = self.module(parameters, statistics)
        if dropout is not None:
            give_keys(module.head, dropout)
        return module.classify(embedding)

    def train(
        self,
        parameters: Arrays,
        statistics: Arrays,
        images: Images,
        *,
        moves: bool,
        dropout: Key[Array, ""] | None = None,
        only_head: bool = False,
        rematerialised: bool = False,
    ) -> tuple[Logits, Arrays]:
        """Logits as a training step sees them, and the statistics that moved.

        Where batch norm `moves`, it goes by the batch's own statistics, and the stored ones move
        towards them; otherwise none is given back. Without a key, dropout does nothing; with one, it
        works in all of the network, or `only_head`. If `rematerialised`, the backward pass computes the
        activations of a block again, and they are not kept.
        """
        module = self.module(parameters, statistics)
        if moves:
            module.train()
        if dropout is not None:
            give_keys(module.head if only_head else module, dropout)
        if rematerialised:
            rematerialise(module)
        logits = module(images)
        _, moved = arrays(module)
        return logits, moved if moves else {}

    def compiler_options(self) -> dict[str, str] | None:
        """For the outermost `jax.jit` of what computes with this network.

        Where the rows of matrices lie a power of two of bytes apart, they fall into the same lines of
        the cache, and Eigen, which `layers.compiler_options` may choose, loses more than it wins: on two
        cores of an AMD EPYC it made a ViT-L/16 a fifth slower, answers and steps alike
        (`experiments.speed.products`).
        """
        return None if self.powers_of_two else compiler_options()

    def module(self, parameters: Arrays, statistics: Arrays) -> Any:
        """The module (a `Classifier`, or CLIP's text tower) that computes with these arrays."""
        leaves: dict[Any, Any] = {_key(path): nnx.Param(value) for path, value in parameters.items()}
        leaves |= {_key(path): nnx.BatchStat(value) for path, value in statistics.items()}
        return nnx.merge(self.graph, nnx.from_flat_state(leaves))


def initialise(
    build: Callable[[], nnx.Module], given: dict[str, np.ndarray]
) -> tuple[Network, Arrays, Arrays]:
    """The structure, parameters and statistics of a model, without ever running `build` eagerly.

    Arrays in `given` (from a checkpoint) are taken as they are, and taken out of it, so that none is in
    memory twice; only the others are drawn, in one compiled program.
    """
    names = frozenset(given)
    found: list[tuple[Network, Shapes, Shapes]] = []

    @jax.jit
    def draw() -> Arrays:
        """Tracing it finds the structure as well: the modules are made once."""
        model = build()
        drawn = dict(collections.ChainMap(*arrays(model)))
        found.append(_structure(model))
        return {path: array for path, array in drawn.items() if path not in names}

    traced = draw.trace()
    ((network, parameters, statistics),) = found
    values = {} if names >= {*parameters, *statistics} else traced.lower().compile()()
    # One after another, as they lie in memory, so that what is freed can be used again; a transfer
    # that is under way would keep what it copies.
    for path in list(given):
        values[path] = jax.device_put(given.pop(path)).block_until_ready()
    return (
        network,
        {path: values[path] for path in parameters},
        {path: values[path] for path in statistics},
    )


def _answer(classifier: Classifier, method: str, images: Images) -> Array:
    function = getattr(classifier, method)
    return in_halves(function, images) if classifier.backbone.halved else function(images)


def check_blocks(build: Callable[[], nnx.Module]) -> None:
    """Raises InputError if the network has no blocks that `Network.train` could rematerialise."""
    rematerialise(nnx.eval_shape(build))


def outline(build: Callable[[], nnx.Module]) -> tuple[Network, Shapes, Shapes]:
    """The structure, and the shapes of parameters (trainable) and of statistics (batch norm).

    Raises:
        InputError: it has more than MOST_PARAMETERS.
    """
    return _structure(nnx.eval_shape(build))


def _structure(model: nnx.Module) -> tuple[Network, Shapes, Shapes]:
    model.eval()
    parameters, statistics = shapes(model)
    return Network(nnx.graphdef(model), _by_powers_of_two(parameters)), parameters, statistics


def _by_powers_of_two(parameters: Shapes) -> bool:
    """Whether more than half of all parameters below the head lie in such matrices; kernels of
    convolutions are none."""
    below = [shape for path, shape in parameters.items() if not path.startswith("head/")]
    matrices = [shape for shape in below if len(shape) == 2 and all(map(_is_large_power_of_two, shape))]
    return 2 * sum(map(math.prod, matrices)) > sum(map(math.prod, below))


def _is_large_power_of_two(side: int) -> bool:
    return side >= LEAST_SIDE and side.bit_count() == 1


def shapes(model: nnx.Module) -> tuple[Shapes, Shapes]:
    """Of the parameters and statistics of a model that may be abstract.

    Raises:
        InputError: it has more than MOST_PARAMETERS.
    """
    parameters, statistics = map(_shapes, arrays(model))
    count = sum(math.prod(shape) for shape in parameters.values())
    if count > MOST_PARAMETERS:
        raise InputError(
            f"the network with these options has {count:.1e} parameters; {MOST_PARAMETERS:.0e} are the "
            "most (model.options or --options, model.input_size or --input_size)"
        )
    return parameters, statistics


def arrays(model: nnx.Module) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters and statistics of a model by their paths: arrays, or their shapes if it is abstract."""
    parameters, statistics = nnx.state(model, nnx.Param, nnx.BatchStat)
    return _flat(parameters), _flat(statistics)


def _shapes(leaves: dict[str, Any]) -> Shapes:
    return {path: tuple(leaf.shape) for path, leaf in leaves.items()}


def _flat(state: nnx.State) -> dict[str, Any]:
    return {"/".join(map(str, path)): leaf.get_value() for path, leaf in nnx.to_flat_state(state)}


def _key(path: str) -> tuple[str | int, ...]:
    return tuple(int(part) if part.isdigit() else part for part in path.split("/"))
